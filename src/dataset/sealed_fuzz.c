/*
 * Any bytes as a sealed file. The first byte chooses how far they get: as they are; or as the content of a footer that is signed for them; or
 * as index and segments under a footer that is right about them, so that what stands behind the signatures is reached too.
 */
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/cose.h"
#include "dataset/layout.h"
#include "sys/memfd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 64 << 10 };

static void require(bool holds)
{
    if (!holds) abort();
}

static Err count(void *context, View plain)
{
    *(uint64_t *)context += plain.size;
    return OK;
}

/** Whatever is in the file: an answer, and no byte of plaintext that was not sealed. */
static void open_and_unseal(View file)
{
    AUTO_FD fd = -1;
    char path[64];
    SealedFile *f = NULL;
    Diag diag = {{0}};
    require(memfd_fixed("fuzz", file.size ? file.size : 1, &fd).code == 0);
    if (file.size) require(fd_pwrite_all(fd, file, 0).code == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    Err e = sealed_open(path, NULL, &f, &diag);
    require(e.code == 0 || diag.text[0]);
    if (e.code == 0) {
        uint64_t bytes = 0;
        const AeadKey key = {{1}};
        SealedFacts facts;
        sealed_facts(f, &facts);
        require(sealed_unseal_all(f, &key, count, &bytes, &diag).code != 0 || facts.segments == 0);
        require(bytes == 0);
    }
    sealed_close(&f);
}

static void sign_keys(PublicKey *ret_public, SecretKey *ret_secret)
{
    static const uint8_t SEED[32] = {1};
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, SEED);
}

static void read_signed_footer(View payload)
{
    PublicKey public, signer;
    SecretKey secret;
    Footer f;
    Diag diag = {{0}};
    AUTO_BUFFER cose = buffer_limited(FOOTER_BYTES_MAX), again = buffer_limited(FOOTER_BYTES_MAX);
    sign_keys(&public, &secret);
    require(cose_sign1(&secret, &public, VIEW(FOOTER_CONTEXT), payload, &cose).code == 0);
    if (footer_open(view_buffer(&cose), NULL, &f, &signer, &diag).code) return;
    require(footer_sign(&f, &secret, &public, &again).code == 0);
    require(view_equal(view_buffer(&cose), view_buffer(&again))); /* there is one way to write it */
    SealSecretKey stranger = {{2}};
    AeadKey key;
    require(footer_key(&f, &stranger, &key, &diag).code != 0);
}

static Err put_file(View content, size_t segments, Buffer *b)
{
    PublicKey public;
    SecretKey secret;
    Footer f = {.name = {.id = {3}, .version = 1}, .segments = segments, .is_result = content.size & 1};
    View index = view_of(content.data + content.size - segments * ENTRY_BYTES, segments * ENTRY_BYTES);
    AUTO_BUFFER cose = buffer_limited(FOOTER_BYTES_MAX);
    uint8_t header[HEADER_BYTES], end[END_BYTES];
    sign_keys(&public, &secret);
    sha256_of(index, &f.index_hash);
    for (size_t i = 0; i < segments; i++) {
        SealedSegment s;
        entry_read(index.data + i * ENTRY_BYTES, &s);
        f.plain_bytes += s.plain_size;
    }
    TRY(footer_sign(&f, &secret, &public, &cose));
    header_write(&f.name, header);
    uint64_t footer_offset = HEADER_BYTES + content.size;
    end_write(&(SealedEnd){footer_offset - index.size, footer_offset, cose.size}, end);
    TRY(buffer_append(b, view_of(header, sizeof header)));
    TRY(buffer_append(b, content));
    TRY(buffer_append(b, view_buffer(&cose)));
    return buffer_append(b, view_of(end, sizeof end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FILE_MAX || sodium_init() < 0) return 0;
    View rest = view_of(data + 2, size - 2);
    AUTO_BUFFER file = buffer_limited(2 * FILE_MAX);
    size_t segments = rest.size / ENTRY_BYTES < data[1] ? rest.size / ENTRY_BYTES : data[1];
    switch (data[0] % 3) {
    case 0: open_and_unseal(rest); return 0;
    case 1: read_signed_footer(rest); return 0;
    default: break;
    }
    require(put_file(rest, segments, &file).code == 0);
    open_and_unseal(view_buffer(&file));
    return 0;
}
