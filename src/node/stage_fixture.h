/** For tests: a stage that trusts one orchestrator, with a clock and a machine's memory of the test's own, and what it said of offers. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/test.h"
#include "bus/resource_fixture.h"
#include "bus/stage_link.h"
#include "node/stage_parts.h"
#include "sys/fd.h"

enum { SAID_MAX = 4096 };
typedef struct {
    Loop *loop;
    Stage *stage;
    PtoKey pto, log_key;
    Audit *audit;
    char folder[64], log[96];
    uint64_t wall_ms, memory;
    StageOutcomeCode said[SAID_MAX];
    char names[SAID_MAX][RESOURCE_NAME_MAX + 1];
    uint32_t said_count;
    uint64_t sequence;
    StageConfig config;
} StageWorld;

static inline uint64_t fixture_wall(void *context) { return ((StageWorld *)context)->wall_ms; }
static inline uint64_t fixture_memory(void *context) { return ((StageWorld *)context)->memory; }

static inline void fixture_hear(void *context, const StageEvent *event)
{
    StageWorld *w = context;
    ck_assert_uint_lt(w->said_count, SAID_MAX);
    snprintf(w->names[w->said_count], sizeof w->names[0], "%s", event->resource ? event->resource->name : "");
    w->said[w->said_count++] = event->code;
}

static inline void fixture_begin(StageWorld *w, Loop *loop)
{
    *w = (StageWorld){.pto = fixture_pto(7), .log_key = fixture_pto(9), .wall_ms = 1000000, .memory = GIB};
    snprintf(w->folder, sizeof w->folder, "/tmp/covey-stage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(w->folder));
    snprintf(w->log, sizeof w->log, "%s/audit.log", w->folder);
    w->loop = loop;
    if (!loop) ck_assert_ok(loop_new(&w->loop));
    ck_assert_ok(audit_open(w->log, &w->log_key.secret, &w->log_key.public_key, &w->audit, NULL));
    w->config = (StageConfig){.loop = w->loop, .keys = {.count = 1}, .audit = w->audit, .bytes_max = MIB, .keep_free = 64 * MIB,
                              .memory_available = fixture_memory, .wall_ms = fixture_wall, .context = w};
    w->config.keys.keys[0] = w->pto.public_key;
    ck_assert_ok(stage_new(&w->config, &w->stage));
    ck_assert_ok(stage_listen(w->stage, fixture_hear, w));
}

static inline void fixture_end(StageWorld *w)
{
    char command[128];
    stage_free(&w->stage);
    audit_close(&w->audit);
    loop_free(&w->loop);
    snprintf(command, sizeof command, "rm -r '%s'", w->folder);
    ck_assert_int_eq(system(command), 0);
}

static inline int fixture_memfd(View content)
{
    int fd;
    ck_assert_ok(stage_memfd_new(content.size, &fd));
    ck_assert_ok(fd_pwrite_all(fd, content, 0));
    ck_assert_ok(stage_memfd_seal(fd));
    return fd;
}

/** For this stage, with the next sequence number. */
static inline Resource fixture_next(StageWorld *w, const char *name, View content)
{
    Resource r = fixture_resource(&w->pto, name, content, ++w->sequence);
    r.stage = *stage_id(w->stage);
    return r;
}

/** Lets the loop go on until nothing is being verified. */
static inline void fixture_settle(StageWorld *w)
{
    do ck_assert_ok(loop_turn(w->loop, 0));
    while (w->stage->verifying);
}

static inline void fixture_offer_fd(StageWorld *w, const Resource *r, const SecretKey *secret, int fd)
{
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    uint64_t offer;
    ck_assert_ok(resource_encode(r, secret, &statement));
    stage_offer(w->stage, view_buffer(&statement), fd, &offer);
    fixture_settle(w);
}

static inline void fixture_offer(StageWorld *w, const Resource *r, View content) { fixture_offer_fd(w, r, &w->pto.secret, fixture_memfd(content)); }

static inline StageOutcomeCode fixture_last(const StageWorld *w) { return w->said_count ? w->said[w->said_count - 1] : 0; }
static inline uint32_t fixture_count(const StageWorld *w, StageOutcomeCode code)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->said_count; i++) count += w->said[i] == code;
    return count;
}

/** How many lines of the audit log hold this. */
static inline uint32_t fixture_logged(const StageWorld *w, const char *event, StageOutcomeCode code)
{
    AUTO_BUFFER text = buffer_limited(16 * MIB);
    char want[128], word[96];
    uint32_t count = 0;
    ck_assert_ok(file_read(AT_FDCWD, w->log, &text));
    ck_assert_ok(buffer_put_u8(&text, 0));
    snprintf(want, sizeof want, "\"event\":\"%s\"", event);
    snprintf(word, sizeof word, "\"outcome\":\"%s\"", stage_outcome_word(code));
    char *rest = NULL;
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        count += strstr(line, want) && strstr(line, word);
    return count;
}
