/* The stage: what it takes, what it refuses, each with its own word and a line in the audit log, and what gives way when. */
#include "node/stage_fixture.h"

#include <errno.h>

static StageWorld w;
#define CONTENT VIEW("weights\n")

static void begin(void) { fixture_begin(&w, NULL); }

#define EXPECT_REFUSED(expected) \
    do { \
        ck_assert_msg(fixture_last(&w) == (expected), "%s, not %s", stage_outcome_word(fixture_last(&w)), stage_outcome_word(expected)); \
        ck_assert_uint_eq(fixture_logged(&w, "prefetch-refusal", (expected)), fixture_count(&w, (expected))); \
        ck_assert_uint_eq(stage_stats(w.stage).bytes_held, 0); \
    } while (0)

START_TEST(what_is_signed_sealed_and_right_is_staged)
{
    begin();
    Resource r = fixture_next(&w, "score/model", CONTENT);
    fixture_offer(&w, &r, CONTENT);
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    StageStats n = stage_stats(w.stage);
    ck_assert(n.bytes_held == 8 && n.resources == 1 && n.staged == 1 && n.bytes_copied == 0);
    ck_assert_uint_eq(fixture_logged(&w, "prefetch", STAGE_STAGED), 1);
    uint32_t at = 0;
    StageItem item;
    ck_assert(stage_item(w.stage, &at, &item) && item.ready && strcmp(item.resource->name, "score/model") == 0);
    ck_assert(!stage_item(w.stage, &at, &item));
    fixture_end(&w);
}
END_TEST

START_TEST(a_forged_or_malformed_statement_is_refused)
{
    begin();
    uint64_t offer;
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    Resource r = fixture_next(&w, "score", CONTENT);
    ck_assert_ok(resource_encode(&r, &w.pto.secret, &statement));
    statement.data[statement.size - 1] ^= 1;
    stage_offer(w.stage, view_buffer(&statement), fixture_memfd(CONTENT), &offer);
    EXPECT_REFUSED(STAGE_FORGED);
    stage_offer(w.stage, VIEW("garbage"), fixture_memfd(CONTENT), &offer);
    EXPECT_REFUSED(STAGE_MALFORMED);
    fixture_end(&w);
}
END_TEST

START_TEST(a_key_that_is_not_trusted_or_was_revoked_is_refused)
{
    begin();
    const PtoKey other = fixture_pto(8);
    Resource r = fixture_next(&w, "score", CONTENT);
    r.pto = other.public_key;
    fixture_offer_fd(&w, &r, &other.secret, fixture_memfd(CONTENT));
    EXPECT_REFUSED(STAGE_UNTRUSTED);
    uint8_t revoked_key[1][32];
    uint64_t since[1] = {0};
    memcpy(revoked_key[0], w.pto.public_key.bytes, 32);
    const RevokedKeys revoked = {revoked_key, since, 1};
    r = fixture_next(&w, "score", CONTENT);
    fixture_offer(&w, &r, CONTENT);
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    stage_set_keys(w.stage, &w.config.keys, &revoked); /* what it signed before goes too */
    ck_assert_int_eq(fixture_last(&w), STAGE_EVICTED_REVOKED);
    r = fixture_next(&w, "score", CONTENT);
    fixture_offer(&w, &r, CONTENT);
    EXPECT_REFUSED(STAGE_REVOKED);
    fixture_end(&w);
}
END_TEST

START_TEST(a_replayed_statement_and_one_for_another_stage_are_refused)
{
    begin();
    Resource r = fixture_next(&w, "score", CONTENT), older = r;
    fixture_offer(&w, &r, CONTENT);
    StageOutcomeCode code;
    stage_evict(w.stage, &w.pto.public_key, r.sequence, &code);
    ck_assert_int_eq(code, STAGE_EVICTED_BY_PTO);
    fixture_offer(&w, &older, CONTENT);
    EXPECT_REFUSED(STAGE_REPLAYED);
    r = fixture_next(&w, "score", CONTENT);
    r.stage.bytes[3] ^= 1;
    fixture_offer(&w, &r, CONTENT);
    EXPECT_REFUSED(STAGE_ELSEWHERE);
    stage_evict(w.stage, &w.pto.public_key, 77, &code);
    ck_assert_int_eq(code, STAGE_NOT_HERE);
    fixture_end(&w);
}
END_TEST

