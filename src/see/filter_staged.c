/*
 * What the inner filter lets through besides, where a task may claim staged data: one call, that can only put pages of descriptor 0 into linear
 * memory, readable, writable, private, in the place of pages that are there. Tasks that stage nothing get the filter of see/filter.c alone.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "see/filter_staged.h"
#include "see/runtime.h"

#define LOW(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define HIGH(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]) + 4)
#define IS(value, rest) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (rest)) /* otherwise to KILL, `rest` further */

/* The address lies in the 4 GiB from SEE_MEMORY_BASE and the length is below 4 GiB: nothing outside the reservation can be replaced. */
const struct sock_filter FILTER_STAGED[FILTER_STAGED_COUNT] = {
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, FILTER_STAGED_COUNT - 1),
    HIGH(0), IS(SEE_MEMORY_BASE >> 32, 11 - 2),
    HIGH(1), IS(0, 11 - 4),
    LOW(2), IS(PROT_READ | PROT_WRITE, 11 - 6),
    LOW(3), IS(MAP_PRIVATE | MAP_FIXED, 11 - 8),
    LOW(4), IS(FD_SOCKET, 11 - 10),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
