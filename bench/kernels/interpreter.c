/* A little stack machine that runs a sieve of Eratosthenes through a table of functions: indirect calls and dispatch. */
#include "kernel.h"

enum { SIEVE = 60000, ROUNDS = 24, STACK = 16, LOCALS = 4 };

typedef struct { int32_t stack[STACK], locals[LOCALS]; int32_t *top; int32_t at, argument; } Machine;
typedef void (*Operation)(Machine *);
typedef struct { uint8_t code; int32_t argument; } Instruction;

static uint8_t flags[SIEVE];

static void op_push(Machine *m) { *++m->top = m->argument; }
static void op_get(Machine *m) { *++m->top = m->locals[m->argument]; }
static void op_set(Machine *m) { m->locals[m->argument] = *m->top--; }
static void op_add(Machine *m) { m->top--, m->top[0] += m->top[1]; }
static void op_less(Machine *m) { m->top--, m->top[0] = m->top[0] < m->top[1]; }
static void op_load(Machine *m) { *m->top = flags[*m->top]; }
static void op_store(Machine *m) { flags[m->top[-1]] = (uint8_t)*m->top, m->top -= 2; }
static void op_jump(Machine *m) { m->at = m->argument; }
static void op_unless(Machine *m) { if (!*m->top--) m->at = m->argument; }
static void op_halt(Machine *m) { m->at = -1; }

enum { PUSH, GET, SET, ADD, LESS, LOAD, STORE, JUMP, UNLESS, HALT };
static const Operation OPERATIONS[] = {op_push, op_get, op_set, op_add, op_less, op_load, op_store, op_jump, op_unless, op_halt};

/* i = 2; count = 0; while (i < SIEVE) { if (!flags[i]) { count++; for (j = i + i; j < SIEVE; j += i) flags[j] = 1; } i++; } */
static const Instruction PROGRAM[] = {
    {PUSH, 2}, {SET, 0}, {PUSH, 0}, {SET, 1},
    {GET, 0}, {PUSH, SIEVE}, {LESS, 0}, {UNLESS, 37}, /* 4 */
    {GET, 0}, {LOAD, 0}, {PUSH, 1}, {LESS, 0}, {UNLESS, 32}, /* 8 */
    {GET, 1}, {PUSH, 1}, {ADD, 0}, {SET, 1}, /* 13 */
    {GET, 0}, {GET, 0}, {ADD, 0}, {SET, 2}, /* 17 */
    {GET, 2}, {PUSH, SIEVE}, {LESS, 0}, {UNLESS, 32}, /* 21 */
    {GET, 2}, {PUSH, 1}, {STORE, 0}, /* 25 */
    {GET, 2}, {GET, 0}, {ADD, 0}, {JUMP, 38}, /* 28 */
    {GET, 0}, {PUSH, 1}, {ADD, 0}, {SET, 0}, {JUMP, 4}, /* 32 */
    {HALT, 0}, /* 37 */
    {SET, 2}, {JUMP, 21}, /* 38 */
};

static int32_t run(void)
{
    Machine m = {.top = m.stack};
    while (m.at >= 0) {
        const Instruction *instruction = &PROGRAM[m.at++];
        m.argument = instruction->argument;
        OPERATIONS[instruction->code](&m);
    }
    return m.locals[1];
}

int main(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIEVE; i++) flags[i] = 0;
        sum = kernel_fold(sum, (uint64_t)run());
    }
    return kernel_done(sum);
}
