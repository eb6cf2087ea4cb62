/**
 * WASI preview 1 (wasi_snapshot_preview1) as a SEE offers it: error numbers, types, and how a function is declared. All functions of the
 * interface exist; what a SEE has no file system or network for answers with the error number that the interface names for it.
 * source: WASI/legacy/preview1/docs.md
 */
#pragma once
#include "see/runtime.h"

typedef enum {
    WASI_SUCCESS = 0, WASI_BADF = 8, WASI_FAULT = 21, WASI_INVAL = 28, WASI_NOSYS = 52, WASI_NOTDIR = 54, WASI_NOTSOCK = 57,
    WASI_NOTSUP = 58, WASI_OVERFLOW = 61, WASI_SPIPE = 70, WASI_NOTCAPABLE = 76
} WasiErrno;

/* wasm2c's names: Z_<import module>Z_<function>; the first argument is the import module's instance, which we have none of. */
struct Z_wasi_snapshot_preview1_instance_t;
#define SELF struct Z_wasi_snapshot_preview1_instance_t *unused __attribute__((unused))
#define WASI_NAME(name, ...) uint32_t Z_wasi_snapshot_preview1Z_##name(__VA_ARGS__)
#define WASI(...) WASI_NAME(__VA_ARGS__); WASI_NAME(__VA_ARGS__) /* the prototype, then the head of the definition */

/** Copies a value to linear memory; false when it does not fit there. */
bool wasi_put(uint32_t address, const void *value, uint32_t size);
static inline bool wasi_put_u32(uint32_t address, uint32_t v) { return wasi_put(address, &v, sizeof v); }
static inline bool wasi_put_u64(uint32_t address, uint64_t v) { return wasi_put(address, &v, sizeof v); }

/** The stream behind a descriptor, or STREAM_NONE. */
int wasi_stream(uint32_t fd);

/** Virtual time since the micro-job began; every look at the clock moves it by a microsecond, a wait by what was waited for. */
uint64_t wasi_clock_ns(void);
void wasi_clock_advance(uint64_t ns);
#define WASI_EPOCH_NS (UINT64_C(1577836800) * NS_PER_S) /* the virtual wall clock starts at 2020-01-01T00:00:00Z */
