/**
 * Little-endian stores and loads at a place, for fixed-size heads and items: one bounds check a record instead of one a field.
 */
#pragma once
#include <endian.h>

#include "base/bytes.h"

/* A change that an older peer would misread gets a new number; see docs/formats/bus.md. */
enum { MESSAGE_VERSION = 2, MESSAGE_HEAD_BYTES = 2 };

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
