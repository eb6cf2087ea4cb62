/* Decides whether a SEE can run a module, section by section, each mistake with a sentence of its own. */
#include "image/module.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "image/module_parts.h"
#include "see/manifest.h"

enum { PAGES_MAX = 65535 }; /* 65536 pages would be one byte more than a 32-bit size can say */

static Err header_check(Parts *p, View wasm)
{
    static const uint8_t MAGIC[4] = {0, 'a', 's', 'm'}, VERSION_1[4] = {1, 0, 0, 0};
    if (wasm.size < sizeof MAGIC || memcmp(wasm.data, MAGIC, sizeof MAGIC) != 0) {
        bool is_text = wasm.size > 0 && wasm.data[0] && strchr(" \t\r\n(;", wasm.data[0]) &&
                       memmem(wasm.data, wasm.size, "module", 6);
        return REFUSE(p, "not a wasm module%s", is_text ? "; it looks like the text format: run wat2wasm on it first" : "");
    }
    if (wasm.size < WASM_HEADER_BYTES) return REFUSE(p, "truncated file: it ends inside the wasm header");
    if (wasm.data[6] == 1 && wasm.data[7] == 0)
        return REFUSE(p, "a WebAssembly component, and a SEE runs core modules; build for wasm32-wasi (WASI preview 1)");
    if (memcmp(wasm.data + 4, VERSION_1, sizeof VERSION_1) != 0) return REFUSE(p, "an unknown version of the wasm format");
    if (wasm.size > MODULE_BYTES_MAX) return REFUSE(p, "larger than %d MiB", MODULE_BYTES_MAX >> 20);
    return OK;
}

static Err find_sections(Parts *p, View wasm)
{
    switch (wasm_sections(wasm, &p->sections)) {
    case WASM_SECTIONS_OK: break;
    case WASM_SECTIONS_TRUNCATED: return REFUSE(p, "truncated file: a section goes on behind its end");
    case WASM_SECTIONS_MALFORMED: return REFUSE(p, "not a valid wasm module: its sections are malformed or in the wrong order");
    }
    if (p->sections.bodies[WASM_TAG].data)
        return REFUSE(p, "uses exception handling, which a SEE does not have; build without it");
    return OK;
}

Err module_check_type(Parts *p, uint8_t type, const char *section)
{
    const char *refused = wasm_type_refused(type);
    if (!refused) return OK;
    if (!*refused) return MALFORMED(p, section);
    return REFUSE(p, "uses %s, which a SEE does not have; build without it", refused);
}

static Err type_list_read(Parts *p, Reader *r, View *ret_types)
{
    View types = wasm_name(r);
    if (r->bad) return MALFORMED(p, "type");
    for (size_t i = 0; i < types.size; i++) TRY(module_check_type(p, types.data[i], "type"));
    *ret_types = types;
    return OK;
}

static Err types_read(Parts *p)
{
    View body = p->sections.bodies[WASM_TYPE];
    if (!body.data) return OK;
    Reader r = reader_of(body);
    uint32_t count = wasm_u32(&r);
    if (r.bad || count > r.rest.size) return MALFORMED(p, "type");
    if (count > MODULE_TYPES_MAX) return REFUSE(p, "%u types, more than %d", count, MODULE_TYPES_MAX);

    p->types = calloc((size_t)count + 1, sizeof *p->types);
    if (!p->types) return FAIL(ENOMEM);
    for (; p->type_count < count; p->type_count++) {
        uint8_t form = read_u8(&r);
        if (!r.bad && form >= 0x4d && form <= 0x5f)
            return REFUSE(p, "uses garbage collection, which a SEE does not have; build without it");
        if (r.bad || form != WASM_FUNC_FORM) return MALFORMED(p, "type");
        FunctionType *type = &p->types[p->type_count];
        TRY(type_list_read(p, &r, &type->params));
        TRY(type_list_read(p, &r, &type->results));
    }
    return reader_done(&r) ? OK : MALFORMED(p, "type");
}

static Err functions_read(Parts *p, uint32_t count, Reader *r)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t type = wasm_u32(r);
        if (r->bad || type >= p->type_count) return MALFORMED(p, "function");
        p->type_of[p->function_count++] = type;
    }
    if (!reader_done(r)) return MALFORMED(p, "function");
    p->info.function_count = count;
    return OK;
}

