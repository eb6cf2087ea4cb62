/* Single-use nonces: time | random | MAC over both. */
#include "keybroker/nonces.h"

#include <sodium.h>

#include "sys/entropy.h"

enum { TIME_BYTES = 8, RANDOM_BYTES = 8, MAC_AT = TIME_BYTES + RANDOM_BYTES, MAC_BYTES = EVIDENCE_NONCE_BYTES - MAC_AT };

_Static_assert(MAC_BYTES == crypto_generichash_BYTES_MIN, "a 128-bit MAC");

static void make_mac(const Nonces *n, const uint8_t *start, uint8_t ret_mac[MAC_BYTES])
{
    crypto_generichash(ret_mac, MAC_BYTES, start, MAC_AT, n->key, sizeof n->key);
}

Err nonces_begin(Nonces *n)
{
    *n = (Nonces){.count = 0};
    return random_bytes(n->key, sizeof n->key);
}

static uint64_t step_time(Nonces *n, uint64_t now_s)
{
    if (now_s > n->latest_s) n->latest_s = now_s;
    return n->latest_s;
}

Err nonces_make(Nonces *n, uint64_t now_s, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES])
{
    uint8_t nonce[EVIDENCE_NONCE_BYTES];
    const uint64_t now = step_time(n, now_s);
    for (int i = 0; i < TIME_BYTES; i++) nonce[i] = (uint8_t)(now >> 8 * i);
    TRY(random_bytes(nonce + TIME_BYTES, RANDOM_BYTES));
    make_mac(n, nonce, nonce + MAC_AT);
    memcpy(ret_nonce, nonce, sizeof nonce);
    return OK;
}

static void forget_stale(Nonces *n, uint64_t now)
{
    while (n->count > 0 && n->used[n->first].forget_at <= now) {
        n->first = (n->first + 1) % NONCES_USED_MAX;
        n->count--;
    }
}

static bool was_used(const Nonces *n, const uint8_t nonce[EVIDENCE_NONCE_BYTES])
{
    for (uint32_t i = 0; i < n->count; i++)
        if (memcmp(n->used[(n->first + i) % NONCES_USED_MAX].bytes, nonce, EVIDENCE_NONCE_BYTES) == 0) return true;
    return false;
}

/* Whether this process made it, and when. */
static bool is_own(const Nonces *n, const uint8_t nonce[EVIDENCE_NONCE_BYTES], uint64_t *ret_made)
{
    uint8_t mac[MAC_BYTES];
    make_mac(n, nonce, mac);
    if (sodium_memcmp(mac, nonce + MAC_AT, MAC_BYTES) != 0) return false;
    *ret_made = 0;
    for (int i = 0; i < TIME_BYTES; i++) *ret_made |= (uint64_t)nonce[i] << 8 * i;
    return true;
}

Err nonces_look(Nonces *n, uint64_t now_s, const uint8_t nonce[EVIDENCE_NONCE_BYTES], Diag *diag)
{
    uint64_t made;
    const uint64_t now = step_time(n, now_s);
    if (!is_own(n, nonce, &made))
        return FAIL_WHY(diag, ERR_BUSY,
                        "the nonce is not one of this key broker's (it may have been restarted): ask for another");
    if (now - made >= NONCE_LIFETIME_S) return FAIL_WHY(diag, ERR_BUSY, "the nonce is stale: ask for another");
    forget_stale(n, now);
    if (was_used(n, nonce)) return FAIL_WHY(diag, ERR_DENIED, "the nonce was used before: this is a replay");
    if (n->count == NONCES_USED_MAX) return FAIL_WHY(diag, ERR_BUSY, "too many attestations at once: try again in a minute");
    return OK;
}

Err nonces_use(Nonces *n, uint64_t now_s, const uint8_t nonce[EVIDENCE_NONCE_BYTES], Diag *diag)
{
    TRY(nonces_look(n, now_s, nonce, diag));
    UsedNonce *u = &n->used[(n->first + n->count++) % NONCES_USED_MAX];
    memcpy(u->bytes, nonce, sizeof u->bytes);
    u->forget_at = n->latest_s + NONCE_LIFETIME_S;
    return OK;
}
