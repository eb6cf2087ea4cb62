/**
 * Looks into a wasm module before anything is made of it: a small bounded reader of the binary format (WebAssembly core 1.0, section 5)
 * that decides whether a SEE can run it, and names what it cannot.
 */
#pragma once
#include "base/bytes.h"

typedef struct {
    uint32_t memory_pages_initial, memory_pages_max;
    uint32_t function_count;
    bool uses_see_api;
} ModuleInfo;

/** Refused, each with its own sentence: not wasm, a component, truncated, SIMD, an import outside WASI preview 1 and `see` (named),
 *  no `_start`, several or imported memories, initial memory above memory_max. errors: ERR_BAD_INPUT */
MUST_USE Err module_check(View wasm, const char *name, uint64_t memory_max, ModuleInfo *ret_info, Diag *diag);
