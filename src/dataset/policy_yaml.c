/* Policies as people write them: YAML in, by a table of keys, each mistake named with its line; YAML out. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quoted.h"
#include "base/rfc3339.h"
#include "base/suggest.h"
#include "base/yaml.h"
#include "crypto/keyring.h"
#include "dataset/policy.h"

enum { ITEM_BYTES = 32 };
static const char MEASUREMENT_PREFIX[] = "sha256:";

typedef struct { const char *file; Policy *policy; Diag *diag; } Reading;

typedef struct {
    const char *key;
    Err (*read)(const Reading *r, const YamlNode *value);
} Key;

#define BAD(r, line, ...) bad((r), (line), __FILE__ ":" STR(__LINE__), __VA_ARGS__)
static Err __attribute__((format(printf, 4, 5))) bad(const Reading *r, unsigned line, const char *at, const char *format, ...)
{
    char what[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return diag_fail(r->diag, ERR_BAD_INPUT, at, "%s:%u: %s", r->file, line, what);
}

static Err scalar(const Reading *r, const YamlNode *value, const char **ret_text)
{
    const char *key = value->key ? value->key : "entry";
    if (value->kind != YAML_SCALAR) return BAD(r, value->line, "'%s' must be a single value", key);
    if (value->text[0] == '\0') return BAD(r, value->line, "'%s' is empty; give it a value or leave it out", key);
    *ret_text = value->text;
    return OK;
}

/** The entries of a list; one value alone is a list of one. */
static Err entries(const Reading *r, const YamlNode *value, size_t max, const YamlNode **ret_first, size_t *ret_count)
{
    if (value->kind == YAML_MAP) return BAD(r, value->line, "'%s' must be a list", value->key);
    bool list = value->kind == YAML_LIST;
    size_t count = list ? 0 : 1;
    for (const YamlNode *n = list ? value->first : NULL; n; n = n->next) count++;
    if (count > max) return BAD(r, value->line, "'%s' has %zu entries, more than %zu", value->key, count, max);
    *ret_first = list ? value->first : value;
    *ret_count = count;
    return OK;
}

typedef bool (*ItemParse)(const char *text, uint8_t ret_item[ITEM_BYTES]);

static bool parse_measurement(const char *text, uint8_t ret_item[ITEM_BYTES])
{
    size_t prefix = sizeof MEASUREMENT_PREFIX - 1, size = 0;
    return strncmp(text, MEASUREMENT_PREFIX, prefix) == 0 && strlen(text) == prefix + (size_t)2 * ITEM_BYTES &&
           sodium_hex2bin(ret_item, ITEM_BYTES, text + prefix, (size_t)2 * ITEM_BYTES, NULL, &size, NULL) == 0 && size == ITEM_BYTES;
}

static bool parse_signing(const char *text, uint8_t ret_item[ITEM_BYTES])
{
    PublicKey key;
    if (public_key_parse(text, &key).code) return false;
    memcpy(ret_item, key.bytes, ITEM_BYTES);
    return true;
}

static bool parse_sealing(const char *text, uint8_t ret_item[ITEM_BYTES])
{
    SealPublicKey key;
    if (seal_public_parse(text, &key).code) return false;
    memcpy(ret_item, key.bytes, ITEM_BYTES);
    return true;
}

static Err fill_items(const Reading *r, const YamlNode *first, ItemParse parse, const char *looks, uint8_t *items)
{
    size_t i = 0;
    for (const YamlNode *n = first; n; n = n->next, i++) {
        const char *text = NULL;
        TRY(scalar(r, n, &text));
        if (!parse(text, items + i * ITEM_BYTES)) return BAD(r, n->line, "'%s' is not %s", quoted(view_text(text)).text, looks);
        for (size_t k = 0; k < i; k++)
            if (memcmp(items + k * ITEM_BYTES, items + i * ITEM_BYTES, ITEM_BYTES) == 0)
                return BAD(r, n->line, "'%s' is listed twice; remove one", quoted(view_text(text)).text);
        if (n->key) break; /* one value that stands for a list: what follows it are other keys */
    }
    return OK;
}

