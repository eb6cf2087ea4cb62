/* SHA-256 over libcrypto's EVP interface. */
#include "crypto/sha256.h"

#include <errno.h>
#include <openssl/evp.h>

#include "sys/fd.h"

enum { PIECE_BYTES = 256 << 10 };

/* An EVP_MD_CTX under a name of our own, so that who includes the header needs none of OpenSSL's. */
static EVP_MD_CTX *context_of(Sha256Run *r) { return (EVP_MD_CTX *)(void *)r; }

Err sha256_large(View bytes, Sha256 *ret_hash)
{
    return EVP_Digest(bytes.data, bytes.size, ret_hash->bytes, NULL, EVP_sha256(), NULL) == 1 ? OK : FAIL(ENOMEM);
}

Err sha256_run_new(Sha256Run **ret_run)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1) {
        *ret_run = (Sha256Run *)(void *)context;
        return OK;
    }
    EVP_MD_CTX_free(context);
    return FAIL(ENOMEM);
}

Err sha256_run_add(Sha256Run *r, View bytes) { return EVP_DigestUpdate(context_of(r), bytes.data, bytes.size) == 1 ? OK : FAIL(ENOMEM); }

Err sha256_run_end(Sha256Run *r, Sha256 *ret_hash) { return EVP_DigestFinal_ex(context_of(r), ret_hash->bytes, NULL) == 1 ? OK : FAIL(ENOMEM); }

void sha256_run_free(Sha256Run **run)
{
    if (*run) EVP_MD_CTX_free(context_of(*run));
    *run = NULL;
}

static Err add_range(Sha256Run *r, int fd, uint64_t offset, uint64_t size)
{
    AUTO_BUFFER piece = buffer_limited(PIECE_BYTES);
    TRY(buffer_reserve(&piece, PIECE_BYTES));
    while (size) {
        size_t part = size < PIECE_BYTES ? (size_t)size : PIECE_BYTES;
        TRY(fd_pread_all(fd, piece.data, part, offset));
        TRY(sha256_run_add(r, view_of(piece.data, part)));
        offset += part;
        size -= part;
    }
    return OK;
}

Err sha256_of_range(int fd, uint64_t offset, uint64_t size, Sha256 *ret_hash)
{
    Sha256Run *r;
    TRY(sha256_run_new(&r));
    Err e = add_range(r, fd, offset, size);
    if (!e.code) e = sha256_run_end(r, ret_hash);
    sha256_run_free(&r);
    return e;
}
