/* Tokens and the one wildcard. */
#include "bus/subject.h"

#include <string.h>

bool subject_is_token(const char *text)
{
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return length > 0 && length <= SUBJECT_TOKEN_MAX && text[length] == '\0';
}

bool subject_matches(const char *pattern, const char *subject)
{
    const size_t size = strlen(pattern);
    if (size < 2 || strcmp(pattern + size - 2, ".*") != 0) return strcmp(pattern, subject) == 0;
    if (strncmp(pattern, subject, size - 1) != 0) return false;
    const char *last = subject + size - 1;
    return *last && !strchr(last, '.');
}
