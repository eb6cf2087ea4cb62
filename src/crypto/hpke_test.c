/* Does HPKE give what RFC 9180 says, and refuse everything else? Vectors: our suite's (X25519, HKDF-SHA256, ChaCha20-Poly1305) of the data folder. */
#include <sodium.h>

#include "base/test_data.h"
#include "crypto/hpke.h"

enum { HEX_MAX = 4096 };

typedef struct { uint8_t bytes[HEX_MAX]; size_t size; } Hex;

static void hex_read(const char *text, Hex *ret_hex)
{
    ck_assert_int_eq(sodium_hex2bin(ret_hex->bytes, sizeof ret_hex->bytes, text, strcspn(text, "\r\n"), NULL, &ret_hex->size, NULL), 0);
}

typedef struct {
    int mode, kem, kdf, aead;
    Hex info, skr, enc, pks, skr_seed, aad, ct;
    uint64_t sequence;
    bool has_schedule;
    uint8_t key[32], nonce[12];
} Vector;

/* Opens the message `sequence` of the vector's context and compares. */
static void check_message(Vector *v, const Hex *plain)
{
    SealSecretKey recipient;
    SealPublicKey sender;
    memcpy(recipient.bytes, v->skr.bytes, 32);
    memcpy(sender.bytes, v->pks.bytes, 32);
    const SealPublicKey *from = v->mode == 2 ? &sender : NULL;
    if (!v->has_schedule) {
        ck_assert_ok(hpke_open_schedule(&recipient, from, v->enc.bytes, view_of(v->info.bytes, v->info.size), v->key, v->nonce));
        v->has_schedule = true;
    }
    uint8_t nonce[12], out[HEX_MAX];
    unsigned long long size;
    memcpy(nonce, v->nonce, sizeof nonce);
    for (int i = 0; i < 8; i++) nonce[11 - i] ^= (uint8_t)(v->sequence >> (8 * i));
    ck_assert_int_eq(crypto_aead_chacha20poly1305_ietf_decrypt(out, &size, NULL, v->ct.bytes, v->ct.size, v->aad.bytes,
                                                               v->aad.size, nonce, v->key),
                     0);
    ck_assert_uint_eq(size, plain->size);
    ck_assert_mem_eq(out, plain->bytes, size);
    if (v->sequence == 0) {
        ck_assert_ok(hpke_open(&recipient, from, v->enc.bytes, view_of(v->info.bytes, v->info.size), view_of(v->aad.bytes, v->aad.size),
                               view_of(v->ct.bytes, v->ct.size), out));
        ck_assert_mem_eq(out, plain->bytes, plain->size);
    }
    v->sequence++;
}

START_TEST(every_message_of_our_suite_in_the_vectors_opens)
{
    const char *path = test_data("vectors/hpke/rfc9180_subset.txt");
    if (!path) return;
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    static char line[HEX_MAX * 2 + 64];
    static Vector v;
    Hex plain;
    int checked = 0;
    while (fgets(line, sizeof line, f)) {
        char *value = strstr(line, " = ");
        if (!value) continue;
        *value = '\0';
        value += 3;
        if (strcmp(line, "mode") == 0) v = (Vector){.mode = atoi(value)};
        if (strcmp(line, "kem_id") == 0) v.kem = atoi(value);
        if (strcmp(line, "kdf_id") == 0) v.kdf = atoi(value);
        if (strcmp(line, "aead_id") == 0) v.aead = atoi(value);
        if (v.kem != 32 || v.kdf != 1 || v.aead != 3) continue;
        if (strcmp(line, "info") == 0) hex_read(value, &v.info);
        if (strcmp(line, "skRm") == 0) hex_read(value, &v.skr);
        if (strcmp(line, "enc") == 0) hex_read(value, &v.enc);
        if (strcmp(line, "pkSm") == 0) hex_read(value, &v.pks);
        if (strcmp(line, "aad") == 0) hex_read(value, &v.aad);
        if (strcmp(line, "ct") == 0) hex_read(value, &v.ct);
        if (strcmp(line, "pt") != 0) continue;
        hex_read(value, &plain);
        check_message(&v, &plain);
        checked++;
    }
    fclose(f);
    ck_assert_int_gt(checked, 500);
}
END_TEST

