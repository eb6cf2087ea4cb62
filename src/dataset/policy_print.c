/* A policy as YAML again: what is in a sealed file, for a person to read, and the same policy when it is parsed. */
#include <inttypes.h>

#include "base/rfc3339.h"
#include "crypto/keyring.h"
#include "dataset/policy.h"

/** A quoted YAML scalar, whatever bytes the name has. */
static Err print_quoted(const char *name, Buffer *b)
{
    TRY(buffer_put_u8(b, '"'));
    for (; *name; name++) {
        uint8_t c = (uint8_t)*name;
        if (c == '"' || c == '\\') TRY(buffer_format(b, "\\%c", c));
        else if (c < 0x20 || c == 0x7f) TRY(buffer_format(b, "\\x%02x", c));
        else TRY(buffer_put_u8(b, c));
    }
    return buffer_put_u8(b, '"');
}

static Err print_images(const Policy *p, Buffer *b)
{
    if (p->image_count) TRY(buffer_append(b, VIEW("images:\n")));
    for (size_t i = 0; i < p->image_count; i++) {
        char hex[65];
        sha256_hex(&p->images[i], hex);
        TRY(buffer_format(b, "  - sha256:%s\n", hex));
    }
    return OK;
}

static Err print_keys(const char *what, const PublicKey *keys, size_t count, Buffer *b)
{
    if (count) TRY(buffer_format(b, "%s:\n", what));
    for (size_t i = 0; i < count; i++) {
        char text[PUBLIC_KEY_TEXT_MAX];
        public_key_print(&keys[i], text);
        TRY(buffer_format(b, "  - %s\n", text));
    }
    return OK;
}

static Err print_recipients(const Policy *p, Buffer *b)
{
    TRY(buffer_append(b, VIEW("recipients:\n")));
    for (size_t i = 0; i < p->recipient_count; i++) {
        char text[PUBLIC_KEY_TEXT_MAX];
        seal_public_print(&p->recipients[i], text);
        TRY(buffer_format(b, "  - %s\n", text));
    }
    return OK;
}

static Err print_evidence(uint32_t evidence, Buffer *b)
{
    static const char *const NAMES[] = {"node-key", "tpm2", "sev-snp", "tdx"};
    const char *between = "";
    TRY(buffer_append(b, VIEW("evidence: [")));
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!(evidence >> i & 1)) continue;
        TRY(buffer_format(b, "%s%s", between, NAMES[i]));
        between = ", ";
    }
    return buffer_append(b, VIEW("]\n"));
}

/* The person's column is any text, so it stands in quotes like the name. */
static Err print_budget(const PolicyBudget *budget, Buffer *b)
{
    const struct { const char *key, *value; } numbers[] = {{"epsilon", budget->epsilon}, {"delta", budget->delta}, {"rho", budget->rho}};
    const char *between = "";
    TRY(buffer_append(b, VIEW("budget: {")));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!numbers[i].value[0]) continue;
        TRY(buffer_format(b, "%s%s: %s", between, numbers[i].key, numbers[i].value));
        between = ", ";
    }
    if (budget->zcdp) TRY(buffer_append(b, VIEW(", accounting: zcdp")));
    if (budget->person[0]) {
        TRY(buffer_append(b, VIEW(", person: ")));
        TRY(print_quoted(budget->person, b));
    }
    return buffer_append(b, VIEW("}\n"));
}

Err policy_print_yaml(const Policy *p, Buffer *ret_text)
{
    TRY(buffer_append(ret_text, VIEW("policy: ")));
    TRY(print_quoted(p->name, ret_text));
    TRY(buffer_put_u8(ret_text, '\n'));
    TRY(print_images(p, ret_text));
    TRY(print_keys("signers", p->signers, p->signer_count, ret_text));
    TRY(buffer_format(ret_text, "level: %s\n", level_name(p->level)));
    TRY(print_evidence(p->evidence, ret_text));
    TRY(print_keys("nodes", p->nodes, p->node_count, ret_text));
    TRY(print_recipients(p, ret_text));
    if (p->expires) {
        char time[RFC3339_TEXT_MAX];
        rfc3339_print(p->expires, time);
        TRY(buffer_format(ret_text, "expires: %s\n", time));
    }
    if (p->runs_max) TRY(buffer_format(ret_text, "runs: %" PRIu64 "\n", p->runs_max));
    return p->budget.is_set ? print_budget(&p->budget, ret_text) : OK;
}
