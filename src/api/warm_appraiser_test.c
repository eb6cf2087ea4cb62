/* Is a zygote that waits for a task accepted by evidence for exactly that, and refused, with the claim's name, by any other? */
#include <fcntl.h>
#include <sys/stat.h>

#include "api/warm_appraiser.h"
#include "attest/evidence.h"
#include "attest/tpm_sample.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/test.h"

typedef struct {
    TestFolder folder;
    SecretKey secret; /* of the node */
    WarmAppraiser *appraiser;
    StageAppraiser hooks;
    uint8_t nonce[EVIDENCE_NONCE_BYTES], measurement[SHA256_BYTES];
    Evidence e;
    Diag why;
} World;

static World *world_open(void)
{
    static World w;
    char node[PATH_BYTES_MAX];
    w = (World){.folder = test_folder()};
    ck_assert_int_eq(chmod(w.folder.path, 0700), 0);
    snprintf(node, sizeof node, "%s/node", w.folder.path);
    ck_assert_int_eq(mkdir(node, 0700), 0);
    const uint64_t now = clock_wall_ns() / NS_PER_S;
    w.e = (Evidence){.level = LEVEL_PROCESS, .issued = now, .expires = now + 300, .kind = EVIDENCE_NODE_KEY, .image_signer = {{7}}, .see_key = {{9}}};
    ck_assert_ok(signing_key_open(node, &w.secret, &w.e.node, NULL));
    memset(w.measurement, 3, sizeof w.measurement);
    memcpy(w.e.measurement.bytes, w.measurement, sizeof w.measurement);
    ck_assert_ok(warm_appraiser_open(w.folder.path, &w.appraiser, &w.why));
    w.hooks = warm_appraiser_hooks(w.appraiser);
    ck_assert_ok(w.hooks.nonce(w.hooks.context, w.nonce));
    memcpy(w.e.nonce, w.nonce, sizeof w.nonce);
    return &w;
}

static void world_close(World *w)
{
    warm_appraiser_close(&w->appraiser);
    test_folder_remove(&w->folder);
}

static Err verdict(World *w)
{
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&w->e, &w->secret, &cose));
    const StageEvidence evidence = {view_buffer(&cose), w->nonce, w->measurement, LEVEL_PROCESS};
    w->why = (Diag){{0}};
    /* cppcheck-suppress returnDanglingLifetime ; an Err keeps nothing of what it is about */
    return w->hooks.appraise(w->hooks.context, &evidence, &w->why);
}

START_TEST(evidence_of_this_node_for_this_image_without_a_task_is_accepted_once)
{
    World *w = world_open();
    Err e = verdict(w);
    ck_assert_msg(e.code == 0, "%s", w->why.text);
    ck_assert_err(verdict(w), ERR_DENIED);
    ck_assert_str_eq(w->why.text, "the nonce was used before: this is a replay");
    world_close(w);
}
END_TEST

static void other_nonce(World *w) { w->e.nonce[3] ^= 1; }
static void other_image(World *w) { w->e.measurement.bytes[0] ^= 1; }
static void lower_level(World *w) { w->e.level = LEVEL_SHARED; }
static void expired(World *w) { w->e.issued -= 1000, w->e.expires -= 1000; }
static void with_a_task(World *w) { w->e.task_id[0] = 1; }
static void with_a_setup(World *w) { w->e.task_policy.bytes[0] = 1; }
static void without_a_key(World *w) { w->e.see_key = (SealPublicKey){{0}}; }
static void other_node(World *w)
{
    char folder[PATH_BYTES_MAX];
    snprintf(folder, sizeof folder, "%s/another", w->folder.path);
    ck_assert_ok(signing_key_open(folder, &w->secret, &w->e.node, NULL));
}
static void foreign_nonce(World *w) { w->nonce[0] ^= 1, w->e.nonce[0] ^= 1; }

static void revoke_key(World *w, const PublicKey *key)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    public_key_print(key, text);
    ck_assert_ok(keyring_revoke(w->folder.path, text, 0, NULL, NULL));
}
static void revoked_node(World *w) { revoke_key(w, &w->e.node); }
static void revoked_signer(World *w) { revoke_key(w, &w->e.image_signer); }

static void put_file(World *w, const char *name, View content)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/%s", w->folder.path, name);
    ck_assert_ok(file_replace(AT_FDCWD, path, content, 0600));
}
static void unreadable_list(World *w) { put_file(w, "revoked", VIEW("no key\n")); }

START_TEST(each_thing_that_is_not_as_it_should_be_is_refused_by_name)
{
    static const struct { void (*spoil)(World *); int code; const char *text; } CASES[] = {
        {other_nonce, ERR_DENIED, "nonce: "}, {other_image, ERR_DENIED, "image: "}, {lower_level, ERR_DENIED, "level: "}, {expired, ERR_DENIED, "fresh: "},
        {with_a_task, ERR_DENIED, "task: evidence for another task"}, {with_a_setup, ERR_DENIED, "task-policy: "}, {without_a_key, ERR_DENIED, "see-key: "},
        {other_node, ERR_DENIED, "node: "}, {revoked_node, ERR_DENIED, "node: "}, {revoked_signer, ERR_DENIED, "image: "},
        {foreign_nonce, ERR_BUSY, "the nonce is not one of"}, {unreadable_list, ERR_BAD_INPUT, "revoked:1"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        World *w = world_open();
        CASES[i].spoil(w);
        ck_assert_err(verdict(w), CASES[i].code);
        ck_assert_msg(strstr(w->why.text, CASES[i].text), "%zu: %s", i, w->why.text);
        world_close(w);
    }
}
END_TEST

START_TEST(where_tpms_were_enrolled_the_nodes_key_alone_does_not_do)
{
    World *w = world_open();
    char path[PATH_BYTES_MAX];
    ck_assert_uint_eq(w->hooks.kinds, EVIDENCE_NODE_KEY);
    warm_appraiser_close(&w->appraiser);
    snprintf(path, sizeof path, "%s/collateral/tpm", w->folder.path);
    ck_assert_ok(dir_make_all(path, 0700));
    put_file(w, "collateral/tpm/one", view_of(TPM_SAMPLE, TPM_SAMPLE_KEY_BYTES));
    ck_assert_ok(warm_appraiser_open(w->folder.path, &w->appraiser, &w->why));
    w->hooks = warm_appraiser_hooks(w->appraiser);
    ck_assert_uint_eq(w->hooks.kinds, EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX);
    ck_assert_ok(w->hooks.nonce(w->hooks.context, w->nonce));
    memcpy(w->e.nonce, w->nonce, sizeof w->nonce);
    ck_assert_err(verdict(w), ERR_DENIED);
    ck_assert_str_eq(w->why.text, "evidence-kind: node-key is not among the accepted kinds");
    world_close(w);
}
END_TEST

TEST_MAIN("api/warm_appraiser", evidence_of_this_node_for_this_image_without_a_task_is_accepted_once,
          each_thing_that_is_not_as_it_should_be_is_refused_by_name, where_tpms_were_enrolled_the_nodes_key_alone_does_not_do)
