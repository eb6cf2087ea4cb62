/* The signed footer: CBOR, COSE, and the dataset's key sealed to its recipients. */
#include "dataset/footer.h"

#include <assert.h>
#include <sodium.h>

#include "crypto/cose.h"
#include "sys/entropy.h"

enum {
    FIELD_ID = 1, FIELD_VERSION, FIELD_KIND, FIELD_SEGMENTS, FIELD_INDEX, FIELD_PLAIN, FIELD_POLICY, FIELD_KEYS, FIELD_ORIGIN, FIELD_COLUMNS,
    FIELD_RECORDS, FIELDS = FIELD_ORIGIN, FIELDS_WITH_COLUMNS = FIELD_RECORDS
};
enum { KIND_INPUT = 0, KIND_RESULT = 1, KIND_ANSWER = 2 };

typedef struct { uint8_t bytes[DATASET_ID_BYTES + 8]; } KeyContext;

static KeyContext key_context(const DatasetName *name)
{
    KeyContext c;
    memcpy(c.bytes, name->id, DATASET_ID_BYTES);
    for (int i = 0; i < 8; i++) c.bytes[DATASET_ID_BYTES + i] = (uint8_t)(name->version >> (8 * i));
    return c;
}

Err footer_add_key(Footer *f, const SealPublicKey *recipient, const AeadKey *secret)
{
    if (f->key_count == FOOTER_KEYS_MAX) return FAIL(ERR_LIMIT);
    uint8_t seed[32];
    TRY(random_bytes(seed, sizeof seed));
    FooterKey *k = &f->keys[f->key_count];
    KeyContext aad = key_context(&f->name);
    k->recipient = *recipient;
    Err e = hpke_seal(recipient, NULL, seed, VIEW(FOOTER_KEY_INFO), view_of(aad.bytes, sizeof aad.bytes),
                      view_of(secret->bytes, sizeof secret->bytes), k->encapsulated, k->sealed);
    sodium_memzero(seed, sizeof seed);
    if (e.code == 0) f->key_count++;
    return e;
}

static Err put_fixed(Buffer *b, const void *data, size_t size) { return cbor_put_bytes(b, view_of(data, size)); }

static Err put_uint_field(Buffer *b, uint64_t field, uint64_t value)
{
    TRY(cbor_put_uint(b, field));
    return cbor_put_uint(b, value);
}

static Err put_keys(Buffer *b, const Footer *f)
{
    TRY(cbor_put_uint(b, FIELD_KEYS));
    TRY(cbor_put_array(b, f->key_count));
    for (size_t i = 0; i < f->key_count; i++) {
        const FooterKey *k = &f->keys[i];
        TRY(cbor_put_array(b, 3));
        TRY(put_fixed(b, k->recipient.bytes, sizeof k->recipient.bytes));
        TRY(put_fixed(b, k->encapsulated, sizeof k->encapsulated));
        TRY(put_fixed(b, k->sealed, sizeof k->sealed));
    }
    return OK;
}

static Err put_origin(Buffer *b, const Footer *f)
{
    if (!f->is_result) return put_uint_field(b, FIELD_ORIGIN, f->prefix_bytes);
    TRY(cbor_put_uint(b, FIELD_ORIGIN));
    TRY(cbor_put_array(b, 3));
    TRY(put_fixed(b, f->source.id, sizeof f->source.id));
    TRY(cbor_put_uint(b, f->source.version));
    return cbor_put_uint(b, f->source_segments);
}

static Err put_columns(Buffer *b, const Footer *f)
{
    TRY(cbor_put_uint(b, FIELD_COLUMNS));
    TRY(cbor_put_bytes(b, f->columns));
    return put_uint_field(b, FIELD_RECORDS, f->records_about);
}

static Err encode(const Footer *f, Buffer *b)
{
    TRY(cbor_put_map(b, f->has_columns ? FIELDS_WITH_COLUMNS : FIELDS));
    TRY(cbor_put_uint(b, FIELD_ID));
    TRY(put_fixed(b, f->name.id, sizeof f->name.id));
    TRY(put_uint_field(b, FIELD_VERSION, f->name.version));
    TRY(put_uint_field(b, FIELD_KIND, f->is_answer ? KIND_ANSWER : f->is_result ? KIND_RESULT : KIND_INPUT));
    TRY(put_uint_field(b, FIELD_SEGMENTS, f->segments));
    TRY(cbor_put_uint(b, FIELD_INDEX));
    TRY(put_fixed(b, f->index_hash.bytes, sizeof f->index_hash.bytes));
    TRY(put_uint_field(b, FIELD_PLAIN, f->plain_bytes));
    TRY(cbor_put_uint(b, FIELD_POLICY));
    TRY(cbor_put_bytes(b, f->policy));
    TRY(put_keys(b, f));
    TRY(put_origin(b, f));
    return f->has_columns ? put_columns(b, f) : OK;
}

Err footer_sign(const Footer *f, const SecretKey *secret, const PublicKey *signer, Buffer *ret_cose)
{
    AUTO_BUFFER payload = buffer_limited(FOOTER_BYTES_MAX);
    TRY(encode(f, &payload));
    return cose_sign1(secret, signer, VIEW(FOOTER_CONTEXT), view_buffer(&payload), ret_cose);
}

static void expect_field(CborReader *r, uint64_t field)
{
    if (cbor_get_uint(r) != field) r->reader.bad = true;
}

