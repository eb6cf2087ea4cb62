/* Whose statements count. */
#include "crypto/key_list.h"
#include "node/stage_parts.h"

enum { KEYS_BYTES_MAX = 64 << 10 };

static Err take_line(void *context, const KeyLine *line, Diag *diag)
{
    StageKeys *keys = context;
    if (line->count != 1) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: one public key a line", line->at);
    if (keys->count == STAGE_KEYS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: more than %d orchestrators", line->at, STAGE_KEYS_MAX);
    Err e = public_key_parse(line->words[0], &keys->keys[keys->count]);
    if (e.code) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a public key (covey-ed25519:...)", line->at);
    keys->count++;
    return OK;
}

Err stage_keys_load(const char *directory, StageKeys *ret_keys, Diag *diag)
{
    StageKeys keys = {.count = 0};
    TRY(key_list_each(directory, "orchestrators", KEYS_BYTES_MAX, take_line, &keys, diag));
    *ret_keys = keys;
    return OK;
}

bool stage_key_is_trusted(const Stage *s, const PublicKey *key)
{
    for (uint32_t i = 0; i < s->config.keys.count; i++)
        if (memcmp(s->config.keys.keys[i].bytes, key->bytes, sizeof key->bytes) == 0) return true;
    return false;
}

/* A revocation counts for all that the key ever signed: a thief of the key could choose any time. */
bool stage_key_is_revoked(const Stage *s, const PublicKey *key)
{
    return s->config.revoked && revoked_has(s->config.revoked, key->bytes, stage_wall_ms(s) / 1000);
}
