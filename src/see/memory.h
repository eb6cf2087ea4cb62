/** The table arena of see/memory.c, for see/restore.c: `used` bytes from the start are live. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint8_t *memory_tables(size_t *ret_used);
void memory_tables_reset(size_t used);
