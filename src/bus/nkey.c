/* Base32, CRC-16/XMODEM, and libsodium's signature. */
#include "bus/nkey.h"

#include <sodium.h>

enum { PREFIX_USER = 20 << 3, RAW_BYTES = 1 + SIGN_PUBLIC_BYTES + 2 };

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t crc16(const uint8_t *data, size_t size)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint16_t)(data[i] << 8);
        for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* 35 bytes are 56 characters exactly: no padding, no bits left over. */
void nkey_print(const PublicKey *key, char ret_text[NKEY_TEXT_MAX])
{
    uint8_t raw[RAW_BYTES] = {PREFIX_USER};
    memcpy(raw + 1, key->bytes, sizeof key->bytes);
    const uint16_t crc = crc16(raw, RAW_BYTES - 2);
    raw[RAW_BYTES - 2] = (uint8_t)crc;
    raw[RAW_BYTES - 1] = (uint8_t)(crc >> 8);
    for (size_t i = 0; i < NKEY_TEXT_BYTES; i++) {
        const size_t bit = i * 5, at = bit / 8;
        const unsigned two = (unsigned)raw[at] << 8 | (at + 1 < RAW_BYTES ? raw[at + 1] : 0);
        ret_text[i] = ALPHABET[two >> (11 - bit % 8) & 31];
    }
    ret_text[NKEY_TEXT_BYTES] = '\0';
}

Err nkey_parse(const char *text, PublicKey *ret_key)
{
    uint8_t raw[RAW_BYTES] = {0};
    if (strlen(text) != NKEY_TEXT_BYTES) return FAIL(ERR_BAD_INPUT);
    for (size_t i = 0; i < NKEY_TEXT_BYTES; i++) {
        const char *found = strchr(ALPHABET, text[i]);
        if (!found) return FAIL(ERR_BAD_INPUT);
        const size_t bit = i * 5, at = bit / 8;
        const unsigned two = (unsigned)(found - ALPHABET) << (11 - bit % 8);
        raw[at] |= (uint8_t)(two >> 8);
        if (at + 1 < RAW_BYTES) raw[at + 1] |= (uint8_t)two;
    }
    const uint16_t crc = crc16(raw, RAW_BYTES - 2);
    if (raw[0] != PREFIX_USER || raw[RAW_BYTES - 2] != (uint8_t)crc || raw[RAW_BYTES - 1] != crc >> 8) return FAIL(ERR_BAD_INPUT);
    memcpy(ret_key->bytes, raw + 1, sizeof ret_key->bytes);
    return OK;
}

void nkey_sign(const SecretKey *key, View nonce, uint8_t ret_signature[SIGNATURE_BYTES])
{
    crypto_sign_detached(ret_signature, NULL, nonce.data, nonce.size, key->bytes);
}
