/* Does a policy mean the same as YAML, in memory and as CBOR, and is every mistake in it named with its line? */
#include <sodium.h>
#include <stdio.h>

#include "base/test.h"
#include "dataset/policy.h"

#define IMAGE "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SIGNER "covey-ed25519:2JTsQcYna445wKNE5u5LueEXCr3DVNOlxAN03QTIci4"
#define RECIPIENT "covey-x25519:6y89OIdxUls20Xd5S0ZXEvxRmgytFPEfDkmcEqc8C1Q"
#define BASE "policy: p\nimages: [" IMAGE "]\nevidence: [node-key]\nrecipients: [" RECIPIENT "]\n"

static const char FULL[] =
    "policy: \"flights-2026\"\n"
    "images:\n  - " IMAGE "\n"
    "signers:\n  - " SIGNER "\n"
    "level: confidential\n"
    "evidence: [tpm2, sev-snp, tdx]\n"
    "nodes:\n  - " SIGNER "\n"
    "recipients:\n  - " RECIPIENT "\n"
    "expires: 2027-01-01T00:00:00Z\n"
    "runs: 10\n";

START_TEST(a_policy_survives_yaml_and_cbor)
{
    Policy p, back;
    Diag diag = {{0}};
    AUTO_BUFFER cbor = buffer_limited(POLICY_BYTES_MAX), text = buffer_limited(POLICY_BYTES_MAX);
    Err e = policy_parse_yaml(view_text(FULL), "p.yaml", &p, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    ck_assert_uint_eq(p.expires, 1798761600);
    ck_assert_uint_eq(p.runs_max, 10);
    ck_assert_int_eq(p.level, LEVEL_CONFIDENTIAL);
    ck_assert_uint_eq(p.evidence, EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX);
    ck_assert_ok(policy_encode(&p, &cbor));
    ck_assert_ok(policy_decode(view_buffer(&cbor), &back, &diag));
    ck_assert_ok(policy_print_yaml(&back, &text));
    ck_assert(view_equal(view_buffer(&text), view_text(FULL)));
    policy_free(&p);
    policy_free(&back);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
    Policy p;
    ck_assert_ok(policy_parse_yaml(view_text(BASE), "p.yaml", &p, NULL));
    ck_assert_int_eq(p.level, LEVEL_PROCESS);
    ck_assert_uint_eq(p.expires, 0);
    ck_assert_uint_eq(p.runs_max, 0);
    ck_assert_uint_eq(p.node_count, 0);
    policy_free(&p);
    ck_assert_ok(policy_parse_yaml(VIEW("policy: p\nsigners: " SIGNER "\nevidence: tdx\nrecipients: " RECIPIENT "\n"), "p.yaml", &p, NULL)); /* one value for a list of one */
    ck_assert_uint_eq(p.signer_count, 1);
    policy_free(&p);
}
END_TEST

START_TEST(mistakes_are_named_with_their_line)
{
    static const struct { const char *yaml, *text; } CASES[] = {
        {"", "p.yaml:1: the policy is empty"},
        {"- a\n", "p.yaml:1: a policy is a mapping of keys to values, such as 'policy: my-data'"},
        {"policy: p\n", "p.yaml:1: 'evidence' is missing: how must a node prove what it is? any of [node-key, tpm2, sev-snp, tdx]"},
        {BASE "leval: shared\n", "p.yaml:5: unknown key 'leval'; did you mean 'level'?"},
        {BASE "owner: me\n", "p.yaml:5: unknown key 'owner'; docs/formats/policy.md lists them"},
        {BASE "budget: 3\n", "p.yaml:5: 'budget' says what all answers together may cost, such as {epsilon: 1}"},
        {BASE "budget: {eps: 3}\n", "p.yaml:5: unknown key 'eps'; a budget has epsilon, delta, rho, accounting and person"},
        {BASE "budget: {person: id}\n", "p.yaml:1: a budget is an 'epsilon' (with or without 'delta') or a 'rho', above 0"},
        {BASE "budget: {epsilon: 0}\n", "p.yaml:1: a budget is an 'epsilon' (with or without 'delta') or a 'rho', above 0"},
        {BASE "budget: {epsilon: 1, rho: 1}\n", "p.yaml:1: a budget is an 'epsilon' (with or without 'delta') or a 'rho', above 0"},
        {BASE "budget: {epsilon: much}\n", "p.yaml:1: the budget's 'epsilon: much' is no number, such as 0.5, 1e-9 or 1/3"},
        {BASE "budget: {epsilon: 1001}\n", "p.yaml:1: the budget's 'epsilon: 1001': more than 1000 protects nobody"},
        {BASE "budget: {epsilon: 1, delta: 1}\n", "p.yaml:1: a budget's 'delta' is above 0 and below 1, and goes with 'epsilon'"},
        {BASE "budget: {rho: 1, delta: 1e-9}\n", "p.yaml:1: a budget's 'delta' is above 0 and below 1, and goes with 'epsilon'"},
        {BASE "budget: {epsilon: 1, accounting: zcdp}\n", "p.yaml:1: 'accounting: zcdp' turns epsilon and delta into a rho: give both, or give 'rho'"},
        {BASE "budget: {epsilon: 1, accounting: fair}\n", "p.yaml:5: 'accounting: fair' must be basic or zcdp"},
        {BASE "level: strong\n", "p.yaml:5: 'level: strong' must be shared, process, microvm or confidential"},
        {BASE "level: [shared]\n", "p.yaml:5: 'level' must be a single value"},
        {BASE "runs: 0\n", "p.yaml:5: 'runs: 0' must be a whole number from 1 on; leave it out for any number of runs"},
        {BASE "runs: 1e3\n", "p.yaml:5: 'runs: 1e3' must be a whole number from 1 on; leave it out for any number of runs"},
        {BASE "expires: tomorrow\n", "p.yaml:5: 'expires: tomorrow' must be a time such as 2027-01-01T00:00:00Z"},
        {BASE "nodes: [x]\n", "p.yaml:5: 'x' is not a node's key, 'covey-ed25519:...'"},
        {BASE "signers: [" SIGNER ", " SIGNER "]\n", "p.yaml:5: 'covey-ed25519:2JTsQcYna445wKNE5u5LueEXCr3DVNOlxAN03QTIci4' is listed twice; remove one"},
        {BASE "signers: {a: b}\n", "p.yaml:5: 'signers' must be a list"},
        {BASE "runs: 5\nruns: 6\n", "p.yaml:6: key 'runs' is already given in line 5; remove one"},
        {"policy: p\nimages: [sha256:12]\nevidence: tdx\n",
         "p.yaml:2: 'sha256:12' is not a measurement, 'sha256:' and 64 hexadecimal digits (covey image inspect prints it)"},
        {"policy: p\nevidence: [sgx]\n", "p.yaml:2: 'sgx' is no kind of evidence; it is node-key, tpm2, sev-snp or tdx"},
        {"policy: p\nevidence: []\nimages: [" IMAGE "]\nrecipients: [" RECIPIENT "]\n",
         "p.yaml:1: no kind of evidence is accepted; give 'evidence', such as [tpm2, sev-snp, tdx]"},
        {"policy: p\nevidence: tdx\nrecipients: [" RECIPIENT "]\n",
         "p.yaml:1: no image may open the data; give 'images' (covey image inspect prints a measurement) or 'signers'"},
        {"policy: p\nevidence: tdx\nimages: [" IMAGE "]\n", "p.yaml:1: nobody may receive results; give 'recipients' (covey key show --sealing)"},
        {"policy: p\nevidence: tdx\nimages: [" IMAGE "]\nrecipients: [" SIGNER "]\n",
         "p.yaml:4: 'covey-ed25519:2JTsQcYna445wKNE5u5LueEXCr3DVNOlxAN03QTIci4' is not a sealing key, 'covey-x25519:...' (covey key show --sealing prints yours)"},
        {"evidence: tdx\nimages: [" IMAGE "]\nrecipients: [" RECIPIENT "]\n", "p.yaml:1: the policy has no name; begin it with 'policy: my-data'"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Policy p;
        Diag diag = {{0}};
        ck_assert_err(policy_parse_yaml(view_text(CASES[i].yaml), "p.yaml", &p, &diag), ERR_BAD_INPUT);
        ck_assert_str_eq(diag.text, CASES[i].text);
    }
}
END_TEST

START_TEST(only_one_encoding_of_a_policy_is_read)
{
    Policy p;
    Diag diag = {{0}};
    AUTO_BUFFER cbor = buffer_limited(POLICY_BYTES_MAX);
    ck_assert_ok(policy_parse_yaml(view_text(FULL), "p.yaml", &p, NULL));
    ck_assert_ok(policy_encode(&p, &cbor));
    policy_free(&p);
    for (size_t size = 0; size < cbor.size; size++) ck_assert_err(policy_decode(view_of(cbor.data, size), &p, &diag), ERR_BAD_INPUT);
    for (size_t bit = 0; bit < 8 * cbor.size; bit++) { /* what is still read means something else, and is written as it was read */
        cbor.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (policy_decode(view_buffer(&cbor), &p, &diag).code == 0) {
            AUTO_BUFFER again = buffer_limited(POLICY_BYTES_MAX);
            ck_assert_ok(policy_encode(&p, &again));
            ck_assert(view_equal(view_buffer(&again), view_buffer(&cbor)));
            policy_free(&p);
        }
        cbor.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_ok(buffer_put_u8(&cbor, 0));
    ck_assert_err(policy_decode(view_buffer(&cbor), &p, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "the policy is not one that this version can read");
}
END_TEST

START_TEST(a_budget_survives_yaml_and_cbor_and_no_bit_of_it_can_be_read_two_ways)
{
    static const char *const BUDGETS[] = {"{epsilon: 3}", "{epsilon: 1/3, delta: 1e-9, accounting: zcdp, person: \"Patient \\\"x\\\"\"}", "{rho: 0.5, person: \"id\"}"};
    for (size_t i = 0; i < sizeof BUDGETS / sizeof BUDGETS[0]; i++) {
        Policy p, back;
        AUTO_BUFFER cbor = buffer_limited(POLICY_BYTES_MAX), yaml = buffer_limited(POLICY_BYTES_MAX), text = buffer_limited(POLICY_BYTES_MAX);
        ck_assert_ok(buffer_format(&yaml, BASE "budget: %s\n", BUDGETS[i]));
        ck_assert_ok(policy_parse_yaml(view_buffer(&yaml), "p.yaml", &p, NULL));
        ck_assert_ok(policy_encode(&p, &cbor));
        ck_assert_ok(policy_decode(view_buffer(&cbor), &back, NULL));
        ck_assert_mem_eq(&p.budget, &back.budget, sizeof p.budget);
        ck_assert_ok(policy_print_yaml(&back, &text));
        policy_free(&back);
        ck_assert_ok(policy_parse_yaml(view_buffer(&text), "p.yaml", &back, NULL));
        ck_assert_mem_eq(&p.budget, &back.budget, sizeof p.budget);
        policy_free(&p);
        policy_free(&back);
        for (size_t size = 0; size < cbor.size; size++) ck_assert_err(policy_decode(view_of(cbor.data, size), &back, NULL), ERR_BAD_INPUT);
    }
}
END_TEST

START_TEST(a_name_may_hold_anything_but_nul)
{
    Policy p, back;
    AUTO_BUFFER text = buffer_limited(POLICY_BYTES_MAX);
    ck_assert_ok(policy_parse_yaml(view_text(BASE), "p.yaml", &p, NULL));
    strcpy(p.name, "a \"b\" \\ \n\t#: \x7f \xc3\xa9");
    ck_assert_ok(policy_print_yaml(&p, &text));
    ck_assert_ok(policy_parse_yaml(view_buffer(&text), "p.yaml", &back, NULL));
    ck_assert_str_eq(back.name, p.name);
    policy_free(&p);
    policy_free(&back);
}
END_TEST

TEST_MAIN("dataset/policy", a_policy_survives_yaml_and_cbor, what_is_left_out_has_its_default, mistakes_are_named_with_their_line,
          only_one_encoding_of_a_policy_is_read, a_budget_survives_yaml_and_cbor_and_no_bit_of_it_can_be_read_two_ways,
          a_name_may_hold_anything_but_nul)
