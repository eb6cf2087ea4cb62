/* Reference values from YAML: every value is met with the path of keys that leads to it, "snp/minimum_tcb/microcode". */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "attest/reference.h"

enum { PATH_DEPTH_MAX = 6, PATH_TEXT_MAX = 128 };

typedef struct {
    const char *file;
    Reference *reference;
    Diag *diag;
    unsigned line;
    bool is_map[PATH_DEPTH_MAX], has_key[PATH_DEPTH_MAX]; /* has_key: the next scalar of that map is the key's value */
    char keys[PATH_DEPTH_MAX][32];
    size_t depth;
} Walk;

bool reference_has(const ReferenceValues *values, const uint8_t *value, size_t size)
{
    for (size_t i = 0; i < values->count; i++)
        if (memcmp(values->values[i], value, size) == 0) return true;
    return false;
}

static Err add_digest(Walk *w, const char *path, ReferenceValues *values, size_t size, const char *text)
{
    uint8_t value[MEASUREMENT_BYTES_MAX];
    size_t got = 0;
    if (strlen(text) != 2 * size || sodium_hex2bin(value, sizeof value, text, 2 * size, NULL, &got, NULL) != 0 || got != size)
        return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: %s takes %zu hex digits", w->file, w->line, path, 2 * size);
    if (values->count == REFERENCE_VALUES_MAX)
        return FAIL_WHY(w->diag, ERR_LIMIT, "%s:%u: more than %d values of %s", w->file, w->line, REFERENCE_VALUES_MAX, path);
    memcpy(values->values[values->count++], value, size);
    return OK;
}

static Err set_svn(Walk *w, const char *path, uint8_t *svn, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || value > 255) return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: %s takes 0 to 255", w->file, w->line, path);
    *svn = (uint8_t)value;
    return OK;
}

static Err add_status(Walk *w, const char *text)
{
    static const char *const NAMES[] = {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
                                        "OutOfDateConfigurationNeeded"};
    Reference *r = w->reference;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(text, NAMES[i]) != 0) continue;
        if (r->tdx_status_count == REFERENCE_STATUS_MAX) return FAIL_WHY(w->diag, ERR_LIMIT, "%s:%u: too many tcb_status", w->file, w->line);
        snprintf(r->tdx_status[r->tdx_status_count++], sizeof r->tdx_status[0], "%s", text);
        return OK;
    }
    return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: no such tcb_status; Revoked is never accepted", w->file, w->line);
}

static Err take_value(Walk *w, const char *text)
{
    char path[PATH_TEXT_MAX] = "";
    for (size_t i = 0; i < w->depth; i++)
        if (w->is_map[i]) snprintf(path + strlen(path), sizeof path - strlen(path), "%s%s", i ? "/" : "", w->keys[i]);

    Reference *r = w->reference;
    if (strcmp(path, "snp/measurements") == 0) return add_digest(w, path, &r->snp_measurements, 48, text);
    const struct { const char *path; uint8_t *svn; } SVNS[] = {
        {"snp/minimum_tcb/fmc", &r->snp_minimum.fmc}, {"snp/minimum_tcb/bootloader", &r->snp_minimum.bootloader},
        {"snp/minimum_tcb/tee", &r->snp_minimum.tee}, {"snp/minimum_tcb/snp", &r->snp_minimum.snp},
        {"snp/minimum_tcb/microcode", &r->snp_minimum.microcode}};
    for (size_t i = 0; i < sizeof SVNS / sizeof SVNS[0]; i++)
        if (strcmp(path, SVNS[i].path) == 0) return set_svn(w, path, SVNS[i].svn, text);

    static const char *const REGISTERS[TDX_REGISTERS] = {"tdx/mrtd", "tdx/rtmr0", "tdx/rtmr1", "tdx/rtmr2", "tdx/rtmr3"};
    for (size_t i = 0; i < TDX_REGISTERS; i++)
        if (strcmp(path, REGISTERS[i]) == 0) return add_digest(w, path, &r->tdx[i], 48, text);
    if (strcmp(path, "tdx/tcb_status") == 0) return add_status(w, text);

    for (unsigned i = 0; i < TPM_PCRS; i++) {
        char name[16];
        snprintf(name, sizeof name, "tpm/pcr%u", i);
        if (strcmp(path, name) == 0) return add_digest(w, path, &r->tpm_pcrs[i], 32, text);
    }
    return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: unknown key %s; see docs/operations.md", w->file, w->line, path[0] ? path : "(none)");
}

static Err take_scalar(Walk *w, const char *text, size_t length)
{
    if (w->depth == 0 && length == 0) return OK; /* a file of comments alone */
    if (w->depth == 0 || strlen(text) != length) return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: not a list of reference values", w->file, w->line);
    size_t top = w->depth - 1;
    if (!w->is_map[top]) return take_value(w, text);
    if (!w->has_key[top]) {
        if (length >= sizeof w->keys[0]) return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: unknown key", w->file, w->line);
        memcpy(w->keys[top], text, length + 1);
        w->has_key[top] = true;
        return OK;
    }
    w->has_key[top] = false;
    return take_value(w, text);
}

static Err begin(Walk *w, bool is_map)
{
    bool key_is_collection = w->depth && w->is_map[w->depth - 1] && !w->has_key[w->depth - 1];
    if (w->depth == PATH_DEPTH_MAX || key_is_collection || (w->depth == 0 && !is_map))
        return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: not a list of reference values", w->file, w->line);
    w->is_map[w->depth] = is_map;
    w->has_key[w->depth] = false;
    w->depth++;
    return OK;
}

static void end(Walk *w)
{
    w->depth--;
    if (w->depth && w->is_map[w->depth - 1]) w->has_key[w->depth - 1] = false;
}

static Err take_event(Walk *w, const yaml_event_t *event)
{
    w->line = (unsigned)event->start_mark.line + 1;
    switch (event->type) {
    case YAML_SCALAR_EVENT: return take_scalar(w, (const char *)event->data.scalar.value, event->data.scalar.length);
    case YAML_MAPPING_START_EVENT: return begin(w, true);
    case YAML_SEQUENCE_START_EVENT: return begin(w, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: end(w); return OK;
    case YAML_ALIAS_EVENT: return FAIL_WHY(w->diag, ERR_BAD_INPUT, "%s:%u: aliases are not used here; write it out", w->file, w->line);
    default: return OK;
    }
}

Err reference_parse(View yaml, const char *file, Reference *reference, Diag *diag)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return FAIL(ENOMEM);
    yaml_parser_set_input_string(&parser, yaml.data, yaml.size);
    Reference added = *reference;
    Walk walk = {.file = file, .reference = &added, .diag = diag};
    Err e = OK;
    for (bool more = true; more && e.code == 0;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            unsigned line = (unsigned)parser.problem_mark.line + 1;
            e = FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%u: %s", file, line, parser.problem ? parser.problem : "not YAML");
            break;
        }
        e = take_event(&walk, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (e.code == 0) *reference = added;
    return e;
}