/* Imported functions come first in the numbering, so both sections are read together. */
static Err imports_and_functions_read(Parts *p)
{
    View body = p->sections.bodies[WASM_FUNCTION];
    Reader r = reader_of(body);
    uint32_t count = body.data ? wasm_u32(&r) : 0;
    if (r.bad || count > r.rest.size) return MALFORMED(p, "function");
    if (count > MODULE_FUNCTIONS_MAX) return REFUSE(p, "%u functions, more than %d", count, MODULE_FUNCTIONS_MAX);

    p->type_of = calloc((size_t)count + MODULE_IMPORTS_MAX, sizeof *p->type_of);
    if (!p->type_of) return FAIL(ENOMEM);
    uint64_t seen;
    TRY(module_read_imports(p, &seen));
    p->info.import_modules = (seen & 1) + (seen >> 1);
    p->info.uses_see_api = seen >> 1;
    return functions_read(p, count, &r);
}

WasmLimits module_limits(Reader *r, const char **ret_refused)
{
    uint8_t flags = read_u8(r);
    *ret_refused = flags & 4 ? "64-bit memory" : flags & 2 ? "threads (shared memory)" : NULL;
    if (flags > 7) r->bad = true;
    if (r->bad || *ret_refused) return (WasmLimits){.initial = 0};

    WasmLimits limits = {.initial = wasm_u32(r), .max = UINT32_MAX, .has_max = flags & 1};
    if (limits.has_max) limits.max = wasm_u32(r);
    if (limits.max < limits.initial) r->bad = true;
    return limits;
}

static Err tables_check(Parts *p)
{
    View body = p->sections.bodies[WASM_TABLE];
    if (!body.data) return OK;
    Reader r = reader_of(body);
    uint32_t count = wasm_u32(&r);
    uint64_t elements = 0;
    for (uint32_t i = 0; !r.bad && i < count; i++) {
        uint8_t type = read_u8(&r);
        const char *refused;
        if (r.bad) break;
        TRY(module_check_type(p, type, "table"));
        WasmLimits limits = module_limits(&r, &refused);
        if (refused) return REFUSE(p, "a table uses %s, which a SEE does not have; build without it", refused);
        elements += limits.initial;
    }
    if (!reader_done(&r)) return MALFORMED(p, "table");
    if (elements > MODULE_TABLE_ELEMENTS_MAX)
        return REFUSE(p, "its tables begin with %llu elements, more than %d", (unsigned long long)elements,
                      MODULE_TABLE_ELEMENTS_MAX);
    return OK;
}

static Err memory_check(Parts *p, uint64_t memory_max)
{
    View body = p->sections.bodies[WASM_MEMORY];
    if (!body.data) return OK;
    Reader r = reader_of(body);
    uint32_t count = wasm_u32(&r);
    if (!r.bad && count > 1) return REFUSE(p, "has %u memories, and a SEE has one; build without multi-memory", count);
    if (count == 1) {
        const char *refused;
        WasmLimits limits = module_limits(&r, &refused);
        if (refused) return REFUSE(p, "uses %s, which a SEE does not have; build without it", refused);
        if (r.bad || limits.initial > PAGES_MAX + 1 || (limits.has_max && limits.max > PAGES_MAX + 1))
            return MALFORMED(p, "memory");
        uint64_t initial = (uint64_t)limits.initial * WASM_PAGE_BYTES;
        if (initial > memory_max)
            return REFUSE(p, "begins with %llu KiB of memory, above the limit of %llu KiB", (unsigned long long)(initial / KIB),
                          (unsigned long long)(memory_max / KIB));
        p->info.memory_pages_initial = limits.initial;
        p->info.memory_pages_max = limits.max < PAGES_MAX ? limits.max : PAGES_MAX;
    }
    return reader_done(&r) ? OK : MALFORMED(p, "memory");
}

/* What the walk over code stopped at, if anything. */
static Err code_features_check(Parts *p)
{
    if (p->code.proposal) return REFUSE(p, "uses %s, which a SEE does not have; build without it", p->code.proposal);
    if (p->code.too_deep) return REFUSE(p, "has blocks nested deeper than %d", WASM_NESTING_MAX);
    return OK;
}

