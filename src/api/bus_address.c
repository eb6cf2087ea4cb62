/* The address of a bus with memory of its own. */
#include "api/bus_address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static Err copy(const char *text, char **ret_text)
{
    if (!text) return OK;
    char *own = strdup(text);
    if (!own) return FAIL(ENOMEM);
    *ret_text = own;
    return OK;
}

Err bus_address_copy(const covey_bus *bus, BusAddress *ret_address)
{
    BusAddress a = {.replicas = bus->replicas};
    Err e = copy(bus->url, &a.url);
    if (!e.code) e = copy(bus->tls_ca, &a.tls_ca);
    if (!e.code) e = copy(bus->key, &a.key);
    if (e.code) bus_address_free(&a);
    else *ret_address = a;
    return e;
}

void bus_address_free(BusAddress *address)
{
    free(address->url);
    free(address->tls_ca);
    free(address->key);
    *address = (BusAddress){0};
}
