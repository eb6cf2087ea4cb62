/*
 * HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256) = 0x0020, HKDF-SHA256 = 0x0001, ChaCha20-Poly1305 = 0x0003. Single-shot, modes base (0) and auth (2).
 */
#include "crypto/hpke.h"

#include <sodium.h>

#include "crypto/derive.h"

enum { MODE_BASE = 0, MODE_AUTH = 2, HASH_BYTES = 32, KEY_BYTES = 32, NONCE_BYTES = 12, LABELED_BYTES_MAX = 512 };

static const uint8_t KEM_SUITE[] = {'K', 'E', 'M', 0x00, 0x20};
static const uint8_t HPKE_SUITE[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};

/* Section 4: LabeledExtract and LabeledExpand put "HPKE-v1", the suite and a label before what they are given. */
static void labeled_extract(View salt, View suite, const char *label, View secret, uint8_t ret_prk[HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    if (!salt.data) salt = VIEW("");
    crypto_auth_hmacsha256_init(&state, salt.data, salt.size);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)"HPKE-v1", 7);
    crypto_auth_hmacsha256_update(&state, suite.data, suite.size);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, strlen(label));
    crypto_auth_hmacsha256_update(&state, secret.data, secret.size);
    crypto_auth_hmacsha256_final(&state, ret_prk);
}

static void labeled_expand(const uint8_t prk[HASH_BYTES], View suite, const char *label, View info, uint8_t *ret_key, uint8_t size)
{
    uint8_t text[LABELED_BYTES_MAX];
    size_t n = 0;
    const View parts[] = {view_of((const uint8_t[]){0, size}, 2), VIEW("HPKE-v1"), suite, view_text(label), info};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].size) memcpy(text + n, parts[i].data, parts[i].size); /* all callers' infos are hashes and public keys: at most 160 bytes */
        n += parts[i].size;
    }
    hkdf_expand(prk, view_of(text, n), ret_key, size);
}

/* Section 4.1: ExtractAndExpand over the exchanged points and the public keys involved. */
static void kem_secret(View dh, View context, uint8_t ret_secret[HASH_BYTES])
{
    const View suite = view_of(KEM_SUITE, sizeof KEM_SUITE);
    uint8_t prk[HASH_BYTES];
    labeled_extract((View){0}, suite, "eae_prk", dh, prk);
    labeled_expand(prk, suite, "shared_secret", context, ret_secret, HASH_BYTES);
    sodium_memzero(prk, sizeof prk);
}

typedef struct { uint8_t dh[2 * 32], context[3 * 32]; size_t dh_size, context_size; } Exchange;

static Err exchange_add(Exchange *x, const uint8_t secret[32], const uint8_t point[32])
{
    if (crypto_scalarmult(x->dh + x->dh_size, secret, point) != 0) {
        sodium_memzero(x, sizeof *x); /* the first product, when it is the second that fails */
        return FAIL(ERR_BAD_INPUT);
    }
    x->dh_size += 32;
    return OK;
}

static void exchange_name(Exchange *x, const uint8_t point[32])
{
    memcpy(x->context + x->context_size, point, 32);
    x->context_size += 32;
}

static void exchange_finish(Exchange *x, uint8_t ret_secret[HASH_BYTES])
{
    kem_secret(view_of(x->dh, x->dh_size), view_of(x->context, x->context_size), ret_secret);
    sodium_memzero(x, sizeof *x);
}

/* Section 5.1: the key schedule, without a pre-shared key. */
static void key_schedule(uint8_t mode, const uint8_t secret[HASH_BYTES], View info, uint8_t ret_key[KEY_BYTES], uint8_t ret_nonce[NONCE_BYTES])
{
    const View suite = view_of(HPKE_SUITE, sizeof HPKE_SUITE);
    uint8_t context[1 + 2 * HASH_BYTES] = {mode}, prk[HASH_BYTES];
    labeled_extract((View){0}, suite, "psk_id_hash", (View){0}, context + 1);
    labeled_extract((View){0}, suite, "info_hash", info, context + 1 + HASH_BYTES);
    labeled_extract(view_of(secret, HASH_BYTES), suite, "secret", (View){0}, prk);
    labeled_expand(prk, suite, "key", view_of(context, sizeof context), ret_key, KEY_BYTES);
    labeled_expand(prk, suite, "base_nonce", view_of(context, sizeof context), ret_nonce, NONCE_BYTES);
    sodium_memzero(prk, sizeof prk);
}

