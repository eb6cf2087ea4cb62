/* covey_seal: keys, policy, how to cut, and which version. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/seal.h"
#include "api/spill.h"
#include "base/quoted.h"
#include "crypto/keyring.h"
#include "sys/clock.h"
#include "sys/fd.h"

/* In locked memory; wiped when freed. */
typedef struct { SecretKey signing; SealSecretKey sealing; } Secrets;

typedef struct {
    covey *c;
    const char *input, *output;
    const covey_seal_options *options;
    Secrets *secrets;
    PublicKey owner;
    SealPublicKey owner_sealing;
    Policy policy;
    TaskSpec cut;         /* the task that the splitter cuts for */
    Splitter *splitter;
    SealedWriter *writer;
} Sealing;

static Err load_keys(Sealing *s, Diag *diag)
{
    s->secrets = sodium_malloc(sizeof *s->secrets);
    if (!s->secrets) return FAIL_WHY(diag, ERR_LIMIT, "no memory that can be locked; raise the limit (ulimit -l)");
    TRY(keyring_signing(s->c->config_dir, passphrase_ask, diag, &s->secrets->signing, &s->owner, diag));
    return keyring_sealing(s->c->config_dir, passphrase_ask, diag, &s->secrets->sealing, &s->owner_sealing, diag);
}

static Err load_policy(const char *path, Policy *ret_policy, Diag *diag)
{
    if (!path) return FAIL_WHY(diag, ERR_USAGE, "who may open it? give --policy POLICY.yaml (docs/formats/policy.md)");
    AUTO_BUFFER yaml = buffer_limited(POLICY_BYTES_MAX);
    Err e = file_read(AT_FDCWD, path, &yaml);
    if (e.code) return FAIL_WHY(diag, e.code == ERR_LIMIT ? ERR_BAD_INPUT : ERR_NO_ENTRY, "%s: can't be read: %s", path, err_text(e.code));
    return policy_parse_yaml(view_buffer(&yaml), path, ret_policy, diag);
}

static Err refuse_revoked(const RevokedKeys *revoked, const void *keys, size_t count, const char *what, const char *path, Diag *diag)
{
    enum { KEY_BYTES_EACH = 32 };
    for (size_t i = 0; i < count; i++) {
        uint8_t key[KEY_BYTES_EACH];
        memcpy(key, (const uint8_t *)keys + i * KEY_BYTES_EACH, sizeof key);
        if (revoked_has(revoked, key, clock_wall_ns() / NS_PER_S))
            return FAIL_WHY(diag, ERR_DENIED, "%s: entry %zu of '%s' is a key that is revoked here; name its successor", path, i + 1, what);
    }
    return OK;
}

/** A policy that can't release anything any more, or only to those who must not have it, is a mistake. */
static Err check_policy(const Sealing *s, Diag *diag)
{
    const Policy *p = &s->policy;
    const char *path = s->options->policy;
    RevokedKeys revoked;
    if (p->expires && p->expires <= clock_wall_ns() / NS_PER_S) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: 'expires' has passed already; nobody could open the data", path);
    TRY(revoked_load(s->c->config_dir, &revoked, diag));
    Err e = refuse_revoked(&revoked, p->signers, p->signer_count, "signers", path, diag);
    if (e.code == 0) e = refuse_revoked(&revoked, p->nodes, p->node_count, "nodes", path, diag);
    if (e.code == 0) e = refuse_revoked(&revoked, p->recipients, p->recipient_count, "recipients", path, diag);
    revoked_free(&revoked);
    return e;
}

static bool parse_by(const char *text, SplitSpec *spec)
{
    if (strncmp(text, "fixed:", 6) == 0) {
        spec->by = SPLIT_FIXED;
        return size_parse(text + 6, &spec->record_bytes) && spec->record_bytes > 0;
    }
    return split_parse(text, &spec->by) && spec->by != SPLIT_FIXED && spec->by != SPLIT_COUNT;
}

static Err choose_cut(Sealing *s, Diag *diag)
{
    const covey_seal_options *o = s->options;
    SplitSpec *spec = &s->cut.split;
    s->cut.input_path = strdup(s->input);
    if (!s->cut.input_path) return FAIL(ENOMEM);
    spec->by = o->group_by ? SPLIT_CSV : split_guess(s->input);
    spec->header = !o->no_header;
    if (o->by && !parse_by(o->by, spec))
        return FAIL_WHY(diag, ERR_USAGE, "'%s' is no way to cut; it is lines, csv, jsonl, fixed:SIZE or file", quoted(view_text(o->by)).text);
    if (o->target && (!size_parse(o->target, &spec->target_bytes) || spec->target_bytes == 0 || spec->target_bytes > SPLIT_TARGET_MAX))
        return FAIL_WHY(diag, ERR_USAGE, "'%s' is no size of a segment; give one such as 256KiB or 1MiB, at most 512MiB", quoted(view_text(o->target)).text);
    if (o->segments && !o->group_by) return FAIL_WHY(diag, ERR_USAGE, "--segments says how many segments to group into, and goes with --group-by COLUMN");
    if (o->group_by && (spec->by != SPLIT_CSV || o->no_header))
        return FAIL_WHY(diag, ERR_USAGE, "grouping needs CSV with a header, which names the column");
    if (o->group_by && o->target) return FAIL_WHY(diag, ERR_USAGE, "--target and --group-by exclude each other; --segments says how many segments there are");
    return OK;
}

/* A person must lie in one segment: what bounds a person's part there bounds it everywhere. And a record must be what the private image takes for
 * one: in segments cut by lines, an open quote of one record would swallow others. */
