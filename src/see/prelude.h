/**
 * What stands in a SEE image in place of the prelude that wasm2c 1.0.32 generates: everything that the generated code after it uses,
 * with the semantics of the WebAssembly core specification 2.0 (section 4.3 for numbers, 4.4 for instructions).
 *
 * It differs from the generated one where an image knows more than a general embedder:
 *   - linear memory lies at the constant address SEE_MEMORY_BASE, so an access needs no base register and no load of one;
 *   - 8 GiB and a page behind it are reserved, so an access needs no bounds check: outside is SIGSEGV, which the runtime calls a trap;
 *   - the module has one instance, at a constant address, so `instance` is not carried through every call;
 *   - an access carries no barrier: gcc may drop a load whose result nobody uses, and with it that load's trap. A result that exists
 *     is never changed by this; a trap never turns into a wrong answer.
 *
 * A translation unit is: the module's header by `wasm2c --module-name module`, this file, the generated text from
 * `static bool s_module_initialized` on, the glue. It needs -fno-strict-aliasing and -fwrapv (image flags are in src/image).
 */
#pragma once
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "see/module.h"
#include <wasm-rt.h>

#define PRELUDE static inline __attribute__((unused))

/** The one instance: static, so that gcc knows its address and sees every use of it. */
static Z_module_instance_t see_instance;

#define FUNC_PROLOGUE instance = &see_instance
#define FUNC_EPILOGUE

#define TRAP(kind) (wasm_rt_trap(WASM_RT_TRAP_##kind), 0)
#define UNREACHABLE TRAP(UNREACHABLE)

/* A null entry has type 0 and no function does, so one comparison finds both a null and a wrong one. The callee takes its instance from
 * FUNC_PROLOGUE and a WASI function has none, so the first argument is nothing. */
#define CALL_INDIRECT(table, signature, type, index, environment, ...)                                     \
    ((LIKELY((index) < (table).size && (table).data[index].func_type == func_types[type]) || TRAP(CALL_INDIRECT)), \
     ((signature)(table).data[index].func)(NULL __VA_OPT__(,) __VA_ARGS__))

/* ---- memory ---- */

#define SEE_AT(address) ((void *)(SEE_MEMORY_BASE + (u64)(address)))

#define RANGE_CHECK(memory, offset, size_) \
    if (UNLIKELY((u64)(offset) + (u64)(size_) > (memory)->size)) TRAP(OOB)

#define LOAD_DATA(memory, offset, data_, size_)           \
    do {                                                  \
        RANGE_CHECK(&(memory), offset, size_);            \
        memcpy(SEE_AT(offset), data_, size_);             \
    } while (0)

#define DEFINE_LOAD(name, stored, widened, result)                                \
    PRELUDE result name(const wasm_rt_memory_t *memory, u64 address)              \
    {                                                                             \
        (void)memory;                                                             \
        stored value;                                                             \
        __builtin_memcpy(&value, SEE_AT(address), sizeof value);                  \
        return (result)(widened)value;                                            \
    }

#define DEFINE_STORE(name, stored, given)                                         \
    PRELUDE void name(const wasm_rt_memory_t *memory, u64 address, given value)   \
    {                                                                             \
        (void)memory;                                                             \
        stored narrowed = (stored)value;                                          \
        __builtin_memcpy(SEE_AT(address), &narrowed, sizeof narrowed);            \
    }

DEFINE_LOAD(i32_load, u32, u32, u32)
DEFINE_LOAD(i64_load, u64, u64, u64)
DEFINE_LOAD(f32_load, f32, f32, f32)
DEFINE_LOAD(f64_load, f64, f64, f64)
DEFINE_LOAD(i32_load8_s, s8, s32, u32)
DEFINE_LOAD(i64_load8_s, s8, s64, u64)
DEFINE_LOAD(i32_load8_u, u8, u32, u32)
DEFINE_LOAD(i64_load8_u, u8, u64, u64)
DEFINE_LOAD(i32_load16_s, s16, s32, u32)
DEFINE_LOAD(i64_load16_s, s16, s64, u64)
DEFINE_LOAD(i32_load16_u, u16, u32, u32)
DEFINE_LOAD(i64_load16_u, u16, u64, u64)
DEFINE_LOAD(i64_load32_s, s32, s64, u64)
DEFINE_LOAD(i64_load32_u, u32, u64, u64)
DEFINE_STORE(i32_store, u32, u32)
DEFINE_STORE(i64_store, u64, u64)
DEFINE_STORE(f32_store, f32, f32)
DEFINE_STORE(f64_store, f64, f64)
DEFINE_STORE(i32_store8, u8, u32)
DEFINE_STORE(i32_store16, u16, u32)
DEFINE_STORE(i64_store8, u8, u64)
DEFINE_STORE(i64_store16, u16, u64)
DEFINE_STORE(i64_store32, u32, u64)