static Err items(const Reading *r, const YamlNode *value, size_t max, ItemParse parse, const char *looks, void *ret_items, size_t *ret_count)
{
    const YamlNode *first;
    size_t count;
    TRY(entries(r, value, max, &first, &count));
    uint8_t *list = calloc(count + 1, ITEM_BYTES);
    if (!list) return FAIL(ENOMEM);
    memcpy(ret_items, &list, sizeof list); /* owned by the policy from here on, whatever is in it */
    TRY(fill_items(r, first, parse, looks, list));
    *ret_count = count;
    return OK;
}

static Err read_name(const Reading *r, const YamlNode *value)
{
    const char *text = NULL;
    TRY(scalar(r, value, &text));
    if (strlen(text) > POLICY_NAME_MAX) return BAD(r, value->line, "the name is longer than %d bytes", POLICY_NAME_MAX);
    memcpy(r->policy->name, text, strlen(text) + 1);
    return OK;
}

static Err read_images(const Reading *r, const YamlNode *value)
{
    return items(r, value, POLICY_IMAGES_MAX, parse_measurement, "a measurement, 'sha256:' and 64 hexadecimal digits (covey image inspect prints it)",
                 &r->policy->images, &r->policy->image_count);
}

static Err read_signers(const Reading *r, const YamlNode *value)
{
    return items(r, value, POLICY_SIGNERS_MAX, parse_signing, "a signing key, 'covey-ed25519:...' (covey key show prints yours)",
                 &r->policy->signers, &r->policy->signer_count);
}

static Err read_nodes(const Reading *r, const YamlNode *value)
{
    return items(r, value, POLICY_NODES_MAX, parse_signing, "a node's key, 'covey-ed25519:...'", &r->policy->nodes, &r->policy->node_count);
}

static Err read_recipients(const Reading *r, const YamlNode *value)
{
    return items(r, value, POLICY_RECIPIENTS_MAX, parse_sealing, "a sealing key, 'covey-x25519:...' (covey key show --sealing prints yours)",
                 &r->policy->recipients, &r->policy->recipient_count);
}

static Err read_level(const Reading *r, const YamlNode *value)
{
    const char *text = NULL;
    TRY(scalar(r, value, &text));
    if (!level_parse(text, &r->policy->level))
        return BAD(r, value->line, "'level: %s' must be shared, process, microvm or confidential", quoted(view_text(text)).text);
    return OK;
}

static const struct { const char *name; EvidenceKind kind; } EVIDENCE[] = {
    {"node-key", EVIDENCE_NODE_KEY}, {"tpm2", EVIDENCE_TPM2}, {"sev-snp", EVIDENCE_SEV_SNP}, {"tdx", EVIDENCE_TDX}};
enum { EVIDENCE_COUNT = sizeof EVIDENCE / sizeof EVIDENCE[0] };

static Err read_evidence(const Reading *r, const YamlNode *value)
{
    const YamlNode *n;
    size_t count;
    TRY(entries(r, value, EVIDENCE_COUNT, &n, &count));
    for (r->policy->evidence = 0; count > 0; n = n->next, count--) {
        const char *text = NULL;
        uint32_t bit = 0;
        TRY(scalar(r, n, &text));
        for (size_t i = 0; i < EVIDENCE_COUNT; i++)
            if (strcmp(text, EVIDENCE[i].name) == 0) bit = EVIDENCE[i].kind;
        if (!bit) return BAD(r, n->line, "'%s' is no kind of evidence; it is node-key, tpm2, sev-snp or tdx", quoted(view_text(text)).text);
        r->policy->evidence |= bit;
    }
    return OK;
}

static Err read_expires(const Reading *r, const YamlNode *value)
{
    const char *text = NULL;
    TRY(scalar(r, value, &text));
    if (rfc3339_parse(view_text(text), &r->policy->expires).code || r->policy->expires == 0)
        return BAD(r, value->line, "'expires: %s' must be a time such as 2027-01-01T00:00:00Z", quoted(view_text(text)).text);
    return OK;
}

static Err read_runs(const Reading *r, const YamlNode *value)
{
    const char *text = NULL;
    uint64_t runs = 0;
    TRY(scalar(r, value, &text));
    bool number = text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 18 && sscanf(text, "%" SCNu64, &runs) == 1 && runs > 0;
    if (!number) return BAD(r, value->line, "'runs: %s' must be a whole number from 1 on; leave it out for any number of runs", quoted(view_text(text)).text);
    r->policy->runs_max = runs;
    return OK;
}