START_TEST(an_expired_resource_is_refused_and_one_that_expires_is_evicted)
{
    begin();
    Resource r = fixture_next(&w, "score", CONTENT);
    r.expires_ms = w.wall_ms;
    fixture_offer(&w, &r, CONTENT);
    EXPECT_REFUSED(STAGE_EXPIRED);
    Shelf *shelf;
    static const uint8_t ANY[32] = {1};
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("score"), ANY, &shelf));
    r = fixture_next(&w, "score", CONTENT);
    r.expires_ms = w.wall_ms + 10;
    fixture_offer(&w, &r, CONTENT);
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    w.wall_ms += 10;
    for (int i = 0; i < 500 && fixture_last(&w) == STAGE_STAGED; i++) ck_assert_ok(loop_turn(w.loop, 10));
    ck_assert_int_eq(fixture_last(&w), STAGE_EVICTED_EXPIRED);
    ck_assert_uint_eq(shelf->board->places[0].state, PLACE_EXPIRED);
    ck_assert_uint_eq(fixture_logged(&w, "eviction", STAGE_EVICTED_EXPIRED), 1);
    stage_shelf_close(w.stage, &shelf);
    fixture_end(&w);
}
END_TEST

START_TEST(swapped_and_truncated_content_is_refused)
{
    begin();
    Resource r = fixture_next(&w, "score", CONTENT);
    fixture_offer(&w, &r, VIEW("WEIGHTS\n"));
    EXPECT_REFUSED(STAGE_WRONG_HASH);
    r = fixture_next(&w, "score", CONTENT);
    fixture_offer(&w, &r, VIEW("weights"));
    EXPECT_REFUSED(STAGE_WRONG_SIZE);
    r = fixture_next(&w, "score", CONTENT);
    fixture_offer(&w, &r, VIEW("weights\n\n"));
    EXPECT_REFUSED(STAGE_WRONG_SIZE);
    fixture_end(&w);
}
END_TEST

/* The writer keeps a writable mapping: the kernel then refuses the seal that counts, and grants the ones that do not. */
START_TEST(a_file_that_somebody_can_still_write_is_refused)
{
    begin();
    static const int SEALS[] = {0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                                F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, F_SEAL_WRITE | F_SEAL_SEAL | F_SEAL_GROW};
    for (size_t i = 0; i < sizeof SEALS / sizeof SEALS[0]; i++) {
        int fd;
        Resource r = fixture_next(&w, "score", CONTENT);
        ck_assert_ok(stage_memfd_new(8, &fd));
        ck_assert_ok(fd_pwrite_all(fd, CONTENT, 0));
        bool keeps = !(SEALS[i] & F_SEAL_WRITE);
        char *map = keeps ? mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
        if (keeps) ck_assert_err(stage_memfd_seal(fd), ERR_BUSY);
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS[i]), 0);
        fixture_offer_fd(&w, &r, &w.pto.secret, fd);
        EXPECT_REFUSED(STAGE_UNSEALED);
        if (keeps) munmap(map, 8);
    }
    int null = open("/dev/zero", O_RDONLY);
    Resource r = fixture_next(&w, "score", CONTENT);
    fixture_offer_fd(&w, &r, &w.pto.secret, null);
    EXPECT_REFUSED(STAGE_UNSEALED);
    fixture_end(&w);
}
END_TEST

START_TEST(an_image_that_no_trusted_key_signed_is_refused)
{
    begin();
    Resource r = fixture_next(&w, "score", CONTENT);
    r.kind = RESOURCE_IMAGE;
    r.shape = (ResourceShape){LEVEL_PROCESS, MIB, MIB, 1};
    fixture_offer(&w, &r, CONTENT);
    EXPECT_REFUSED(STAGE_BAD_IMAGE);
    fixture_end(&w);
}
END_TEST

static Resource of_size(const char *name, uint64_t size, uint64_t value, int *ret_fd)
{
    char *data = calloc(1, size);
    Resource r = fixture_next(&w, name, view_of(data, size));
    r.value = value;
    *ret_fd = fixture_memfd(view_of(data, size));
    free(data);
    return r;
}

static void offer_of_size(const char *name, uint64_t size, uint64_t value)
{
    int fd;
    Resource r = of_size(name, size, value, &fd);
    fixture_offer_fd(&w, &r, &w.pto.secret, fd);
}

START_TEST(what_is_worth_more_pushes_out_what_is_worth_less_and_nothing_else)
{
    begin(); /* a budget of 1 MiB */
    offer_of_size("a", 500 * KIB, 10);
    offer_of_size("b", 500 * KIB, 20);
    offer_of_size("c", 500 * KIB, 5);
    ck_assert_int_eq(fixture_last(&w), STAGE_NO_ROOM);
    offer_of_size("d", 2 * MIB, 50);
    ck_assert_int_eq(fixture_last(&w), STAGE_NO_ROOM);
    offer_of_size("e", 700 * KIB, 15); /* only a is worth less, and that is not enough: nothing is evicted in vain */
    ck_assert_int_eq(fixture_last(&w), STAGE_NO_ROOM);
    ck_assert_uint_eq(fixture_count(&w, STAGE_EVICTED_BUDGET), 0);
    offer_of_size("f", 500 * KIB, 15);
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    ck_assert_uint_eq(fixture_count(&w, STAGE_EVICTED_BUDGET), 1);
    ck_assert_uint_eq(stage_stats(w.stage).bytes_held, 1000 * KIB);
    ck_assert_uint_eq(stage_stats(w.stage).bytes_wasted, 500 * KIB);
    fixture_end(&w);
}
END_TEST

