/**
 * The WebAssembly binary format (core specification, section 5), as far as image/ needs it: numbers, names, the sections of a
 * module, and a walk over code that knows the length of every instruction. Hostile input: every read is bounded by
 * base/bytes.h's Reader.
 */
#pragma once
#include "base/bytes.h"

enum { WASM_FUNC_FORM = 0x60, WASM_HEADER_BYTES = 8 };
enum { WASM_I32 = 0x7f, WASM_I64 = 0x7e, WASM_F32 = 0x7d, WASM_F64 = 0x7c, WASM_V128 = 0x7b };
enum { WASM_FUNCREF = 0x70, WASM_EXTERNREF = 0x6f };
enum { WASM_EXTERN_FUNC, WASM_EXTERN_TABLE, WASM_EXTERN_MEMORY, WASM_EXTERN_GLOBAL, WASM_EXTERN_TAG };

typedef enum {
    WASM_CUSTOM, WASM_TYPE, WASM_IMPORT, WASM_FUNCTION, WASM_TABLE, WASM_MEMORY, WASM_GLOBAL, WASM_EXPORT, WASM_START,
    WASM_ELEMENT, WASM_CODE, WASM_DATA, WASM_DATA_COUNT, WASM_TAG, WASM_SECTION_COUNT
} WasmSection;

/** LEB128, unsigned, at most 32 bits in at most 5 bytes; sets `bad` on anything else. */
uint32_t wasm_u32(Reader *r);
/** A length, then that many bytes. */
View wasm_name(Reader *r);

/** What a module's sections are; absent ones have data NULL. Custom sections are skipped. */
typedef struct { View bodies[WASM_SECTION_COUNT]; } WasmSections;
typedef enum { WASM_SECTIONS_OK, WASM_SECTIONS_TRUNCATED, WASM_SECTIONS_MALFORMED } WasmSectionsResult;
/** `wasm` has at least the 8 bytes of the header, which are not looked at. */
WasmSectionsResult wasm_sections(View wasm, WasmSections *ret_sections);

enum { WASM_NESTING_MAX = 10000 }; /* wasm2c recurses, and falls over its stack at some 30,000 */

/** What code uses, gathered over any number of walks. */
typedef struct {
    const char *proposal;   /* an extension that no SEE has, by name: the walk stopped there */
    bool takes_references;  /* ref.func appears */
    bool too_deep;          /* blocks within blocks beyond WASM_NESTING_MAX: the walk stopped there */
} WasmCode;

/** Walks one expression up to and including its `end`. Sets r->bad when it is malformed; stops with code->proposal or
 *  code->too_deep set when refused. */
void wasm_skip_expression(Reader *r, WasmCode *code);
/** Why a value type is refused, or NULL: the name of the proposal, or "" when it is no value type at all. */
const char *wasm_type_refused(uint8_t type);
