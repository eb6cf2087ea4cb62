/*
 * Staged images and data with everything real but the manager: an agent, a warden (this program again), namespaces, filters, SEEs of the image of
 * see/staging_test_module.c, whose segment is a list of commands.
 */
#include <signal.h>
#include <sys/stat.h>

#include "image/image.h"
#include "node/agent_parts.h"
#include "node/stage_fixture.h"
#include "node/test_world.h"
#include "sys/clock.h"
#include "warden/protocol.h"
#include "warden/warden.h"

static StageWorld s;
static World *w;
static PtoKey signer; /* of the image */
static Buffer image;
static uint8_t measurement[SHA256_BYTES];
static char image_path[128];
static bool has_node_key; /* the warden of the next world */

static void read_image(void)
{
    char path[4096];
    ImageInfo info;
    const char *build = getenv("COVEY_BUILD");
    signer = fixture_pto(21);
    image = buffer_limited(IMAGE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/src/see/see-test-staging", build ? build : "build");
    ck_assert_ok(file_read(AT_FDCWD, path, &image));
    ck_assert_ok(image_sign(&signer.secret, &signer.public_key, &image));
    ck_assert_ok(image_parse(view_buffer(&image), &info, NULL));
    memcpy(measurement, info.measurement.bytes, sizeof measurement);
    snprintf(image_path, sizeof image_path, "%s/staging.see", s.folder);
    ck_assert_ok(file_replace(AT_FDCWD, image_path, view_buffer(&image), 0600));
}

/* One zygote a task; the image's path leads nowhere unless a test says otherwise, so that only what is staged can have served. */
static void begin(void)
{
    static TrustedKeys trusted;
    w = world_without_agent(NULL, false, LEVEL_PROCESS);
    fixture_begin(&s, w->loop);
    read_image();
    trusted = (TrustedKeys){.count = 1, .keys[0] = signer.public_key};
    s.stage->config.trusted = &trusted;
    s.stage->config.bytes_max = 64 * MIB;
    const AgentConfig config = {.node_id = "test", .warden_program = "/proc/self/exe", .cores = 1, .trusted = trusted, .stage = s.stage,
                                .config_dir = has_node_key ? s.folder : NULL};
    Diag diag = {{0}};
    Err e = agent_new(w->loop, w->bus, &config, &w->agent, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    world_until(w, w->joined);
    w->open.zygotes = 1;
    w->open.memory_max = 8 * MIB;
    w->open.staging = VIEW("score");
    w->open.image_path = VIEW("/no/such/image.see");
    memcpy(w->open.measurement, measurement, sizeof measurement);
}

static void end(void)
{
    agent_free(&w->agent);
    stage_free(&s.stage);
    Loop *none = NULL;
    s.loop = none;
    fixture_end(&s);
    world_free(w);
    buffer_free(&image);
}

static Resource image_resource(uint32_t zygotes)
{
    Resource r = fixture_next(&s, "score", view_buffer(&image));
    r.kind = RESOURCE_IMAGE;
    r.shape = (ResourceShape){LEVEL_PROCESS, 8 * MIB, 4 * MIB, zygotes};
    return r;
}

static void stage_image(const Resource *r)
{
    uint32_t before = s.said_count;
    fixture_offer(&s, r, view_buffer(&image));
    world_until(w, s.said_count > before);
    ck_assert_msg(fixture_last(&s) == STAGE_STAGED, "%s", stage_outcome_word(fixture_last(&s)));
}

static void stage_text(const char *name, const char *text)
{
    Resource r = fixture_next(&s, name, view_text(text));
    fixture_offer(&s, &r, view_text(text));
    ck_assert_int_eq(fixture_last(&s), STAGE_STAGED);
}

static void send_job(uint32_t job, const char *commands)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    const BatchHead head = {w->open.id, w->open.stage, w->open.node, w->open.manager};
    const JobItem item = {.job = job, .attempt = 1, .kind = SEGMENT_INLINE, .size = strlen(commands), .data = view_text(commands)};
    w->jobs[job] = (WorldJob){.attempt = 1};
    ck_assert_ok(message_begin_jobs(&message, &head));
    ck_assert_ok(message_add_job(&message, &item));
    w->outstanding++;
    world_send(w, &message);
}

static const char *run(uint32_t job, const char *commands)
{
    w->no_retries = true;
    send_job(job, commands);
    world_until(w, w->jobs[job].answers);
    return w->jobs[job].outcome == OUTCOME_OK ? w->jobs[job].output : outcome_text(w->jobs[job].outcome);
}

static void open_task(void)
{
    w->ready = w->refused = false;
    world_open(w);
    world_until(w, w->ready || w->refused);
    ck_assert_msg(w->ready, "%s", w->refused_text);
}

static void close_task(void)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    const TaskClose close = {w->open.id, w->open.stage, w->open.node};
    ck_assert_ok(message_put_task_close(&message, &close));
    world_send(w, &message);
    world_until(w, w->agent->task_count == 0);
}

