/** Subjects: tokens with dots between. Pure. */
#pragma once
#include <stdbool.h>

enum { SUBJECT_TOKEN_MAX = 63 };

/** One token of letters, digits, - and _ : what an id is made of. */
bool subject_is_token(const char *text);
/** Whether `pattern` is `subject`, or ends in ".*" and has exactly one token of `subject` there. */
bool subject_matches(const char *pattern, const char *subject);
