/* Is every module that a SEE cannot run refused with the sentence that says why, and nothing else? Does reduction keep what
 * runs? */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/test.h"
#include "image/module.h"
#include "image/wasm.h"

#define B(...) view_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define START 6, '_', 's', 't', 'a', 'r', 't', 0
#define FD_WRITE_OF(type) 8, 'f', 'd', '_', 'w', 'r', 'i', 't', 'e', 0, type
#define WASI_NAME 22, 'w', 'a', 's', 'i', '_', 's', 'n', 'a', 'p', 's', 'h', 'o', 't', '_', 'p', 'r', 'e', 'v', 'i', 'e', 'w', '1'

/* A module as its sections; those that a test does not set are of the smallest module that runs. Two types: 0 is () -> (), 1
 * is that of fd_write. One function, of type 0. */
static WasmSections smallest(void)
{
    static const uint8_t TYPES[] = {2, 0x60, 0, 0, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f}, FUNCTIONS[] = {1, 0},
                         MEMORIES[] = {1, 0, 2}, EXPORTS[] = {1, START, 0}, CODE[] = {1, 2, 0, 0x0b};
    WasmSections s = {.bodies = {{NULL, 0}}};
    s.bodies[WASM_TYPE] = view_of(TYPES, sizeof TYPES);
    s.bodies[WASM_FUNCTION] = view_of(FUNCTIONS, sizeof FUNCTIONS);
    s.bodies[WASM_MEMORY] = view_of(MEMORIES, sizeof MEMORIES);
    s.bodies[WASM_EXPORT] = view_of(EXPORTS, sizeof EXPORTS);
    s.bodies[WASM_CODE] = view_of(CODE, sizeof CODE);
    return s;
}

static Buffer assemble(const WasmSections *s)
{
    static const uint8_t ORDER[] = {WASM_TYPE, WASM_IMPORT, WASM_FUNCTION, WASM_TABLE, WASM_MEMORY, WASM_TAG, WASM_GLOBAL,
                                    WASM_EXPORT, WASM_START, WASM_ELEMENT, WASM_DATA_COUNT, WASM_CODE, WASM_DATA};
    Buffer b = buffer_limited(MIB);
    ck_assert_ok(buffer_append(&b, B(0, 'a', 's', 'm', 1, 0, 0, 0)));
    for (size_t i = 0; i < sizeof ORDER; i++) {
        View body = s->bodies[ORDER[i]];
        if (!body.data) continue;
        ck_assert_ok(buffer_put_u8(&b, ORDER[i]));
        ck_assert_uint_lt(body.size, 1 << 21);
        ck_assert_ok(buffer_put_u8(&b, (uint8_t)(body.size | 0x80)));
        ck_assert_ok(buffer_put_u8(&b, (uint8_t)(body.size >> 7 | 0x80)));
        ck_assert_ok(buffer_put_u8(&b, (uint8_t)(body.size >> 14)));
        ck_assert_ok(buffer_append(&b, body));
    }
    return b;
}