START_TEST(a_staged_image_waits_warm_and_a_task_takes_it)
{
    begin();
    const Resource r = image_resource(2);
    stage_image(&r);
    ck_assert_uint_eq(stage_stats(s.stage).zygotes, 2);
    ck_assert_uint_eq(w->agent->node.live_zygotes, 2);
    open_task();
    ck_assert_int_eq(fixture_last(&s), STAGE_CLAIMED);
    ck_assert_uint_eq(w->agent->node.live_zygotes, 2); /* none was started for the task */
    ck_assert_str_eq(run(0, "a score\nc score\n"), "available=0\nclaim=-1\n");
    ck_assert_uint_eq(fixture_logged(&s, "claim", STAGE_CLAIMED), 1);
    close_task();
    w->open.id.bytes[0]++;
    open_task();
    ck_assert_uint_eq(fixture_count(&s, STAGE_CLAIMED), 2);
    ck_assert(stage_stats(s.stage).resources == 0 && stage_stats(s.stage).bytes_wasted == 0); /* both zygotes have their task */
    close_task();
    end();
}
END_TEST

START_TEST(a_micro_job_claims_its_tasks_data_once)
{
    begin();
    stage_text("score/model", "weights\n");
    const Resource r = image_resource(1);
    stage_image(&r);
    open_task();
    ck_assert_str_eq(run(0, "a score/model\nc score/model\np 3 2\nc score/model\n"), "available=1\nclaim=3\nbyte=105\nclaim=-2\n");
    ck_assert_uint_eq(fixture_logged(&s, "claim", STAGE_CLAIMED), 2);
    ck_assert_uint_eq(fixture_logged(&s, "claim-refusal", STAGE_CLAIM_TWICE), 1);
    stage_text("score/more", "x");  /* to a task that is open already */
    ck_assert_str_eq(run(1, "c score/more\nc score/model\nc other\n"), "claim=3\nclaim=-2\nclaim=-6\n");
    ck_assert_uint_eq(fixture_logged(&s, "claim-refusal", STAGE_CLAIM_FOREIGN), 1);
    close_task();
    end();
}
END_TEST

static Outcome run_object(uint32_t job, const char *content)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    Sha256 hash;
    const BatchHead head = {w->open.id, w->open.stage, w->open.node, w->open.manager};
    sha256_of(view_text(content), &hash);
    const JobItem item = {.job = job, .attempt = 1, .kind = SEGMENT_OBJECT, .size = strlen(content), .object_size = strlen(content),
                          .object = view_of(hash.bytes, sizeof hash.bytes)};
    w->no_retries = true;
    w->jobs[job] = (WorldJob){.attempt = 1};
    ck_assert_ok(message_begin_jobs(&message, &head));
    ck_assert_ok(message_add_job(&message, &item));
    w->outstanding++;
    world_send(w, &message);
    world_until(w, w->jobs[job].answers);
    return (Outcome)w->jobs[job].outcome;
}

START_TEST(a_segment_that_is_staged_is_read_where_it_lies)
{
    static const char SEGMENT[] = "a score/seg\ne 0 0 2\n";
    begin();
    stage_text("score/seg", SEGMENT);
    const Resource r = image_resource(1);
    stage_image(&r);
    open_task();
    ck_assert_int_eq(run_object(0, SEGMENT), OUTCOME_OK);
    ck_assert_str_eq(w->jobs[0].output, "available=0\nseek=20\n");
    ck_assert_uint_eq(fixture_count(&s, STAGE_CLAIMED), 2);
    ck_assert_int_eq(run_object(1, SEGMENT), OUTCOME_NONE); /* given back: it was claimed, and this node keeps no objects */
    close_task();
    end();
}
END_TEST

