/**
 * Looks into a wasm module before anything is made of it: a small bounded reader of the binary format (WebAssembly core,
 * section 5) that decides whether a SEE can run it, and names what it cannot. It is no validator: wasm2c validates what passes
 * here.
 */
#pragma once
#include "base/bytes.h"

enum {
    MODULE_TYPES_MAX = 1 << 20,
    MODULE_FUNCTIONS_MAX = 1 << 20,
    MODULE_IMPORTS_MAX = 1024,
    MODULE_LOCALS_MAX = 50000,              /* of one function; what other engines allow */
    MODULE_TABLE_ELEMENTS_MAX = 1 << 20,    /* initial elements of all tables together */
};

typedef struct {
    uint32_t memory_pages_initial, memory_pages_max;
    uint32_t function_count;    /* defined by the module */
    uint32_t import_modules;    /* how many modules it imports from: 0 to 2 */
    bool uses_see_api;
} ModuleInfo;

/** Refused, each with its own sentence: not wasm, a component, truncated, malformed, SIMD and other extensions, an import outside
 *  WASI preview 1 and `see` (named) or of another type, no `_start`, several or imported memories, initial memory above the
 *  limit, more tables or locals than the limits. `name` is the file's, for the sentences. errors: ERR_BAD_INPUT, ENOMEM */
MUST_USE Err module_check(View wasm, const char *name, uint64_t memory_max, ModuleInfo *ret_info, Diag *diag);

/**
 * Writes a module that passed module_check anew with only what a SEE needs, so that nothing else of it reaches the tools:
 *   - its exports are `_start`, and `start` for the wasm start function, which becomes an ordinary function, called by the
 *     image's glue;
 *   - no custom sections, and so no names: wasm2c writes the text of export names into C comments, unescaped, and a hostile
 *     name would be C. (A module that takes references to functions keeps its exported functions, under neutral names.)
 */
MUST_USE Err module_reduce(View wasm, Buffer *ret_reduced, bool *ret_has_start_function);
#define MODULE_START_FUNCTION "start"
