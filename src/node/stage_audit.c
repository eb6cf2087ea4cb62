/* What became of resources: to the audit log, and to who listens. */
#include <stdio.h>

#include "node/stage_parts.h"
#include "sys/clock.h"

static AuditEvent event_of(StageOutcomeCode code)
{
    if (code == STAGE_STAGED) return AUDIT_PREFETCH;
    if (stage_outcome_is_refusal(code)) return AUDIT_PREFETCH_REFUSAL;
    return stage_outcome_is_eviction(code) ? AUDIT_EVICTION : code == STAGE_CLAIMED ? AUDIT_CLAIM : AUDIT_CLAIM_REFUSAL;
}

/* A log that cannot be written stops no staging: what is staged is checked, with or without a log. */
static void write_line(Stage *s, AuditEvent event, const char *task, const char *detail)
{
    Err e = audit_write(s->config.audit, clock_wall_ns(), event, "stage", task, detail, false);
    (void)e;
}

static void say_unaudited(Stage *s)
{
    char detail[128];
    if (s->unaudited == 0) return;
    snprintf(detail, sizeof detail, "{\"what\":\"refusals that are not listed singly\",\"count\":%u}", s->unaudited);
    s->unaudited = 0;
    write_line(s, AUDIT_PREFETCH_REFUSAL, "", detail);
}

/* Who floods the stage must not fill the disk. */
static bool may_write(Stage *s, AuditEvent event)
{
    if (event != AUDIT_PREFETCH_REFUSAL && event != AUDIT_CLAIM_REFUSAL) return true;
    uint64_t second = clock_monotonic_ns() / NS_PER_S;
    if (second != s->audit_second) {
        s->audit_second = second;
        s->audited = 0;
        say_unaudited(s);
    }
    if (s->audited++ < STAGE_AUDIT_REFUSALS_S) return true;
    s->unaudited++;
    return false;
}

static void to_log(Stage *s, StageOutcomeCode code, const Resource *r, const char *claimant)
{
    static const Resource UNREAD;
    const Resource *x = r ? r : &UNREAD;
    char detail[1024], hash[65], key[PUBLIC_KEY_TEXT_MAX];
    AuditEvent event = event_of(code);
    if (!s->config.audit || !may_write(s, event)) return;
    sha256_hex(&x->hash, hash);
    public_key_print(&x->pto, key);
    int n = snprintf(detail, sizeof detail, "{\"outcome\":\"%s\",\"what\":\"%s\"", stage_outcome_word(code), stage_outcome_text(code));
    if (r) /* names are of letters, digits and a few signs: nothing in them can end a string */
        n += snprintf(detail + n, sizeof detail - (size_t)n, ",\"kind\":\"%s\",\"name\":\"%s\",\"hash\":\"%s\",\"size\":%llu,\"sequence\":%llu,\"pto\":\"%s\"",
                      r->kind == RESOURCE_IMAGE ? "image" : "data", r->name, hash, (unsigned long long)r->size, (unsigned long long)r->sequence, key);
    if (claimant) n += snprintf(detail + n, sizeof detail - (size_t)n, ",\"claimant\":\"%s\"", claimant);
    snprintf(detail + n, sizeof detail - (size_t)n, "}");
    View task = r ? resource_task_of(r) : view_text("");
    char name[RESOURCE_TASK_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)task.size, (const char *)task.data);
    write_line(s, event, name, detail);
}

/* Whatever the reason quotes cannot end the string that it is written in. */
static void plain_text(const char *text, char *ret_text, size_t room)
{
    size_t size = 0;
    for (; text[size] && size + 1 < room; size++) {
        char c = text[size];
        ret_text[size] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
    }
    ret_text[size] = '\0';
}

void stage_say_appraised(Stage *s, const Entry *image, Err verdict, const char *why, uint64_t elapsed_ns)
{
    char detail[1024], reason[512], measurement[65], task[RESOURCE_TASK_MAX + 1];
    Sha256 m;
    View of = resource_task_of(&image->r);
    s->stats.attested += verdict.code == 0;
    s->stats.unattested += verdict.code != 0;
    s->stats.attest_ns += elapsed_ns;
    if (!s->config.audit) return;
    memcpy(m.bytes, image->measurement, sizeof m.bytes);
    sha256_hex(&m, measurement);
    plain_text(why, reason, sizeof reason);
    snprintf(task, sizeof task, "%.*s", (int)of.size, (const char *)of.data);
    snprintf(detail, sizeof detail, "{\"verdict\":\"%s\",\"what\":\"a warm zygote, without a task\",\"name\":\"%s\",\"measurement\":\"%s\",\"reason\":\"%s\"}",
             verdict.code ? "refused" : "accepted", image->r.name, measurement, reason);
    write_line(s, AUDIT_APPRAISAL, task, detail);
}

static void count(Stage *s, StageOutcomeCode code, const Resource *r)
{
    StageStats *n = &s->stats;
    if (code == STAGE_STAGED) {
        n->staged++;
        n->bytes_staged += r->size;
    }
    n->claimed += code == STAGE_CLAIMED;
    n->refused += stage_outcome_is_refusal(code);
    n->claims_refused += stage_outcome_is_claim_refusal(code);
    n->evicted += stage_outcome_is_eviction(code);
}

void stage_say(Stage *s, StageOutcomeCode code, const Resource *r, uint64_t offer, uint64_t elapsed_ns, const char *claimant)
{
    count(s, code, r);
    to_log(s, code, r, claimant);
    const StageEvent event = {.code = code, .resource = r, .elapsed_ns = elapsed_ns, .offer = offer};
    for (uint32_t i = 0; i < s->ear_count; i++) s->ears[i].listener(s->ears[i].context, &event);
}