/* The task goes the slow way, with its own copy of the image, and is answered. */
static void expect_slow(StageOutcomeCode why)
{
    w->open.image_path = view_text(image_path);
    open_task();
    ck_assert_uint_eq(fixture_count(&s, STAGE_CLAIMED), 0);
    ck_assert_msg(fixture_last(&s) == why, "%s", stage_outcome_word(fixture_last(&s)));
    ck_assert_uint_eq(fixture_logged(&s, "claim-refusal", why), 1);
    ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
    ck_assert_uint_eq(w->agent->node.live_zygotes, 2);
    close_task();
    end();
}

START_TEST(an_image_on_whose_access_list_the_task_is_not_is_refused_and_the_task_goes_the_slow_way)
{
    begin();
    Resource r = image_resource(1);
    snprintf(r.tasks[0].text, sizeof r.tasks[0].text, "another");
    stage_image(&r);
    expect_slow(STAGE_CLAIM_DENIED);
}
END_TEST

START_TEST(an_image_for_another_task_is_refused_and_the_task_goes_the_slow_way)
{
    begin();
    Resource r = image_resource(1);
    snprintf(r.name, sizeof r.name, "another");
    stage_image(&r);
    expect_slow(STAGE_CLAIM_FOREIGN);
}
END_TEST

START_TEST(an_image_that_was_started_with_another_memory_is_refused_and_the_task_goes_the_slow_way)
{
    begin();
    Resource r = image_resource(1);
    r.shape.memory_max = 4 * MIB;
    stage_image(&r);
    expect_slow(STAGE_CLAIM_SHAPE);
}
END_TEST

START_TEST(data_for_another_task_is_on_no_board_and_in_no_place_of_a_hostile_see)
{
    begin();
    const Resource r = image_resource(1);
    stage_image(&r);
    stage_text("another/model", "the-secret");
    stage_text("score/model", "the-secret");
    open_task();
    ck_assert_ptr_nonnull(strstr(run(0, "S the-secret\n"), "found=0\n"));
    ck_assert_str_eq(run(1, "T\n"), "taken=1\n"); /* its own task's: and the node sees it */
    ck_assert_uint_eq(fixture_count(&s, STAGE_CLAIMED), 2);
    ck_assert_str_eq(run(2, "T\n"), "taken=0\n");
    ck_assert_uint_eq(stage_stats(s.stage).resources, 1);
    static const char *const FORBIDDEN[] = {"P\n", "E\n", "H\n", "O\n", "A\n"};
    for (uint32_t i = 0; i < sizeof FORBIDDEN / sizeof FORBIDDEN[0]; i++)
        ck_assert_str_eq(run(3 + i, FORBIDDEN[i]), outcome_text(OUTCOME_FORBIDDEN_CALL));
    close_task();
    end();
}
END_TEST

START_TEST(evicted_images_leave_no_zygote_behind)
{
    StageOutcomeCode code;
    begin();
    const Resource r = image_resource(3);
    stage_image(&r);
    ck_assert_uint_eq(w->agent->node.live_zygotes, 3);
    stage_evict(s.stage, &s.pto.public_key, r.sequence, &code);
    ck_assert_int_eq(fixture_last(&s), STAGE_EVICTED_BY_PTO);
    ck_assert_uint_eq(w->agent->node.live_zygotes, 0);
    end();
}
END_TEST

START_TEST(warm_zygotes_give_way_to_those_of_tasks)
{
    begin();
    const Resource r = image_resource(1);
    stage_image(&r);
    w->open.staging = VIEW("");
    w->open.image_path = view_text(image_path);
    w->agent->node.live_zygotes += ZYGOTES_MAX - 1; /* as many as a warden holds */
    open_task();
    ck_assert_int_eq(fixture_last(&s), STAGE_EVICTED_PRESSURE);
    w->agent->node.live_zygotes -= ZYGOTES_MAX - 1;
    ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
    close_task();
    end();
}
END_TEST