static Err globals_check(Parts *p)
{
    View body = p->sections.bodies[WASM_GLOBAL];
    if (!body.data) return OK;
    Reader r = reader_of(body);
    uint32_t count = wasm_u32(&r);
    for (uint32_t i = 0; !r.bad && i < count; i++) {
        uint8_t type = read_u8(&r);
        if (r.bad) break;
        TRY(module_check_type(p, type, "global"));
        if (read_u8(&r) > 1) return MALFORMED(p, "global");
        wasm_skip_expression(&r, &p->code);
        TRY(code_features_check(p));
    }
    return reader_done(&r) ? OK : MALFORMED(p, "global");
}

/* Both _start and the start section's function take nothing and give nothing. */
static bool is_plain_function(const Parts *p, uint32_t function)
{
    const FunctionType *type = &p->types[p->type_of[function]];
    return type->params.size == 0 && type->results.size == 0;
}

static Err start_section_check(Parts *p)
{
    View body = p->sections.bodies[WASM_START];
    if (!body.data) return OK;
    Reader r = reader_of(body);
    uint32_t function = wasm_u32(&r);
    return reader_done(&r) && function < p->function_count && is_plain_function(p, function) ? OK : MALFORMED(p, "start");
}

static Err exports_check(Parts *p)
{
    View body = p->sections.bodies[WASM_EXPORT];
    Reader r = reader_of(body);
    uint32_t count = body.data ? wasm_u32(&r) : 0;
    bool is_reactor = false, has_start = false;
    for (uint32_t i = 0; !r.bad && i < count; i++) {
        View name = wasm_name(&r);
        uint8_t kind = read_u8(&r);
        uint32_t index = wasm_u32(&r);
        is_reactor |= view_equal(name, VIEW("_initialize"));
        if (r.bad || !view_equal(name, VIEW("_start"))) continue;
        if (has_start) return MALFORMED(p, "export");
        if (kind != WASM_EXTERN_FUNC) return REFUSE(p, "its export _start is not a function");
        if (index >= p->function_count) return MALFORMED(p, "export");
        if (!is_plain_function(p, index)) return REFUSE(p, "its _start takes parameters or gives results, and must not");
        has_start = true;
    }
    if (!reader_done(&r)) return MALFORMED(p, "export");
    if (has_start) return OK;
    if (is_reactor)
        return REFUSE(p, "has no _start but _initialize: it is a reactor (library); build it as a command, with a main function");
    return REFUSE(p, "has no _start function; build it as a WASI command, with a main function");
}

static Err body_check(Parts *p, View body)
{
    Reader r = reader_of(body);
    uint32_t groups = wasm_u32(&r);
    uint64_t locals = 0;
    for (uint32_t i = 0; !r.bad && i < groups; i++) {
        locals += wasm_u32(&r);
        uint8_t type = read_u8(&r);
        if (!r.bad) TRY(module_check_type(p, type, "code"));
        if (locals > MODULE_LOCALS_MAX) return REFUSE(p, "a function has more than %d local variables", MODULE_LOCALS_MAX);
    }
    wasm_skip_expression(&r, &p->code);
    TRY(code_features_check(p));
    return reader_done(&r) ? OK : MALFORMED(p, "code");
}

static Err code_check(Parts *p)
{
    View section = p->sections.bodies[WASM_CODE];
    Reader r = reader_of(section);
    uint32_t count = section.data ? wasm_u32(&r) : 0;
    if (r.bad || count != p->info.function_count) return MALFORMED(p, "code");
    for (uint32_t i = 0; i < count; i++) {
        View body = wasm_name(&r);
        if (r.bad) return MALFORMED(p, "code");
        TRY(body_check(p, body));
    }
    return reader_done(&r) ? OK : MALFORMED(p, "code");
}

static Err parts_check(Parts *p, View wasm, uint64_t memory_max)
{
    TRY(header_check(p, wasm));
    TRY(find_sections(p, wasm));
    TRY(types_read(p));
    TRY(imports_and_functions_read(p));
    TRY(tables_check(p));
    TRY(memory_check(p, memory_max));
    TRY(globals_check(p));
    TRY(code_check(p));
    TRY(start_section_check(p));
    return exports_check(p);
}

Err module_check(View wasm, const char *name, uint64_t memory_max, ModuleInfo *ret_info, Diag *diag)
{
    assert(name && ret_info);

    Parts parts = {.name = name, .diag = diag};
    Err result = parts_check(&parts, wasm, memory_max < SEE_MEMORY_MAX ? memory_max : SEE_MEMORY_MAX);
    free(parts.types);
    free(parts.type_of);
    if (result.code == 0) *ret_info = parts.info;
    return result;
}