static Err check_unit(const Sealing *s, Diag *diag)
{
    const char *person = s->policy.budget.person, *by = s->options->group_by;
    if (s->policy.budget.is_set && (s->cut.split.by != SPLIT_CSV || !s->cut.split.header))
        return FAIL_WHY(diag, ERR_USAGE, "a budget needs CSV with a header: private tasks read records; seal with --by csv");
    if (!person[0] || (by && strcmp(by, person) == 0)) return OK;
    return FAIL_WHY(diag, ERR_USAGE, "the policy's budget is by person, as column '%s' says: seal with --group-by '%s'", person, person);
}

/** A new dataset is version 1; one that supersedes another has its id and the next version. */
static Err choose_version(const Sealing *s, SealRequest *request, Diag *diag)
{
    const char *old = s->options->supersedes;
    request->version = 1;
    if (!old) return OK;
    SealedFile *file = NULL;
    SealedFacts facts;
    TrustedKeys own = {.keys = {s->owner}, .count = 1};
    TRY(sealed_open(old, &own, &file, diag));
    sealed_facts(file, &facts);
    sealed_close(&file);
    if (facts.is_result) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is a result, which nothing supersedes", old);
    memcpy(request->id, facts.id, sizeof request->id);
    request->version = facts.version + 1;
    return OK;
}

static Err open_splitter(Sealing *s, Diag *diag)
{
    TRY(splitter_open(&s->cut, &s->splitter, diag));
    return splitter_sealed(s->splitter) ? FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is sealed already", s->input) : OK;
}

/* Who asks for a column that is not there shall be told before it is charged: a dataset with a budget says what its columns are called. */
static void disclose(Sealing *s, uint64_t records)
{
    const View none = {0};
    if (s->policy.budget.is_set) sealed_writer_set_columns(s->writer, s->options->hide_columns ? none : splitter_header(s->splitter), records);
}

/* Segments of about as many bytes as there are segments: more than a task wants blocks of, which goes by the square root of the records too, and few
 * enough to cost nothing. */
static Err choose_segments(const Sealing *s, size_t *ret_segments, Diag *diag)
{
    uint64_t done, total, segments = 1;
    *ret_segments = s->options->segments;
    if (*ret_segments) return OK;
    splitter_progress(s->splitter, &done, &total);
    if (total == 0) return FAIL_WHY(diag, ERR_USAGE, "%s: is no file whose size would say how many segments to group into; give --segments N", s->input);
    while (segments * segments < total && segments < SPILL_PARTS_MAX) segments++;
    *ret_segments = (size_t)segments;
    return OK;
}

static Err seal_content(Sealing *s, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    uint64_t records;
    size_t segments;
    const char *slash = strrchr(s->output, '/');
    sealed_writer_set_prefix(s->writer, splitter_header(s->splitter).size);
    disclose(s, 0);
    if (!s->options->group_by) return seal_segments(s->splitter, s->writer, diag);
    TRY(choose_segments(s, &segments, diag));
    TRY(path_format(folder, "%.*s", slash ? (int)(slash - s->output) + 1 : 1, slash ? s->output : "."));
    TRY(seal_groups(s->splitter, s->options->group_by, segments, folder, s->writer, &records, diag));
    disclose(s, records);
    return OK;
}

static Err seal(Sealing *s, Diag *diag)
{
    SealRequest request = {.policy = &s->policy};
    TRY(choose_cut(s, diag));
    TRY(load_policy(s->options->policy, &s->policy, diag));
    TRY_WHY(diag, check_policy(s, diag), "%s", s->options->policy);
    TRY(check_unit(s, diag));
    TRY_WHY(diag, load_keys(s, diag), "keys");
    TRY(choose_version(s, &request, diag));
    request.owner_secret = &s->secrets->signing;
    request.owner = &s->owner;
    request.owner_sealing = &s->owner_sealing;
    TRY_WHY(diag, open_splitter(s, diag), "%s", s->input);
    TRY_WHY(diag, sealed_writer_open(s->output, &request, &s->writer, diag), "%s", s->output);
    TRY_WHY(diag, seal_content(s, diag), "%s", s->output);
    if (splitter_header(s->splitter).size > 0 && sealed_writer_segments(s->writer) == 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: has a header and no records, so there is nothing to seal; --no-header seals that line as a record", s->input);
    return sealed_writer_finish(s->writer, diag);
}

static void sealing_free(Sealing *s)
{
    sealed_writer_free(&s->writer);
    splitter_free(&s->splitter);
    task_free(&s->cut);
    policy_free(&s->policy);
    sodium_free(s->secrets);
}

covey_code covey_seal(covey *c, const char *input, const char *output, const covey_seal_options *options, covey_sealed_info *ret, covey_error *error)
{
    Diag diag = {0};
    if (!c || !input || !output || !options || !ret) return api_result(FAIL_WHY(&diag, ERR_USAGE, "covey_seal: needs an input, an output and options"), &diag, error);
    if (sodium_init() < 0) return api_result(FAIL(ENOMEM), NULL, error);
    uint64_t begin = clock_monotonic_ns();
    Sealing s = {.c = c, .input = input, .output = output, .options = options};
    task_defaults(&s.cut);
    Err e = seal(&s, &diag);
    sealing_free(&s);
    covey_code code = api_result(e, &diag, error);
    if (code == COVEY_OK) code = covey_sealed_inspect(c, output, ret, NULL, 0, error);
    if (code == COVEY_OK) ret->seconds = (double)(clock_monotonic_ns() - begin) / 1e9;
    return code;
}
