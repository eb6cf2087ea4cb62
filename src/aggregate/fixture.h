/** Work of the built-in image in a test's own process: requests, segments, frames, and an answer whose noise comes from a counter. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/work.h"
#include "base/test.h"

enum { WORK_MEMORY = 2 << 20, WORKS = 32 };

typedef struct { QueryKind kind; const char *epsilon, *delta, *lower, *upper, *column, *by, *person; uint32_t records; } Asking;

static inline PrivacyRequest asking(Asking a)
{
    PrivacyRequest r;
    request_begin(a.kind, &r);
    if (a.records) r.records = r.per_key = a.records;
    r.outputs = a.kind == QUERY_BLOCKS ? 1 : 0;
    const char *strings[PRIVACY_STRINGS] = {[PRIVACY_EPSILON] = a.epsilon ? a.epsilon : "1000", [PRIVACY_DELTA] = a.delta,
                                            [PRIVACY_LOWER] = a.lower, [PRIVACY_UPPER] = a.upper,
                                            [PRIVACY_COLUMN] = a.column, [PRIVACY_BY] = a.by, [PRIVACY_PERSON] = a.person};
    for (int i = 0; i < PRIVACY_STRINGS; i++) ck_assert_ok(request_add(&r, strings[i] ? strings[i] : ""));
    return r;
}

static inline Work *work_new(const PrivacyRequest *r, uint64_t segments)
{
    static Work works[WORKS];
    static _Alignas(16) uint8_t memories[WORKS][WORK_MEMORY];
    static unsigned turn;
    Work *w = &works[turn % WORKS];
    uint8_t *memory = memories[turn++ % WORKS];
    *w = (Work){.frame = 0};
    Diag why = {{0}};
    Err e = work_begin(w, r, segments, 4096, memory, WORK_MEMORY, &why);
    ck_assert_msg(e.code == 0, "%s (%s)", why.text, err_text(e.code));
    return w;
}

static inline Err fill_zeros(void *context, void *bytes, size_t size)
{
    (void)context;
    memset(bytes, 0x5a, size);
    for (size_t i = 0; i < size; i++) ((uint8_t *)bytes)[i] = (uint8_t)(rand() >> 7);
    return OK;
}

/** Bytes of the answer, padding included. */
static inline size_t work_answer_size(Work *w, uint64_t segments)
{
    static uint8_t text[WORK_ANSWER_MAX];
    Buffer out = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    NoiseSource source = {.fill = fill_zeros};
    ck_assert_ok(work_release(w, &source, segments, &out));
    return out.size;
}

/** The answer; until the next call. */
static inline const char *work_answer_text(Work *w, uint64_t segments)
{
    static char text[WORK_ANSWER_MAX + 1];
    Buffer out = {.data = (uint8_t *)text, .capacity = sizeof text - 1, .limit = sizeof text - 1};
    NoiseSource source = {.fill = fill_zeros};
    memset(text, 0, sizeof text);
    ck_assert_ok(work_release(w, &source, segments, &out));
    return text;
}

/** The first number of the answer, whose noise is next to nothing with epsilon 1000 (above 0 once in 10^400 tests). */
static inline double work_answer(Work *w, uint64_t segments)
{
    static char text[1 << 16];
    Buffer out = {.data = (uint8_t *)text, .capacity = sizeof text - 1, .limit = sizeof text - 1};
    NoiseSource source = {.fill = fill_zeros};
    double value;
    memset(text, 0, sizeof text);
    ck_assert_ok(work_release(w, &source, segments, &out));
    const char *at = strstr(text, "\"value\": ");
    ck_assert_msg(at && sscanf(at, "\"value\": %lf", &value) == 1, "%s", text);
    return value;
}
