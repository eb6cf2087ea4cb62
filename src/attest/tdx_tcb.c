/* Intel's JSON: signature over its exact text, validity, and levels; see tdx_tcb.h. */
#include <sodium.h>
#include <stdio.h>

#include "attest/tdx_tcb.h"
#include "base/rfc3339.h"

#define SIGNATURE_KEY ",\"signature\":\""
enum { SIGNATURE_TEXT_BYTES = 2 * P256_BYTES, MASKED_BYTES_MAX = 16 };

static bool hex_to(const char *text, size_t length, uint8_t *out, size_t size)
{
    size_t got = 0;
    return length == 2 * size && sodium_hex2bin(out, size, text, length, NULL, &got, NULL) == 0 && got == size;
}

static bool json_hex(const json_t *object, const char *key, uint8_t *out, size_t size)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) && hex_to(json_string_value(value), json_string_length(value), out, size);
}

static bool json_is(const json_t *object, const char *key, const char *expected)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, expected) == 0;
}

/* A number in range, or -1. */
static json_int_t json_number(const json_t *object, const char *key, json_int_t max)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    return number >= 0 && number <= max ? number : -1;
}

Err intel_statement_parse(View file, const char *name, IntelStatement *ret_statement)
{
    while (file.size > 0 && (file.data[file.size - 1] == '\n' || file.data[file.size - 1] == '\r')) file.size--;
    char head[64];
    size_t before = (size_t)snprintf(head, sizeof head, "{\"%s\":", name), key = strlen(SIGNATURE_KEY), after = key + SIGNATURE_TEXT_BYTES + 2;
    if (file.size < before + after || memcmp(file.data, head, before) != 0) return FAIL(ERR_BAD_INPUT);

    View text = view_of(file.data + before, file.size - before - after), tail = view_of(text.data + text.size, after);
    IntelStatement s = {.signed_text = text};
    if (memcmp(tail.data, SIGNATURE_KEY, key) != 0 || memcmp(tail.data + after - 2, "\"}", 2) != 0 ||
        !hex_to((const char *)tail.data + key, SIGNATURE_TEXT_BYTES, s.signature, sizeof s.signature))
        return FAIL(ERR_BAD_INPUT);
    s.body = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(s.body)) {
        json_decref(s.body);
        return FAIL(ERR_BAD_INPUT);
    }
    *ret_statement = s;
    return OK;
}

void intel_statement_free(IntelStatement *s)
{
    json_decref(s->body);
    s->body = NULL;
}

bool intel_statement_is_fresh(const IntelStatement *s, uint64_t now)
{
    uint64_t issued, next;
    const char *from = json_string_value(json_object_get(s->body, "issueDate")), *to = json_string_value(json_object_get(s->body, "nextUpdate"));
    return from && to && rfc3339_parse(view_text(from), &issued).code == 0 && rfc3339_parse(view_text(to), &next).code == 0 &&
           issued <= now && now < next;
}

bool tcb_info_is_for(const IntelStatement *s, const PckPlatform *platform)
{
    uint8_t fmspc[FMSPC_BYTES], pce_id[2];
    return json_is(s->body, "id", "TDX") && json_number(s->body, "version", 3) == 3 && json_hex(s->body, "fmspc", fmspc, sizeof fmspc) &&
           json_hex(s->body, "pceId", pce_id, sizeof pce_id) && memcmp(fmspc, platform->fmspc, sizeof fmspc) == 0 &&
           memcmp(pce_id, platform->pce_id, sizeof pce_id) == 0;
}

bool qe_identity_is_for_tdx(const IntelStatement *s) { return json_is(s->body, "id", "TD_QE") && json_number(s->body, "version", 2) == 2; }

/* Whether each of the components, from `first` on, is at least what the level asks for. A component that is not there fits nothing. */
static bool components_reach(const uint8_t have[TCB_COMPONENTS], const json_t *wanted, size_t first)
{
    if (json_array_size(wanted) != TCB_COMPONENTS) return false;
    for (size_t i = first; i < TCB_COMPONENTS; i++) {
        json_int_t svn = json_number(json_array_get(wanted, i), "svn", UINT8_MAX);
        if (svn < 0 || have[i] < svn) return false;
    }
    return true;
}

