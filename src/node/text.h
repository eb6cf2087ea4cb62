/** Text that a less trusted process wrote, made fit to be shown. */
#pragma once
#include "base/bytes.h"

/** Copies up to the first NUL or the room; what is not printable ASCII becomes '?'. Always terminated. room > 0. */
static inline void text_copy(char *ret_text, size_t room, View from)
{
    size_t i = 0;
    for (; i < from.size && i + 1 < room && from.data[i]; i++) {
        bool printable = from.data[i] >= 0x20 && from.data[i] < 0x7f;
        ret_text[i] = printable ? (char)from.data[i] : '?';
    }
    ret_text[i] = '\0';
}
