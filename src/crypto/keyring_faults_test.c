/* When any one system call fails while keys are made, replaced, trusted or revoked: is there a clean error, and is no key lost and no list halved? */
#include <errno.h>
#include <stdio.h>

#include "crypto/key_parts.h"
#include "sys/fault.h"
#include "sys/test.h"

typedef struct { PublicKey signing; SealPublicKey sealing; } Own;

static Own own(const char *directory)
{
    Own o;
    Diag diag = {0};
    ck_assert_msg(keyring_public(directory, &o.signing, &o.sealing, &diag).code == 0, "%s", diag.text);
    return o;
}

static bool trusts(const char *directory, const PublicKey *key)
{
    TrustedKeys keys;
    Diag diag = {0};
    ck_assert_msg(trusted_keys_load(directory, &keys, &diag).code == 0, "%s", diag.text);
    return trusted_has(&keys, key);
}

/* Runs `act` with call nth failing, in a folder of its own with keys; false when there was no such call any more. */
typedef struct { Err (*act)(const char *directory, Diag *diag); void (*check)(const char *directory, const Own *before, Err e); } Case;

static bool strike(const Case *c, uint64_t nth, unsigned *failures)
{
    TestFolder folder = test_folder();
    ck_assert_int_eq(chmod(folder.path, 0700), 0);
    Own before = own(folder.path);
    int open_before = test_open_descriptors();
    Diag diag = {0};
    fault_arm(nth, EIO);
    Err e = c->act(folder.path, &diag);
    bool struck = fault_struck();
    fault_arm(0, 0);
    ck_assert_int_eq(test_open_descriptors(), open_before);
    if (!struck) ck_assert_ok(e);
    if (e.code) {
        ck_assert_int_eq(e.code, EIO);
        ck_assert_msg(diag.text[0] != '\0', "call %d: no message (%s)", (int)nth, e.at);
        ++*failures;
    }
    c->check(folder.path, &before, e);
    test_folder_remove(&folder);
    return struck;
}

static void sweep(const Case *c, unsigned least)
{
    unsigned failures = 0;
    for (uint64_t nth = 1; strike(c, nth, &failures); nth++) ck_assert_uint_lt(nth, 1000);
    ck_assert_uint_ge(failures, least); /* else nothing was tested */
}

static Err rotate(const char *directory, Diag *diag)
{
    char statement[ROTATION_TEXT_MAX];
    return keyring_rotate(directory, NULL, NULL, NULL, statement, diag);
}

static void check_rotated(const char *directory, const Own *before, Err e)
{
    Own after = own(directory);
    SealSecretKey secret;
    Diag diag = {0};
    bool renewed = memcmp(&after.signing, &before->signing, sizeof after.signing) != 0;
    ck_assert(renewed || e.code != 0);
    ck_assert(trusts(directory, &before->signing) && trusts(directory, &after.signing));
    ck_assert_ok(keyring_sealing_find(directory, &before->sealing, NULL, NULL, &secret, &diag));
    ck_assert_ok(keyring_sealing_find(directory, &after.sealing, NULL, NULL, &secret, &diag));
}

START_TEST(no_rotation_loses_a_key_or_its_trust)
{
    sweep(&(Case){rotate, check_rotated}, 30);
}
END_TEST

static Err replace(const char *directory, Diag *diag) { return keyring_new(directory, true, NULL, diag); }

static void check_replaced(const char *directory, const Own *before, Err e)
{
    SealSecretKey secret;
    Diag diag = {0};
    Own after = own(directory);
    ck_assert(e.code != 0 || memcmp(&after, before, sizeof after) != 0);
    ck_assert_ok(keyring_sealing_find(directory, &before->sealing, NULL, NULL, &secret, &diag));
}

START_TEST(no_replacement_loses_a_key)
{
    sweep(&(Case){replace, check_replaced}, 15);
}
END_TEST

static const char STRANGER[] = "covey-ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static Err trust_stranger(const char *directory, Diag *diag) { return keyring_trust(directory, STRANGER, NULL, diag); }

static void check_trust(const char *directory, const Own *before, Err e)
{
    PublicKey key = {{1}};
    ck_assert(e.code != 0 || trusts(directory, &key)); /* an error after the rename may leave it trusted: it was wished */
    ck_assert(trusts(directory, &before->signing));
}

static Err revoke_stranger(const char *directory, Diag *diag)
{
    TRY(keyring_trust(directory, STRANGER, NULL, diag));
    return keyring_revoke(directory, STRANGER, 0, NULL, diag);
}

static void check_revoked(const char *directory, const Own *before, Err e)
{
    PublicKey key = {{1}};
    ck_assert(e.code != 0 || !trusts(directory, &key));
    ck_assert(trusts(directory, &before->signing));
}

START_TEST(lists_are_old_or_new_and_said_to_be_new_only_when_they_are)
{
    sweep(&(Case){trust_stranger, check_trust}, 5);
    sweep(&(Case){revoke_stranger, check_revoked}, 10);
}
END_TEST

START_TEST(a_new_key_has_its_name_on_the_disk_before_anybody_seals_to_it)
{
    TestFolder folder = test_folder();
    Diag diag = {0};
    ck_assert_int_eq(chmod(folder.path, 0700), 0);
    ck_assert_ok(keyring_new(folder.path, false, NULL, &diag));
    ck_assert_str_eq(fault_last(), "fsync"); /* of the folder, behind the link */
    ck_assert_ok(keyring_new(folder.path, true, NULL, &diag));
    ck_assert_str_eq(fault_last(), "fsync");
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("crypto/keyring_faults", a_new_key_has_its_name_on_the_disk_before_anybody_seals_to_it, no_rotation_loses_a_key_or_its_trust, no_replacement_loses_a_key,
          lists_are_old_or_new_and_said_to_be_new_only_when_they_are)
