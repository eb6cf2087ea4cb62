/** SHA-256 of what is large: by libcrypto, which uses the processor's own instructions. crypto/sign.h has it for what is small. */
#pragma once
#include "crypto/sign.h"

/** errors: ENOMEM */
MUST_USE Err sha256_large(View bytes, Sha256 *ret_hash);
/** A range of a file, read in pieces. errors: errno, ERR_CORRUPT (the file ends before), ENOMEM */
MUST_USE Err sha256_of_range(int fd, uint64_t offset, uint64_t size, Sha256 *ret_hash);

/** Piece by piece, for who must do something else in between. */
typedef struct Sha256Run Sha256Run;
MUST_USE Err sha256_run_new(Sha256Run **ret_run);
MUST_USE Err sha256_run_add(Sha256Run *r, View bytes);
/** May be called once. */
MUST_USE Err sha256_run_end(Sha256Run *r, Sha256 *ret_hash);
void sha256_run_free(Sha256Run **run);
