/* Is the signing key made once, kept private, and refused when others could read it? Is the list of trusted keys read
 * strictly? */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "crypto/keyring.h"

static char *new_directory(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/covey-keys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static void remove_directory(const char *path)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", path);
    ck_assert_int_eq(system(command), 0);
}

static const char *in(const char *directory, const char *name)
{
    static char path[PATH_BYTES_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 0777;
}

START_TEST(the_first_use_makes_a_private_key_and_the_second_finds_it)
{
    char *home = new_directory(), config[PATH_BYTES_MAX];
    snprintf(config, sizeof config, "%s/a/covey", home);
    SecretKey first, second;
    PublicKey first_public, second_public;
    Diag diag = {0};
    umask(0);
    ck_assert_ok(signing_key_open(config, &first, &first_public, &diag));
    ck_assert_uint_eq(mode_of(config), 0700);
    ck_assert_uint_eq(mode_of(in(config, "signing.key")), 0600);
    ck_assert_ok(signing_key_open(config, &second, &second_public, &diag));
    ck_assert_mem_eq(&first, &second, sizeof first);
    ck_assert_mem_eq(&first_public, &second_public, sizeof first_public);
    remove_directory(home);
}
END_TEST

START_TEST(two_homes_have_two_keys)
{
    SecretKey secret;
    PublicKey one, two;
    Diag diag = {0};
    char *home = new_directory();
    ck_assert_ok(signing_key_open(home, &secret, &one, &diag));
    remove_directory(home);
    home = new_directory();
    ck_assert_ok(signing_key_open(home, &secret, &two, &diag));
    remove_directory(home);
    ck_assert_mem_ne(&one, &two, sizeof one);
}
END_TEST

START_TEST(a_key_that_others_can_read_is_refused_with_the_remedy)
{
    char *home = new_directory();
    SecretKey secret;
    PublicKey key;
    Diag diag = {0};
    ck_assert_ok(signing_key_open(home, &secret, &key, &diag));
    ck_assert_int_eq(chmod(in(home, "signing.key"), 0640), 0);
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "others can use it (mode 640); run: chmod 600 "));
    TrustedKeys keys;
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_DENIED);
    remove_directory(home);
}
END_TEST

START_TEST(a_folder_that_others_can_enter_is_refused_with_the_remedy)
{
    char *home = new_directory();
    SecretKey secret;
    PublicKey key;
    Diag diag = {0};
    ck_assert_int_eq(chmod(home, 0755), 0);
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "run: chmod 700 "));
    ck_assert_int_ne(access(in(home, "signing.key"), F_OK), 0);
    remove_directory(home);
}
END_TEST

START_TEST(a_damaged_key_file_is_refused_and_kept)
{
    static const char *const BAD[] = {
        "", "covey-ed25519-seed:\n", "hello\n", "covey-ed25519-seed:AAAAAAAAAAAAAAAAAAAAA!AAAAAAAAAAAAAAAAAAAAA\n",
        "covey-ed25519-seed:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
    };
    char *home = new_directory();
    SecretKey secret;
    PublicKey key;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Diag diag = {0};
        put(in(home, "signing.key"), BAD[i], 0600);
        ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(diag.text, "not a signing key"));
    }
    remove_directory(home);
}
END_TEST

START_TEST(a_key_file_that_is_a_symbolic_link_is_refused)
{
    char *home = new_directory();
    SecretKey secret;
    PublicKey key;
    Diag diag = {0};
    put(in(home, "elsewhere"), "covey-ed25519-seed:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0600);
    ck_assert_int_eq(symlink("elsewhere", in(home, "signing.key")), 0);
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ELOOP);
    remove_directory(home);
}
END_TEST

START_TEST(processes_that_race_to_make_the_key_all_get_the_same_one)
{
    enum { PROCESSES = 8 };
    char *home = new_directory();
    int results[2];
    ck_assert_int_eq(pipe(results), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0) continue;
        SecretKey secret;
        PublicKey key = {{0}};
        Diag diag = {0};
        if (signing_key_open(home, &secret, &key, &diag).code != 0) memset(&key, i, sizeof key);
        _exit(write(results[1], key.bytes, sizeof key.bytes) == sizeof key.bytes ? 0 : 1);
    }
    PublicKey first, next;
    ck_assert_int_eq(read(results[0], first.bytes, sizeof first.bytes), sizeof first.bytes);
    for (int i = 1; i < PROCESSES; i++) {
        ck_assert_int_eq(read(results[0], next.bytes, sizeof next.bytes), sizeof next.bytes);
        ck_assert_mem_eq(&first, &next, sizeof first);
    }
    while (wait(NULL) > 0) continue;
    remove_directory(home);
}
END_TEST