/* RFC 9180, A.2.1: the key pairs of the vector come from these inputs. */
START_TEST(key_pairs_are_derived_as_in_appendix_a)
{
    Hex ikm, expected_secret, expected_public;
    SealSecretKey secret;
    SealPublicKey public_key;
    hex_read("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df", &ikm);
    hex_read("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb", &expected_secret);
    hex_read("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a", &expected_public);
    hpke_derive_secret(view_of(ikm.bytes, ikm.size), &secret);
    hpke_public_of(&secret, &public_key);
    ck_assert_mem_eq(secret.bytes, expected_secret.bytes, 32);
    ck_assert_mem_eq(public_key.bytes, expected_public.bytes, 32);
}
END_TEST

static SealSecretKey some_key(uint8_t seed)
{
    uint8_t input[32];
    SealSecretKey secret;
    memset(input, seed, sizeof input);
    hpke_derive_secret(view_of(input, sizeof input), &secret);
    return secret;
}

START_TEST(only_the_recipient_opens_and_every_flipped_bit_is_found)
{
    const SealSecretKey recipient = some_key(1), sender = some_key(2), other = some_key(3);
    SealPublicKey recipient_public, sender_public;
    const uint8_t seed[32] = {9};
    uint8_t enc[32], sealed[5 + HPKE_TAG_BYTES], plain[5];
    hpke_public_of(&recipient, &recipient_public);
    hpke_public_of(&sender, &sender_public);
    for (int authenticated = 0; authenticated < 2; authenticated++) {
        const SealSecretKey *from = authenticated ? &sender : NULL;
        const SealPublicKey *from_public = authenticated ? &sender_public : NULL;
        ck_assert_ok(hpke_seal(&recipient_public, from, seed, VIEW("info"), VIEW("aad"), VIEW("hello"), enc, sealed));
        ck_assert_ok(hpke_open(&recipient, from_public, enc, VIEW("info"), VIEW("aad"), view_of(sealed, sizeof sealed), plain));
        ck_assert_mem_eq(plain, "hello", 5);
        ck_assert_err(hpke_open(&other, from_public, enc, VIEW("info"), VIEW("aad"), view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
        ck_assert_err(hpke_open(&recipient, from_public, enc, VIEW("inf0"), VIEW("aad"), view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
        ck_assert_err(hpke_open(&recipient, from_public, enc, VIEW("info"), VIEW("aaa"), view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
        ck_assert_err(hpke_open(&recipient, authenticated ? NULL : &sender_public, enc, VIEW("info"), VIEW("aad"),
                                view_of(sealed, sizeof sealed), plain),
                      ERR_CORRUPT);
        for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            ck_assert_err(hpke_open(&recipient, from_public, enc, VIEW("info"), VIEW("aad"), view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    ck_assert_err(hpke_open(&recipient, NULL, enc, VIEW("info"), VIEW("aad"), view_of(sealed, 3), plain), ERR_CORRUPT);
}
END_TEST

START_TEST(points_of_small_order_are_refused)
{
    const SealSecretKey recipient = some_key(1);
    const SealPublicKey zero = {{0}};
    const uint8_t seed[32] = {9};
    uint8_t enc[32] = {0}, sealed[5 + HPKE_TAG_BYTES], plain[5];
    ck_assert_err(hpke_seal(&zero, NULL, seed, VIEW(""), VIEW(""), VIEW("hello"), enc, sealed), ERR_BAD_INPUT);
    memset(enc, 0, sizeof enc);
    ck_assert_err(hpke_open(&recipient, NULL, enc, VIEW(""), VIEW(""), view_of(sealed, sizeof sealed), plain), ERR_BAD_INPUT);
}
END_TEST

TEST_MAIN("crypto/hpke", every_message_of_our_suite_in_the_vectors_opens, key_pairs_are_derived_as_in_appendix_a,
          only_the_recipient_opens_and_every_flipped_bit_is_found, points_of_small_order_are_refused)