static Err budget_text(const Reading *r, const YamlNode *value, size_t max, char *ret_text)
{
    const char *text = NULL;
    TRY(scalar(r, value, &text));
    if (strlen(text) > max) return BAD(r, value->line, "'%s' is longer than %zu bytes", value->key, max);
    memcpy(ret_text, text, strlen(text) + 1);
    return OK;
}

static Err read_accounting(const Reading *r, const YamlNode *value)
{
    const char *text = NULL;
    TRY(scalar(r, value, &text));
    r->policy->budget.zcdp = strcmp(text, "zcdp") == 0;
    if (!r->policy->budget.zcdp && strcmp(text, "basic") != 0) return BAD(r, value->line, "'accounting: %s' must be basic or zcdp", quoted(view_text(text)).text);
    return OK;
}

static Err read_budget(const Reading *r, const YamlNode *value)
{
    PolicyBudget *b = &r->policy->budget;
    const struct { const char *key; size_t max; char *text; } texts[] = {
        {"epsilon", POLICY_NUMBER_MAX, b->epsilon}, {"delta", POLICY_NUMBER_MAX, b->delta}, {"rho", POLICY_NUMBER_MAX, b->rho}, {"person", POLICY_NAME_MAX, b->person}};
    if (value->kind != YAML_MAP) return BAD(r, value->line, "'budget' says what all answers together may cost, such as {epsilon: 1}");
    for (const YamlNode *n = value->first; n; n = n->next) {
        bool known = strcmp(n->key, "accounting") == 0;
        if (known) TRY(read_accounting(r, n));
        for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !known; i++) {
            known = strcmp(n->key, texts[i].key) == 0;
            if (known) TRY(budget_text(r, n, texts[i].max, texts[i].text));
        }
        if (!known) return BAD(r, n->key_line, "unknown key '%s'; a budget has epsilon, delta, rho, accounting and person", quoted(view_text(n->key)).text);
    }
    b->is_set = true;
    return OK;
}

static const Key KEYS[] = {
    {"policy", read_name}, {"images", read_images}, {"signers", read_signers}, {"level", read_level}, {"evidence", read_evidence}, {"nodes", read_nodes},
    {"recipients", read_recipients}, {"expires", read_expires}, {"runs", read_runs}, {"budget", read_budget}, {NULL, NULL}};

static Err read_key(const Reading *r, const YamlNode *value)
{
    for (const Key *k = KEYS; k->key; k++)
        if (strcmp(k->key, value->key) == 0) return k->read(r, value);
    const char *near = suggest(value->key, &KEYS[0].key, sizeof *KEYS);
    return BAD(r, value->key_line, "unknown key '%s'; %s%s%s", quoted(view_text(value->key)).text, near ? "did you mean '" : "docs/formats/policy.md lists them",
               near ? near : "", near ? "'?" : "");
}

static Err read_tree(const Reading *r, const YamlNode *root)
{
    if (root->kind != YAML_MAP) return BAD(r, root->line, "a policy is a mapping of keys to values, such as 'policy: my-data'");
    r->policy->level = LEVEL_PROCESS;
    if (!tree_find(root, "evidence"))
        return BAD(r, root->line, "'evidence' is missing: how must a node prove what it is? any of [node-key, tpm2, sev-snp, tdx]");
    for (const YamlNode *n = root->first; n; n = n->next) TRY(read_key(r, n));
    Diag why = {{0}};
    Err e = policy_check(r->policy, &why);
    return e.code ? BAD(r, root->line, "%s", why.text) : OK;
}

Err policy_parse_yaml(View yaml, const char *name, Policy *ret_policy, Diag *diag)
{
    assert(name && ret_policy);

    Policy p = {.name = ""};
    YamlNode *root;
    if (yaml.size > POLICY_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a policy may be (%d bytes)", name, POLICY_BYTES_MAX);
    TRY(tree_read(yaml, name, "policy", &root, diag));
    Err e = read_tree(&(Reading){.file = name, .policy = &p, .diag = diag}, root);
    tree_free(&root);
    if (e.code) {
        policy_free(&p);
        return e;
    }
    *ret_policy = p;
    return OK;
}
