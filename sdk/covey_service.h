/**
 * For a task of a service whose data has `fallback: input` (docs/services.md): the body of the request, and the data, which is claimed when it was
 * staged and stands in the input when not. The answer must be the same either way.
 *
 *     JobText body = service_body(), words = service_data(0, "translate/words");   the first of `data:`, as TASK/FILE
 *
 * Input: the body; the bytes of each dataset that comes this way; then, little-endian, for each dataset its size (all ones: it is staged), the size
 * of the body, the number of datasets, and "COVEYSVC".
 */
#pragma once
#include "covey_job.h"
#include "see.h"

enum { SERVICE_TRY_INLINE = 75 /* exit code: what was staged is gone; the service runs the request again with all of it in the input */ };

JOB_FUNCTION uint64_t service_number(const JobText *in, size_t from_end)
{
    uint64_t number = 0;
    if (from_end > in->size) job_fail("no input of a service with data");
    for (int i = 7; i >= 0; i--) number = number << 8 | (unsigned char)in->text[in->size - from_end + (size_t)i];
    return number;
}

/** The whole input, read once; and how many datasets it speaks of. */
JOB_FUNCTION const JobText *service_input(uint64_t *ret_count)
{
    static JobText in;
    static bool read_before;
    if (!read_before) in = job_read_all();
    read_before = true;
    if (in.size < 24 || memcmp(in.text + in.size - 8, "COVEYSVC", 8) != 0) job_fail("no input of a service with data");
    *ret_count = service_number(&in, 16);
    if (*ret_count > 16) job_fail("no input of a service with data");
    return &in;
}

JOB_FUNCTION JobText service_body(void)
{
    uint64_t count;
    const JobText *in = service_input(&count);
    uint64_t size = service_number(in, 24);
    if (size > in->size) job_fail("no input of a service with data");
    return (JobText){in->text, (size_t)size};
}

JOB_FUNCTION JobText service_claim(const char *name)
{
    int32_t fd = see_claim_prefetch(name);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    char *text = size < 0 ? NULL : (char *)malloc((size_t)size + 1);
    if (!text) exit(SERVICE_TRY_INLINE);
    lseek(fd, 0, SEEK_SET);
    for (off_t done = 0; done < size;) {
        ssize_t n = read(fd, text + done, (size_t)(size - done));
        if (n <= 0) exit(SERVICE_TRY_INLINE);
        done += n;
    }
    text[size] = '\0';
    return (JobText){text, (size_t)size};
}

/** number: which of `data:`, from 0; name: TASK/FILE. Not followed by a NUL when it stands in the input. */
JOB_FUNCTION JobText service_data(uint64_t number, const char *name)
{
    uint64_t count, at;
    const JobText *in = service_input(&count);
    if (number >= count) job_fail("there are %" PRIu64 " datasets", count);
    at = service_number(in, 24);
    for (uint64_t i = 0; i <= number; i++) {
        uint64_t size = service_number(in, (size_t)(24 + 8 * (count - i)));
        if (i == number && size == UINT64_MAX) return service_claim(name);
        if (size == UINT64_MAX) continue;
        if (at + size > in->size) job_fail("no input of a service with data");
        if (i == number) return (JobText){in->text + at, (size_t)size};
        at += size;
    }
    job_fail("there is no such dataset");
}