START_TEST(a_dead_warden_takes_the_warm_zygotes_along_and_the_next_one_starts_them_again)
{
    begin();
    const Resource r = image_resource(1);
    stage_image(&r);
    uint32_t first = w->agent->node.last_zygote;
    pid_t pid = 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", w->agent->node.warden.pid_fd);
    FILE *f = fopen(path, "r");
    for (char line[128]; fgets(line, sizeof line, f);) sscanf(line, "Pid: %d", &pid);
    fclose(f);
    ck_assert_int_gt(pid, 0);
    kill(pid, SIGKILL);
    world_until(w, w->agent->node.last_zygote > first && stage_stats(s.stage).zygotes == 1);
    open_task();
    ck_assert_int_eq(fixture_last(&s), STAGE_CLAIMED);
    ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
    close_task();
    end();
}
END_TEST

START_TEST(what_is_no_running_image_is_evicted_and_the_task_goes_the_slow_way)
{
    begin();
    Resource r = image_resource(1);
    r.shape.memory_max = 4096; /* less than the module begins with: its zygotes say so and end */
    fixture_offer(&s, &r, view_buffer(&image));
    world_until(w, fixture_count(&s, STAGE_EVICTED_FAILED));
    ck_assert_uint_eq(fixture_count(&s, STAGE_STAGED), 0);
    ck_assert_uint_eq(w->agent->node.live_zygotes, 0);
    w->open.image_path = view_text(image_path);
    open_task();
    ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
    close_task();
    end();
}
END_TEST

/* --- attested before a task comes --- */

static struct { uint32_t nonces, evidence; const char *refusal; size_t size; } appraised;

static Err fixture_nonce(void *context, uint8_t *ret_nonce)
{
    (void)context;
    memset(ret_nonce, (int)++appraised.nonces, 32);
    return OK;
}

static Err fixture_appraise(void *context, const StageEvidence *e, Diag *diag)
{
    (void)context;
    ck_assert(e->nonce[0] >= 1 && e->nonce[0] <= appraised.nonces && e->nonce[0] == e->nonce[31]);
    ck_assert_mem_eq(e->measurement, measurement, sizeof measurement);
    ck_assert_int_eq(e->level, LEVEL_PROCESS);
    appraised.evidence++;
    appraised.size = e->cose.size;
    return appraised.refusal ? FAIL_WHY(diag, ERR_DENIED, "%s", appraised.refusal) : OK;
}

static void begin_appraised(const char *refusal)
{
    begin();
    appraised = (typeof(appraised)){.refusal = refusal};
    s.stage->config.appraiser = (StageAppraiser){.nonce = fixture_nonce, .appraise = fixture_appraise};
}

/* The warden has the folder from the agent: the node's key is made there. */
static void begin_attested(const char *refusal)
{
    has_node_key = true;
    begin_appraised(refusal);
    has_node_key = false;
}

START_TEST(a_warm_zygote_is_attested_before_it_is_ready_and_what_that_took_is_measured)
{
    begin_attested(NULL);
    const Resource r = image_resource(1);
    stage_image(&r);
    const StageStats n = stage_stats(s.stage);
    ck_assert(appraised.evidence == 1 && appraised.size > 200 && n.attested == 1 && n.unattested == 0 && n.attest_ns > 0);
    open_task();
    ck_assert_int_eq(fixture_last(&s), STAGE_CLAIMED);
    ck_assert(w->window.attest_ns == n.attest_ns && w->window.start_ns > 0); /* TASK_READY says what was spent before the task came */
    ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
    close_task();
    end();
}
END_TEST

START_TEST(a_task_over_sealed_data_takes_a_warm_zygote_too_and_has_its_own_evidence_made)
{
    begin_attested(NULL);
    world_seal(w, SEALED_SEGMENTS, NULL);
    w->open.ahead = 1; /* no key is asked for: this broker's grants are not genuine */
    const Resource r = image_resource(1);
    stage_image(&r);
    const uint64_t before = stage_stats(s.stage).attest_ns;
    open_task();
    ck_assert_int_eq(fixture_last(&s), STAGE_CLAIMED);
    ck_assert(w->broker->challenges == 1 && w->broker->attests == 0 && w->agent->node.live_zygotes == 1);
    ck_assert(w->window.attest_ns > 0 && w->window.attest_ns != before);
    close_task();
    end();
}
END_TEST

