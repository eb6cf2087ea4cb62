/** The C that becomes an image: wasm2c's, with our prelude in place of its own, and the glue behind it. */
#pragma once
#include "base/bytes.h"
#include "see/manifest.h"

typedef struct {
    Manifest manifest;
    uint32_t import_modules;
    bool has_start_function;
} Glue;

/** errors: ERR_TOOL when the generated text does not begin as wasm2c 1.0.32 writes it */
MUST_USE Err generated_to_source(View generated, const Glue *glue, Buffer *ret_source, Diag *diag);
