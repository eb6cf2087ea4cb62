/** What the files of module_check share: the parts of a module as far as they have been read. Known to image/module*.c only. */
#pragma once
#include "image/module.h"
#include "image/wasm.h"

typedef struct { View params, results; } FunctionType; /* one byte a type */

typedef struct {
    const char *name;
    Diag *diag;
    WasmSections sections;
    FunctionType *types;
    uint32_t type_count;
    uint32_t *type_of;              /* of each function, imported ones first */
    uint32_t function_count, imported_count;
    WasmCode code;
    ModuleInfo info;
} Parts;

#define REFUSE(parts, format, ...) FAIL_WHY((parts)->diag, ERR_BAD_INPUT, "%s: " format, (parts)->name, ##__VA_ARGS__)
#define MALFORMED(parts, what) REFUSE((parts), "not a valid wasm module: its %s section is malformed", (what))

MUST_USE Err module_read_imports(Parts *p, uint64_t *ret_modules_seen);
/** Refuses a type that no SEE has. */
MUST_USE Err module_check_type(Parts *p, uint8_t type, const char *section);

typedef struct { uint32_t initial, max; bool has_max; } WasmLimits;
/** Limits of a memory or table. *ret_refused: NULL, or the name of the proposal that they need. */
WasmLimits module_limits(Reader *r, const char **ret_refused);

enum { NAME_TEXT_BYTES = 80 };
/** A name from the module as it may be printed: cut, and anything but printable ASCII as a question mark. */
const char *module_name_text(View name, char ret_text[NAME_TEXT_BYTES]);