/* Neither by a task that comes while it is appraised nor by a later one. */
START_TEST(a_zygote_whose_evidence_is_refused_serves_no_task_and_the_task_goes_the_slow_way)
{
    static const char *const REFUSALS[] = {"node: \"nobody\" trusts\nthis node", NULL /* the warden has no key, and gives no evidence */};
    for (int i = 0; i < 2; i++) {
        if (i == 0) begin_attested(REFUSALS[i]);
        else begin_appraised(NULL);
        const Resource r = image_resource(2);
        fixture_offer(&s, &r, view_buffer(&image));
        world_until(w, fixture_count(&s, STAGE_EVICTED_UNATTESTED));
        const StageStats n = stage_stats(s.stage);
        ck_assert(n.staged == 0 && n.attested == 0 && n.unattested == 1 && n.zygotes == 0 && appraised.evidence == (i == 0));
        ck_assert_uint_eq(w->agent->node.live_zygotes, 0);
        ck_assert_uint_eq(fixture_logged(&s, "eviction", STAGE_EVICTED_UNATTESTED), 1);
        w->open.image_path = view_text(image_path);
        open_task();
        ck_assert_uint_eq(fixture_count(&s, STAGE_CLAIMED), 0);
        ck_assert_uint_eq(w->window.attest_ns, 0);
        ck_assert_str_eq(run(0, "a score\n"), "available=0\n");
        close_task();
        end();
    }
}
END_TEST

START_TEST(a_waiting_zygote_is_attested_anew_before_its_evidence_expires)
{
    begin_attested(NULL);
    const Resource r = image_resource(1);
    stage_image(&r);
    warm_watch(w->agent->node.warm, clock_monotonic_ns() + 250 * NS_PER_S);
    world_until(w, appraised.evidence == 2);
    ck_assert(stage_stats(s.stage).zygotes == 1 && stage_stats(s.stage).attested == 2);
    appraised.refusal = "node: it was revoked meanwhile";
    warm_watch(w->agent->node.warm, clock_monotonic_ns() + 500 * NS_PER_S);
    world_until(w, fixture_count(&s, STAGE_EVICTED_UNATTESTED));
    ck_assert_uint_eq(w->agent->node.live_zygotes, 0);
    end();
}
END_TEST

int main(int argc, char **argv)
{
    const char *folder = argc > 3 ? argv[3] : NULL;
    if (argc > 1 && strcmp(argv[1], "warden") == 0) return warden_serve(WARDEN_SOCKET_FD, folder, NULL).code ? 1 : 0;
    const TTest *const tests[] = {
        a_staged_image_waits_warm_and_a_task_takes_it, a_micro_job_claims_its_tasks_data_once,
        a_segment_that_is_staged_is_read_where_it_lies,
        an_image_on_whose_access_list_the_task_is_not_is_refused_and_the_task_goes_the_slow_way,
        an_image_for_another_task_is_refused_and_the_task_goes_the_slow_way,
        an_image_that_was_started_with_another_memory_is_refused_and_the_task_goes_the_slow_way,
        data_for_another_task_is_on_no_board_and_in_no_place_of_a_hostile_see, evicted_images_leave_no_zygote_behind,
        warm_zygotes_give_way_to_those_of_tasks, a_dead_warden_takes_the_warm_zygotes_along_and_the_next_one_starts_them_again,
        what_is_no_running_image_is_evicted_and_the_task_goes_the_slow_way,
        a_warm_zygote_is_attested_before_it_is_ready_and_what_that_took_is_measured,
        a_task_over_sealed_data_takes_a_warm_zygote_too_and_has_its_own_evidence_made,
        a_zygote_whose_evidence_is_refused_serves_no_task_and_the_task_goes_the_slow_way,
        a_waiting_zygote_is_attested_anew_before_its_evidence_expires};
    return test_run("node/warm", tests, sizeof tests / sizeof tests[0]);
}