static void expect_refused(View wasm, const char *sentence)
{
    ModuleInfo info, untouched;
    memset(&info, 9, sizeof info);
    untouched = info;
    Diag diag = {0};
    ck_assert_err(module_check(wasm, "job.wasm", SEE_MEMORY_MAX, &info, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, sentence);
    ck_assert_mem_eq(&info, &untouched, sizeof info);
}

static void expect_sections_refused(WasmSections s, const char *sentence)
{
    AUTO_BUFFER wasm = assemble(&s);
    expect_refused(view_buffer(&wasm), sentence);
}

static void expect_code_refused(View body, const char *sentence)
{
    uint8_t code[64] = {1, (uint8_t)body.size};
    memcpy(code + 2, body.data, body.size);
    WasmSections s = smallest();
    s.bodies[WASM_CODE] = view_of(code, body.size + 2);
    expect_sections_refused(s, sentence);
}

static ModuleInfo expect_accepted(const WasmSections *s)
{
    AUTO_BUFFER wasm = assemble(s);
    ModuleInfo info;
    Diag diag = {0};
    Err error = module_check(view_buffer(&wasm), "job.wasm", SEE_MEMORY_MAX, &info, &diag);
    ck_assert_msg(error.code == 0, "%s", diag.text);
    return info;
}

START_TEST(the_smallest_module_is_accepted)
{
    WasmSections s = smallest();
    ModuleInfo info = expect_accepted(&s);
    ck_assert_uint_eq(info.memory_pages_initial, 2);
    ck_assert_uint_eq(info.memory_pages_max, 65535);
    ck_assert_uint_eq(info.function_count, 1);
    ck_assert_uint_eq(info.import_modules, 0);
    ck_assert(!info.uses_see_api);
}
END_TEST

START_TEST(what_is_not_wasm_is_refused)
{
    expect_refused(VIEW(""), "job.wasm: not a wasm module");
    expect_refused(VIEW("#!/bin/sh\n"), "job.wasm: not a wasm module");
    expect_refused(VIEW("\177ELF"), "job.wasm: not a wasm module");
    expect_refused(VIEW("(module (func))"),
                   "job.wasm: not a wasm module; it looks like the text format: run wat2wasm on it first");
    expect_refused(B(0, 'a', 's', 'm', 2, 0, 0, 0), "job.wasm: an unknown version of the wasm format");
}
END_TEST

START_TEST(a_component_is_refused_by_name)
{
    expect_refused(B(0, 'a', 's', 'm', 0x0d, 0, 1, 0),
                   "job.wasm: a WebAssembly component, and a SEE runs core modules; build for wasm32-wasi (WASI preview 1)");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    WasmSections s = smallest();
    AUTO_BUFFER wasm = assemble(&s);
    for (size_t size = 0; size < wasm.size; size++) {
        ModuleInfo info;
        Diag diag = {0};
        ck_assert_msg(module_check(view_of(wasm.data, size), "job.wasm", SEE_MEMORY_MAX, &info, &diag).code == ERR_BAD_INPUT,
                      "accepted the first %zu of %zu bytes", size, wasm.size);
    }
    expect_refused(view_of(wasm.data, 6), "job.wasm: truncated file: it ends inside the wasm header");
    expect_refused(view_of(wasm.data, wasm.size - 1), "job.wasm: truncated file: a section goes on behind its end");
}
END_TEST

START_TEST(sections_twice_or_in_the_wrong_order_are_refused)
{
    static const char SENTENCE[] = "job.wasm: not a valid wasm module: its sections are malformed or in the wrong order";
    expect_refused(B(0, 'a', 's', 'm', 1, 0, 0, 0, 1, 1, 0, 1, 1, 0), SENTENCE);
    expect_refused(B(0, 'a', 's', 'm', 1, 0, 0, 0, 3, 1, 0, 1, 1, 0), SENTENCE);
    expect_refused(B(0, 'a', 's', 'm', 1, 0, 0, 0, 77, 1, 0), SENTENCE);
    expect_refused(B(0, 'a', 's', 'm', 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), SENTENCE);
}
END_TEST

START_TEST(an_offered_import_of_the_right_type_is_accepted)
{
    WasmSections s = smallest();
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, FD_WRITE_OF(1));
    s.bodies[WASM_EXPORT] = B(1, START, 1);
    ModuleInfo info = expect_accepted(&s);
    ck_assert_uint_eq(info.import_modules, 1);
    ck_assert(!info.uses_see_api);
}
END_TEST

START_TEST(the_see_api_is_noticed)
{
    WasmSections s = smallest();
    s.bodies[WASM_TYPE] = B(2, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7f, 1, 0x7f);
    s.bodies[WASM_IMPORT] = B(1, 3, 's', 'e', 'e', 18, 'S', 'E', 'E', '_', 'C', 'l', 'a', 'i', 'm', '_', 'P', 'r', 'e', 'f', 'e',
                              't', 'c', 'h', 0, 1);
    s.bodies[WASM_EXPORT] = B(1, START, 1);
    ModuleInfo info = expect_accepted(&s);
    ck_assert_uint_eq(info.import_modules, 1);
    ck_assert(info.uses_see_api);
}
END_TEST

