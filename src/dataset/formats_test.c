/* Are the documents true? Each worked example of docs/formats/{policy,sealed,result}.md is made again, byte for byte. */
#include <stdio.h>

#include "crypto/derive.h"
#include "crypto/stream_fixture.h"
#include "dataset/layout.h"
#include "dataset/result_fixture.h"
#include "dataset/sealed_sample.h"

static Buffer read_page(const char *name)
{
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/formats/%s", source ? source : ".", name);
    Buffer b = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, &b));
    ck_assert_ok(buffer_put_u8(&b, 0));
    return b;
}

/** The content of a block that begins with this line. */
static Buffer block(const char *page, const char *opening)
{
    Buffer text = read_page(page), content = buffer_limited(1 << 20);
    const char *from = strstr((const char *)text.data, opening);
    ck_assert_msg(from != NULL, "%s has no %s", page, opening);
    from += strlen(opening);
    const char *to = strstr(from, "```");
    ck_assert_ptr_nonnull(to);
    ck_assert_ok(buffer_append(&content, view_of(from, (size_t)(to - from))));
    buffer_free(&text);
    return content;
}

/** Hexadecimal digits; what stands behind # is for people. */
static Buffer hex_block(const char *page, const char *name)
{
    char opening[64];
    snprintf(opening, sizeof opening, "```hex %s\n", name);
    Buffer text = block(page, opening), bytes = buffer_limited(1 << 20);
    bool comment = false;
    unsigned digits = 0, value = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        comment = c == '#' || (comment && c != '\n');
        const char *digit = comment || c == '\n' || c == ' ' ? NULL : strchr("0123456789abcdef", c);
        if (!digit) continue;
        value = value << 4 | (unsigned)(digit - "0123456789abcdef");
        if (++digits % 2 == 0) ck_assert_ok(buffer_put_u8(&bytes, (uint8_t)value));
    }
    buffer_free(&text);
    ck_assert_uint_eq(digits % 2, 0);
    return bytes;
}

static void require_same(const Buffer *made, const Buffer *documented)
{
    ck_assert_uint_eq(made->size, documented->size);
    ck_assert_mem_eq(made->data, documented->data, made->size);
}

