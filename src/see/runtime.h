/**
 * Inside a SEE: what the files of the runtime share. Nothing here is known outside src/see.
 *
 * The runtime is the part of an image that everybody trusts: it must stay small, allocate nothing after start, and make only the system
 * calls that see/filter.c lists. Two processes run it: the zygote (trusted, runs no code of the module) and the SEE (runs the module).
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "see/channel.h"
#include "see/module.h"
#include "see/outcome.h"
#include "see/slot.h"

enum { FD_SOCKET = 0, FD_SLOT = 0 }; /* the zygote's socket; after the fork a SEE finds its slot in the same place, and nothing else */

enum { WASI_STREAMS = 3, WASI_FDS = WASI_STREAMS + STAGING_PLACES };

/** What SETUP said; read-only after start. */
typedef struct {
    ChannelSetup head;
    const char *args[TASK_ARGS_MAX], *env[TASK_ARGS_MAX];
    char text[TASK_ARG_BYTES_MAX];
    int slot_fds[ZYGOTE_SLOTS_MAX];
    int staging_fds[STAGING_FDS];
} Setup;
extern Setup setup;

/** The micro-job that runs now; reset for each. Whatever every micro-job writes to is in here: each page that a SEE writes to is copied for it. */
typedef struct {
    int slot_fd, input_fd;      /* input_fd: where the plain input lies, from ask.input_offset on */
    SlotAsk ask;
    SlotAnswer answer;
    uint64_t input_cursor;
    uint64_t clock_reads_ns;    /* virtual time that has passed */
    uint64_t random_block;      /* next block of the derived stream */
    uint8_t stream_of_fd[WASI_FDS]; /* which stream a WASI descriptor names: STREAM_*; fd_close and fd_renumber change it */
    bool memory_limit_hit;
    int64_t bounced_chunk, cipher_piece; /* see input.c: which chunk lies open in the bounce buffer, whose key is made ready */
    uint32_t bounced_piece, output_fill, output_chunk; /* see output.c: bytes gathered, and for which chunk */
    volatile sig_atomic_t inside_module;
    Outcome ended;              /* why it jumped to `end` */
    void *end[5];               /* where a trap, an exit or a limit jumps to: the compiler's own; libc's writes to a page of its own besides */
} Job;
extern Job job;
enum { STREAM_NONE, STREAM_INPUT, STREAM_OUTPUT, STREAM_LOG, STREAM_CLAIM /* and up: staged data, in the order of the claims */ };

/** Ends the running micro-job. */
_Noreturn void job_end(Outcome outcome);
/** Reads the first `count` micro-jobs of a slot; false when that cannot be done. */
bool job_read(int slot_fd, uint32_t count, SlotJob *ret_records);
/** Runs micro-job `index` of the slot to its end and writes its answer there. genuine: its keys are there (see/sealed.h). */
void job_run(int slot_fd, uint32_t index, const SlotAsk *ask, bool genuine);
/** In place of one that died, where that must not show (is_hiding): writes the answer of a module that said nothing. */
void job_default(int slot_fd, const SlotAsk *ask);

/** Linear memory: see/memory.c. */
void memory_start(void);
uint8_t *memory_at(uint64_t offset, uint64_t size); /* NULL when any byte lies outside the present memory */
void memory_will_write(const void *data, uint64_t size); /* before a system call writes there (shared: lifts the write tracking) */
uint64_t memory_size(void);

/** Level `shared`: take the image's initial state, and put it back; see/restore.c. */
void restore_prepare(void);
void restore_now(void);
bool restore_on_write(uintptr_t address); /* true: a tracked page was opened for writing, try again */
/** Registers memory to be tracked and restored; called while the module is instantiated. */
void restore_add_area(uint8_t *base, size_t size);

/** The segment, plain or sealed, as the module reads it; see/input.c. Damage ends the micro-job. */
uint64_t input_size(void);
void input_read(uint8_t *data, uint64_t size, uint64_t offset); /* offset + size <= input_size() */
void input_begin(void);
/** Opens all of a sealed segment once, so that damage is found before the module runs. */
void input_check(void);

/** The result and the log, plain or sealed; see/output.c. */
void output_begin(void);
void output_write(const struct iovec *parts, int count, uint64_t bytes);
void output_end(void);
/** Where the output is one value (ROLE_VALUES): nothing was said. */
void output_forget(void);
void output_log(const struct iovec *parts, int count);

/** Claims the micro-job's own input; false: it is not there any more. */
bool staging_take_input(uint32_t place, uint64_t size, int *ret_fd);
/** Staged data that was claimed, as the module reads it; see/staging.c. */
uint64_t staging_size(int stream);
uint64_t *staging_cursor(int stream);
void staging_read(int stream, uint8_t *data, uint64_t size, uint64_t offset);
void staging_close(int stream);
void staging_keep(int slot_fd); /* a SEE closes everything but its slot, board and places */

void trap_install(void);
/** Fills with the micro-job's random bytes: derived, or the kernel's. */
void random_fill(uint8_t *data, uint64_t size);
void filter_install(bool staged);

_Noreturn void serve_process(void);
void serve_shared_prepare(void);
_Noreturn void serve_shared(void);
/** Blocks for the next RUN packet. Ends the process when the socket is closed or the packet is not legal. */
uint32_t serve_receive(uint32_t ret_slots[ZYGOTE_SLOTS_MAX]);
void serve_done(const ChannelSlotDone *done, uint32_t count);
_Noreturn void see_exit(int code);
