/*
 * From what wasm2c wrote to the one translation unit of an image.
 *
 * wasm2c 1.0.32 begins every file with the same 19,774 bytes for the same module name (it includes "module.h" in the middle),
 * up to the line that BOUNDARY names. src/see/prelude.h has the same definitions made for SEEs. It replaces that text only
 * when that text is the one it was written for, to the byte: another wasm2c may expect other things of its prelude.
 */
#include "image/generated.h"

#include <assert.h>
#include <string.h>

#include "crypto/sign.h"

#define BOUNDARY "static bool s_module_initialized = false;\n"
#define PRELUDE_SHA256 "b00ae1a3d2f037728dbc273d22e4e26f9fcce55ca1703c34526a03bc09aee686"

static Err split(View generated, View *ret_rest, Diag *diag)
{
    const uint8_t *boundary = generated.size ? memmem(generated.data, generated.size, BOUNDARY, strlen(BOUNDARY)) : NULL;
    size_t size = boundary ? (size_t)(boundary - generated.data) : 0;
    Sha256 hash;
    char hex[65];
    sha256_of(view_of(generated.data, size), &hash);
    sha256_hex(&hash, hex);
    if (strcmp(hex, PRELUDE_SHA256) != 0)
        return FAIL_WHY(diag, ERR_TOOL, "this wasm2c writes another prelude than the one Covey replaces; use wasm2c 1.0.32 "
                        "(Debian 12: apt-get install wabt)");
    *ret_rest = view_of(generated.data + size, generated.size - size);
    return OK;
}

static Err put_note(const Manifest *m, Buffer *out)
{
    TRY(buffer_format(out, "\nSEE_NOTE(.flags = %u, .memory_pages_initial = %u, .memory_pages_max = %u,\n    .module_hash = {",
                      m->flags, m->memory_pages_initial, m->memory_pages_max));
    for (size_t i = 0; i < sizeof m->module_hash; i++) TRY(buffer_format(out, "%u,", m->module_hash[i]));
    return buffer_format(out, "},\n    .builder = \"%s\");\n", m->builder);
}

static Err put_glue(const Glue *g, Buffer *out)
{
    TRY(put_note(&g->manifest, out));
    TRY(buffer_format(out, "\nstatic void image_instantiate(void)\n{\n    Z_module_init_module();\n"
                           "    Z_module_instantiate(&see_instance"));
    for (uint32_t i = 0; i < g->import_modules; i++) TRY(buffer_format(out, ", NULL"));
    TRY(buffer_format(out, ");\n}\n\nstatic void image_start(void)\n{\n"));
    if (g->has_start_function) TRY(buffer_format(out, "    Z_moduleZ_start(&see_instance);\n"));
    return buffer_format(out, "    Z_moduleZ__start(&see_instance);\n}\n\n"
                         "const SeeModule see_module = {&see_instance, sizeof see_instance, image_instantiate, image_start};\n");
}

Err generated_to_source(View generated, const Glue *glue, Buffer *ret_source, Diag *diag)
{
    assert(glue && ret_source);

    View rest;
    TRY(split(generated, &rest, diag));
    TRY(buffer_append(ret_source, VIEW("#include \"module.h\"\n#include \"see/note.h\"\n#include \"see/prelude.h\"\n\n")));
    TRY(buffer_append(ret_source, rest));
    return put_glue(glue, ret_source);
}