START_TEST(staging_gives_way_before_jobs_do)
{
    begin();
    offer_of_size("a", 100 * KIB, 10);
    offer_of_size("b", 100 * KIB, 20);
    offer_of_size("c", 100 * KIB, 30);
    w.memory = 64 * MIB - 150 * KIB; /* below what is to be kept free */
    for (int i = 0; i < 500 && stage_stats(w.stage).resources == 3; i++) ck_assert_ok(loop_turn(w.loop, 10));
    ck_assert_uint_eq(fixture_count(&w, STAGE_EVICTED_PRESSURE), 2);
    ck_assert_str_eq(w.names[w.said_count - 1], "b"); /* what is worth least first, and no more than is needed */
    ck_assert_uint_eq(stage_stats(w.stage).resources, 1);
    w.memory = 100 * MIB;
    stage_give_way(w.stage, 10 * MIB);
    ck_assert_uint_eq(stage_stats(w.stage).resources, 1);
    stage_give_way(w.stage, 50 * MIB); /* a task that wants as much */
    ck_assert_uint_eq(stage_stats(w.stage).resources, 0);
    ck_assert_uint_eq(fixture_logged(&w, "eviction", STAGE_EVICTED_PRESSURE), 3);
    fixture_end(&w);
}
END_TEST

START_TEST(a_large_resource_is_verified_in_steps)
{
    begin();
    w.stage->config.bytes_max = 64 * MIB;
    int fd;
    uint64_t offer;
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    Resource r = of_size("score", 5 * MIB + 1, 1, &fd);
    ck_assert_ok(resource_encode(&r, &w.pto.secret, &statement));
    stage_offer(w.stage, view_buffer(&statement), fd, &offer);
    for (int turns = 1; turns <= 5; turns++) {
        ck_assert_ok(loop_turn(w.loop, 0));
        ck_assert_uint_eq(w.said_count, 0);
    }
    fixture_settle(&w);
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    fixture_end(&w);
}
END_TEST

START_TEST(what_is_evicted_while_it_is_verified_is_gone)
{
    begin();
    w.stage->config.bytes_max = 64 * MIB;
    int fd;
    uint64_t offer;
    StageOutcomeCode code;
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    Resource r = of_size("score", 5 * MIB, 1, &fd);
    ck_assert_ok(resource_encode(&r, &w.pto.secret, &statement));
    stage_offer(w.stage, view_buffer(&statement), fd, &offer);
    ck_assert_ok(loop_turn(w.loop, 0));
    stage_evict(w.stage, &w.pto.public_key, r.sequence, &code);
    ck_assert_int_eq(code, STAGE_EVICTED_BY_PTO);
    fixture_settle(&w);
    ck_assert_uint_eq(fixture_count(&w, STAGE_STAGED), 0);
    ck_assert(stage_stats(w.stage).bytes_held == 0 && w.stage->verifying == 0);
    fixture_end(&w);
}
END_TEST

START_TEST(data_lies_on_the_shelf_of_its_task_and_the_images_that_it_names)
{
    static const uint8_t LISTED[32] = {1}, OTHER[32] = {2};
    Shelf *right, *wrong_image, *wrong_task;
    begin();
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("score"), OTHER, &wrong_image));
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("scorer"), LISTED, &wrong_task));
    Resource r = fixture_next(&w, "score/model", CONTENT);
    r.image_count = 1;
    memcpy(r.images[0].bytes, LISTED, 32);
    fixture_offer(&w, &r, CONTENT);
    ck_assert_uint_eq(wrong_image->board->places[0].state, PLACE_DENIED);
    ck_assert_uint_eq(wrong_task->board->places[0].state, PLACE_EMPTY);
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("score"), LISTED, &right)); /* it comes later: what waits is put there */
    ck_assert(right->board->places[0].state == PLACE_STAGED && shelf_has(right, 0));
    SlotAnswer answer = {.claim_refused = {5}, .claim_foreign = 1};
    stage_shelf_look(w.stage, wrong_image, &answer);
    ck_assert_uint_eq(fixture_logged(&w, "claim-refusal", STAGE_CLAIM_DENIED), 1);
    ck_assert_uint_eq(fixture_logged(&w, "claim-refusal", STAGE_CLAIM_FOREIGN), 1);
    stage_shelf_close(w.stage, &right);
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("score"), LISTED, &right)); /* and waits again when the task goes */
    ck_assert(shelf_has(right, 0));
    PlacePacket packet;
    size_t size, fd_count = 1;
    int fd;
    ck_assert_ok(socket_receive(right->fds[1], &packet, sizeof packet, &size, &fd, &fd_count)); /* as a SEE does */
    fd_close(&fd);
    stage_shelf_look(w.stage, right, NULL);
    ck_assert_int_eq(fixture_last(&w), STAGE_CLAIMED);
    ck_assert_uint_eq(fixture_logged(&w, "claim", STAGE_CLAIMED), 1);
    ck_assert_uint_eq(stage_stats(w.stage).bytes_claimed, 8);
    stage_shelf_close(w.stage, &right);
    stage_shelf_close(w.stage, &wrong_image);
    stage_shelf_close(w.stage, &wrong_task);
    fixture_end(&w);
}
END_TEST

