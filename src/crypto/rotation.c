/* Statements by which a signing key names its successor, and following them. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/base64.h"
#include "crypto/key_list.h"
#include "crypto/key_parts.h"

#define ROTATION_CONTEXT "covey-rotation-v1"
#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING

_Static_assert(2 * PUBLIC_KEY_TEXT_MAX + sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, BASE64) <= ROTATION_TEXT_MAX, "a statement fits");

static void statement_of(const PublicKey *old, const PublicKey *by, uint8_t ret_message[2 * SIGN_PUBLIC_BYTES])
{
    memcpy(ret_message, old->bytes, SIGN_PUBLIC_BYTES);
    memcpy(ret_message + SIGN_PUBLIC_BYTES, by->bytes, SIGN_PUBLIC_BYTES);
}

void rotation_make(const SecretKey *secret, const PublicKey *old, const PublicKey *by, Rotation *ret_rotation)
{
    uint8_t message[2 * SIGN_PUBLIC_BYTES];
    statement_of(old, by, message);
    *ret_rotation = (Rotation){.old = *old, .by = *by};
    sign_message(secret, ROTATION_CONTEXT, view_of(message, sizeof message), ret_rotation->signature);
}

Err rotation_verify(const Rotation *r)
{
    uint8_t message[2 * SIGN_PUBLIC_BYTES];
    statement_of(&r->old, &r->by, message);
    return sign_verify(&r->old, ROTATION_CONTEXT, view_of(message, sizeof message), r->signature);
}

void rotation_print(const Rotation *r, char ret_text[ROTATION_TEXT_MAX])
{
    char old[PUBLIC_KEY_TEXT_MAX], by[PUBLIC_KEY_TEXT_MAX], signature[sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, BASE64)];
    public_key_print(&r->old, old);
    public_key_print(&r->by, by);
    sodium_bin2base64(signature, sizeof signature, r->signature, sizeof r->signature, BASE64);
    snprintf(ret_text, ROTATION_TEXT_MAX, "%s %s %s", old, by, signature);
}

Err rotation_parse(char *const *words, size_t count, Rotation *ret_rotation)
{
    Rotation r;
    if (count != 3) return FAIL(ERR_BAD_INPUT);
    TRY(public_key_parse(words[0], &r.old));
    TRY(public_key_parse(words[1], &r.by));
    if (!base64_decode(words[2], strlen(words[2]), r.signature, sizeof r.signature)) return FAIL(ERR_BAD_INPUT);
    *ret_rotation = r;
    return OK;
}

typedef struct { Rotation statement; size_t line; } Numbered;
typedef struct { Numbered *items; size_t count; } Rotations;

static Err rotation_line(void *context, const KeyLine *line, Diag *diag)
{
    Rotations *r = context;
    if (r->count == ROTATIONS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: more than %d rotations", line->at, ROTATIONS_MAX);
    if (rotation_parse(line->words, line->count, &r->items[r->count].statement).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a rotation; write it as `covey key rotate` prints it: OLD NEW SIGNATURE", line->at);
    r->items[r->count++].line = line->number;
    return OK;
}

bool trusted_has(const TrustedKeys *keys, const PublicKey *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(&keys->keys[i], key, sizeof *key) == 0) return true;
    return false;
}

/* Keys that are added at the end are followed too, in the same walk; each key is there once, so it ends. */
static Err follow(const char *directory, const Rotations *r, const RevokedKeys *revoked, uint64_t now_s, TrustedKeys *keys, Diag *diag)
{
    for (size_t k = 0; k < keys->count; k++)
        for (size_t i = 0; i < r->count; i++) {
            const Rotation *s = &r->items[i].statement;
            if (memcmp(&s->old, &keys->keys[k], sizeof s->old) != 0 || trusted_has(keys, &s->by)) continue;
            if (revoked_has(revoked, s->by.bytes, now_s)) continue;
            if (rotation_verify(s).code != 0)
                return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "%s/rotations:%zu: not signed by the key that it says; remove the line", directory,
                                r->items[i].line);
            if (keys->count == TRUSTED_KEYS_MAX)
                return FAIL_WHY(diag, ERR_LIMIT, "%s/rotations:%zu: more than %d trusted keys", directory, r->items[i].line, TRUSTED_KEYS_MAX);
            keys->keys[keys->count++] = s->by;
        }
    return OK;
}

Err rotations_follow(const char *directory, const RevokedKeys *revoked, uint64_t now_s, TrustedKeys *keys, Diag *diag)
{
    Rotations r = {.items = calloc(ROTATIONS_MAX, sizeof *r.items)};
    if (!r.items) return FAIL(ENOMEM);
    Err error = key_list_each(directory, "rotations", ROTATIONS_FILE_BYTES_MAX, rotation_line, &r, diag);
    if (error.code == 0) error = follow(directory, &r, revoked, now_s, keys, diag);
    free(r.items);
    return error;
}
