/* Names of nodes that nobody named. */
#include "api/node_name.h"

#include <stdio.h>

enum { KEY_BYTES = 8 };

NodeName node_name_of(const PublicKey *key)
{
    NodeName name;
    int n = snprintf(name.text, sizeof name.text, "node-");
    for (int i = 0; i < KEY_BYTES; i++) n += snprintf(name.text + n, sizeof name.text - (size_t)n, "%02x", key->bytes[i]);
    return name;
}
