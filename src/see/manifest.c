/* Which manifests are legal. */
#include "see/manifest.h"

#include <string.h>

bool manifest_validate(const Manifest *m)
{
    return memcmp(m->magic, MANIFEST_MAGIC, sizeof m->magic) == 0 && m->abi_version == SEE_ABI_VERSION &&
           (m->flags & ~(uint32_t)MANIFEST_FLAGS_KNOWN) == 0 && m->memory_pages_initial <= m->memory_pages_max &&
           m->memory_pages_max <= 65535 && memchr(m->entry, 0, sizeof m->entry) && strcmp(m->entry, "_start") == 0 &&
           memchr(m->builder, 0, sizeof m->builder);
}
