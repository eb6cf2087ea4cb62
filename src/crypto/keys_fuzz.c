/*
 * Any bytes as a key file, and as the lists beside it. A key file that is accepted has one text. Of the lists comes a set of trusted keys without a
 * double and without a revoked one, or one of the errors that they may have, with file and line.
 *
 * The first byte says where the rest goes: the kind of key, or (from 2 on) trusted, revoked and rotations, each ended by a line "%".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/key_parts.h"
#include "sys/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];

static void remove_directory(void)
{
    static const char *const NAMES[] = {"trusted", "revoked", "rotations"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, NAMES[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void put(const char *name, View content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content.data, content.size) != (ssize_t)content.size) abort();
    close(fd);
}

/* Up to a line "%", which is taken away with it. */
static View section(View *rest)
{
    View whole = *rest;
    for (size_t i = 0; i + 2 < whole.size; i++) {
        if (memcmp(whole.data + i, "\n%\n", 3) != 0) continue;
        *rest = view_of(whole.data + i + 3, whole.size - i - 3);
        return view_of(whole.data, i + 1);
    }
    *rest = (View){0};
    return whole;
}

static void fuzz_key_file(View text, KeyKind kind)
{
    KeyFile f;
    char again[KEY_FILE_TEXT_MAX];
    Err e = key_file_parse(text, kind, &f);
    if (e.code == ERR_CORRUPT) return;
    if (e.code != 0 || key_file_print(&f, again) != text.size || memcmp(again, text.data, text.size) != 0) abort();
}

static void check_trusted(const TrustedKeys *keys)
{
    RevokedKeys revoked;
    if (revoked_load(directory, &revoked, NULL).code) abort();
    for (size_t i = 0; i < keys->count; i++) {
        TrustedKeys before = {.count = i};
        memcpy(before.keys, keys->keys, i * sizeof keys->keys[0]);
        if (trusted_has(&before, &keys->keys[i]) || revoked_has(&revoked, keys->keys[i].bytes, clock_wall_ns() / NS_PER_S)) abort();
    }
    revoked_free(&revoked);
}

static void fuzz_lists(View rest)
{
    TrustedKeys keys;
    Diag diag = {0};
    put("trusted", section(&rest));
    put("revoked", section(&rest));
    put("rotations", section(&rest));
    Err e = trusted_keys_load(directory, &keys, &diag);
    if (e.code == 0) check_trusted(&keys);
    else if ((e.code != ERR_BAD_INPUT && e.code != ERR_BAD_SIGNATURE && e.code != ERR_LIMIT) || !strstr(diag.text, directory)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!directory[0]) {
        snprintf(directory, sizeof directory, "/tmp/covey-keys-fuzz-XXXXXX");
        if (!mkdtemp(directory)) abort();
        atexit(remove_directory);
    }
    if (size == 0) return 0;
    View rest = view_of(data + 1, size - 1);
    if (data[0] < 2) fuzz_key_file(rest, data[0] ? KEY_SEALING : KEY_SIGNING);
    else fuzz_lists(rest);
    return 0;
}