START_TEST(an_import_that_is_not_offered_is_named)
{
    WasmSections s = smallest();
    s.bodies[WASM_IMPORT] = B(1, 3, 'e', 'n', 'v', 3, 'f', 'o', 'o', 0, 0);
    expect_sections_refused(
        s, "job.wasm: import env.foo is not offered inside a SEE, only WASI preview 1 and `see` are; the function is missing in "
           "the module: link what defines it");
    s.bodies[WASM_IMPORT] = B(1, 13, 'w', 'a', 's', 'i', '_', 'u', 'n', 's', 't', 'a', 'b', 'l', 'e', FD_WRITE_OF(1));
    expect_sections_refused(
        s, "job.wasm: import wasi_unstable.fd_write is not offered inside a SEE, only WASI preview 1 and `see` are; rebuild the "
           "module with a current WASI SDK");
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, 7, 'f', 'd', '_', 'o', 'p', 'e', 'n', 0, 1);
    expect_sections_refused(
        s, "job.wasm: import wasi_snapshot_preview1.fd_open is not offered inside a SEE, only WASI preview 1 and `see` are");
    s.bodies[WASM_IMPORT] = B(1, 2, 0x1b, '[', 1, '\n', 0, 0);
    expect_sections_refused(s, "job.wasm: import ?[.? is not offered inside a SEE, only WASI preview 1 and `see` are");
}
END_TEST

START_TEST(an_import_of_the_wrong_type_is_named_with_the_right_one)
{
    WasmSections s = smallest();
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, FD_WRITE_OF(0));
    expect_sections_refused(
        s, "job.wasm: import wasi_snapshot_preview1.fd_write has the wrong type; it is (i32, i32, i32, i32) -> (i32)");
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, 7, 'f', 'd', '_', 's', 'e', 'e', 'k', 0, 1);
    expect_sections_refused(
        s, "job.wasm: import wasi_snapshot_preview1.fd_seek has the wrong type; it is (i32, i64, i32, i32) -> (i32)");
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, 9, 'p', 'r', 'o', 'c', '_', 'e', 'x', 'i', 't', 0, 0);
    expect_sections_refused(s, "job.wasm: import wasi_snapshot_preview1.proc_exit has the wrong type; it is (i32) -> ()");
    s.bodies[WASM_IMPORT] = B(1, WASI_NAME, FD_WRITE_OF(7));
    expect_sections_refused(s, "job.wasm: not a valid wasm module: its import section is malformed");
}
END_TEST

START_TEST(imported_memories_tables_and_globals_are_refused)
{
    WasmSections s = smallest();
    s.bodies[WASM_IMPORT] = B(1, 3, 'e', 'n', 'v', 1, 'm', 2, 0, 1);
    expect_sections_refused(s,
                            "job.wasm: import env.m is a memory; a SEE offers only functions, so the module must define its own");
    s.bodies[WASM_IMPORT] = B(1, 3, 'e', 'n', 'v', 1, 't', 1, 0x70, 0, 1);
    expect_sections_refused(s,
                            "job.wasm: import env.t is a table; a SEE offers only functions, so the module must define its own");
    s.bodies[WASM_IMPORT] = B(1, 3, 'e', 'n', 'v', 1, 'g', 3, 0x7f, 0);
    expect_sections_refused(s,
                            "job.wasm: import env.g is a global; a SEE offers only functions, so the module must define its own");
}
END_TEST

START_TEST(a_start_that_is_missing_or_of_another_type_is_refused)
{
    WasmSections s = smallest();
    s.bodies[WASM_EXPORT] = B(0);
    expect_sections_refused(s, "job.wasm: has no _start function; build it as a WASI command, with a main function");
    s.bodies[WASM_EXPORT] = (View){NULL, 0};
    expect_sections_refused(s, "job.wasm: has no _start function; build it as a WASI command, with a main function");
    s.bodies[WASM_EXPORT] = B(1, 11, '_', 'i', 'n', 'i', 't', 'i', 'a', 'l', 'i', 'z', 'e', 0, 0);
    expect_sections_refused(
        s, "job.wasm: has no _start but _initialize: it is a reactor (library); build it as a command, with a main function");
    s.bodies[WASM_EXPORT] = B(1, 6, '_', 's', 't', 'a', 'r', 't', 2, 0);
    expect_sections_refused(s, "job.wasm: its export _start is not a function");
    s.bodies[WASM_EXPORT] = B(1, START, 5);
    expect_sections_refused(s, "job.wasm: not a valid wasm module: its export section is malformed");
    s.bodies[WASM_EXPORT] = B(2, START, 0, START, 0);
    expect_sections_refused(s, "job.wasm: not a valid wasm module: its export section is malformed");
    s = smallest();
    s.bodies[WASM_FUNCTION] = B(1, 1);
    expect_sections_refused(s, "job.wasm: its _start takes parameters or gives results, and must not");
}
END_TEST

