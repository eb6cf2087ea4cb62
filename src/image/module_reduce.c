/* Writes a module anew with only what a SEE needs: see image/module.h. */
#include <assert.h>
#include <stdio.h>

#include "base/limits.h"
#include "image/module.h"
#include "image/wasm.h"

static Err put_u32(Buffer *b, uint32_t value)
{
    while (value >= 0x80) {
        TRY(buffer_put_u8(b, (uint8_t)(value | 0x80)));
        value >>= 7;
    }
    return buffer_put_u8(b, (uint8_t)value);
}

static Err put_section(Buffer *out, WasmSection id, View body)
{
    TRY(buffer_put_u8(out, (uint8_t)id));
    TRY(put_u32(out, (uint32_t)body.size));
    return buffer_append(out, body);
}

static Err put_function_export(Buffer *out, const char *name, uint32_t function)
{
    TRY(put_u32(out, (uint32_t)strlen(name)));
    TRY(buffer_append(out, view_text(name)));
    TRY(buffer_put_u8(out, WASM_EXTERN_FUNC));
    return put_u32(out, function);
}

static bool takes_references(View code)
{
    WasmCode found = {.takes_references = false};
    Reader r = reader_of(code);
    uint32_t count = wasm_u32(&r);
    for (uint32_t i = 0; !r.bad && i < count; i++) {
        Reader body = reader_of(wasm_name(&r));
        uint32_t groups = wasm_u32(&body);
        for (uint32_t group = 0; !body.bad && group < groups; group++) {
            wasm_u32(&body);
            read_u8(&body);
        }
        wasm_skip_expression(&body, &found);
    }
    return found.takes_references;
}

/* The entries that stay, without their number. `keep` says whether other functions stay, under the names f0, f1, ... */
static Err collect_exports(View section, bool keep, Buffer *entries, uint32_t *count)
{
    Reader r = reader_of(section);
    uint32_t given = wasm_u32(&r);
    for (uint32_t i = 0; !r.bad && i < given; i++) {
        View name = wasm_name(&r);
        uint8_t kind = read_u8(&r);
        uint32_t function = wasm_u32(&r);
        bool is_start = view_equal(name, VIEW("_start"));
        if (r.bad || kind != WASM_EXTERN_FUNC || (!is_start && !keep)) continue;
        char neutral[16] = "_start";
        if (!is_start) snprintf(neutral, sizeof neutral, "f%u", i);
        TRY(put_function_export(entries, neutral, function));
        (*count)++;
    }
    return r.bad ? FAIL(ERR_BAD_INPUT) : OK;
}

static Err put_exports(Buffer *out, const WasmSections *sections)
{
    AUTO_BUFFER entries = buffer_limited(MODULE_BYTES_MAX), body = buffer_limited(MODULE_BYTES_MAX);
    uint32_t count = 0;
    TRY(collect_exports(sections->bodies[WASM_EXPORT], takes_references(sections->bodies[WASM_CODE]), &entries, &count));
    if (sections->bodies[WASM_START].data) {
        Reader r = reader_of(sections->bodies[WASM_START]);
        uint32_t function = wasm_u32(&r);
        if (!reader_done(&r)) return FAIL(ERR_BAD_INPUT);
        TRY(put_function_export(&entries, MODULE_START_FUNCTION, function));
        count++;
    }
    TRY(put_u32(&body, count));
    TRY(buffer_append(&body, view_buffer(&entries)));
    return put_section(out, WASM_EXPORT, view_buffer(&body));
}

Err module_reduce(View wasm, Buffer *ret_reduced, bool *ret_has_start_function)
{
    assert(ret_reduced && ret_has_start_function);

    static const WasmSection ORDER[] = {WASM_TYPE, WASM_IMPORT, WASM_FUNCTION, WASM_TABLE, WASM_MEMORY, WASM_GLOBAL, WASM_EXPORT,
                                        WASM_ELEMENT, WASM_DATA_COUNT, WASM_CODE, WASM_DATA};
    WasmSections sections;
    if (wasm.size < WASM_HEADER_BYTES || wasm_sections(wasm, &sections) != WASM_SECTIONS_OK) return FAIL(ERR_BAD_INPUT);
    TRY(buffer_append(ret_reduced, view_of(wasm.data, WASM_HEADER_BYTES)));
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++) {
        if (ORDER[i] == WASM_EXPORT) TRY(put_exports(ret_reduced, &sections));
        else if (sections.bodies[ORDER[i]].data) TRY(put_section(ret_reduced, ORDER[i], sections.bodies[ORDER[i]]));
    }
    *ret_has_start_function = sections.bodies[WASM_START].data != NULL;
    return OK;
}
