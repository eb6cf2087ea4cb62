/* Any bytes as a policy, as YAML and as CBOR: refused with one line, or a policy that survives being written and read again, in both forms. */
#include <sodium.h>
#include <stdlib.h>

#include "dataset/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_same(const Policy *p, View cbor)
{
    AUTO_BUFFER again = buffer_limited(POLICY_BYTES_MAX);
    require(policy_encode(p, &again).code == 0);
    require(view_equal(view_buffer(&again), cbor));
}

static void check_forms(const Policy *p)
{
    Policy back;
    AUTO_BUFFER cbor = buffer_limited(POLICY_BYTES_MAX), text = buffer_limited(POLICY_BYTES_MAX);
    require(policy_check(p, NULL).code == 0);
    require(policy_encode(p, &cbor).code == 0);
    require(policy_decode(view_buffer(&cbor), &back, NULL).code == 0);
    check_same(&back, view_buffer(&cbor));
    policy_free(&back);
    require(policy_print_yaml(p, &text).code == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || sodium_init() < 0) return 0;
    View rest = view_of(data + 1, size - 1);
    Policy p;
    Diag diag = {{0}};
    bool yaml = data[0] & 1;
    Err e = yaml ? policy_parse_yaml(rest, "p.yaml", &p, &diag) : policy_decode(rest, &p, &diag);
    require(e.code == 0 || e.code == ERR_BAD_INPUT);
    if (e.code) {
        require(diag.text[0] && !strchr(diag.text, '\n'));
        return 0;
    }
    if (!yaml) check_same(&p, rest);
    check_forms(&p);
    policy_free(&p);
    return 0;
}
