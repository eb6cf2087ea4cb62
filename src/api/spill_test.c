/* Does every part give back what was added to it, in order, however much and in whatever turn, and is none of it on disk in the open? */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "api/spill.h"
#include "base/test.h"
#include "sys/fd.h"

typedef struct { uint64_t bytes; size_t part; } Reading;

static uint8_t byte_of(size_t part, uint64_t at) { return (uint8_t)(part * 37 + at * 11 + (at >> 9)); }

static Err check_bytes(void *context, View bytes)
{
    Reading *r = context;
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] != byte_of(r->part, r->bytes + i)) return FAIL(ERR_CORRUPT);
    r->bytes += bytes.size;
    return OK;
}

static void check(size_t parts, uint64_t total)
{
    Spill *s = NULL;
    uint64_t *sizes = calloc(parts, sizeof *sizes), random = 88172645463325252u;
    uint8_t piece[5000];
    ck_assert_ok(spill_open("/tmp", parts, &s));
    for (uint64_t added = 0; added < total;) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t part = random % parts, size = random / parts % sizeof piece;
        for (size_t i = 0; i < size; i++) piece[i] = byte_of(part, sizes[part] + i);
        ck_assert_ok(spill_add(s, part, view_of(piece, size)));
        sizes[part] += size;
        added += size + 1;
    }
    for (size_t part = 0; part < parts; part++) {
        Reading r = {.part = part};
        ck_assert_ok(spill_read(s, part, check_bytes, &r));
        ck_assert_uint_eq(r.bytes, sizes[part]);
    }
    spill_free(&s);
    free(sizes);
}

START_TEST(parts_keep_their_order_in_memory_and_on_disk)
{
    check(1, 3 << 20);
    check(3, 5 << 20);
    check(700, 80 << 20);
    check(5, 0);
}
END_TEST

START_TEST(more_parts_than_memory_has_room_for_are_refused)
{
    Spill *s = NULL;
    ck_assert_err(spill_open("/tmp", SPILL_PARTS_MAX + 1, &s), ERR_LIMIT);
    ck_assert_err(spill_open("/nowhere", 1, &s), ENOENT);
    ck_assert_ptr_null(s);
}
END_TEST

/** The file without a name, found among this process's descriptors. */
static int find_spilled(void)
{
    for (int fd = 3; fd < 64; fd++) {
        char link[64], target[512];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n <= 0) continue;
        target[n] = '\0';
        if (strncmp(target, "/tmp/", 5) == 0 && strstr(target, "(deleted)")) return fd;
    }
    return -1;
}

START_TEST(no_plaintext_reaches_the_disk)
{
    Spill *s = NULL;
    static const char SECRET[] = "the patient's name is a secret; ";
    ck_assert_ok(spill_open("/tmp", 2, &s));
    for (int i = 0; i < 40000; i++) ck_assert_ok(spill_add(s, 0, VIEW(SECRET)));
    int fd = find_spilled();
    uint64_t size;
    ck_assert_int_ge(fd, 0);
    ck_assert_ok(fd_stat_size(fd, &size));
    ck_assert_uint_gt(size, 512 << 10);
    uint8_t *content = malloc(size);
    ck_assert_ok(fd_pread_all(fd, content, size, 0));
    ck_assert_ptr_null(memmem(content, size, "patient", 7));
    free(content);
    spill_free(&s);
}
END_TEST

TEST_MAIN("api/spill", parts_keep_their_order_in_memory_and_on_disk, more_parts_than_memory_has_room_for_are_refused, no_plaintext_reaches_the_disk)
