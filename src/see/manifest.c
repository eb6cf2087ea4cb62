/* Which manifests are legal. */
#include "see/manifest.h"

#include <string.h>

/* Printable text, a NUL, and nothing but NULs behind it: it will be shown on terminals, and there is one way to write each. */
static bool is_text(const char *field, size_t size)
{
    size_t length = strnlen(field, size);
    if (length == size) return false;
    for (size_t i = 0; i < length; i++)
        if (field[i] < ' ' || field[i] > '~') return false;
    for (size_t i = length; i < size; i++)
        if (field[i] != '\0') return false;
    return true;
}

bool manifest_validate(const Manifest *m)
{
    return memcmp(m->magic, MANIFEST_MAGIC, sizeof m->magic) == 0 && m->abi_version == SEE_ABI_VERSION &&
           (m->flags & ~(uint32_t)MANIFEST_FLAGS_KNOWN) == 0 && m->memory_pages_initial <= m->memory_pages_max &&
           m->memory_pages_max <= 65535 && is_text(m->entry, sizeof m->entry) && strcmp(m->entry, "_start") == 0 &&
           is_text(m->builder, sizeof m->builder);
}
