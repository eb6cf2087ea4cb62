/**
 * Errors: one convention for the whole program.
 *
 * An Err is a small value that is never ignored. `code` 0 is success. Codes below ERR_FIRST are errno values; codes from
 * ERR_FIRST on are Covey's own and stand in one table (error.c) with their text and their kind. `at` says where the error
 * began, for the log. What a person needs to read (which file, which line, what to do) goes into a Diag beside it.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

typedef struct { int code; const char *at; } Err;

#define MUST_USE __attribute__((warn_unused_result))
#define STR_(x) #x
#define STR(x) STR_(x)
#define OK ((Err){0, NULL})
#define FAIL(c) ((Err){(c), __FILE__ ":" STR(__LINE__)})
#define TRY(call) do { Err e_ = (call); if (e_.code) return e_; } while (0)

typedef enum {
    ERR_FIRST = 1000,
    ERR_BAD_INPUT = ERR_FIRST, /* a file or message from outside is malformed; the Diag says where */
    ERR_USAGE,                 /* a wrong command line or API call */
    ERR_LIMIT,                 /* a named limit would be exceeded */
    ERR_NO_ENTRY,              /* what was asked for does not exist */
    ERR_CORRUPT,               /* stored data does not match its digest or structure */
    ERR_DENIED,                /* policy refuses */
    ERR_UNSIGNED,              /* no signature where one is needed */
    ERR_BAD_SIGNATURE,         /* a signature does not verify */
    ERR_UNTRUSTED,             /* a good signature by a key that nobody told us to trust */
    ERR_LEVEL,                 /* this machine cannot give that security level */
    ERR_BUSY,                  /* try again later */
    ERR_CLOSED,                /* the other side is gone */
    ERR_PROTOCOL,              /* the other side said something that is not legal now */
    ERR_TASK_FAILED,           /* some micro-job failed for good */
    ERR_INTERRUPTED,           /* the user asked to stop */
    ERR_TOOL,                  /* an outside tool (wasm2c, gcc) failed */
    ERR_CHANGED,               /* input changed since the journal was written */
    ERR_TRUNCATED,             /* the end is missing */
    ERR_MISPLACED,             /* genuine, but not where it belongs: reordered, repeated or left out */
    ERR_FOREIGN,               /* belongs to something else: another dataset, another task */
    ERR_STALE,                 /* genuine, but older than what was asked for */
    ERR_LAST
} ErrCode;

typedef enum {
    ERR_KIND_NONE, ERR_KIND_RETRY, ERR_KIND_INPUT, ERR_KIND_DENIED, ERR_KIND_CORRUPT, ERR_KIND_TASK, ERR_KIND_SYSTEM
} ErrKind;

/** What a person reads: one line, what is wrong, where (file:line), what to do. Set only by a call that fails. */
enum { DIAG_TEXT_MAX = 1024 };
typedef struct { char text[DIAG_TEXT_MAX]; } Diag;

const char *err_text(int code);
ErrKind err_kind(int code);

/** The process exit code that belongs to an error: 0 done, 1 task failed, 2 bad input, 3 refused, 4 system, 130 interrupted. */
int err_exit_code(int code);

/** Writes the text into diag (which may be NULL) and returns the error; use through FAIL_WHY. */
Err diag_fail(Diag *diag, int code, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));

#define FAIL_WHY(diag, code, ...) diag_fail((diag), (code), __FILE__ ":" STR(__LINE__), __VA_ARGS__)

/** Like TRY, but when the callee left no text in the diag it writes one: "<what>: <text of the code>". */
#define TRY_WHY(diag, call, ...) \
    do { Err e_ = (call); if (e_.code) return diag_complete((diag), e_, __VA_ARGS__); } while (0)
Err diag_complete(Diag *diag, Err error, const char *format, ...) __attribute__((format(printf, 3, 4)));
