/* Intel's extension of PCK certificates: a DER sequence of (identifier, value), of which one value is such a sequence again. */
#include "attest/tdx.h"

#define OID_SGX "1.2.840.113741.1.13.1"
static const uint8_t SGX_PREFIX[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01}; /* the same in DER */

enum { TAG_INTEGER = 0x02, TAG_OCTETS = 0x04, TAG_OID = 0x06, TAG_SEQUENCE = 0x30 };
enum { ITEM_TCB = 2, ITEM_PCE_ID = 3, ITEM_FMSPC = 4, ITEM_PCE_SVN = 17, ITEM_CPU_SVN = 18 };

/* Takes one element with that tag off the front. Lengths up to 65535, shortest form. */
static bool der_take(View *rest, uint8_t tag, View *ret_content)
{
    Reader r = reader_of(*rest);
    uint8_t found = read_u8(&r);
    size_t size = read_u8(&r);
    if (size == 0x81) {
        size = read_u8(&r);
        if (size < 0x80) return false;
    } else if (size == 0x82) {
        size = (size_t)read_u8(&r) << 8;
        size |= read_u8(&r);
        if (size < 0x100) return false;
    } else if (size >= 0x80) {
        return false;
    }
    View content = read_raw(&r, size);
    if (r.bad || found != tag) return false;
    *rest = r.rest;
    *ret_content = content;
    return true;
}

static bool take_number(View *rest, unsigned max, unsigned *ret_number)
{
    View v;
    if (!der_take(rest, TAG_INTEGER, &v) || v.size == 0 || v.size > 3 || v.data[0] >= 0x80) return false;
    unsigned number = 0;
    for (size_t i = 0; i < v.size; i++) number = number << 8 | v.data[i];
    if (number > max) return false;
    *ret_number = number;
    return true;
}

static bool take_octets(View *rest, uint8_t *out, size_t size)
{
    View v;
    if (!der_take(rest, TAG_OCTETS, &v) || v.size != size) return false;
    memcpy(out, v.data, size);
    return true;
}

/* (identifier, value): tail is what follows the prefix. */
static bool take_item(View *list, View *ret_tail, View *ret_value)
{
    View item, oid;
    if (!der_take(list, TAG_SEQUENCE, &item) || !der_take(&item, TAG_OID, &oid)) return false;
    size_t prefix = sizeof SGX_PREFIX;
    if (oid.size <= prefix || memcmp(oid.data, SGX_PREFIX, prefix) != 0) return false;
    *ret_tail = view_of(oid.data + prefix, oid.size - prefix);
    *ret_value = item;
    return true;
}

/* seen: bit n for component n, from 1, and for the PCE's SVN. */
static bool parse_tcb(View list, PckPlatform *p, uint32_t *seen)
{
    while (list.size > 0) {
        View tail, value;
        unsigned number;
        if (!take_item(&list, &tail, &value) || tail.size != 2 || tail.data[0] != ITEM_TCB) return false;
        unsigned item = tail.data[1];
        if (item == ITEM_CPU_SVN) continue; /* the components say the same */
        if (item < 1 || item > ITEM_PCE_SVN || *seen >> item & 1) return false;
        if (!take_number(&value, item == ITEM_PCE_SVN ? UINT16_MAX : UINT8_MAX, &number)) return false;
        if (item == ITEM_PCE_SVN) p->pce_svn = (uint16_t)number;
        else p->components[item - 1] = (uint8_t)number;
        *seen |= 1u << item;
    }
    return true;
}

static bool parse_extension(View list, PckPlatform *p)
{
    bool has_pce_id = false, has_fmspc = false;
    uint32_t seen = 0;
    while (list.size > 0) {
        View tail, value, inner;
        if (!take_item(&list, &tail, &value) || tail.size != 1) return false;
        switch (tail.data[0]) {
        case ITEM_TCB:
            if (seen || !der_take(&value, TAG_SEQUENCE, &inner) || !parse_tcb(inner, p, &seen)) return false;
            break;
        case ITEM_PCE_ID:
            if (has_pce_id || !take_octets(&value, p->pce_id, sizeof p->pce_id)) return false;
            has_pce_id = true;
            break;
        case ITEM_FMSPC:
            if (has_fmspc || !take_octets(&value, p->fmspc, sizeof p->fmspc)) return false;
            has_fmspc = true;
            break;
        default: break; /* PPID, type, configuration: say nothing about the TCB */
        }
    }
    return has_pce_id && has_fmspc && seen == ((1u << (ITEM_PCE_SVN + 1)) - 2);
}

Err pck_platform_parse(X509 *certificate, PckPlatform *ret_platform)
{
    View extension, list;
    PckPlatform p = {0};
    if (certificate_extension(certificate, OID_SGX, &extension).code != 0 || !der_take(&extension, TAG_SEQUENCE, &list) || extension.size != 0 ||
        !parse_extension(list, &p))
        return FAIL(ERR_BAD_INPUT);
    *ret_platform = p;
    return OK;
}
