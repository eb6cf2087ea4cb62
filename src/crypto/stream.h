/**
 * A sealed stream: plaintext in chunks, each under AEAD with its number and whether it is the last in the nonce (the STREAM construction,
 * Hoang, Reyhanitabar, Rogaway, Vizar 2015), so that chunks can be opened one by one and reordering, dropping and cutting are found.
 *
 *   ciphertext = chunk_0 tag_0 chunk_1 tag_1 ... ; every chunk but the last has STREAM_CHUNK_BYTES; an empty plaintext is one empty last chunk
 *   nonce      = 7 zero bytes, chunk number (u32 big-endian), 1 if last else 0
 *
 * Behind a stream may stand a note in the open, with a tag under the stream's key and a nonce that no chunk has (number 0, then 2).
 *
 * Pure; host and SEE. source: docs/formats/sealed.md
 */
#pragma once
#include "crypto/aead.h"

enum {
    STREAM_CHUNK_BYTES = 16 << 10
}; /* small enough that a SEE's bounce buffer stays in the first-level cache, large enough for the AEAD's full speed */

uint64_t stream_sealed_size(uint64_t plain_size);
/** false when no plaintext has that sealed size. */
bool stream_plain_size(uint64_t sealed_size, uint64_t *ret_plain_size);
/** One chunk, under the stream's key; `out` has room for in.size + AEAD_TAG_BYTES. */
MUST_USE Err stream_seal_chunk(AeadCipher *cipher, uint32_t number, bool last, View in, uint8_t *out);
/** in: chunk with its tag. out: room for in.size - AEAD_TAG_BYTES; in place allowed. errors: ERR_CORRUPT */
MUST_USE Err stream_open_chunk(AeadCipher *cipher, uint32_t number, bool last, View in, uint8_t *out);
/** The same with text and tag apart: a reader that opens chunks where they are wanted has no room for the tag there. */
MUST_USE Err stream_open_parts(AeadCipher *cipher, uint32_t number, bool last, View text, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out);
/** The tag of a note behind the stream; and whether a note is genuine. errors: ERR_CORRUPT */
MUST_USE Err stream_seal_note(AeadCipher *cipher, View note, uint8_t ret_tag[AEAD_TAG_BYTES]);
MUST_USE Err stream_check_note(AeadCipher *cipher, View note, const uint8_t tag[AEAD_TAG_BYTES]);

/** What the nonce's last byte says. */
typedef enum { STREAM_INNER = 0, STREAM_LAST = 1, STREAM_NOTE = 2 } StreamPart;
void stream_nonce(uint32_t number, StreamPart part, uint8_t ret_nonce[AEAD_NONCE_BYTES]);
