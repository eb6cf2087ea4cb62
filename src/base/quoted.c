/* Untrusted text for error messages. */
#include "base/quoted.h"

#include <stdio.h>

Quoted quoted(View text)
{
    enum { ESCAPE = 4, DOTS = 3 };
    Quoted q;
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool plain = c >= 0x20 && c < 0x7f;
        if (used + (plain ? 1 : ESCAPE) + DOTS >= sizeof q.text) {
            memcpy(q.text + used, "...", DOTS);
            used += DOTS;
            break;
        }
        if (plain) q.text[used++] = (char)c;
        else used += (size_t)snprintf(q.text + used, ESCAPE + 1, "\\x%02x", c);
    }
    q.text[used] = '\0';
    return q;
}
