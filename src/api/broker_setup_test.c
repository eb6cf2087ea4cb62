/* Has the process of a key broker no memory to show, and is it as before when the broker has gone? Does it follow the user's lists? */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "api/broker_setup.h"
#include "sys/test.h"

typedef struct { TestFolder folder; covey handle; BrokerSetup setup; Diag why; } World;

static World *world_open(void)
{
    static World w;
    w = (World){.folder = test_folder()};
    ck_assert_int_eq(chmod(w.folder.path, 0700), 0);
    snprintf(w.handle.config_dir, sizeof w.handle.config_dir, "%s", w.folder.path);
    snprintf(w.handle.tasks_dir, sizeof w.handle.tasks_dir, "%s/state/tasks", w.folder.path);
    return &w;
}

static void world_setup(World *w)
{
    Err e = broker_setup(&w->handle, NULL, NULL, &w->setup, &w->why);
    ck_assert_msg(e.code == 0, "%s", w->why.text);
}

static void world_close(World *w)
{
    broker_setup_free(&w->setup);
    test_folder_remove(&w->folder);
}

START_TEST(while_the_keys_are_in_it_the_process_leaves_no_core_file)
{
    World *w = world_open();
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
    world_setup(w);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
    broker_setup_free(&w->setup);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);

    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0), 0); /* somebody else's wish is left alone */
    world_setup(w);
    world_close(w);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
}
END_TEST

static bool refreshed(World *w)
{
    bool changed = false;
    Err e = w->setup.config.refresh(w->setup.config.refresh_context, &changed, &w->why);
    ck_assert_msg(e.code == 0, "%s", w->why.text);
    return changed;
}

START_TEST(the_users_lists_are_followed_and_the_callers_own_nodes_kept)
{
    World *w = world_open();
    char text[PUBLIC_KEY_TEXT_MAX];
    const PublicKey own = {{1}}, other = {{2}};
    bool changed;
    world_setup(w);
    ck_assert_ok(broker_setup_own_node(&w->setup, &own));
    ck_assert(!refreshed(w));
    const size_t before = w->setup.nodes.count;
    public_key_print(&other, text);
    ck_assert_ok(keyring_trust(w->folder.path, text, NULL, &w->why));
    ck_assert(refreshed(w));
    ck_assert(!refreshed(w));
    ck_assert_uint_eq(w->setup.nodes.count, before + 1);
    ck_assert_mem_eq(&w->setup.nodes.keys[before], &own, sizeof own); /* behind those of the list */

    ck_assert_ok(keyring_revoke(w->folder.path, text, 0, NULL, &w->why));
    ck_assert(refreshed(w));
    ck_assert_uint_eq(w->setup.nodes.count, before);
    ck_assert(revoked_has(&w->setup.revoked, other.bytes, UINT64_MAX));

    w->setup.names_nodes = true;
    w->setup.nodes.count = 0;
    ck_assert_ok(keyring_trust(w->folder.path, "covey-ed25519:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM", NULL, &w->why));
    ck_assert(refreshed(w));
    ck_assert_uint_eq(w->setup.nodes.count, 0);

    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/revoked", w->folder.path);
    FILE *file = fopen(path, "a");
    ck_assert(file && fputs("not a key\n", file) >= 0 && fclose(file) == 0);
    ck_assert_err(w->setup.config.refresh(w->setup.config.refresh_context, &changed, &w->why), ERR_BAD_INPUT);
    ck_assert(revoked_has(&w->setup.revoked, other.bytes, UINT64_MAX)); /* what it knew it still knows */
    ck_assert_err(w->setup.config.refresh(w->setup.config.refresh_context, &changed, &w->why), ERR_BAD_INPUT);
    world_close(w);
}
END_TEST

TEST_MAIN("api/broker_setup", while_the_keys_are_in_it_the_process_leaves_no_core_file, the_users_lists_are_followed_and_the_callers_own_nodes_kept)
