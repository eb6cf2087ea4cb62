/* Sealed streams: chunk numbers and the last chunk's mark in the nonce. */
#include "crypto/stream.h"

enum { SEALED_CHUNK_BYTES = STREAM_CHUNK_BYTES + AEAD_TAG_BYTES };

uint64_t stream_sealed_size(uint64_t plain_size)
{
    uint64_t chunks = plain_size == 0 ? 1 : (plain_size + STREAM_CHUNK_BYTES - 1) / STREAM_CHUNK_BYTES;
    return plain_size + chunks * AEAD_TAG_BYTES;
}

bool stream_plain_size(uint64_t sealed_size, uint64_t *ret_plain_size)
{
    uint64_t chunks = (sealed_size + SEALED_CHUNK_BYTES - 1) / SEALED_CHUNK_BYTES, tags = chunks * AEAD_TAG_BYTES;
    if (chunks == 0 || sealed_size < tags || stream_sealed_size(sealed_size - tags) != sealed_size) return false;
    *ret_plain_size = sealed_size - tags;
    return true;
}

void stream_nonce(uint32_t number, StreamPart part, uint8_t ret_nonce[AEAD_NONCE_BYTES])
{
    memset(ret_nonce, 0, AEAD_NONCE_BYTES);
    for (int i = 0; i < 4; i++) ret_nonce[7 + i] = (uint8_t)(number >> (24 - 8 * i));
    ret_nonce[11] = (uint8_t)part;
}

Err stream_seal_chunk(AeadCipher *cipher, uint32_t number, bool last, View in, uint8_t *out)
{
    uint8_t nonce[AEAD_NONCE_BYTES];
    if (in.size > STREAM_CHUNK_BYTES || (!last && in.size != STREAM_CHUNK_BYTES)) return FAIL(ERR_LIMIT);
    stream_nonce(number, last ? STREAM_LAST : STREAM_INNER, nonce);
    return aead_seal_with(cipher, nonce, (View){0}, in, out, out + in.size);
}

Err stream_open_parts(AeadCipher *cipher, uint32_t number, bool last, View text, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    uint8_t nonce[AEAD_NONCE_BYTES];
    if (text.size > STREAM_CHUNK_BYTES || (!last && text.size != STREAM_CHUNK_BYTES)) return FAIL(ERR_CORRUPT);
    stream_nonce(number, last ? STREAM_LAST : STREAM_INNER, nonce);
    return aead_open_with(cipher, nonce, (View){0}, text, tag, out);
}

Err stream_open_chunk(AeadCipher *cipher, uint32_t number, bool last, View in, uint8_t *out)
{
    if (in.size < AEAD_TAG_BYTES) return FAIL(ERR_CORRUPT);
    size_t size = in.size - AEAD_TAG_BYTES;
    return stream_open_parts(cipher, number, last, view_of(in.data, size), in.data + size, out);
}

Err stream_seal_note(AeadCipher *cipher, View note, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    uint8_t nonce[AEAD_NONCE_BYTES], nothing[1];
    stream_nonce(0, STREAM_NOTE, nonce);
    return aead_seal_with(cipher, nonce, note, view_of(nothing, 0), nothing, ret_tag);
}

Err stream_check_note(AeadCipher *cipher, View note, const uint8_t tag[AEAD_TAG_BYTES])
{
    uint8_t nonce[AEAD_NONCE_BYTES], nothing[1];
    stream_nonce(0, STREAM_NOTE, nonce);
    return aead_open_with(cipher, nonce, note, view_of(nothing, 0), tag, nothing);
}