START_TEST(memory_above_the_limit_is_refused_and_at_the_limit_accepted)
{
    WasmSections s = smallest();
    AUTO_BUFFER wasm = assemble(&s);
    ModuleInfo info;
    Diag diag = {0};
    ck_assert_ok(module_check(view_buffer(&wasm), "job.wasm", 128 * KIB, &info, &diag));
    ck_assert_err(module_check(view_buffer(&wasm), "job.wasm", 128 * KIB - 1, &info, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "job.wasm: begins with 128 KiB of memory, above the limit of 127 KiB");
    s.bodies[WASM_MEMORY] = B(1, 0, 0x80, 0x80, 0x04); /* 65536 pages: 4 GiB */
    expect_sections_refused(s, "job.wasm: begins with 4194304 KiB of memory, above the limit of 4194240 KiB");
}
END_TEST

START_TEST(the_declared_maximum_of_memory_is_kept_and_65536_pages_are_one_too_many)
{
    WasmSections s = smallest();
    s.bodies[WASM_MEMORY] = B(1, 1, 1, 9);
    ck_assert_uint_eq(expect_accepted(&s).memory_pages_max, 9);
    s.bodies[WASM_MEMORY] = B(1, 1, 1, 0x80, 0x80, 0x04);
    ck_assert_uint_eq(expect_accepted(&s).memory_pages_max, 65535);
    s.bodies[WASM_MEMORY] = B(1, 1, 2, 1);
    expect_sections_refused(s, "job.wasm: not a valid wasm module: its memory section is malformed");
    s.bodies[WASM_MEMORY] = B(1, 1, 1, 0x81, 0x80, 0x04);
    expect_sections_refused(s, "job.wasm: not a valid wasm module: its memory section is malformed");
}
END_TEST

START_TEST(memories_of_other_kinds_are_refused_by_name)
{
    WasmSections s = smallest();
    s.bodies[WASM_MEMORY] = B(2, 0, 1, 0, 1);
    expect_sections_refused(s, "job.wasm: has 2 memories, and a SEE has one; build without multi-memory");
    s.bodies[WASM_MEMORY] = B(1, 3, 1, 2);
    expect_sections_refused(s, "job.wasm: uses threads (shared memory), which a SEE does not have; build without it");
    s.bodies[WASM_MEMORY] = B(1, 4, 1);
    expect_sections_refused(s, "job.wasm: uses 64-bit memory, which a SEE does not have; build without it");
    expect_code_refused(B(0, 0x41, 0, 0x28, 0x42, 1, 0, 0x1a, 0x0b),
                        "job.wasm: uses several memories, which a SEE does not have; build without it");
}
END_TEST

START_TEST(simd_is_refused_wherever_it_is)
{
    static const char SENTENCE[] = "job.wasm: uses SIMD (v128), which a SEE does not have; build without it";
    WasmSections s = smallest();
    s.bodies[WASM_TYPE] = B(1, 0x60, 1, 0x7b, 0);
    expect_sections_refused(s, SENTENCE);
    s = smallest();
    s.bodies[WASM_GLOBAL] = B(1, 0x7b, 0, 0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b);
    expect_sections_refused(s, SENTENCE);
    expect_code_refused(B(1, 1, 0x7b, 0x0b), SENTENCE);
    expect_code_refused(B(0, 0x41, 0, 0xfd, 0x0f, 0x1a, 0x0b), SENTENCE);
    expect_code_refused(B(0, 0x02, 0x7b, 0x00, 0x0b, 0x1a, 0x0b), SENTENCE);
    expect_code_refused(B(0, 0x00, 0x1c, 1, 0x7b, 0x1a, 0x0b), SENTENCE);
}
END_TEST

START_TEST(a_constant_that_looks_like_simd_is_not)
{
    static const uint8_t CODE[] = {1, 19, 0,
        0x41, 0xfd, 0xfd, 0xfd, 0x7d, 0x1a,                         /* i32.const */
        0x43, 0xfd, 0xfd, 0xfd, 0xfd, 0x1a,                         /* f32.const */
        0x42, 0xfd, 0xfe, 0x7d, 0x1a, 0x0b};                        /* i64.const */
    WasmSections s = smallest();
    s.bodies[WASM_CODE] = view_of(CODE, sizeof CODE);
    expect_accepted(&s);
}
END_TEST

START_TEST(other_extensions_are_refused_by_name)
{
    WasmSections s = smallest();
    expect_code_refused(B(0, 0xfe, 0x03, 0, 0x0b),
                        "job.wasm: uses threads (atomic instructions), which a SEE does not have; build without it");
    expect_code_refused(B(0, 0x12, 0, 0x0b), "job.wasm: uses tail calls, which a SEE does not have; build without it");
    expect_code_refused(B(0, 0x06, 0x40, 0x0b, 0x0b),
                        "job.wasm: uses exception handling, which a SEE does not have; build without it");
    expect_code_refused(B(0, 0x14, 0, 0x0b),
                        "job.wasm: uses typed function references, which a SEE does not have; build without it");
    expect_code_refused(B(0, 0xfb, 0, 0, 0x0b), "job.wasm: uses garbage collection, which a SEE does not have; build without it");
    s.bodies[WASM_TAG] = B(1, 0, 0);
    expect_sections_refused(s, "job.wasm: uses exception handling, which a SEE does not have; build without it");
    s = smallest();
    s.bodies[WASM_TYPE] = B(1, 0x5f, 0);
    expect_sections_refused(s, "job.wasm: uses garbage collection, which a SEE does not have; build without it");
}
END_TEST

START_TEST(malformed_code_is_refused)
{
    static const char SENTENCE[] = "job.wasm: not a valid wasm module: its code section is malformed";
    expect_code_refused(B(0, 0x01), SENTENCE);                               /* no end */
    expect_code_refused(B(0, 0x0b, 0x0b), SENTENCE);                         /* more behind the end */
    expect_code_refused(B(0, 0x02, 0x40, 0x0b), SENTENCE);                   /* the block ends, the function does not */
    expect_code_refused(B(0, 0x27, 0x0b), SENTENCE);                         /* no such instruction */
    expect_code_refused(B(0, 0xfc, 0x12, 0x0b), SENTENCE);
    expect_code_refused(B(0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b), SENTENCE); /* a branch table larger than the file */
    expect_code_refused(B(0, 0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x0b), SENTENCE); /* a number of six bytes */
    expect_code_refused(B(0, 0x43, 0, 0, 0), SENTENCE);                      /* a constant that is cut off */
    expect_code_refused(B(1, 1, 0x01, 0x0b), SENTENCE);                      /* a local of no type */
    WasmSections s = smallest();
    s.bodies[WASM_CODE] = B(0);
    expect_sections_refused(s, SENTENCE);
}
END_TEST

START_TEST(more_locals_or_table_elements_than_the_limit_are_refused)
{
    expect_code_refused(B(2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 1, 0x7f, 0x0b),
                        "job.wasm: a function has more than 50000 local variables");
    WasmSections s = smallest();
    s.bodies[WASM_TABLE] = B(1, 0x70, 0, 0x80, 0x80, 0xc0, 0);
    expect_accepted(&s);
    s.bodies[WASM_TABLE] = B(2, 0x70, 0, 0x80, 0x80, 0xc0, 0, 0x70, 0, 1);
    expect_sections_refused(s, "job.wasm: its tables begin with 1048577 elements, more than 1048576");
}
END_TEST

START_TEST(blocks_nested_too_deep_are_refused)
{
    enum { DEEPEST = WASM_NESTING_MAX - 1, BODY = 1 + 3 * DEEPEST + 1 }; /* the function itself is the first */
    static uint8_t code[4 + BODY + 3];
    for (unsigned extra = 0; extra < 2; extra++) {
        unsigned depth = DEEPEST + extra, body = 1 + 3 * depth + 1;
        uint8_t *at = code;
        *at++ = 1;
        *at++ = (uint8_t)(body | 0x80), *at++ = (uint8_t)(body >> 7 | 0x80), *at++ = (uint8_t)(body >> 14);
        *at++ = 0;
        for (unsigned i = 0; i < depth; i++) *at++ = 0x02, *at++ = 0x40;
        memset(at, 0x0b, depth + 1);
        WasmSections s = smallest();
        s.bodies[WASM_CODE] = view_of(code, 4 + body);
        if (extra) expect_sections_refused(s, "job.wasm: has blocks nested deeper than 10000");
        else expect_accepted(&s);
    }
}
END_TEST

START_TEST(every_instruction_of_the_core_specification_is_walked)
{
    static const uint8_t CODE[] = {1, 0xdc, 0x00, 0,
        0x00, 0x01, 0x02, 0x40, 0x03, 0x7f, 0x04, 0x05, 0x05, 0x0b, 0x0b, 0x0b, 0x0c, 0, 0x0d, 0, 0x0e, 2, 0, 1, 2, 0x0f,
        0x10, 0, 0x11, 0, 0,
        0x1a, 0x1b, 0x1c, 1, 0x7e, 0x20, 0, 0x21, 0, 0x22, 0, 0x23, 0, 0x24, 0, 0x25, 0, 0x26, 0,
        0x28, 2, 0, 0x29, 3, 0, 0x2a, 2, 0, 0x2b, 3, 0, 0x2c, 0, 0, 0x2d, 0, 0, 0x2e, 1, 0, 0x2f, 1, 0, 0x30, 0, 0, 0x31, 0,
        0, 0x32, 1, 0, 0x33, 1, 0, 0x34, 2, 0, 0x35, 2, 0, 0x36, 2, 0, 0x37, 3, 0, 0x38, 2, 0, 0x39, 3, 0, 0x3a, 0, 0, 0x3b,
        1, 0, 0x3c, 0, 0, 0x3d, 1, 0, 0x3e, 2, 0x80, 0x01, 0x3f, 0, 0x40, 0, 0x41, 0x7f, 0x42, 0x80, 0x7f, 0x43, 1, 2, 3, 4,
        0x44, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 0x67, 0x8a, 0xa7, 0xbf, 0xc0, 0xc4, 0xd0, 0x70, 0xd1, 0xd2, 0, 0xfc, 0, 0xfc, 7,
        0xfc, 8, 0, 0, 0xfc, 9, 0, 0xfc, 10, 0, 0, 0xfc, 11, 0, 0xfc, 12, 0, 0, 0xfc, 13, 0, 0xfc, 14, 0, 0, 0xfc, 15, 0,
        0xfc, 16, 0, 0xfc, 17, 0, 0x0b};
    uint8_t code[sizeof CODE + 1];
    size_t body = sizeof CODE - 3;
    memcpy(code, CODE, sizeof CODE);
    code[1] = (uint8_t)(body | 0x80);
    code[2] = (uint8_t)(body >> 7);
    WasmSections s = smallest();
    s.bodies[WASM_CODE] = view_of(code, sizeof CODE);
    expect_accepted(&s);
}
END_TEST

START_TEST(the_reduced_module_exports_start_alone_and_has_no_names)
{
    static const char EVIL[] = "*/ int evil; /*";
    uint8_t exports[64] = {2, START, 0, sizeof EVIL - 1};
    memcpy(exports + 11, EVIL, sizeof EVIL - 1);
    exports[11 + sizeof EVIL - 1] = WASM_EXTERN_FUNC;
    WasmSections s = smallest();
    s.bodies[WASM_EXPORT] = view_of(exports, 11 + sizeof EVIL - 1 + 2);
    AUTO_BUFFER wasm = assemble(&s), reduced = buffer_limited(MIB);
    ck_assert_ok(buffer_append(&wasm, B(0, 5, 4, 'n', 'a', 'm', 'e'))); /* a custom section */
    bool has_start_function = true;
    ck_assert_ok(module_reduce(view_buffer(&wasm), &reduced, &has_start_function));
    ck_assert(!has_start_function);
    ck_assert_ptr_null(memmem(reduced.data, reduced.size, "evil", 4));
    ck_assert_ptr_null(memmem(reduced.data, reduced.size, "name", 4));

    WasmSections got;
    ck_assert_int_eq(wasm_sections(view_buffer(&reduced), &got), WASM_SECTIONS_OK);
    ck_assert(view_equal(got.bodies[WASM_EXPORT], B(1, START, 0)));
    ck_assert(view_equal(got.bodies[WASM_CODE], s.bodies[WASM_CODE]));
    ModuleInfo info;
    ck_assert_ok(module_check(view_buffer(&reduced), "reduced", SEE_MEMORY_MAX, &info, NULL));
}
END_TEST

START_TEST(the_start_function_becomes_an_export)
{
    WasmSections s = smallest(), got;
    s.bodies[WASM_START] = B(0);
    AUTO_BUFFER wasm = assemble(&s), reduced = buffer_limited(MIB);
    bool has_start_function = false;
    ck_assert_ok(module_reduce(view_buffer(&wasm), &reduced, &has_start_function));
    ck_assert(has_start_function);
    ck_assert_int_eq(wasm_sections(view_buffer(&reduced), &got), WASM_SECTIONS_OK);
    ck_assert_ptr_null(got.bodies[WASM_START].data);
    ck_assert(view_equal(got.bodies[WASM_EXPORT], B(2, START, 0, 5, 's', 't', 'a', 'r', 't', 0, 0)));
}
END_TEST

START_TEST(a_start_section_that_names_no_plain_function_is_refused)
{
    static const char SENTENCE[] = "job.wasm: not a valid wasm module: its start section is malformed";
    WasmSections s = smallest();
    s.bodies[WASM_START] = B(1);
    expect_sections_refused(s, SENTENCE);
    s.bodies[WASM_START] = B(0, 0);
    expect_sections_refused(s, SENTENCE);
    s.bodies[WASM_FUNCTION] = B(2, 0, 1);
    s.bodies[WASM_CODE] = B(2, 2, 0, 0x0b, 2, 0, 0x0b);
    s.bodies[WASM_START] = B(1);
    expect_sections_refused(s, SENTENCE);
}
END_TEST

START_TEST(functions_whose_references_are_taken_stay_exported_under_neutral_names)
{
    WasmSections s = smallest(), got;
    s.bodies[WASM_CODE] = B(1, 5, 0, 0xd2, 0, 0x1a, 0x0b);
    s.bodies[WASM_EXPORT] = B(2, START, 0, 4, 'e', 'v', 'i', 'l', 0, 0);
    AUTO_BUFFER wasm = assemble(&s), reduced = buffer_limited(MIB);
    bool has_start_function;
    ck_assert_ok(module_reduce(view_buffer(&wasm), &reduced, &has_start_function));
    ck_assert_int_eq(wasm_sections(view_buffer(&reduced), &got), WASM_SECTIONS_OK);
    ck_assert(view_equal(got.bodies[WASM_EXPORT], B(2, START, 0, 2, 'f', '1', 0, 0)));
}
END_TEST

TEST_MAIN("image/module", the_smallest_module_is_accepted, what_is_not_wasm_is_refused, a_component_is_refused_by_name,
          every_truncation_is_refused, sections_twice_or_in_the_wrong_order_are_refused,
          an_offered_import_of_the_right_type_is_accepted, the_see_api_is_noticed, an_import_that_is_not_offered_is_named,
          an_import_of_the_wrong_type_is_named_with_the_right_one, imported_memories_tables_and_globals_are_refused,
          a_start_that_is_missing_or_of_another_type_is_refused, memory_above_the_limit_is_refused_and_at_the_limit_accepted,
          the_declared_maximum_of_memory_is_kept_and_65536_pages_are_one_too_many, memories_of_other_kinds_are_refused_by_name,
          simd_is_refused_wherever_it_is, a_constant_that_looks_like_simd_is_not, other_extensions_are_refused_by_name,
          malformed_code_is_refused, more_locals_or_table_elements_than_the_limit_are_refused, blocks_nested_too_deep_are_refused,
          every_instruction_of_the_core_specification_is_walked, the_reduced_module_exports_start_alone_and_has_no_names,
          the_start_function_becomes_an_export, a_start_section_that_names_no_plain_function_is_refused,
          functions_whose_references_are_taken_stay_exported_under_neutral_names)
