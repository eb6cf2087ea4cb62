/*
 * Walks wasm code. A table says what follows each opcode; the walk needs no types and no stack, only the depth of open blocks.
 * source: WebAssembly core specification 2.0, section 5.4; the opcodes of later proposals, so that they can be refused by name.
 */
#include "image/wasm.h"

typedef enum {
    UNKNOWN, NONE, OPEN_BLOCK, CLOSE_BLOCK, BRANCH_TABLE, INDEX, TWO_INDEXES, TYPES, LEB32, LEB64, BYTES4, BYTES8, MEMORY_ACCESS,
    BYTE, REF_TYPE, REF_FUNC, PREFIX_FC, SIMD, THREADS, EXCEPTIONS, TAIL_CALLS, FUNCTION_REFERENCES, GARBAGE_COLLECTION
} Follows;

typedef struct { uint8_t first, last, follows; } OpcodeRange;

/* In ascending order; what no range names is no opcode. */
static const OpcodeRange OPCODES[] = {
    {0x00, 0x01, NONE}, {0x02, 0x04, OPEN_BLOCK}, {0x05, 0x05, NONE}, {0x06, 0x0a, EXCEPTIONS}, {0x0b, 0x0b, CLOSE_BLOCK},
    {0x0c, 0x0d, INDEX}, {0x0e, 0x0e, BRANCH_TABLE}, {0x0f, 0x0f, NONE}, {0x10, 0x10, INDEX}, {0x11, 0x11, TWO_INDEXES},
    {0x12, 0x13, TAIL_CALLS}, {0x14, 0x15, FUNCTION_REFERENCES}, {0x18, 0x19, EXCEPTIONS}, {0x1a, 0x1b, NONE},
    {0x1c, 0x1c, TYPES}, {0x1f, 0x1f, EXCEPTIONS}, {0x20, 0x26, INDEX}, {0x28, 0x3e, MEMORY_ACCESS}, {0x3f, 0x40, BYTE},
    {0x41, 0x41, LEB32}, {0x42, 0x42, LEB64}, {0x43, 0x43, BYTES4}, {0x44, 0x44, BYTES8}, {0x45, 0xc4, NONE},
    {0xd0, 0xd0, REF_TYPE}, {0xd1, 0xd1, NONE}, {0xd2, 0xd2, REF_FUNC}, {0xd3, 0xd3, GARBAGE_COLLECTION},
    {0xd4, 0xd6, FUNCTION_REFERENCES}, {0xfb, 0xfb, GARBAGE_COLLECTION}, {0xfc, 0xfc, PREFIX_FC}, {0xfd, 0xfd, SIMD},
    {0xfe, 0xfe, THREADS},
};

/* Instructions behind the prefix 0xfc: saturating truncation, then bulk memory and tables. */
static const uint8_t FOLLOWS_FC[] = {
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, TWO_INDEXES, INDEX, TWO_INDEXES, INDEX, TWO_INDEXES, INDEX, TWO_INDEXES,
    INDEX, INDEX, INDEX,
};

static Follows follows_of(uint8_t opcode)
{
    for (size_t i = 0; i < sizeof OPCODES / sizeof OPCODES[0] && OPCODES[i].first <= opcode; i++)
        if (opcode <= OPCODES[i].last) return OPCODES[i].follows;
    return UNKNOWN;
}

static const char *proposal_name(Follows follows)
{
    switch (follows) {
    case SIMD: return "SIMD (v128)";
    case THREADS: return "threads (atomic instructions)";
    case EXCEPTIONS: return "exception handling";
    case TAIL_CALLS: return "tail calls";
    case FUNCTION_REFERENCES: return "typed function references";
    case GARBAGE_COLLECTION: return "garbage collection";
    default: return NULL;
    }
}

