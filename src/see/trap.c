/*
 * Faults of the module become outcomes. Linear memory is reserved so widely that every access out of bounds faults; the fault address says
 * what it was. Anything else is a real crash and kills the SEE.
 */
#include <sys/mman.h>
#include <ucontext.h>

#include "see/runtime.h"
#include <wasm-rt.h>

enum { STACK_NEAR = 1 << 20 }; /* a fault this near to the stack pointer is the stack's own: the kernel keeps a guard gap of 1 MiB */

static uint8_t handler_stack[32 << 10] __attribute__((aligned(16)));

static bool in_linear_memory(uintptr_t address)
{
    return address - SEE_MEMORY_BASE < SEE_MEMORY_RESERVE;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr;
    if (signal_number == SIGSEGV && info->si_code == SEGV_ACCERR && restore_on_write(address)) return;
    if (job.inside_module && signal_number == SIGSEGV) {
        uintptr_t stack = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
        if (in_linear_memory(address)) job_end(OUTCOME_OUT_OF_BOUNDS);
        if (address + STACK_NEAR > stack && address < stack + STACK_NEAR) job_end(OUTCOME_STACK_OVERFLOW);
    }
    __builtin_trap(); /* SIGILL, not handled: the SEE dies as a crash, and is reported as one */
}

void trap_install(void)
{
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const struct sigaction ends_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigaction(SIGCHLD, &ends_only, NULL) < 0 || sigaltstack(&stack, NULL) < 0 ||
        sigaction(SIGSEGV, &action, NULL) < 0 || sigaction(SIGBUS, &action, NULL) < 0 ||
        sigprocmask(SIG_BLOCK, &child, NULL) < 0)
        see_exit(6);
}

void wasm_rt_trap(wasm_rt_trap_t trap)
{
    static const Outcome OUTCOME[] = {
        [WASM_RT_TRAP_OOB] = OUTCOME_OUT_OF_BOUNDS,
        [WASM_RT_TRAP_INT_OVERFLOW] = OUTCOME_INTEGER_OVERFLOW,
        [WASM_RT_TRAP_DIV_BY_ZERO] = OUTCOME_DIVISION_BY_ZERO,
        [WASM_RT_TRAP_INVALID_CONVERSION] = OUTCOME_BAD_CONVERSION,
        [WASM_RT_TRAP_UNREACHABLE] = OUTCOME_UNREACHABLE,
        [WASM_RT_TRAP_CALL_INDIRECT] = OUTCOME_BAD_INDIRECT_CALL,
        [WASM_RT_TRAP_EXHAUSTION] = OUTCOME_STACK_OVERFLOW,
    };
    bool known = (size_t)trap < sizeof OUTCOME / sizeof OUTCOME[0] && OUTCOME[trap] != OUTCOME_NONE;
    job_end(known ? OUTCOME[trap] : OUTCOME_UNREACHABLE);
}