PRELUDE void memory_fill(const wasm_rt_memory_t *memory, u32 to, u32 value, u32 size)
{
    RANGE_CHECK(memory, to, size);
    memset(SEE_AT(to), (int)(value & 255), size);
}

PRELUDE void memory_copy(const wasm_rt_memory_t *to_memory, const wasm_rt_memory_t *from_memory, u32 to, u32 from, u32 size)
{
    RANGE_CHECK(to_memory, to, size);
    RANGE_CHECK(from_memory, from, size);
    memmove(SEE_AT(to), SEE_AT(from), size);
}

PRELUDE void memory_init(const wasm_rt_memory_t *memory, const u8 *segment, u32 segment_size, u32 to, u32 from, u32 size)
{
    if (UNLIKELY((u64)from + size > segment_size)) TRAP(OOB);
    LOAD_DATA(*memory, to, segment + from, size);
}

/* ---- integers ---- */

#define I32_CLZ(x) see_clz32(x)
#define I64_CLZ(x) see_clz64(x)
#define I32_CTZ(x) see_ctz32(x)
#define I64_CTZ(x) see_ctz64(x)
#define I32_POPCNT(x) ((u32)__builtin_popcount(x))
#define I64_POPCNT(x) ((u64)__builtin_popcountll(x))

PRELUDE u32 see_clz32(u32 x) { return x ? (u32)__builtin_clz(x) : 32; }
PRELUDE u64 see_clz64(u64 x) { return x ? (u64)__builtin_clzll(x) : 64; }
PRELUDE u32 see_ctz32(u32 x) { return x ? (u32)__builtin_ctz(x) : 32; }
PRELUDE u64 see_ctz64(u64 x) { return x ? (u64)__builtin_ctzll(x) : 64; }

/* Division is undefined in C where wasm traps (by zero, and the least number by -1) or, for a remainder, gives 0. */
#define DEFINE_DIVISION(bits, u_type, s_type, least)                                              \
    PRELUDE u_type see_div_s##bits(s_type x, s_type y)                                            \
    {                                                                                             \
        if (UNLIKELY(y == 0)) TRAP(DIV_BY_ZERO);                                                  \
        if (UNLIKELY(x == least && y == -1)) TRAP(INT_OVERFLOW);                                  \
        return (u_type)(x / y);                                                                   \
    }                                                                                             \
    PRELUDE u_type see_rem_s##bits(s_type x, s_type y)                                            \
    {                                                                                             \
        if (UNLIKELY(y == 0)) TRAP(DIV_BY_ZERO);                                                  \
        return UNLIKELY(y == -1) ? 0 : (u_type)(x % y);                                           \
    }

DEFINE_DIVISION(32, u32, s32, INT32_MIN)
DEFINE_DIVISION(64, u64, s64, INT64_MIN)

#define I32_DIV_S(x, y) see_div_s32((s32)(x), (s32)(y))
#define I64_DIV_S(x, y) see_div_s64((s64)(x), (s64)(y))
#define I32_REM_S(x, y) see_rem_s32((s32)(x), (s32)(y))
#define I64_REM_S(x, y) see_rem_s64((s64)(x), (s64)(y))

/* Of either width: the generated code gives variables of the right type. */
#define DIV_U(x, y) (LIKELY((y) != 0) ? (x) / (y) : (TRAP(DIV_BY_ZERO), (x)))
#define REM_U(x, y) (LIKELY((y) != 0) ? (x) % (y) : (TRAP(DIV_BY_ZERO), (x)))

#define SEE_ROTATE(x, here, there, n, mask) ((x) here ((n) & (mask)) | (x) there (-(n) & (mask)))
#define I32_ROTL(x, n) SEE_ROTATE(x, <<, >>, n, 31)
#define I64_ROTL(x, n) SEE_ROTATE(x, <<, >>, n, 63)
#define I32_ROTR(x, n) SEE_ROTATE(x, >>, <<, n, 31)
#define I64_ROTR(x, n) SEE_ROTATE(x, >>, <<, n, 63)

/* ---- between numbers ---- */

#define DEFINE_REINTERPRET(name, from, to)                    \
    PRELUDE to name(from x)                                   \
    {                                                         \
        to result;                                            \
        __builtin_memcpy(&result, &x, sizeof result);         \
        return result;                                        \
    }

DEFINE_REINTERPRET(f32_reinterpret_i32, u32, f32)
DEFINE_REINTERPRET(i32_reinterpret_f32, f32, u32)
DEFINE_REINTERPRET(f64_reinterpret_i64, u64, f64)
DEFINE_REINTERPRET(i64_reinterpret_f64, f64, u64)