const char *wasm_type_refused(uint8_t type)
{
    switch (type) {
    case WASM_I32: case WASM_I64: case WASM_F32: case WASM_F64: case WASM_FUNCREF: case WASM_EXTERNREF: return NULL;
    case WASM_V128: return proposal_name(SIMD);
    case 0x69: case 0x74: return proposal_name(EXCEPTIONS);
    case 0x63: case 0x64: return proposal_name(FUNCTION_REFERENCES);
    default: return (type >= 0x6a && type <= 0x73) ? proposal_name(GARBAGE_COLLECTION) : "";
    }
}

static void skip_leb(Reader *r, unsigned bytes_max)
{
    for (unsigned i = 0; i < bytes_max; i++)
        if (!(read_u8(r) & 0x80)) return;
    r->bad = true;
}

static void check_type(Reader *r, uint8_t type, WasmCode *code)
{
    const char *refused = wasm_type_refused(type);
    if (!refused) return;
    if (*refused) code->proposal = refused;
    else r->bad = true;
}

/* Empty, a value type, or the index of a function type as a positive number of 33 bits. */
static void skip_block_type(Reader *r, WasmCode *code)
{
    uint8_t first = r->rest.size ? r->rest.data[0] : 0;
    if (first == 0x40 || (first & 0xc0) != 0x40) {
        skip_leb(r, 5);
        return;
    }
    check_type(r, read_u8(r), code);
}

static void skip_branch_table(Reader *r)
{
    uint32_t count = wasm_u32(r);
    if (count >= r->rest.size) r->bad = true; /* every entry takes a byte at least */
    for (uint32_t i = 0; !r->bad && i <= count; i++) wasm_u32(r);
}

static void skip_types(Reader *r, WasmCode *code)
{
    uint32_t count = wasm_u32(r);
    if (count > r->rest.size) r->bad = true;
    for (uint32_t i = 0; !r->bad && !code->proposal && i < count; i++) check_type(r, read_u8(r), code);
}

static void skip_memory_access(Reader *r, WasmCode *code)
{
    if (wasm_u32(r) >= 64) code->proposal = "several memories"; /* the alignment's bit 6 says that a memory index follows */
    wasm_u32(r);
}

static void skip_operands(Reader *r, Follows follows, WasmCode *code)
{
    switch (follows) {
    case NONE: case OPEN_BLOCK: case CLOSE_BLOCK: return;
    case INDEX: wasm_u32(r); return;
    case TWO_INDEXES: wasm_u32(r); wasm_u32(r); return;
    case LEB32: skip_leb(r, 5); return;
    case LEB64: skip_leb(r, 10); return;
    case BYTES4: read_raw(r, 4); return;
    case BYTES8: read_raw(r, 8); return;
    case BYTE: read_u8(r); return;
    case BRANCH_TABLE: skip_branch_table(r); return;
    case TYPES: skip_types(r, code); return;
    case MEMORY_ACCESS: skip_memory_access(r, code); return;
    case REF_TYPE: check_type(r, read_u8(r), code); return;
    case REF_FUNC: wasm_u32(r); code->takes_references = true; return;
    case PREFIX_FC: {
        uint32_t opcode = wasm_u32(r);
        if (opcode >= sizeof FOLLOWS_FC) r->bad = true;
        else skip_operands(r, FOLLOWS_FC[opcode], code);
        return;
    }
    case UNKNOWN: r->bad = true; return;
    case SIMD: case THREADS: case EXCEPTIONS: case TAIL_CALLS: case FUNCTION_REFERENCES: case GARBAGE_COLLECTION:
        code->proposal = proposal_name(follows);
        return;
    }
}

void wasm_skip_expression(Reader *r, WasmCode *code)
{
    for (uint32_t depth = 1; depth > 0 && !r->bad && !code->proposal && !code->too_deep;) {
        uint8_t opcode = read_u8(r);
        if (r->bad) return;
        Follows follows = follows_of(opcode);
        if (follows == OPEN_BLOCK) {
            skip_block_type(r, code);
            code->too_deep = ++depth > WASM_NESTING_MAX;
        } else if (follows == CLOSE_BLOCK) {
            depth--;
        } else {
            skip_operands(r, follows, code);
        }
    }
}
