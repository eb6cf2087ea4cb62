/** What opening (reader.c) and unsealing (unseal.c) share. */
#pragma once
#include <sys/stat.h>

#include "base/limits.h"
#include "dataset/layout.h"
#include "see/sealed_result.h"

enum {
    SEALED_BATCH_BYTES = BATCH_CHUNKS * SEALED_CHUNK_BYTES,
    PLAIN_BATCH_BYTES = BATCH_CHUNKS * STREAM_CHUNK_BYTES
};

struct SealedFile {
    char *path;
    int fd;
    uint64_t size, index_offset;
    Buffer cose;              /* the signed footer; `footer` borrows from it */
    Footer footer;
    PublicKey signer;
    uint8_t *sealed, *plain;  /* batches, made for the first segment that is opened */
};