START_TEST(trusted_keys_are_the_own_one_and_those_in_the_file)
{
    char *home = new_directory();
    SecretKey secret;
    PublicKey own;
    TrustedKeys keys;
    Diag diag = {0};
    ck_assert_ok(trusted_keys_load(home, &keys, &diag));
    ck_assert_uint_eq(keys.count, 0);
    ck_assert_ok(signing_key_open(home, &secret, &own, &diag));
    put(in(home, "trusted"),
        "# colleagues\n\n  covey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA # Ada\r\n"
        "covey-ed25519:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0644);
    ck_assert_ok(trusted_keys_load(home, &keys, &diag));
    ck_assert_uint_eq(keys.count, 3);
    ck_assert_mem_eq(&keys.keys[0], &own, sizeof own);
    ck_assert_uint_eq(keys.keys[1].bytes[0], 1);
    ck_assert_uint_eq(keys.keys[2].bytes[0], 2);
    remove_directory(home);
}
END_TEST

START_TEST(a_bad_line_in_the_trusted_file_is_named)
{
    char *home = new_directory(), expected[128];
    TrustedKeys keys = {.count = 99};
    Diag diag = {0};
    put(in(home, "trusted"), "# one\ncovey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nssh-ed25519 AAAA\n", 0644);
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_BAD_INPUT);
    snprintf(expected, sizeof expected, "%s/trusted:3: not a public key", home);
    ck_assert_ptr_nonnull(strstr(diag.text, expected));
    ck_assert_uint_eq(keys.count, 99);
    remove_directory(home);
}
END_TEST

START_TEST(more_trusted_keys_than_the_limit_are_refused)
{
    char *home = new_directory();
    TrustedKeys keys;
    Diag diag = {0};
    FILE *file = fopen(in(home, "trusted"), "w");
    for (int i = 0; i <= TRUSTED_KEYS_MAX; i++) {
        char text[PUBLIC_KEY_TEXT_MAX];
        public_key_print(&(PublicKey){{(uint8_t)i, (uint8_t)(i >> 8)}}, text);
        for (int twice = 0; twice < 2; twice++) fprintf(file, "%s\n", text); /* a key that stands there twice is one */
    }
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_LIMIT);
    remove_directory(home);
}
END_TEST

START_TEST(the_config_folder_follows_the_xdg_rules)
{
    char path[64], tiny[8];
    setenv("HOME", "/home/ada", 1);
    unsetenv("XDG_CONFIG_HOME");
    ck_assert_ok(config_directory(path, sizeof path));
    ck_assert_str_eq(path, "/home/ada/.config/covey");
    setenv("XDG_CONFIG_HOME", "/c", 1);
    ck_assert_ok(config_directory(path, sizeof path));
    ck_assert_str_eq(path, "/c/covey");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    ck_assert_ok(config_directory(path, sizeof path));
    ck_assert_str_eq(path, "/home/ada/.config/covey");
    ck_assert_err(config_directory(tiny, sizeof tiny), ENAMETOOLONG);
    unsetenv("HOME");
    ck_assert_err(config_directory(path, sizeof path), ERR_NO_ENTRY);
}
END_TEST

START_TEST(whoever_keeps_the_lists_in_memory_sees_that_they_changed)
{
    char *directory = new_directory(), own[PUBLIC_KEY_TEXT_MAX];
    PublicKey key;
    TrustStamp before, after;
    ck_assert_ok(keyring_public(directory, &key, NULL, NULL));
    public_key_print(&key, own);
    ck_assert_ok(trust_stamp(directory, &before));
    ck_assert_ok(trust_stamp(directory, &after));
    ck_assert(trust_is_the_same(&before, &after));
    ck_assert_ok(revoked_refuse(directory, key.bytes, own, NULL));

    ck_assert_ok(keyring_revoke(directory, own, 0, NULL, NULL)); /* a file that was not there */
    ck_assert_ok(trust_stamp(directory, &after));
    ck_assert(!trust_is_the_same(&before, &after));
    Diag why = {{0}};
    ck_assert_err(revoked_refuse(directory, key.bytes, own, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "is revoked"));
    before = after;
    put(in(directory, "revoked"), "", 0644); /* written over in place */
    ck_assert_ok(trust_stamp(directory, &after));
    ck_assert(!trust_is_the_same(&before, &after));
    ck_assert_ok(revoked_refuse(directory, key.bytes, own, NULL));
    before = after;
    put(in(directory, "trusted"), "# nobody yet\n", 0644);
    ck_assert_ok(trust_stamp(directory, &after));
    ck_assert(!trust_is_the_same(&before, &after));
    remove_directory(directory);
}
END_TEST

TEST_MAIN("crypto/keys", the_first_use_makes_a_private_key_and_the_second_finds_it, two_homes_have_two_keys,
          a_key_that_others_can_read_is_refused_with_the_remedy, a_folder_that_others_can_enter_is_refused_with_the_remedy,
          a_damaged_key_file_is_refused_and_kept, a_key_file_that_is_a_symbolic_link_is_refused,
          processes_that_race_to_make_the_key_all_get_the_same_one, trusted_keys_are_the_own_one_and_those_in_the_file,
          a_bad_line_in_the_trusted_file_is_named, more_trusted_keys_than_the_limit_are_refused,
          the_config_folder_follows_the_xdg_rules, whoever_keeps_the_lists_in_memory_sees_that_they_changed)