START_TEST(more_than_the_places_of_a_shelf_waits_until_one_is_free)
{
    static const uint8_t IMAGE[32] = {1};
    Shelf *shelf;
    begin();
    ck_assert_ok(stage_shelf_open(w.stage, VIEW("score"), IMAGE, &shelf));
    for (int i = 0; i <= STAGING_PLACES; i++) {
        char name[16];
        snprintf(name, sizeof name, "score/%d", i);
        Resource r = fixture_next(&w, name, CONTENT);
        fixture_offer(&w, &r, CONTENT);
    }
    StageOutcomeCode code;
    stage_evict(w.stage, &w.pto.public_key, 3, &code);
    stage_shelf_look(w.stage, shelf, NULL);
    for (int i = 0; i < 300 && strcmp(shelf->board->places[2].name, "score/8") != 0; i++) ck_assert_ok(loop_turn(w.loop, 10));
    ck_assert(strcmp(shelf->board->places[2].name, "score/8") == 0 && shelf_has(shelf, 2));
    stage_shelf_close(w.stage, &shelf);
    fixture_end(&w);
}
END_TEST

START_TEST(a_flood_of_refusals_does_not_fill_the_log)
{
    begin();
    uint64_t offer;
    for (int i = 0; i < 3000; i++) stage_offer(w.stage, VIEW("garbage"), fixture_memfd(CONTENT), &offer);
    ck_assert_uint_eq(fixture_count(&w, STAGE_MALFORMED), 3000);
    uint32_t lines = fixture_logged(&w, "prefetch-refusal", STAGE_MALFORMED);
    ck_assert(lines >= STAGE_AUDIT_REFUSALS_S && lines < 3000);
    fixture_end(&w);
}
END_TEST

START_TEST(orchestrators_are_named_in_a_file_of_the_user)
{
    char path[160], key[PUBLIC_KEY_TEXT_MAX];
    StageKeys keys = {.count = 99};
    Diag diag = {{0}};
    begin();
    ck_assert_ok(stage_keys_load(w.folder, &keys, &diag));
    ck_assert_uint_eq(keys.count, 0);
    public_key_print(&w.pto.public_key, key);
    snprintf(path, sizeof path, "%s/orchestrators", w.folder);
    FILE *f = fopen(path, "w");
    fprintf(f, "# ours\n%s\n", key);
    fclose(f);
    chmod(path, 0600);
    ck_assert_ok(stage_keys_load(w.folder, &keys, &diag));
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_mem_eq(keys.keys[0].bytes, w.pto.public_key.bytes, 32);
    f = fopen(path, "a");
    fputs("nonsense\n", f);
    fclose(f);
    ck_assert_err(stage_keys_load(w.folder, &keys, &diag), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(diag.text, "orchestrators:3"));
    fixture_end(&w);
}
END_TEST

TEST_MAIN("node/stage", what_is_signed_sealed_and_right_is_staged, a_forged_or_malformed_statement_is_refused,
          a_key_that_is_not_trusted_or_was_revoked_is_refused, a_replayed_statement_and_one_for_another_stage_are_refused,
          an_expired_resource_is_refused_and_one_that_expires_is_evicted, swapped_and_truncated_content_is_refused,
          a_file_that_somebody_can_still_write_is_refused, an_image_that_no_trusted_key_signed_is_refused,
          what_is_worth_more_pushes_out_what_is_worth_less_and_nothing_else, staging_gives_way_before_jobs_do, a_large_resource_is_verified_in_steps,
          what_is_evicted_while_it_is_verified_is_gone, data_lies_on_the_shelf_of_its_task_and_the_images_that_it_names,
          more_than_the_places_of_a_shelf_waits_until_one_is_free, a_flood_of_refusals_does_not_fill_the_log,
          orchestrators_are_named_in_a_file_of_the_user)
