/* The broker's lines in the audit log, as JSON. */
#include "keybroker/record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

enum { VERDICT_CLAIMS_SAID_MAX = 4, RANGES_TEXT_MAX = 4 << 10, RANGE_TEXT_MAX = 2 * 20 + 2 };

typedef struct { char text[2 * 32 + 1]; } Hex;

static Hex hex(const void *bytes, size_t size)
{
    Hex h;
    sodium_bin2hex(h.text, sizeof h.text, bytes, size);
    return h;
}

/* Takes the object. */
static Err write_line(Record *r, uint64_t now_s, AuditEvent event, const char *by, const uint8_t *task_id, json_t *detail,
                      bool durable)
{
    const Hex task = task_id ? hex(task_id, 16) : (Hex){""};
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    Err e = text ? audit_write(r->log, now_s * NS_PER_S, event, by, task.text, text, durable) : FAIL(ENOMEM);
    free(text);
    json_decref(detail);
    return e;
}

Err record_grant(Record *r, uint64_t now_s, const Release *x)
{
    char by[PUBLIC_KEY_TEXT_MAX];
    public_key_print(&x->node, by);
    json_t *detail = json_pack(
        "{s:s, s:I, s:i, s:s, s:s, s:I, s:I, s:s, s:s}", "what", "session", "session", (json_int_t)x->session_id, "stage",
        (int)x->stage, "node", x->node_id, "dataset", hex(x->dataset_id, 16).text, "version", (json_int_t)x->dataset_version,
        "runs", (json_int_t)x->runs, "image", hex(x->measurement.bytes, 32).text, "evidence", hex(x->evidence.bytes, 32).text);
    return write_line(r, now_s, AUDIT_KEY_RELEASE, by, x->task_id, detail, true);
}

/* "0-63,70": as many of the jobs as fit; *at goes on behind the last one said. */
static void say_ranges(const uint64_t *jobs, size_t count, size_t *at, char ret_text[RANGES_TEXT_MAX])
{
    size_t size = 0;
    while (*at < count && size < RANGES_TEXT_MAX - RANGE_TEXT_MAX) {
        size_t last = *at;
        while (last + 1 < count && jobs[last + 1] == jobs[last] + 1) last++;
        const char *comma = size ? "," : "";
        if (last == *at) size += (size_t)sprintf(ret_text + size, "%s%" PRIu64, comma, jobs[last]);
        else size += (size_t)sprintf(ret_text + size, "%s%" PRIu64 "-%" PRIu64, comma, jobs[*at], jobs[last]);
        *at = last + 1;
    }
}

Err record_wraps(Record *r, uint64_t now_s, uint64_t session_id, const uint8_t task_id[16], const PublicKey *node,
                 const uint64_t *jobs, size_t count)
{
    char by[PUBLIC_KEY_TEXT_MAX], text[RANGES_TEXT_MAX];
    public_key_print(node, by);
    for (size_t at = 0; at < count;) {
        say_ranges(jobs, count, &at, text);
        json_t *detail = json_pack("{s:s, s:I, s:s}", "what", "segments", "session", (json_int_t)session_id, "segments", text);
        TRY(write_line(r, now_s, AUDIT_KEY_RELEASE, by, task_id, detail, false));
    }
    return OK;
}

Err record_result(Record *r, uint64_t now_s, const uint8_t task_id[16], uint64_t results)
{
    return write_line(r, now_s, AUDIT_KEY_RELEASE, "recipients", task_id,
                      json_pack("{s:s, s:I}", "what", "result", "results", (json_int_t)results), true);
}

Err record_budget(Record *r, uint64_t now_s, const LedgerEntry *entry, const Sha256 *hash)
{
    const bool charge = entry->kind == LEDGER_CHARGE;
    json_t *detail = json_pack("{s:s, s:I, s:s, s:s, s:s}", "what", charge ? "charge" : "budget", "entry", (json_int_t)entry->number, "head",
                               hex(hash->bytes, sizeof hash->bytes).text, "dataset", hex(entry->dataset, sizeof entry->dataset).text, "request",
                               hex(entry->request.bytes, sizeof entry->request.bytes).text);
    return write_line(r, now_s, AUDIT_POLICY, charge ? "task" : "owner", charge ? entry->task : NULL, detail, true);
}

/* Refusals and verdicts: false when this minute's lines are used up. */
static bool may_write(Record *r, uint64_t now_s)
{
    if (r->minute != now_s / 60) {
        r->minute = now_s / 60;
        r->lines = 0;
    }
    if (r->lines < REFUSAL_LINES_PER_MINUTE_MAX) {
        r->lines++;
        return true;
    }
    r->unsaid++;
    return false;
}

/* What could not be written is said by the next line that can. */
static void write_if_possible(Record *r, uint64_t now_s, AuditEvent event, const char *by, const uint8_t *task_id, json_t *detail)
{
    if (detail && r->unsaid) json_object_set_new(detail, "not_listed_before", json_integer((json_int_t)r->unsaid));
    Err e = write_line(r, now_s, event, by, task_id, detail, false);
    if (e.code) r->unsaid++;
    else r->unsaid = 0;
}

void record_verdict(Record *r, uint64_t now_s, const uint8_t task_id[16], const char *node_id, const Verdict *v)
{
    json_t *failed = json_array();
    if (!may_write(r, now_s)) {
        json_decref(failed);
        return;
    }
    for (size_t i = 0; i < v->count && json_array_size(failed) < VERDICT_CLAIMS_SAID_MAX; i++)
        if (!v->claims[i].passed)
            json_array_append_new(failed, json_pack("{s:s, s:s}", "claim", v->claims[i].claim, "reason", v->claims[i].reason));
    json_t *detail = json_pack("{s:b, s:i, s:o}", "accepted", (int)v->accepted, "claims", (int)v->count, "failed", failed);
    write_if_possible(r, now_s, AUDIT_APPRAISAL, node_id, task_id, detail);
}

void record_refusal(Record *r, uint64_t now_s, const char *what, const uint8_t *task_id, Err e, const Diag *diag)
{
    if (!may_write(r, now_s)) return;
    const char *reason = diag && diag->text[0] ? diag->text : err_text(e.code);
    write_if_possible(r, now_s, AUDIT_KEY_REFUSAL, "keybroker", task_id,
                      json_pack("{s:s, s:i, s:s}", "what", what, "code", e.code, "reason", reason));
}
