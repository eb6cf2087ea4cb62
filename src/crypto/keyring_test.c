/* Are keys made, protected, followed and revoked as the user means it, and is everything else refused with the exact error? */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/rfc3339.h"
#include "base/test.h"
#include "crypto/key_parts.h"
#include "crypto/keyring.h"
#include "sys/clock.h"

static char home[64];

static void setup_home(void)
{
    snprintf(home, sizeof home, "/tmp/covey-keyring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
    unsetenv("COVEY_PASSPHRASE_FILE");
}

static void remove_home(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    ck_assert_int_eq(system(command), 0);
}

static const char *in(const char *name)
{
    static char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(in(name), "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(in(name), mode), 0);
}

typedef struct { const char *passphrase; int asked; } Answer;

static Err answer(void *context, const char *key_name, char *ret_text, size_t room)
{
    Answer *a = context;
    ck_assert_ptr_nonnull(strstr(key_name, ".key"));
    a->asked++;
    snprintf(ret_text, room, "%s", a->passphrase);
    return OK;
}

static PublicKey own(void)
{
    PublicKey signing;
    SealPublicKey sealing;
    Diag diag = {0};
    ck_assert_ok(keyring_public(home, &signing, &sealing, &diag));
    return signing;
}

static bool trusts(const PublicKey *key)
{
    TrustedKeys keys;
    Diag diag = {0};
    ck_assert_ok(trusted_keys_load(home, &keys, &diag));
    return trusted_has(&keys, key);
}

/* A key of somebody else, from a number. */
static PublicKey stranger(uint8_t number, SecretKey *ret_secret)
{
    uint8_t seed[32] = {number};
    PublicKey key;
    SecretKey secret;
    crypto_sign_seed_keypair(key.bytes, secret.bytes, seed);
    if (ret_secret) *ret_secret = secret;
    return key;
}

static const char *text_of(const PublicKey *key)
{
    static char texts[4][PUBLIC_KEY_TEXT_MAX];
    static int next;
    char *text = texts[next++ % 4];
    public_key_print(key, text);
    return text;
}

START_TEST(both_keys_are_made_on_first_use_and_found_again)
{
    SecretKey signing;
    SealSecretKey sealing, again;
    PublicKey signing_public;
    SealPublicKey sealing_public, of_secret;
    Diag diag = {0};
    ck_assert_ok(keyring_signing(home, NULL, NULL, &signing, &signing_public, &diag));
    ck_assert_ok(keyring_sealing(home, NULL, NULL, &sealing, &sealing_public, &diag));
    hpke_public_of(&sealing, &of_secret);
    ck_assert_mem_eq(&of_secret, &sealing_public, sizeof of_secret);
    ck_assert_ok(keyring_sealing(home, NULL, NULL, &again, &sealing_public, &diag));
    ck_assert_mem_eq(&again, &sealing, sizeof again);
    struct stat st;
    ck_assert_int_eq(stat(in("sealing.key"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(keys_are_not_replaced_unless_told)
{
    Diag diag = {0};
    ck_assert_ok(keyring_new(home, false, NULL, &diag));
    PublicKey before = own();
    ck_assert_err(keyring_new(home, false, NULL, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "covey key rotate"));
    PublicKey still = own();
    ck_assert_mem_eq(&before, &still, sizeof before);
    ck_assert_ok(keyring_new(home, true, NULL, &diag));
    PublicKey after = own();
    ck_assert_mem_ne(&before, &after, sizeof before);
    ck_assert(trusts(&after) && !trusts(&before));
}
END_TEST

START_TEST(a_missing_key_is_made_beside_the_one_that_is_there)
{
    SecretKey secret;
    PublicKey before;
    Diag diag = {0};
    ck_assert_ok(keyring_signing(home, NULL, NULL, &secret, &before, &diag));
    ck_assert_ok(keyring_new(home, false, NULL, &diag));
    PublicKey after = own();
    ck_assert_mem_eq(&before, &after, sizeof before);
    ck_assert_int_eq(access(in("sealing.key"), F_OK), 0);
}
END_TEST

START_TEST(a_key_with_a_passphrase_opens_with_it_alone)
{
    SecretKey secret;
    PublicKey key;
    SealSecretKey sealing;
    SealPublicKey sealing_public;
    Diag diag = {0};
    ck_assert_ok(keyring_new(home, false, "correct horse", &diag));
    PublicKey shown = own(); /* needs no passphrase */
    Answer right = {.passphrase = "correct horse"}, wrong = {.passphrase = "correct horsf"}, none = {.passphrase = ""};
    ck_assert_ok(keyring_signing(home, answer, &right, &secret, &key, &diag));
    ck_assert_mem_eq(&key, &shown, sizeof key);
    ck_assert_ok(keyring_sealing(home, answer, &right, &sealing, &sealing_public, &diag));
    ck_assert_int_eq(right.asked, 2);
    ck_assert(trusts(&key));

    ck_assert_err(keyring_signing(home, answer, &wrong, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "signing.key: wrong passphrase"));
    ck_assert_err(keyring_sealing(home, answer, &none, &sealing, &sealing_public, &diag), ERR_DENIED);
    ck_assert_err(keyring_signing(home, NULL, NULL, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "nobody can be asked"));
}
END_TEST

START_TEST(no_key_is_made_plain_beside_one_with_a_passphrase)
{
    SealSecretKey sealing;
    SealPublicKey sealing_public;
    Diag diag = {0};
    ck_assert_ok(keyring_new(home, false, "correct horse", &diag));
    ck_assert_int_eq(unlink(in("sealing.key")), 0);
    ck_assert_err(keyring_sealing(home, NULL, NULL, &sealing, &sealing_public, &diag), ERR_NO_ENTRY);
    ck_assert_ptr_nonnull(strstr(diag.text, "covey key new --passphrase"));
    ck_assert_int_ne(access(in("sealing.key"), F_OK), 0);
}
END_TEST

START_TEST(the_passphrase_file_is_read_and_must_be_private)
{
    SecretKey secret;
    PublicKey key;
    char text[PASSPHRASE_MAX];
    Diag diag = {0};
    put("passphrase", "correct horse\nsecond line\n", 0600);
    setenv("COVEY_PASSPHRASE_FILE", in("passphrase"), 1);
    ck_assert_ok(passphrase_new(text, &diag));
    ck_assert_str_eq(text, "correct horse");
    ck_assert_ok(keyring_new(home, false, text, &diag));
    ck_assert_ok(signing_key_open(home, &secret, &key, &diag));
    put("passphrase", "correct horse", 0600); /* a newline is not needed */
    ck_assert_ok(signing_key_open(home, &secret, &key, &diag));

    put("passphrase", "correct horse\n", 0640);
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "others can read the passphrase (mode 640); run: chmod 600"));
    put("passphrase", "\n", 0600);
    diag = (Diag){0};
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(diag.text, "no passphrase"));
    put("passphrase", "", 0600);
    ck_assert_err(passphrase_new(text, &diag), ERR_BAD_INPUT);
    setenv("COVEY_PASSPHRASE_FILE", "/nowhere/at/all", 1);
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ENOENT);
}
END_TEST

START_TEST(the_successor_of_a_rotation_is_followed_and_the_old_key_stays_good)
{
    char statement[ROTATION_TEXT_MAX];
    Diag diag = {0};
    PublicKey first = own();
    ck_assert_ok(keyring_rotate(home, NULL, NULL, NULL, statement, &diag));
    PublicKey second = own();
    ck_assert_mem_ne(&first, &second, sizeof first);
    ck_assert(trusts(&first) && trusts(&second));
    ck_assert_ptr_nonnull(strstr(statement, text_of(&first)));
    ck_assert_ptr_nonnull(strstr(statement, text_of(&second)));
    ck_assert_ok(keyring_rotate(home, NULL, NULL, NULL, statement, &diag));
    PublicKey third = own();
    ck_assert(trusts(&first) && trusts(&second) && trusts(&third));
}
END_TEST

START_TEST(what_was_sealed_to_an_old_key_can_still_be_opened)
{
    SealSecretKey first, found;
    SealPublicKey first_public, unknown = {{7}};
    char statement[ROTATION_TEXT_MAX];
    Diag diag = {0};
    ck_assert_ok(keyring_sealing(home, NULL, NULL, &first, &first_public, &diag));
    for (int i = 0; i < 3; i++) ck_assert_ok(keyring_rotate(home, NULL, NULL, NULL, statement, &diag)); /* several in one second */
    ck_assert_ok(keyring_sealing_find(home, &first_public, NULL, NULL, &found, &diag));
    ck_assert_mem_eq(&found, &first, sizeof found);
    ck_assert_err(keyring_sealing_find(home, &unknown, NULL, NULL, &found, &diag), ERR_NO_ENTRY);
    ck_assert_ptr_nonnull(strstr(diag.text, "covey-x25519:"));
    ck_assert_err(keyring_sealing_find("/nowhere/at/all", &unknown, NULL, NULL, &found, &diag), ERR_NO_ENTRY);
}
END_TEST

START_TEST(a_rotation_keeps_the_passphrase)
{
    char statement[ROTATION_TEXT_MAX];
    SecretKey secret;
    PublicKey key;
    Diag diag = {0};
    Answer right = {.passphrase = "correct horse"}, wrong = {.passphrase = "x"};
    ck_assert_ok(keyring_new(home, false, "correct horse", &diag));
    PublicKey before = own();
    ck_assert_err(keyring_rotate(home, NULL, answer, &wrong, statement, &diag), ERR_DENIED);
    PublicKey still = own();
    ck_assert_mem_eq(&before, &still, sizeof before);
    ck_assert_ok(keyring_rotate(home, NULL, answer, &right, statement, &diag));
    ck_assert_err(keyring_signing(home, NULL, NULL, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ok(keyring_signing(home, answer, &right, &secret, &key, &diag));
    ck_assert_ok(keyring_rotate(home, "another", answer, &right, statement, &diag));
    ck_assert_err(keyring_signing(home, answer, &right, &secret, &key, &diag), ERR_DENIED);
}
END_TEST

/* Writes the statement "from is followed by to", signed by from. */
static const char *statement_of(uint8_t from, uint8_t to)
{
    static char text[ROTATION_TEXT_MAX];
    SecretKey secret;
    Rotation r;
    PublicKey old = stranger(from, &secret), by = stranger(to, NULL);
    rotation_make(&secret, &old, &by, &r);
    rotation_print(&r, text);
    return text;
}

START_TEST(rotations_of_trusted_keys_are_followed_in_chains_and_of_others_not)
{
    Diag diag = {0};
    PublicKey one = stranger(1, NULL), two = stranger(2, NULL), three = stranger(3, NULL), five = stranger(5, NULL);
    ck_assert_err(keyring_trust_rotation(home, statement_of(1, 2), &diag), ERR_UNTRUSTED);
    ck_assert_ok(keyring_trust(home, text_of(&one), "Ada", &diag));
    ck_assert_ok(keyring_trust_rotation(home, statement_of(1, 2), &diag));
    ck_assert_ok(keyring_trust_rotation(home, statement_of(2, 3), &diag));
    ck_assert(trusts(&one) && trusts(&two) && trusts(&three));

    char text[4 * ROTATION_TEXT_MAX]; /* later before earlier, a circle, and a stranger's */
    size_t size = (size_t)snprintf(text, sizeof text, "%s\n", statement_of(2, 3));
    size += (size_t)snprintf(text + size, sizeof text - size, "%s\n", statement_of(3, 1));
    size += (size_t)snprintf(text + size, sizeof text - size, "%s\n", statement_of(4, 5));
    snprintf(text + size, sizeof text - size, "%s\n", statement_of(1, 2));
    put("rotations", text, 0644);
    ck_assert(trusts(&one) && trusts(&two) && trusts(&three) && !trusts(&five));
}
END_TEST

START_TEST(a_forged_rotation_is_named)
{
    Diag diag = {0};
    char text[ROTATION_TEXT_MAX], expected[128];
    PublicKey one = stranger(1, NULL), nine = stranger(9, NULL);
    ck_assert_ok(keyring_trust(home, text_of(&one), NULL, &diag));
    snprintf(text, sizeof text, "%s", statement_of(9, 2)); /* signed by 9, said to be by 1 */
    memcpy(text, text_of(&one), strlen(text_of(&nine)));
    ck_assert_err(keyring_trust_rotation(home, text, &diag), ERR_BAD_SIGNATURE);
    put("rotations", "# forged\n", 0644);
    FILE *f = fopen(in("rotations"), "a");
    fputs(text, f);
    fclose(f);
    TrustedKeys keys;
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_BAD_SIGNATURE);
    snprintf(expected, sizeof expected, "%s/rotations:2: not signed by the key that it says", home);
    ck_assert_ptr_nonnull(strstr(diag.text, expected));
    put("rotations", "covey-ed25519:AQ covey\n", 0644);
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(diag.text, "/rotations:1: not a rotation"));
    ck_assert_err(keyring_trust_rotation(home, "a b c", &diag), ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_revoked_key_counts_for_nothing_and_vouches_for_nobody)
{
    Diag diag = {0};
    PublicKey one = stranger(1, NULL), two = stranger(2, NULL);
    ck_assert_ok(keyring_trust(home, text_of(&one), NULL, &diag));
    ck_assert_ok(keyring_trust_rotation(home, statement_of(1, 2), &diag));
    ck_assert(trusts(&one) && trusts(&two));
    ck_assert_ok(keyring_revoke(home, text_of(&one), 0, "lost laptop", &diag));
    ck_assert(!trusts(&one) && !trusts(&two));
    ck_assert_err(keyring_trust(home, text_of(&one), NULL, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "is revoked"));
    ck_assert_err(keyring_trust_rotation(home, statement_of(1, 2), &diag), ERR_DENIED);
}
END_TEST

START_TEST(a_revoked_successor_ends_the_chain)
{
    Diag diag = {0};
    PublicKey one = stranger(1, NULL), two = stranger(2, NULL), three = stranger(3, NULL);
    ck_assert_ok(keyring_trust(home, text_of(&one), NULL, &diag));
    ck_assert_ok(keyring_trust_rotation(home, statement_of(1, 2), &diag));
    ck_assert_ok(keyring_trust_rotation(home, statement_of(2, 3), &diag));
    ck_assert_ok(keyring_revoke(home, text_of(&two), 0, NULL, &diag));
    ck_assert(trusts(&one) && !trusts(&two) && !trusts(&three));
}
END_TEST

START_TEST(ones_own_revoked_key_signs_nothing_more)
{
    Diag diag = {0};
    SecretKey secret;
    PublicKey key = own();
    char statement[ROTATION_TEXT_MAX];
    ck_assert_ok(keyring_revoke(home, text_of(&key), 0, NULL, &diag));
    ck_assert(!trusts(&key));
    ck_assert_err(signing_key_open(home, &secret, &key, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "covey key new --replace"));
    ck_assert_err(keyring_rotate(home, NULL, NULL, NULL, statement, &diag), ERR_DENIED);
    ck_assert_ok(keyring_new(home, true, NULL, &diag));
    ck_assert_ok(signing_key_open(home, &secret, &key, &diag));
    ck_assert(trusts(&key));
}
END_TEST

START_TEST(a_revocation_begins_when_it_says)
{
    Diag diag = {0};
    RevokedKeys revoked;
    PublicKey one = stranger(1, NULL), two = stranger(2, NULL), three = stranger(3, NULL);
    uint64_t now = clock_wall_ns() / NS_PER_S;
    ck_assert_ok(keyring_trust(home, text_of(&one), NULL, &diag));
    ck_assert_ok(keyring_trust(home, text_of(&two), NULL, &diag));
    ck_assert_ok(keyring_revoke(home, text_of(&one), now + 1000, NULL, &diag));
    ck_assert_ok(keyring_revoke(home, text_of(&two), now - 1000, NULL, &diag));
    ck_assert(trusts(&one) && !trusts(&two));
    ck_assert_ok(revoked_load(home, &revoked, &diag));
    ck_assert_uint_eq(revoked.count, 2);
    ck_assert(!revoked_has(&revoked, one.bytes, now + 999) && revoked_has(&revoked, one.bytes, now + 1000));
    ck_assert(!revoked_has(&revoked, three.bytes, UINT64_MAX));
    revoked_free(&revoked);

    ck_assert_ok(keyring_revoke(home, text_of(&one), 0, NULL, &diag)); /* sooner, after all */
    ck_assert_ok(keyring_revoke(home, text_of(&one), 0, NULL, &diag)); /* twice is once */
    ck_assert_ok(revoked_load(home, &revoked, &diag));
    ck_assert_uint_eq(revoked.count, 3);
    ck_assert(revoked_has(&revoked, one.bytes, 0));
    revoked_free(&revoked);
}
END_TEST

START_TEST(bad_lines_of_the_revoked_file_are_named_and_stop_everything)
{
    static const struct { const char *text, *why; } BAD[] = {
        {"# one\nnot-a-key\n", "/revoked:2: not a public key"},
        {"covey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA since\n", "/revoked:1: after the key comes nothing, or: since"},
        {"covey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA since yesterday\n", "/revoked:1: after the key"},
        {"covey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA until 2027-01-01T00:00:00Z\n", "/revoked:1: after the key"},
        {"a b c d e\n", "/revoked:1: too many words"},
    };
    TrustedKeys keys;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Diag diag = {0};
        put("revoked", BAD[i].text, 0644);
        ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_BAD_INPUT);
        ck_assert_msg(strstr(diag.text, BAD[i].why) != NULL, "%s", diag.text);
    }
    Diag diag = {0};
    put("revoked", "", 0666);
    ck_assert_err(trusted_keys_load(home, &keys, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "others can change it (mode 666); run: chmod go-w"));
}
END_TEST

START_TEST(a_sealing_key_can_be_revoked_and_still_opens)
{
    Diag diag = {0};
    SealSecretKey secret;
    SealPublicKey key;
    RevokedKeys revoked;
    char text[PUBLIC_KEY_TEXT_MAX];
    ck_assert_ok(keyring_sealing(home, NULL, NULL, &secret, &key, &diag));
    seal_public_print(&key, text);
    ck_assert_ok(keyring_revoke(home, text, 0, NULL, &diag));
    ck_assert_ok(revoked_load(home, &revoked, &diag));
    ck_assert(revoked_has(&revoked, key.bytes, 0));
    revoked_free(&revoked);
    ck_assert_ok(keyring_sealing(home, NULL, NULL, &secret, &key, &diag));
}
END_TEST

START_TEST(what_is_trusted_or_revoked_must_be_a_key_and_its_comment_a_line)
{
    Diag diag = {0};
    PublicKey one = stranger(1, NULL);
    ck_assert_err(keyring_trust(home, "ssh-ed25519 AAAA", NULL, &diag), ERR_BAD_INPUT);
    ck_assert_err(keyring_trust(home, "covey-x25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, &diag), ERR_BAD_INPUT);
    ck_assert_err(keyring_revoke(home, "x", 0, NULL, &diag), ERR_BAD_INPUT);
    ck_assert_err(keyring_trust(home, text_of(&one), "a\ncovey-ed25519:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &diag), ERR_BAD_INPUT);
    ck_assert(!trusts(&one));
    ck_assert_ok(keyring_trust(home, text_of(&one), "Ada # of accounting", &diag));
    ck_assert_ok(keyring_trust(home, text_of(&one), NULL, &diag)); /* twice is once */
    TrustedKeys keys;
    ck_assert_ok(trusted_keys_load(home, &keys, &diag));
    ck_assert_uint_eq(keys.count, 1);
}
END_TEST

START_TEST(a_file_without_a_last_newline_is_appended_to_on_a_new_line)
{
    Diag diag = {0};
    PublicKey one = stranger(1, NULL), two = stranger(2, NULL);
    put("trusted", text_of(&one), 0644);
    ck_assert_ok(keyring_trust(home, text_of(&two), NULL, &diag));
    ck_assert(trusts(&one) && trusts(&two));
}
END_TEST

static int run_all(const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create("crypto/keyring");
    TCase *group = tcase_create("crypto/keyring");
    tcase_set_timeout(group, TEST_SECONDS_MAX);
    tcase_add_checked_fixture(group, setup_home, remove_home);
    for (size_t i = 0; i < count; i++) tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
    const TTest *const tests[] = {
        both_keys_are_made_on_first_use_and_found_again, keys_are_not_replaced_unless_told, a_missing_key_is_made_beside_the_one_that_is_there,
        a_key_with_a_passphrase_opens_with_it_alone, no_key_is_made_plain_beside_one_with_a_passphrase,
        the_passphrase_file_is_read_and_must_be_private, the_successor_of_a_rotation_is_followed_and_the_old_key_stays_good,
        what_was_sealed_to_an_old_key_can_still_be_opened, a_rotation_keeps_the_passphrase,
        rotations_of_trusted_keys_are_followed_in_chains_and_of_others_not, a_forged_rotation_is_named,
        a_revoked_key_counts_for_nothing_and_vouches_for_nobody, a_revoked_successor_ends_the_chain, ones_own_revoked_key_signs_nothing_more,
        a_revocation_begins_when_it_says, bad_lines_of_the_revoked_file_are_named_and_stop_everything, a_sealing_key_can_be_revoked_and_still_opens,
        what_is_trusted_or_revoked_must_be_a_key_and_its_comment_a_line, a_file_without_a_last_newline_is_appended_to_on_a_new_line,
    };
    return run_all(tests, sizeof tests / sizeof tests[0]);
}
