/* Numbers, names and sections of a wasm module. */
#include "image/wasm.h"

#include <assert.h>

uint32_t wasm_u32(Reader *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = read_u8(r);
        if (shift == 28 && byte > 0x0f) break; /* more than 32 bits, or a sixth byte */
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    r->bad = true;
    return 0;
}

View wasm_name(Reader *r)
{
    uint32_t size = wasm_u32(r);
    return read_raw(r, size);
}

/* Sections come at most once and in this order, whatever their numbers. */
static unsigned order_of(unsigned id)
{
    static const uint8_t ORDER[WASM_SECTION_COUNT] = {
        [WASM_TYPE] = 1,        [WASM_IMPORT] = 2, [WASM_FUNCTION] = 3, [WASM_TABLE] = 4, [WASM_MEMORY] = 5,
        [WASM_TAG] = 6,         [WASM_GLOBAL] = 7, [WASM_EXPORT] = 8,   [WASM_START] = 9, [WASM_ELEMENT] = 10,
        [WASM_DATA_COUNT] = 11, [WASM_CODE] = 12,  [WASM_DATA] = 13,
    };
    return id < WASM_SECTION_COUNT ? ORDER[id] : 0;
}

WasmSectionsResult wasm_sections(View wasm, WasmSections *ret_sections)
{
    assert(wasm.size >= WASM_HEADER_BYTES && ret_sections);

    WasmSections sections = {.bodies = {{NULL, 0}}};
    Reader r = reader_of(view_of(wasm.data + WASM_HEADER_BYTES, wasm.size - WASM_HEADER_BYTES));
    unsigned last = 0;
    while (r.rest.size > 0) {
        uint8_t id = read_u8(&r);
        bool cut = r.rest.size < 5; /* a length that runs into the end of the file is truncated, any other bad one malformed */
        uint32_t size = wasm_u32(&r);
        if (r.bad) return cut ? WASM_SECTIONS_TRUNCATED : WASM_SECTIONS_MALFORMED;
        if (size > r.rest.size) return WASM_SECTIONS_TRUNCATED;
        View body = read_raw(&r, size);
        if (id == WASM_CUSTOM) continue;
        if (order_of(id) <= last) return WASM_SECTIONS_MALFORMED;
        last = order_of(id);
        sections.bodies[id] = body;
    }
    *ret_sections = sections;
    return WASM_SECTIONS_OK;
}