void hpke_public_of(const SealSecretKey *secret, SealPublicKey *ret_public) { crypto_scalarmult_base(ret_public->bytes, secret->bytes); }

/* Section 7.1.3: DeriveKeyPair. */
void hpke_derive_secret(View input, SealSecretKey *ret_secret)
{
    const View suite = view_of(KEM_SUITE, sizeof KEM_SUITE);
    uint8_t prk[HASH_BYTES];
    labeled_extract((View){0}, suite, "dkp_prk", input, prk);
    labeled_expand(prk, suite, "sk", (View){0}, ret_secret->bytes, HPKE_SECRET_BYTES);
    sodium_memzero(prk, sizeof prk);
}

Err hpke_seal(const SealPublicKey *recipient, const SealSecretKey *sender, const uint8_t ephemeral_seed[32], View info, View aad, View in,
              uint8_t ret_encapsulated[HPKE_PUBLIC_BYTES], uint8_t *ret_sealed)
{
    SealSecretKey ephemeral;
    SealPublicKey encapsulated;
    Exchange x = {.dh_size = 0};
    uint8_t secret[HASH_BYTES], key[KEY_BYTES], nonce[NONCE_BYTES];

    hpke_derive_secret(view_of(ephemeral_seed, 32), &ephemeral);
    hpke_public_of(&ephemeral, &encapsulated);
    Err e = exchange_add(&x, ephemeral.bytes, recipient->bytes);
    sodium_memzero(&ephemeral, sizeof ephemeral);
    TRY(e);
    exchange_name(&x, encapsulated.bytes);
    exchange_name(&x, recipient->bytes);
    if (sender) {
        SealPublicKey own;
        hpke_public_of(sender, &own);
        TRY(exchange_add(&x, sender->bytes, recipient->bytes));
        exchange_name(&x, own.bytes);
    }
    exchange_finish(&x, secret);
    key_schedule(sender ? MODE_AUTH : MODE_BASE, secret, info, key, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(ret_sealed, NULL, in.data, in.size, aad.data, aad.size, NULL, nonce, key);
    memcpy(ret_encapsulated, encapsulated.bytes, sizeof encapsulated.bytes);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(key, sizeof key);
    return OK;
}

Err hpke_open_schedule(const SealSecretKey *recipient, const SealPublicKey *sender, const uint8_t encapsulated[HPKE_PUBLIC_BYTES], View info,
                       uint8_t ret_key[KEY_BYTES], uint8_t ret_nonce[NONCE_BYTES])
{
    SealPublicKey own;
    Exchange x = {.dh_size = 0};
    uint8_t secret[HASH_BYTES];

    hpke_public_of(recipient, &own);
    TRY(exchange_add(&x, recipient->bytes, encapsulated));
    exchange_name(&x, encapsulated);
    exchange_name(&x, own.bytes);
    if (sender) {
        TRY(exchange_add(&x, recipient->bytes, sender->bytes));
        exchange_name(&x, sender->bytes);
    }
    exchange_finish(&x, secret);
    key_schedule(sender ? MODE_AUTH : MODE_BASE, secret, info, ret_key, ret_nonce);
    sodium_memzero(secret, sizeof secret);
    return OK;
}

Err hpke_open(const SealSecretKey *recipient, const SealPublicKey *sender, const uint8_t encapsulated[HPKE_PUBLIC_BYTES],
              View info, View aad, View sealed, uint8_t *ret_plain)
{
    uint8_t key[KEY_BYTES], nonce[NONCE_BYTES];
    if (sealed.size < HPKE_TAG_BYTES) return FAIL(ERR_CORRUPT);
    TRY(hpke_open_schedule(recipient, sender, encapsulated, info, key, nonce));
    int rc = crypto_aead_chacha20poly1305_ietf_decrypt(ret_plain, NULL, NULL, sealed.data, sealed.size, aad.data, aad.size, nonce, key);
    sodium_memzero(key, sizeof key);
    return rc == 0 ? OK : FAIL(ERR_CORRUPT);
}
