/* The lines of an audit log and its head, as text and back. */
#include "audit/line.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define CHECKPOINT_CONTEXT "covey-audit-v1"
#define HEAD_CONTEXT "covey-audit-head-v1"
enum { VERSION = 1, SIGNATURE_TEXT = sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, BASE64) };

static void json_free(json_t **o) { json_decref(*o); }
#define AUTO_JSON __attribute__((cleanup(json_free))) json_t

const char *audit_event_name(AuditEvent event)
{
    static const char *const NAMES[AUDIT_EVENT_COUNT] = {
        [AUDIT_KEY_RELEASE] = "key-release", [AUDIT_KEY_REFUSAL] = "key-refusal", [AUDIT_IMAGE_TRUST] = "image-trust",
        [AUDIT_APPRAISAL] = "appraisal",     [AUDIT_SESSION] = "session",         [AUDIT_POLICY] = "policy",
        [AUDIT_KEY_CHANGE] = "key-change",   [AUDIT_STAGE] = "stage",             [AUDIT_PREFETCH] = "prefetch",
        [AUDIT_PREFETCH_REFUSAL] = "prefetch-refusal", [AUDIT_CLAIM] = "claim", [AUDIT_CLAIM_REFUSAL] = "claim-refusal",
        [AUDIT_EVICTION] = "eviction",       [AUDIT_RECOVERY] = "recovery",
    };
    return (unsigned)event < AUDIT_EVENT_COUNT ? NAMES[event] : NULL;
}

