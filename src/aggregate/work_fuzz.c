/* Any bytes as a request, as records, as partial results and as what a module says: refused or counted, never a crash, and always an answer. */
#include <stdlib.h>

#include "aggregate/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 4 << 20, ANSWER = 1 << 20 };
static _Alignas(16) uint8_t memory[MEMORY];
static uint8_t answer[ANSWER];
static Work work;
static uint64_t counter;

static void require(bool holds)
{
    if (!holds) abort();
}

static Err fill(void *context, void *bytes, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++) {
        counter = counter * UINT64_C(6364136223846793005) + 1442695040888963407;
        ((uint8_t *)bytes)[i] = (uint8_t)(counter >> 56);
    }
    return OK;
}

/* A legal request of some kind, or (kind 255) the input's own bytes. */
static void make_request(uint8_t kind, View *rest, PrivacyRequest *ret)
{
    static const char *const STRINGS[PRIVACY_STRINGS] = {
        [PRIVACY_EPSILON] = "1", [PRIVACY_LOWER] = "-5", [PRIVACY_UPPER] = "100", [PRIVACY_COLUMN] = "v"};
    if (kind == 255) {
        *ret = (PrivacyRequest){.format = 0};
        const size_t step = rest->size < sizeof *ret ? rest->size : sizeof *ret;
        memcpy(ret, rest->data, step);
        *rest = view_of(rest->data + step, rest->size - step);
        return;
    }
    const bool blocks = kind % 3 == 2, sum = kind % 3 == 1;
    request_begin(blocks ? QUERY_BLOCKS : sum ? QUERY_SUM : QUERY_COUNT, ret);
    ret->outputs = blocks;
    for (int i = 0; i < PRIVACY_STRINGS; i++) {
        bool said = i == PRIVACY_EPSILON || ((sum || blocks) && (i == PRIVACY_LOWER || i == PRIVACY_UPPER)) || (sum && i == PRIVACY_COLUMN);
        const char *text = i == PRIVACY_PERSON && blocks ? "p" : said ? STRINGS[i] : "";
        require(request_add(ret, text).code == 0);
    }
}

static void use(uint8_t how, View rest)
{
    if (how % 3 == 0) {
        Err e = work_feed(&work, rest);
        if (e.code == 0) e = work_end(&work);
        require(e.code == 0 || e.code == ERR_NO_ENTRY || e.code == ERR_LIMIT);
    } else if (how % 3 == 1) {
        Err e = work_merge(&work, rest);
        require(e.code == 0 || e.code == ERR_CORRUPT || e.code == ERR_LIMIT);
        if (e.code) work.aggregate = NULL; /* it is unusable then */
    } else {
        work_value(&work, rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PrivacyRequest request;
    if (size < 2) return 0;
    View rest = view_of(data + 2, size - 2);
    counter = size;
    make_request(data[0], &rest, &request);
    work = (Work){.frame = 0};
    if (work_begin(&work, &request, 4, rest.size + 1, memory, sizeof memory, NULL).code) return 0;
    const bool blocks = !request_reads_records(&request);
    use(blocks ? (data[1] % 2 ? 1 : 2) : data[1] % 2, rest);
    if (!work.aggregate) return 0;
    Buffer out = {.data = answer, .capacity = sizeof answer, .limit = sizeof answer};
    Err saved = work_save(&work, &out);
    require(saved.code == 0 || saved.code == ERR_LIMIT);
    out.size = 0;
    NoiseSource source = {.fill = fill};
    Err released = work_release(&work, &source, 4, &out);
    require(released.code == 0 || released.code == ERR_LIMIT);
    return 0;
}