/* `above` and `below` are the nearest values of the float type outside what truncates into the integer type (or, for the least signed
 * number that the float type can say exactly, the number itself under >=). One comparison pair passes what is legal; NaN fails it. */
#define DEFINE_TRUNCATION(name, from, to, through, test, above, below, least, most)                  \
    PRELUDE to see_trunc_##name(from x)                                                                    \
    {                                                                                                      \
        if (UNLIKELY(!(x test(above) && x < (below)))) {                                                   \
            if (isnan(x)) TRAP(INVALID_CONVERSION);                                                        \
            TRAP(INT_OVERFLOW);                                                                            \
        }                                                                                                  \
        return (to)(through)x;                                                                             \
    }                                                                                                      \
    PRELUDE to see_trunc_sat_##name(from x)                                                                \
    {                                                                                                      \
        if (LIKELY(x test(above) && x < (below))) return (to)(through)x;                                   \
        return isnan(x) ? 0 : x < 0 ? (to)(least) : (to)(most);                                            \
    }

DEFINE_TRUNCATION(i32_s_f32, f32, u32, s32, >=, -0x1p31f, 0x1p31f, INT32_MIN, INT32_MAX)
DEFINE_TRUNCATION(i32_s_f64, f64, u32, s32, >, -2147483649.0, 0x1p31, INT32_MIN, INT32_MAX)
DEFINE_TRUNCATION(i64_s_f32, f32, u64, s64, >=, -0x1p63f, 0x1p63f, INT64_MIN, INT64_MAX)
DEFINE_TRUNCATION(i64_s_f64, f64, u64, s64, >=, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
DEFINE_TRUNCATION(i32_u_f32, f32, u32, u32, >, -1.0f, 0x1p32f, 0, UINT32_MAX)
DEFINE_TRUNCATION(i32_u_f64, f64, u32, u32, >, -1.0, 0x1p32, 0, UINT32_MAX)
DEFINE_TRUNCATION(i64_u_f32, f32, u64, u64, >, -1.0f, 0x1p64f, 0, UINT64_MAX)
DEFINE_TRUNCATION(i64_u_f64, f64, u64, u64, >, -1.0, 0x1p64, 0, UINT64_MAX)

#define I32_TRUNC_S_F32 see_trunc_i32_s_f32
#define I32_TRUNC_S_F64 see_trunc_i32_s_f64
#define I64_TRUNC_S_F32 see_trunc_i64_s_f32
#define I64_TRUNC_S_F64 see_trunc_i64_s_f64
#define I32_TRUNC_U_F32 see_trunc_i32_u_f32
#define I32_TRUNC_U_F64 see_trunc_i32_u_f64
#define I64_TRUNC_U_F32 see_trunc_i64_u_f32
#define I64_TRUNC_U_F64 see_trunc_i64_u_f64
#define I32_TRUNC_SAT_S_F32 see_trunc_sat_i32_s_f32
#define I32_TRUNC_SAT_S_F64 see_trunc_sat_i32_s_f64
#define I64_TRUNC_SAT_S_F32 see_trunc_sat_i64_s_f32
#define I64_TRUNC_SAT_S_F64 see_trunc_sat_i64_s_f64
#define I32_TRUNC_SAT_U_F32 see_trunc_sat_i32_u_f32
#define I32_TRUNC_SAT_U_F64 see_trunc_sat_i32_u_f64
#define I64_TRUNC_SAT_U_F32 see_trunc_sat_i64_u_f32
#define I64_TRUNC_SAT_U_F64 see_trunc_sat_i64_u_f64

/* ---- floating point ---- */

/* A signalling NaN becomes the quiet one with the same payload; C's conversions and library functions need not do that. */
#define DEFINE_FLOAT(type, bits_type, f, quiet_bit, sign_bit, reinterpret_to, reinterpret_from)           \
    PRELUDE type wasm_quiet##f(type x)                                                                     \
    {                                                                                                      \
        return UNLIKELY(isnan(x)) ? reinterpret_from(reinterpret_to(x) | (quiet_bit)) : x;                 \
    }                                                                                                      \
    PRELUDE type wasm_fabs##f(type x)                                                                      \
    {                                                                                                      \
        return reinterpret_from(reinterpret_to(x) & ~(bits_type)(sign_bit));                               \
    }                                                                                                      \
    PRELUDE type wasm_floor##f(type x) { return UNLIKELY(isnan(x)) ? wasm_quiet##f(x) : floor##f(x); }     \
    PRELUDE type wasm_ceil##f(type x) { return UNLIKELY(isnan(x)) ? wasm_quiet##f(x) : ceil##f(x); }       \
    PRELUDE type wasm_trunc##f(type x) { return UNLIKELY(isnan(x)) ? wasm_quiet##f(x) : trunc##f(x); }     \
    PRELUDE type wasm_nearbyint##f(type x) { return UNLIKELY(isnan(x)) ? wasm_quiet##f(x) : nearbyint##f(x); } \
    PRELUDE type wasm_sqrt##f(type x) { return sqrt##f(x); }                                               \
    PRELUDE type see_fmin##f(type x, type y)                                                               \
    {                                                                                                      \
        if (x < y) return x;                                                                               \
        if (LIKELY(y < x)) return y;                                                                       \
        return x == y ? reinterpret_from(reinterpret_to(x) | reinterpret_to(y)) : (type)NAN;               \
    }                                                                                                      \
    PRELUDE type see_fmax##f(type x, type y)                                                               \
    {                                                                                                      \
        if (x > y) return x;                                                                               \
        if (LIKELY(y > x)) return y;                                                                       \
        return x == y ? reinterpret_from(reinterpret_to(x) & reinterpret_to(y)) : (type)NAN;               \
    }

DEFINE_FLOAT(f32, u32, f, UINT32_C(1) << 22, UINT32_C(1) << 31, i32_reinterpret_f32, f32_reinterpret_i32)
DEFINE_FLOAT(f64, u64, , UINT64_C(1) << 51, UINT64_C(1) << 63, i64_reinterpret_f64, f64_reinterpret_i64)

/* Equal numbers differ in nothing but a zero's sign, and -0 is the lesser: so the bits are joined or met. */
#define FMIN(x, y) _Generic((x), f32: see_fminf, f64: see_fmin)(x, y)
#define FMAX(x, y) _Generic((x), f32: see_fmaxf, f64: see_fmax)(x, y)

/* ---- tables ---- */

typedef struct {
    uint32_t func_type_index;
    wasm_rt_function_ptr_t func;
    size_t module_offset;
} wasm_elem_segment_expr_t;

PRELUDE void funcref_table_init(const wasm_rt_funcref_table_t *table, const wasm_elem_segment_expr_t *segment, u32 segment_size, u32 to,
                                u32 from, u32 count, void *instance, const u32 *types)
{
    if (UNLIKELY((u64)from + count > segment_size || (u64)to + count > table->size)) TRAP(OOB);
    for (u32 i = 0; i < count; i++) {
        const wasm_elem_segment_expr_t *entry = &segment[from + i];
        table->data[to + i] = (wasm_rt_funcref_t){types[entry->func_type_index], entry->func, (char *)instance + entry->module_offset};
    }
}

/* A table of external references can only be initialised with nulls. */
PRELUDE void externref_table_init(const wasm_rt_externref_table_t *table, u32 segment_size, u32 to, u32 from, u32 count)
{
    if (UNLIKELY((u64)from + count > segment_size || (u64)to + count > table->size)) TRAP(OOB);
    for (u32 i = 0; i < count; i++) table->data[to + i] = wasm_rt_externref_null_value;
}

#define DEFINE_TABLE(kind)                                                                                             \
    PRELUDE wasm_rt_##kind##_t kind##_table_get(const wasm_rt_##kind##_table_t *table, u32 index)                      \
    {                                                                                                                  \
        if (UNLIKELY(index >= table->size)) TRAP(OOB);                                                                 \
        return table->data[index];                                                                                     \
    }                                                                                                                  \
    PRELUDE void kind##_table_set(const wasm_rt_##kind##_table_t *table, u32 index, wasm_rt_##kind##_t value)          \
    {                                                                                                                  \
        if (UNLIKELY(index >= table->size)) TRAP(OOB);                                                                 \
        table->data[index] = value;                                                                                    \
    }                                                                                                                  \
    PRELUDE void kind##_table_fill(const wasm_rt_##kind##_table_t *table, u32 to, wasm_rt_##kind##_t value, u32 count) \
    {                                                                                                                  \
        if (UNLIKELY((u64)to + count > table->size)) TRAP(OOB);                                                        \
        for (u32 i = 0; i < count; i++) table->data[to + i] = value;                                                   \
    }                                                                                                                  \
    PRELUDE void kind##_table_copy(const wasm_rt_##kind##_table_t *to_table, const wasm_rt_##kind##_table_t *from_table, u32 to, \
                                   u32 from, u32 count)                                                                \
    {                                                                                                                  \
        if (UNLIKELY((u64)to + count > to_table->size || (u64)from + count > from_table->size)) TRAP(OOB);             \
        memmove(to_table->data + to, from_table->data + from, count * sizeof(wasm_rt_##kind##_t));                     \
    }

DEFINE_TABLE(funcref)
DEFINE_TABLE(externref)