/* A TDX module of version 1 or more is judged by its own identity; the first two components are its SVN and version then. */
static unsigned module_version(const TdxQuote *q) { return q->tee_tcb_svn[1]; }

const char *tcb_info_status(const IntelStatement *tcb_info, const PckPlatform *platform, const TdxQuote *quote)
{
    size_t i, first = module_version(quote) > 0 ? 2 : 0;
    json_t *level;
    json_array_foreach(json_object_get(tcb_info->body, "tcbLevels"), i, level) { /* Intel sorts them, newest first */
        const json_t *tcb = json_object_get(level, "tcb");
        json_int_t pce_svn = json_number(tcb, "pcesvn", UINT16_MAX);
        if (pce_svn >= 0 && platform->pce_svn >= pce_svn && components_reach(platform->components, json_object_get(tcb, "sgxtcbcomponents"), 0) &&
            components_reach(quote->tee_tcb_svn, json_object_get(tcb, "tdxtcbcomponents"), first))
            return json_string_value(json_object_get(level, "tcbStatus"));
    }
    return NULL;
}

static const char *svn_status(const json_t *levels, unsigned svn)
{
    size_t i;
    json_t *level;
    json_array_foreach(levels, i, level) {
        json_int_t wanted = json_number(json_object_get(level, "tcb"), "isvsvn", UINT16_MAX);
        if (wanted >= 0 && svn >= wanted) return json_string_value(json_object_get(level, "tcbStatus"));
    }
    return NULL;
}

/* Whether value & mask is the expected one; all three of that size. */
static bool masked_fits(const json_t *o, const char *key, const char *mask_key, const uint8_t *value, size_t size)
{
    uint8_t expected[MASKED_BYTES_MAX], mask[MASKED_BYTES_MAX];
    if (!json_hex(o, key, expected, size) || !json_hex(o, mask_key, mask, size)) return false;
    for (size_t i = 0; i < size; i++)
        if ((value[i] & mask[i]) != expected[i]) return false;
    return true;
}

static bool module_fits(const json_t *identity, const TdxQuote *q)
{
    uint8_t signer[48];
    return json_hex(identity, "mrsigner", signer, sizeof signer) && memcmp(signer, q->module_signer, sizeof signer) == 0 &&
           masked_fits(identity, "attributes", "attributesMask", q->module_attributes, sizeof q->module_attributes);
}

const char *tcb_info_module_status(const IntelStatement *tcb_info, const TdxQuote *quote)
{
    if (module_version(quote) == 0) /* its SVN is part of the platform's level */
        return module_fits(json_object_get(tcb_info->body, "tdxModule"), quote) ? "UpToDate" : NULL;
    char id[16];
    snprintf(id, sizeof id, "TDX_%02X", module_version(quote));
    size_t i;
    json_t *identity;
    json_array_foreach(json_object_get(tcb_info->body, "tdxModuleIdentities"), i, identity)
        if (json_is(identity, "id", id) && module_fits(identity, quote)) return svn_status(json_object_get(identity, "tcbLevels"), quote->tee_tcb_svn[0]);
    return NULL;
}

const char *qe_identity_status(const IntelStatement *identity, const QeReport *report)
{
    uint8_t signer[32];
    const json_t *o = identity->body;
    bool fits = json_hex(o, "mrsigner", signer, sizeof signer) && memcmp(signer, report->signer, sizeof signer) == 0 &&
                json_number(o, "isvprodid", UINT16_MAX) == report->product &&
                masked_fits(o, "miscselect", "miscselectMask", report->miscselect, sizeof report->miscselect) &&
                masked_fits(o, "attributes", "attributesMask", report->attributes, sizeof report->attributes);
    return fits ? svn_status(json_object_get(o, "tcbLevels"), report->svn) : NULL;
}
