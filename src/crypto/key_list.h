/**
 * Lists of keys in files: words on lines, # begins a comment, blank lines are nothing. Not secret, but nobody else may write them: who can add a
 * line decides what runs here.
 */
#pragma once
#include "base/bytes.h"

enum { KEY_LINE_WORDS_MAX = 4, KEY_LINE_BYTES_MAX = 512 };

typedef struct { const char *at; size_t number; char **words; size_t count; } KeyLine; /* at: "file:line", for messages */
typedef Err (*KeyLineVisit)(void *context, const KeyLine *line, Diag *diag);

/** Visits every line that is not empty. No file: no line. errors: the visitor's, ERR_DENIED (others can write it), ERR_BAD_INPUT (a line too long,
 *  of too many words, or with a NUL), ERR_LIMIT (the file is larger than bytes_max) */
MUST_USE Err key_list_each(const char *directory, const char *name, size_t bytes_max, KeyLineVisit visit, void *context, Diag *diag);

/** Appends a line; the file is old or new, never half. The caller holds key_store_lock. */
MUST_USE Err key_list_append(const char *directory, const char *name, size_t bytes_max, const char *line, Diag *diag);
