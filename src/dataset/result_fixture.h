/** For tests: a small sealed result as a SEE makes it. */
#pragma once
#include "crypto/derive.h"
#include "crypto/sealed_digest.h"
#include "crypto/sign.h"
#include "crypto/stream_fixture.h"
#include "see/sealed_result.h"

/** head: magic and format are filled in here. text: at most one chunk. */
static inline void result_fixture_put(const AeadKey *result_key, SealedResultHead head, View text, Buffer *b)
{
    head.magic = SEALED_RESULT_MAGIC;
    head.format = SEALED_RESULT_FORMAT;
    Sha256 hash;
    AeadKey key;
    AeadCipher cipher;
    SealedDigest digest;
    SealedResultEnd end;
    sha256_of(view_of(&head, sizeof head), &hash);
    derive_result_key(result_key, hash.bytes, &key);
    ck_assert_ok(buffer_append(b, view_of(&head, sizeof head)));
    ck_assert_ok(buffer_reserve(b, text.size + AEAD_TAG_BYTES));
    seal_one_chunk(&key, text, b->data + b->size);
    b->size += text.size + AEAD_TAG_BYTES;

    ck_assert_ok(sealed_digest_begin(result_key, &(SealedDigestPlace){head.stage_and_job, head.first, head.end}, &digest));
    ck_assert_ok(sealed_digest_chunk(&digest, 0, true, text));
    sealed_digest_end(&digest, end.digest);
    ck_assert_ok(aead_begin(&key, &cipher));
    ck_assert_ok(stream_seal_note(&cipher, view_of(end.digest, sizeof end.digest), end.tag));
    aead_end(&cipher);
    ck_assert_ok(buffer_append(b, view_of(&end, sizeof end)));
}