START_TEST(the_policy_of_the_document_has_the_bytes_of_the_document)
{
    AUTO_BUFFER yaml = block("policy.md", "```yaml\n"), expected = hex_block("policy.md", "policy"), cbor = buffer_limited(POLICY_BYTES_MAX);
    Policy p;
    Diag diag = {{0}};
    Err e = policy_parse_yaml(view_buffer(&yaml), "policy.md", &p, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    ck_assert_ok(policy_encode(&p, &cbor));
    require_same(&cbor, &expected);
    policy_free(&p);
}
END_TEST

static AeadKey key_block(const char *name)
{
    AeadKey key;
    AUTO_BUFFER b = hex_block("sealed.md", name);
    ck_assert_uint_eq(b.size, sizeof key);
    memcpy(&key, b.data, sizeof key);
    return key;
}

static const char *const SEGMENTS[] = {"a,b\n1,2\n", "a,b\n3,4\n"};
enum { SEGMENT_COUNT = 2 };

/** The file, from the plaintext, the dataset key and the footer's key entry. */
static Buffer make_file(const Sample *s, const AeadKey *key, const SealedFacts *facts, const FooterKey *entry)
{
    Footer f = {.segments = SEGMENT_COUNT, .policy = facts->policy_cbor, .keys = {*entry}, .key_count = 1, .prefix_bytes = 4};
    AUTO_BUFFER index = buffer_limited(1024), cose = buffer_limited(FOOTER_BYTES_MAX);
    Buffer file = buffer_limited(1 << 20);
    uint8_t header[HEADER_BYTES], bytes[ENTRY_BYTES], end[END_BYTES], sealed[64];
    memcpy(f.name.id, facts->id, sizeof f.name.id);
    f.name.version = facts->version;
    header_write(&f.name, header);
    ck_assert_ok(buffer_append(&file, view_of(header, sizeof header)));
    for (size_t i = 0; i < SEGMENT_COUNT; i++) {
        AeadKey segment_key;
        SealedSegment e = {.offset = file.size, .plain_size = strlen(SEGMENTS[i]), .sealed_size = strlen(SEGMENTS[i]) + AEAD_TAG_BYTES};
        derive_segment_key(key, f.name.id, f.name.version, i, &segment_key);
        seal_one_chunk(&segment_key, view_text(SEGMENTS[i]), sealed);
        sha256_of(view_of(sealed + e.plain_size, AEAD_TAG_BYTES), &e.digest);
        ck_assert_ok(buffer_append(&file, view_of(sealed, e.sealed_size)));
        entry_write(&e, bytes);
        ck_assert_ok(buffer_append(&index, view_of(bytes, sizeof bytes)));
        f.plain_bytes += e.plain_size;
    }
    sha256_of(view_buffer(&index), &f.index_hash);
    ck_assert_ok(footer_sign(&f, &s->secret, &s->owner, &cose));
    end_write(&(SealedEnd){file.size, file.size + index.size, cose.size}, end);
    ck_assert_ok(buffer_append(&file, view_buffer(&index)));
    ck_assert_ok(buffer_append(&file, view_buffer(&cose)));
    ck_assert_ok(buffer_append(&file, view_of(end, sizeof end)));
    return file;
}

START_TEST(the_sealed_file_of_the_document_opens_and_is_made_again)
{
    Sample s;
    sample_begin(&s);
    AUTO_BUFFER expected = hex_block("sealed.md", "sealed"), plain = buffer_limited(1024);
    AeadKey secret = key_block("sealing-secret"), dataset = key_block("dataset-key"), segment = key_block("segment-key"), found;
    SealedFile *f = NULL;
    SealedFacts facts;
    PublicKey signer;
    Footer footer;
    Diag diag = {{0}};
    ck_assert_mem_eq(&secret, &s.sealing_secret, sizeof secret);
    sample_write("example.sealed", view_buffer(&expected));
    Err e = sealed_open("example.sealed", &s.trusted, &f, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    sealed_facts(f, &facts);
    ck_assert_ok(sealed_key(f, &s.sealing_secret, &found, &diag));
    ck_assert_mem_eq(&found, &dataset, sizeof found);
    derive_segment_key(&dataset, facts.id, facts.version, 0, &found);
    ck_assert_mem_eq(&found, &segment, sizeof found);
    ck_assert_ok(sealed_unseal_all(f, &dataset, sample_append, &plain, &diag));
    ck_assert(view_equal(view_buffer(&plain), VIEW("a,b\n1,2\n3,4\n")));
    ck_assert_ok(footer_open(sealed_footer(f), NULL, &footer, &signer, &diag));
    AUTO_BUFFER made = make_file(&s, &dataset, &facts, &footer.keys[0]);
    require_same(&made, &expected);
    sealed_close(&f);
    sample_end(&s);
}
END_TEST

START_TEST(the_result_and_the_claims_of_the_document_are_made_again)
{
    AUTO_BUFFER expected = hex_block("result.md", "result"), claims = hex_block("result.md", "claims"), made = buffer_limited(1024), encoded = buffer_limited(256);
    SealedResultHead head = {.first = 0, .end = 1};
    AeadKey task_key;
    for (uint8_t i = 0; i < 16; i++) head.task_id[i] = (uint8_t)(i + 1);
    memset(head.salt, 5, sizeof head.salt);
    memset(&task_key, 9, sizeof task_key);
    result_fixture_put(&task_key, head, VIEW("ok\n"), &made);
    require_same(&made, &expected);
    ResultClaims c = {.results = 1, .plain_bytes = 3};
    memset(&c.index_hash, 3, sizeof c.index_hash);
    ck_assert_ok(result_claims_encode(&c, &encoded));
    require_same(&encoded, &claims);
}
END_TEST

TEST_MAIN("dataset/formats", the_policy_of_the_document_has_the_bytes_of_the_document, the_sealed_file_of_the_document_opens_and_is_made_again,
          the_result_and_the_claims_of_the_document_are_made_again)
