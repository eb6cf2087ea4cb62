/* The one table of error codes, and the text a person reads. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *text; ErrKind kind; } TABLE[ERR_LAST - ERR_FIRST] = {
    [ERR_BAD_INPUT - ERR_FIRST] = {"malformed input", ERR_KIND_INPUT},
    [ERR_USAGE - ERR_FIRST] = {"wrong usage", ERR_KIND_INPUT},
    [ERR_LIMIT - ERR_FIRST] = {"a limit would be exceeded", ERR_KIND_INPUT},
    [ERR_NO_ENTRY - ERR_FIRST] = {"no such entry", ERR_KIND_INPUT},
    [ERR_CORRUPT - ERR_FIRST] = {"stored data is damaged", ERR_KIND_CORRUPT},
    [ERR_DENIED - ERR_FIRST] = {"refused by policy", ERR_KIND_DENIED},
    [ERR_UNSIGNED - ERR_FIRST] = {"not signed", ERR_KIND_DENIED},
    [ERR_BAD_SIGNATURE - ERR_FIRST] = {"the signature does not verify", ERR_KIND_DENIED},
    [ERR_UNTRUSTED - ERR_FIRST] = {"signed by a key that is not trusted here", ERR_KIND_DENIED},
    [ERR_LEVEL - ERR_FIRST] = {"this machine cannot give the security level asked for", ERR_KIND_DENIED},
    [ERR_BUSY - ERR_FIRST] = {"busy; try again", ERR_KIND_RETRY},
    [ERR_CLOSED - ERR_FIRST] = {"the other side is gone", ERR_KIND_RETRY},
    [ERR_PROTOCOL - ERR_FIRST] = {"message not legal here", ERR_KIND_CORRUPT},
    [ERR_TASK_FAILED - ERR_FIRST] = {"some micro-jobs failed for good", ERR_KIND_TASK},
    [ERR_INTERRUPTED - ERR_FIRST] = {"interrupted", ERR_KIND_TASK},
    [ERR_TOOL - ERR_FIRST] = {"an outside tool failed", ERR_KIND_INPUT},
    [ERR_CHANGED - ERR_FIRST] = {"the input changed since the run began", ERR_KIND_INPUT},
    [ERR_TRUNCATED - ERR_FIRST] = {"the end is missing", ERR_KIND_CORRUPT},
    [ERR_MISPLACED - ERR_FIRST] = {"not in its place: reordered, repeated or left out", ERR_KIND_CORRUPT},
    [ERR_FOREIGN - ERR_FIRST] = {"belongs to something else", ERR_KIND_CORRUPT},
    [ERR_STALE - ERR_FIRST] = {"older than what was asked for", ERR_KIND_DENIED},
};

const char *err_text(int code)
{
    if (code == 0) return "success";
    if (code >= ERR_FIRST && code < ERR_LAST) return TABLE[code - ERR_FIRST].text;
    const char *text = strerrordesc_np(code);
    return text ? text : "unknown error";
}

ErrKind err_kind(int code)
{
    if (code == 0) return ERR_KIND_NONE;
    if (code >= ERR_FIRST && code < ERR_LAST) return TABLE[code - ERR_FIRST].kind;
    return ERR_KIND_SYSTEM;
}

int err_exit_code(int code)
{
    if (code == ERR_INTERRUPTED) return 130;
    switch (err_kind(code)) {
    case ERR_KIND_NONE: return 0;
    case ERR_KIND_TASK: return 1;
    case ERR_KIND_INPUT: return 2;
    case ERR_KIND_DENIED:
    case ERR_KIND_CORRUPT: return 3;
    case ERR_KIND_RETRY:
    case ERR_KIND_SYSTEM: return 4;
    }
    return 4;
}

Err diag_fail(Diag *diag, int code, const char *at, const char *format, ...)
{
    if (diag) {
        va_list args;
        va_start(args, format);
        vsnprintf(diag->text, sizeof diag->text, format, args);
        va_end(args);
    }
    return (Err){code, at};
}

Err diag_complete(Diag *diag, Err error, const char *format, ...)
{
    if (diag && diag->text[0] == '\0') {
        va_list args;
        va_start(args, format);
        int n = vsnprintf(diag->text, sizeof diag->text, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < sizeof diag->text)
            snprintf(diag->text + n, sizeof diag->text - (size_t)n, ": %s", err_text(error.code));
    }
    return error;
}