/* RFC 3339 in UTC, with milliseconds. */
static Err time_print(uint64_t wall_ns, char ret_text[AUDIT_TIME_MAX])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm t;
    if (!gmtime_r(&seconds, &t)) return FAIL(ERR_BAD_INPUT);
    size_t n = strftime(ret_text, AUDIT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(ret_text + n, AUDIT_TIME_MAX - n, ".%03uZ", (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
    return OK;
}

Err audit_header_print(const AuditId *id, const PublicKey *key, uint64_t wall_ns, Buffer *ret_text)
{
    char time[AUDIT_TIME_MAX], public_key[PUBLIC_KEY_TEXT_MAX], hex[2 * AUDIT_ID_BYTES + 1];
    TRY(time_print(wall_ns, time));
    public_key_print(key, public_key);
    sodium_bin2hex(hex, sizeof hex, id->bytes, sizeof id->bytes);
    return buffer_format(ret_text, "{\"covey-audit\":%d,\"id\":\"%s\",\"key\":\"%s\",\"time\":\"%s\"}\n", VERSION, hex, public_key, time);
}

Err audit_entry_print(const AuditEntryParts *parts, Buffer *ret_text)
{
    assert(parts && parts->event && parts->by && parts->task && parts->detail && ret_text);

    char time[AUDIT_TIME_MAX], prev[65];
    TRY(time_print(parts->wall_ns, time));
    sha256_hex(&parts->prev, prev);
    AUTO_JSON *detail = json_loads(parts->detail, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(detail)) return FAIL(ERR_BAD_INPUT);
    AUTO_JSON *entry = json_pack("{s:I, s:s, s:s, s:s, s:s, s:O, s:s}", "seq", (json_int_t)parts->seq, "time", time, "event", parts->event,
                                 "by", parts->by, "task", parts->task, "detail", detail, "prev", prev);
    if (!entry) return FAIL(ERR_BAD_INPUT);
    char *text = json_dumps(entry, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (!text) return FAIL(ENOMEM);
    Err e = buffer_format(ret_text, "%s\n", text);
    free(text);
    return e;
}

enum { CHECKPOINT_SIGNED = 8 + SHA256_BYTES, HEAD_SIGNED = AUDIT_ID_BYTES + 8 + 8 + 1 + SHA256_BYTES };

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) *at++ = (uint8_t)(v >> 8 * i);
    return at;
}

static View checkpoint_signed(uint64_t seq, const Sha256 *prev, uint8_t bytes[CHECKPOINT_SIGNED])
{
    memcpy(put_u64(bytes, seq), prev->bytes, SHA256_BYTES);
    return view_of(bytes, CHECKPOINT_SIGNED);
}

static View head_signed(const AuditHead *h, uint8_t bytes[HEAD_SIGNED])
{
    memcpy(bytes, h->id.bytes, AUDIT_ID_BYTES);
    uint8_t *at = put_u64(put_u64(bytes + AUDIT_ID_BYTES, h->lines), h->bytes);
    *at++ = h->closed;
    memcpy(at, h->hash.bytes, SHA256_BYTES);
    return view_of(bytes, HEAD_SIGNED);
}

static void signature_print(const SecretKey *secret, const char *context, View message, char ret_text[SIGNATURE_TEXT])
{
    uint8_t signature[SIGNATURE_BYTES];
    sign_message(secret, context, message, signature);
    sodium_bin2base64(ret_text, SIGNATURE_TEXT, signature, sizeof signature, BASE64);
}

Err audit_checkpoint_print(uint64_t seq, const Sha256 *prev, const SecretKey *secret, Buffer *ret_text)
{
    uint8_t bytes[CHECKPOINT_SIGNED];
    char signature[SIGNATURE_TEXT], hex[65];
    signature_print(secret, CHECKPOINT_CONTEXT, checkpoint_signed(seq, prev, bytes), signature);
    sha256_hex(prev, hex);
    return buffer_format(ret_text, "{\"checkpoint\":%llu,\"prev\":\"%s\",\"signature\":\"%s\"}\n", (unsigned long long)seq, hex, signature);
}

Err audit_checkpoint_verify(const AuditLine *checkpoint, const PublicKey *key)
{
    uint8_t bytes[CHECKPOINT_SIGNED];
    return sign_verify(key, CHECKPOINT_CONTEXT, checkpoint_signed(checkpoint->seq, &checkpoint->prev, bytes), checkpoint->signature);
}

void audit_head_print(const AuditHead *head, const SecretKey *secret, char ret_text[AUDIT_HEAD_BYTES])
{
    uint8_t bytes[HEAD_SIGNED];
    char signature[SIGNATURE_TEXT], id[2 * AUDIT_ID_BYTES + 1], hash[65];
    signature_print(secret, HEAD_CONTEXT, head_signed(head, bytes), signature);
    sodium_bin2hex(id, sizeof id, head->id.bytes, sizeof head->id.bytes);
    sha256_hex(&head->hash, hash);
    int n = snprintf(ret_text, AUDIT_HEAD_BYTES,
                     "{\"id\":\"%s\",\"lines\":%llu,\"bytes\":%llu,\"hash\":\"%s\",\"closed\":%s,\"signature\":\"%s\"}", id,
                     (unsigned long long)head->lines, (unsigned long long)head->bytes, hash, head->closed ? "true" : "false", signature);
    assert(n > 0 && n < AUDIT_HEAD_BYTES - 1); /* at most 289 */
    memset(ret_text + n, ' ', (size_t)(AUDIT_HEAD_BYTES - n));
    ret_text[AUDIT_HEAD_BYTES - 1] = '\n';
}

static bool hex_parse(const char *text, uint8_t *ret_bytes, size_t size)
{
    size_t n = 0;
    return strlen(text) == 2 * size && sodium_hex2bin(ret_bytes, size, text, 2 * size, NULL, &n, NULL) == 0 && n == size;
}

static bool signature_parse(const char *text, uint8_t ret_signature[SIGNATURE_BYTES])
{
    size_t n = 0;
    return sodium_base642bin(ret_signature, SIGNATURE_BYTES, text, strlen(text), NULL, &n, NULL, BASE64) == 0 && n == SIGNATURE_BYTES;
}

static bool time_parse(const char *text, char ret_text[AUDIT_TIME_MAX])
{
    size_t n = strlen(text);
    if (n == 0 || n >= AUDIT_TIME_MAX || strspn(text, "0123456789-:.TZ") != n) return false;
    memcpy(ret_text, text, n + 1);
    return true;
}

Err audit_head_parse(View text, const PublicKey *key, AuditHead *ret_head)
{
    AUTO_JSON *o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    const char *id, *hash, *signature;
    json_int_t lines, bytes;
    int closed;
    AuditHead h = {0};
    uint8_t raw[SIGNATURE_BYTES], message[HEAD_SIGNED];
    if (!o || json_unpack_ex(o, NULL, JSON_STRICT, "{s:s, s:I, s:I, s:s, s:b, s:s}", "id", &id, "lines", &lines, "bytes", &bytes, "hash", &hash,
                             "closed", &closed, "signature", &signature) != 0)
        return FAIL(ERR_CORRUPT);
    if (lines < 1 || bytes < 1 || !hex_parse(id, h.id.bytes, sizeof h.id.bytes) || !hex_parse(hash, h.hash.bytes, sizeof h.hash.bytes) ||
        !signature_parse(signature, raw))
        return FAIL(ERR_CORRUPT);
    h.lines = (uint64_t)lines;
    h.bytes = (uint64_t)bytes;
    h.closed = closed;
    TRY(sign_verify(key, HEAD_CONTEXT, head_signed(&h, message), raw));
    *ret_head = h;
    return OK;
}

static bool header_parse(json_t *o, AuditLine *l)
{
    int version;
    const char *id, *key, *time;
    l->kind = LINE_HEADER;
    return json_unpack_ex(o, NULL, JSON_STRICT, "{s:i, s:s, s:s, s:s}", "covey-audit", &version, "id", &id, "key", &key, "time", &time) == 0 &&
           version == VERSION && hex_parse(id, l->id.bytes, sizeof l->id.bytes) && public_key_parse(key, &l->key).code == 0 &&
           time_parse(time, l->time);
}

static bool entry_parse(json_t *o, AuditLine *l)
{
    json_int_t seq;
    const char *time, *event, *by, *task, *prev;
    json_t *detail;
    l->kind = LINE_ENTRY;
    if (json_unpack_ex(o, NULL, JSON_STRICT, "{s:I, s:s, s:s, s:s, s:s, s:o, s:s}", "seq", &seq, "time", &time, "event", &event, "by", &by,
                       "task", &task, "detail", &detail, "prev", &prev) != 0)
        return false;
    l->seq = (uint64_t)seq;
    return seq >= 1 && json_is_object(detail) && time_parse(time, l->time) && hex_parse(prev, l->prev.bytes, sizeof l->prev.bytes);
}

static bool checkpoint_parse(json_t *o, AuditLine *l)
{
    json_int_t seq;
    const char *prev, *signature;
    l->kind = LINE_CHECKPOINT;
    if (json_unpack_ex(o, NULL, JSON_STRICT, "{s:I, s:s, s:s}", "checkpoint", &seq, "prev", &prev, "signature", &signature) != 0) return false;
    l->seq = (uint64_t)seq;
    return seq >= 1 && hex_parse(prev, l->prev.bytes, sizeof l->prev.bytes) && signature_parse(signature, l->signature);
}

Err audit_line_parse(View line, AuditLine *ret_line)
{
    AuditLine l = {0};
    AUTO_JSON *o = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    if (!o) return FAIL(ERR_CORRUPT);
    bool good = json_object_get(o, "seq")          ? entry_parse(o, &l)
                : json_object_get(o, "checkpoint") ? checkpoint_parse(o, &l)
                                                   : header_parse(o, &l);
    if (!good) return FAIL(ERR_CORRUPT);
    *ret_line = l;
    return OK;
}