static uint64_t get_uint_field(CborReader *r, uint64_t field)
{
    expect_field(r, field);
    return cbor_get_uint(r);
}

static void get_keys(CborReader *r, Footer *f)
{
    expect_field(r, FIELD_KEYS);
    f->key_count = (size_t)cbor_get_array(r, FOOTER_KEYS_MAX);
    for (size_t i = 0; i < f->key_count && !r->reader.bad; i++) {
        FooterKey *k = &f->keys[i];
        if (cbor_get_array(r, 3) != 3) r->reader.bad = true;
        cbor_get_fixed(r, k->recipient.bytes, sizeof k->recipient.bytes);
        cbor_get_fixed(r, k->encapsulated, sizeof k->encapsulated);
        cbor_get_fixed(r, k->sealed, sizeof k->sealed);
    }
}

static void get_origin(CborReader *r, Footer *f)
{
    expect_field(r, FIELD_ORIGIN);
    if (!f->is_result) {
        f->prefix_bytes = cbor_get_uint(r);
        return;
    }
    if (cbor_get_array(r, 3) != 3) r->reader.bad = true;
    cbor_get_fixed(r, f->source.id, sizeof f->source.id);
    f->source.version = cbor_get_uint(r);
    f->source_segments = cbor_get_uint(r);
}

static void get_columns(CborReader *r, Footer *f)
{
    expect_field(r, FIELD_COLUMNS);
    f->columns = cbor_get_bytes(r, HEADER_BYTES_MAX);
    f->records_about = get_uint_field(r, FIELD_RECORDS);
    if (f->records_about & (f->records_about - 1)) r->reader.bad = true;
}

static bool decode(View payload, Footer *f)
{
    if (!cbor_check(payload)) return false;
    CborReader r = cbor_reader(payload);
    uint64_t fields = cbor_get_map(&r, FIELDS_WITH_COLUMNS);
    expect_field(&r, FIELD_ID);
    cbor_get_fixed(&r, f->name.id, sizeof f->name.id);
    f->name.version = get_uint_field(&r, FIELD_VERSION);
    uint64_t kind = get_uint_field(&r, FIELD_KIND);
    f->is_answer = kind == KIND_ANSWER;
    f->is_result = kind == KIND_RESULT || f->is_answer;
    f->segments = get_uint_field(&r, FIELD_SEGMENTS);
    expect_field(&r, FIELD_INDEX);
    cbor_get_fixed(&r, f->index_hash.bytes, sizeof f->index_hash.bytes);
    f->plain_bytes = get_uint_field(&r, FIELD_PLAIN);
    expect_field(&r, FIELD_POLICY);
    f->policy = cbor_get_bytes(&r, POLICY_BYTES_MAX);
    get_keys(&r, f);
    get_origin(&r, f);
    f->has_columns = fields == FIELDS_WITH_COLUMNS;
    if (f->has_columns) get_columns(&r, f);
    return cbor_done(&r) && kind <= KIND_ANSWER && (fields == FIELDS || (f->has_columns && !f->is_result));
}

static bool is_trusted(const TrustedKeys *trusted, const PublicKey *key)
{
    if (!trusted) return true;
    for (size_t i = 0; i < trusted->count; i++)
        if (memcmp(trusted->keys[i].bytes, key->bytes, sizeof key->bytes) == 0) return true;
    return false;
}

Err footer_open(View cose, const TrustedKeys *trusted, Footer *ret_footer, PublicKey *ret_signer, Diag *diag)
{
    assert(ret_footer && ret_signer);

    PublicKey signer;
    View payload;
    Footer f = {.key_count = 0};
    if (cose_sign1_kid(cose, &signer).code) return FAIL_WHY(diag, ERR_BAD_INPUT, "the footer is not a signed message");
    Err e = cose_sign1_verify(&signer, VIEW(FOOTER_CONTEXT), cose, &payload);
    if (e.code == ERR_BAD_SIGNATURE) return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "the footer's signature does not verify: it was changed after it was signed");
    if (e.code) return FAIL_WHY(diag, e.code, "the footer is not a signed message");
    if (!is_trusted(trusted, &signer)) {
        char text[PUBLIC_KEY_TEXT_MAX];
        public_key_print(&signer, text);
        return FAIL_WHY(diag, ERR_UNTRUSTED, "signed by %s, which is not trusted here; add it to `trusted` if it should be", text);
    }
    if (!decode(payload, &f)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the footer is signed but not one that this version can read");
    *ret_footer = f;
    *ret_signer = signer;
    return OK;
}

Err footer_key(const Footer *f, const SealSecretKey *secret, AeadKey *ret_key, Diag *diag)
{
    SealPublicKey mine;
    hpke_public_of(secret, &mine);
    KeyContext aad = key_context(&f->name);
    for (size_t i = 0; i < f->key_count; i++) {
        const FooterKey *k = &f->keys[i];
        if (memcmp(k->recipient.bytes, mine.bytes, sizeof mine.bytes) != 0) continue;
        Err e = hpke_open(secret, NULL, k->encapsulated, VIEW(FOOTER_KEY_INFO), view_of(aad.bytes, sizeof aad.bytes),
                          view_of(k->sealed, sizeof k->sealed), ret_key->bytes);
        return e.code ? FAIL_WHY(diag, e.code, "its key was sealed wrongly") : OK;
    }
    return FAIL_WHY(diag, ERR_DENIED, "is sealed for others: your sealing key is not among its %zu recipient%s", f->key_count,
                    f->key_count == 1 ? "" : "s");
}
