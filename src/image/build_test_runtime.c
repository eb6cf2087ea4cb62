/*
 * A stand-in for the SEE runtime, so that image/build_test can run what it builds: memory where an image expects it, fd_write to
 * descriptor 1, traps as exit code 99. Compiled by the test itself; no part of Covey.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "see/module.h"
#include <wasm-rt.h>

void wasm_rt_trap(wasm_rt_trap_t trap)
{
    (void)trap;
    _exit(99);
}

bool wasm_rt_is_initialized(void) { return true; }

uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...)
{
    static uint32_t next;
    (void)params, (void)results;
    return ++next;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t max_pages)
{
    void *base = mmap((void *)SEE_MEMORY_BASE, (size_t)pages * WASM_PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (base != (void *)SEE_MEMORY_BASE) _exit(98);
    *memory = (wasm_rt_memory_t){.data = base, .pages = pages, .max_pages = max_pages, .size = pages * WASM_PAGE_BYTES};
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

struct Z_wasi_snapshot_preview1_instance_t;
uint32_t Z_wasi_snapshot_preview1Z_fd_write(struct Z_wasi_snapshot_preview1_instance_t *none, uint32_t fd, uint32_t pieces,
                                            uint32_t count, uint32_t written);
uint32_t Z_wasi_snapshot_preview1Z_fd_write(struct Z_wasi_snapshot_preview1_instance_t *none, uint32_t fd, uint32_t pieces,
                                            uint32_t count, uint32_t written)
{
    (void)none, (void)fd, (void)count, (void)written;
    const uint32_t *piece = (const uint32_t *)(SEE_MEMORY_BASE + pieces);
    return write(1, (const void *)(SEE_MEMORY_BASE + piece[0]), piece[1]) == (ssize_t)piece[1] ? 0 : 29;
}

int main(void)
{
    if (see_manifest.abi_version != SEE_ABI_VERSION) return 97;
    see_module.instantiate();
    see_module.start();
    return 0;
}
