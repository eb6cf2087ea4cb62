/* Reference values from YAML; every mistake is named with its line. */
#include "attest/reference.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/yaml.h"

typedef struct { const char *file; Reference *reference; Diag *diag; } Source;
typedef Err (*SectionReader)(const Source *s, const YamlNode *entry, bool *ret_known);

bool reference_has(const ReferenceValues *values, const uint8_t *value, size_t size)
{
    for (size_t i = 0; i < values->count; i++)
        if (memcmp(values->values[i], value, size) == 0) return true;
    return false;
}

static Err add_digest(const Source *s, const YamlNode *node, const char *key, size_t size, ReferenceValues *values)
{
    uint8_t value[MEASUREMENT_BYTES_MAX];
    size_t got = 0;
    bool ok = node->kind == YAML_SCALAR && strlen(node->text) == 2 * size &&
              sodium_hex2bin(value, sizeof value, node->text, 2 * size, NULL, &got, NULL) == 0 && got == size;
    if (!ok) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: %s takes a list of %zu hex digits each", s->file, node->line, key, 2 * size);
    if (values->count == REFERENCE_VALUES_MAX)
        return FAIL_WHY(s->diag, ERR_LIMIT, "%s:%u: more than %d values of %s", s->file, node->line, REFERENCE_VALUES_MAX, key);
    memcpy(values->values[values->count++], value, size);
    return OK;
}

static Err add_digests(const Source *s, const YamlNode *list, size_t size, ReferenceValues *values)
{
    if (list->kind != YAML_LIST) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: %s takes a list: [...]", s->file, list->line, list->key);
    for (const YamlNode *n = list->first; n; n = n->next) TRY(add_digest(s, n, list->key, size, values));
    return OK;
}

static Err set_minimum(const Source *s, const YamlNode *map)
{
    SnpTcb *m = &s->reference->snp_minimum;
    const struct { const char *name; uint8_t *svn; } PARTS[] = {
        {"fmc", &m->fmc}, {"bootloader", &m->bootloader}, {"tee", &m->tee}, {"snp", &m->snp}, {"microcode", &m->microcode}};
    if (map->kind != YAML_MAP) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: minimum_tcb takes {bootloader: N, ...}", s->file, map->line);
    for (const YamlNode *n = map->first; n; n = n->next) {
        uint8_t *svn = NULL;
        for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
            if (strcmp(n->key, PARTS[i].name) == 0) svn = PARTS[i].svn;
        if (!svn) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: minimum_tcb has fmc, bootloader, tee, snp and microcode", s->file, n->line);
        char *end = NULL;
        unsigned long value = n->kind == YAML_SCALAR ? strtoul(n->text, &end, 10) : 256;
        if (value > 255 || n->text[0] < '0' || n->text[0] > '9' || *end)
            return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: %s takes 0 to 255", s->file, n->line, n->key);
        *svn = (uint8_t)value;
    }
    return OK;
}

/* Revoked is not among them: it is never accepted. */
static Err add_status(const Source *s, const YamlNode *node)
{
    static const char *const NAMES[] = {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
                                        "OutOfDateConfigurationNeeded"};
    Reference *r = s->reference;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (node->kind != YAML_SCALAR || strcmp(node->text, NAMES[i]) != 0) continue;
        if (r->tdx_status_count == REFERENCE_STATUS_MAX) return FAIL_WHY(s->diag, ERR_LIMIT, "%s:%u: too many of tcb_status", s->file, node->line);
        snprintf(r->tdx_status[r->tdx_status_count++], sizeof r->tdx_status[0], "%s", NAMES[i]);
        return OK;
    }
    return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: tcb_status takes UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, "
                    "OutOfDate or OutOfDateConfigurationNeeded", s->file, node->line);
}

static Err read_snp(const Source *s, const YamlNode *entry, bool *ret_known)
{
    if (strcmp(entry->key, "measurements") == 0) return add_digests(s, entry, 48, &s->reference->snp_measurements);
    if (strcmp(entry->key, "minimum_tcb") == 0) return set_minimum(s, entry);
    *ret_known = false;
    return OK;
}

static Err read_tdx(const Source *s, const YamlNode *entry, bool *ret_known)
{
    static const char *const REGISTERS[TDX_REGISTERS] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    for (size_t i = 0; i < TDX_REGISTERS; i++)
        if (strcmp(entry->key, REGISTERS[i]) == 0) return add_digests(s, entry, 48, &s->reference->tdx[i]);
    *ret_known = strcmp(entry->key, "tcb_status") == 0;
    if (!*ret_known) return OK;
    if (entry->kind != YAML_LIST) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: tcb_status takes a list: [...]", s->file, entry->line);
    for (const YamlNode *n = entry->first; n; n = n->next) TRY(add_status(s, n));
    return OK;
}

static Err read_tpm(const Source *s, const YamlNode *entry, bool *ret_known)
{
    for (unsigned i = 0; i < TPM_PCRS; i++) {
        char name[16];
        snprintf(name, sizeof name, "pcr%u", i);
        if (strcmp(entry->key, name) == 0) return add_digests(s, entry, 32, &s->reference->tpm_pcrs[i]);
    }
    *ret_known = false;
    return OK;
}

static Err read_section(const Source *s, const YamlNode *section)
{
    static const struct { const char *name; SectionReader reader; } SECTIONS[] = {{"snp", read_snp}, {"tdx", read_tdx}, {"tpm", read_tpm}};
    for (size_t i = 0; i < sizeof SECTIONS / sizeof SECTIONS[0]; i++) {
        if (strcmp(section->key, SECTIONS[i].name) != 0) continue;
        if (section->kind != YAML_MAP) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: %s takes keys below it", s->file, section->line, section->key);
        for (const YamlNode *n = section->first; n; n = n->next) {
            bool known = true;
            TRY(SECTIONS[i].reader(s, n, &known));
            if (!known) return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: %s has no such key; see docs/operations.md", s->file, n->key_line, section->key);
        }
        return OK;
    }
    return FAIL_WHY(s->diag, ERR_BAD_INPUT, "%s:%u: a reference file has snp, tdx and tpm", s->file, section->key_line);
}

Err reference_parse(View yaml, const char *file, Reference *reference, Diag *diag)
{
    YamlNode *root = NULL;
    TRY(tree_read(yaml, file, "reference file", &root, diag));
    Reference added = *reference;
    const Source s = {file, &added, diag};
    Err e = OK;
    if (root->kind != YAML_MAP) e = FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%u: a reference file has snp, tdx and tpm", file, root->line);
    for (const YamlNode *n = root->first; n && e.code == 0; n = n->next) e = read_section(&s, n);
    tree_free(&root);
    if (e.code == 0) *reference = added;
    return e;
}
