/**
 * What the codecs of bus/message.h share: how every message begins, which names and codes are legal, and little-endian stores and loads at a
 * place, for fixed-size heads and items: one bounds check a record instead of one a field.
 */
#pragma once
#include <endian.h>

#include "base/bytes.h"
#include "bus/message.h"

/* A change that an older peer would misread gets a new number; see docs/formats/bus.md. */
enum { MESSAGE_VERSION = 3, MESSAGE_HEAD_BYTES = 2 };

MUST_USE Err message_put_type(Buffer *b, MessageType type);
MUST_USE Err message_get_type(View v, MessageType type, Reader *ret_reader);
/** Whether the text is what MANAGER_ID says: hexadecimal digits, terminated. */
bool message_manager_valid(const ManagerId *id);
/** Errors that no table knows would print as "unknown error" and get a wrong exit code. */
bool message_code_valid(int64_t code);
/** Fixed-size bytes; all zeros when the message ends before them, and then the reader is bad. */
void message_read_array(Reader *r, uint8_t *ret_bytes, size_t size);

static inline uint8_t *store_u8(uint8_t *at, uint8_t v) { *at = v; return at + 1; }
static inline uint8_t *store_u16(uint8_t *at, uint16_t v) { v = htole16(v); memcpy(at, &v, sizeof v); return at + sizeof v; }
static inline uint8_t *store_u32(uint8_t *at, uint32_t v) { v = htole32(v); memcpy(at, &v, sizeof v); return at + sizeof v; }
static inline uint8_t *store_u64(uint8_t *at, uint64_t v) { v = htole64(v); memcpy(at, &v, sizeof v); return at + sizeof v; }
static inline uint8_t *store_raw(uint8_t *at, const void *data, size_t size)
{
    if (size) memcpy(at, data, size);
    return at + size;
}

static inline uint8_t load_u8(const uint8_t **at) { return *(*at)++; }
static inline uint16_t load_u16(const uint8_t **at) { uint16_t v; memcpy(&v, *at, sizeof v); *at += sizeof v; return le16toh(v); }
static inline uint32_t load_u32(const uint8_t **at) { uint32_t v; memcpy(&v, *at, sizeof v); *at += sizeof v; return le32toh(v); }
static inline uint64_t load_u64(const uint8_t **at) { uint64_t v; memcpy(&v, *at, sizeof v); *at += sizeof v; return le64toh(v); }
static inline void load_raw(const uint8_t **at, void *data, size_t size) { memcpy(data, *at, size); *at += size; }
