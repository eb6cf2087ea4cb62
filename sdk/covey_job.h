/**
 * What a micro-job includes, in C or C++: read the segment, write the result, say what went wrong. Header-only.
 *
 * A micro-job is an ordinary program: standard input is its segment, standard output its result, standard error its log. Nothing here
 * is required; this only saves the lines that nearly every micro-job would begin with. It compiles natively too, so that a micro-job
 * can be tried on a file before it runs in a swarm:
 *
 *   sdk/covey-cc job.c -o job.wasm       gcc -Isdk job.c -o job && ./job < segment
 *
 * Reading: one of job_read_all, job_next_line and job_next_csv, never two of them in one program. Text that they return is borrowed
 * until the next call.
 * Errors: a micro-job has nobody to return an error to, so a failed read or write, a malformed record and a lack of memory end it
 * through job_fail: one line in the log, exit code 1, and Covey reports the segment.
 */
#pragma once
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_FUNCTION __attribute__((unused)) static

/** Some bytes. Always followed by a NUL that does not count, so that `text` is a C string too unless the data itself holds NULs. */
typedef struct { char *text; size_t size; } JobText;

/** Ends the micro-job with exit code 1; the message goes to its log. */
__attribute__((format(printf, 1, 2), noreturn)) JOB_FUNCTION void job_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/** A decimal number from the environment; 0 without one, as when the program runs outside Covey. */
JOB_FUNCTION uint64_t job_environment_number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

/** Which micro-job of the task this is, from 0: segments are numbered in input order. */
JOB_FUNCTION uint64_t job_index(void) { return job_environment_number("COVEY_JOB"); }

/** 0 for the micro-jobs of a task; 1 and up for the levels of the combining tree, in a combiner. */
JOB_FUNCTION uint64_t job_stage(void) { return job_environment_number("COVEY_STAGE"); }

/* ---- reading ---- */

/** The bytes read so far that are not used up: [begin, end) of a buffer that grows when one record needs it. */
typedef struct { char *data; size_t begin, end, room; bool at_end; } JobInput;

static JobInput job_input;

/** Reads more; false at the end of the segment. Moves the data: offsets from `begin` stay right, pointers do not. */
JOB_FUNCTION bool job_input_more(void)
{
    JobInput *in = &job_input;
    if (in->at_end) return false;
    if (in->begin > 0) {
        memmove(in->data, in->data + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->room < in->end + 2) {
        size_t room = in->room ? in->room * 2 : 65536;
        char *data = (char *)realloc(in->data, room);
        if (!data) job_fail("no memory to read %zu bytes of the segment", room);
        in->data = data;
        in->room = room;
    }
    ssize_t got = read(STDIN_FILENO, in->data + in->end, in->room - in->end - 1);
    if (got < 0) job_fail("the segment cannot be read: %s", strerror(errno));
    in->at_end = got == 0;
    in->end += (size_t)got;
    in->data[in->end] = 0;
    return got > 0;
}

/** The whole segment. */
JOB_FUNCTION JobText job_read_all(void)
{
    while (job_input_more()) continue;
    JobText all = {job_input.data, job_input.end};
    return all;
}

/** The next line, without its newline (LF or CRLF). A last line without a newline counts. False at the end. */
JOB_FUNCTION bool job_next_line(JobText *ret_line)
{
    JobInput *in = &job_input;
    size_t seen = 0;
    char *newline = NULL;
    while (!(newline = in->data ? (char *)memchr(in->data + in->begin + seen, '\n', in->end - in->begin - seen) : NULL)) {
        seen = in->end - in->begin;
        if (!job_input_more()) break;
    }
    if (!newline && in->begin == in->end) return false;

    JobText line = {in->data + in->begin, newline ? (size_t)(newline - (in->data + in->begin)) : in->end - in->begin};
    in->begin += line.size + (newline ? 1 : 0);
    if (line.size > 0 && line.text[line.size - 1] == '\r') line.size--;
    line.text[line.size] = 0;
    *ret_line = line;
    return true;
}

enum { JOB_CSV_FIELDS_MAX = 1024 };

/** One CSV record (RFC 4180): fields without their quotes, doubled quotes made single. */
typedef struct { JobText fields[JOB_CSV_FIELDS_MAX]; size_t count; } JobRecord;

typedef enum { JOB_CSV_FIELD_START, JOB_CSV_PLAIN, JOB_CSV_QUOTED, JOB_CSV_QUOTE_SEEN } JobCsvState;

/** What a byte does to the state inside a record; a lone quote in an unquoted field is data. */
JOB_FUNCTION JobCsvState job_csv_step(JobCsvState state, char c)
{
    if (state == JOB_CSV_QUOTED) return c == '"' ? JOB_CSV_QUOTE_SEEN : JOB_CSV_QUOTED;
    if (c == '"' && state != JOB_CSV_PLAIN) return JOB_CSV_QUOTED; /* opens a field, or the second of a doubled quote */
    return c == ',' ? JOB_CSV_FIELD_START : JOB_CSV_PLAIN;
}

/** Size of the record at `begin` with its newline; 0 while it is not all here. *seen and *state carry on. */
JOB_FUNCTION size_t job_csv_size(size_t *seen, JobCsvState *state)
{
    const JobInput *in = &job_input;
    for (; in->begin + *seen < in->end; ++*seen) {
        char c = in->data[in->begin + *seen];
        if (c == '\n' && *state != JOB_CSV_QUOTED) return *seen + 1;
        *state = job_csv_step(*state, c);
    }
    return in->at_end ? *seen : 0;
}

/** Takes one field at `from` apart in place; returns where the next one begins, or NULL after the last. */
JOB_FUNCTION char *job_csv_field(char *from, char *end, JobText *ret_field)
{
    char *out = from, *start = from;
    bool quoted = from < end && *from == '"';
    if (quoted) {
        for (from++; from < end; from++) {
            if (*from == '"' && (from + 1 == end || from[1] != '"')) break;
            if (*from == '"') from++;
            *out++ = *from;
        }
        if (from == end) job_fail("a quoted CSV field is not closed");
        from++;
    }
    while (from < end && *from != ',') *out++ = *from++;
    bool more = from < end;
    JobText field = {start, (size_t)(out - start)};
    *out = 0;
    *ret_field = field;
    return more ? from + 1 : NULL;
}

/** The next CSV record; the header of a `split: csv` segment comes first, like any record. False at the end. */
JOB_FUNCTION bool job_next_csv(JobRecord *ret_record)
{
    JobInput *in = &job_input;
    size_t seen = 0, size = 0;
    JobCsvState state = JOB_CSV_FIELD_START;
    while ((size = job_csv_size(&seen, &state)) == 0) {
        if (!job_input_more() && in->begin == in->end) return false;
    }
    char *begin = in->data + in->begin, *end = begin + size;
    in->begin += size;
    if (end > begin && end[-1] == '\n') end--;
    if (end > begin && end[-1] == '\r') end--;

    ret_record->count = 0;
    for (char *next = begin; next;) {
        if (ret_record->count == JOB_CSV_FIELDS_MAX) job_fail("a CSV record has more than %d fields", JOB_CSV_FIELDS_MAX);
        next = job_csv_field(next, end, &ret_record->fields[ret_record->count++]);
    }
    return true;
}

/** Which field of a header has this name; ends the micro-job when none has. */
JOB_FUNCTION size_t job_csv_column(const JobRecord *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->fields[i].text, name) == 0) return i;
    }
    job_fail("the CSV header has no column '%s'", name);
}

/** A field of a record; ends the micro-job when the record is too short. */
JOB_FUNCTION JobText job_csv_get(const JobRecord *record, size_t column)
{
    if (column >= record->count) job_fail("a CSV record has %zu fields, column %zu is missing", record->count, column + 1);
    return record->fields[column];
}

/** A whole number and nothing else. */
JOB_FUNCTION bool job_integer(JobText text, int64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text.text, &end, 10);
    if (text.size == 0 || end != text.text + text.size || errno != 0) return false;
    *ret_value = value;
    return true;
}

/* ---- writing ---- */

/** Bytes to the result. printf and putchar write there too. */
JOB_FUNCTION void job_emit(const void *data, size_t size)
{
    if (size > 0 && fwrite(data, 1, size, stdout) != size) job_fail("the result cannot be written: %s", strerror(errno));
}

/** A CSV field: quoted when it has to be. */
JOB_FUNCTION void job_emit_field(const char *text, size_t size)
{
    bool plain = true;
    for (size_t i = 0; i < size; i++) plain = plain && text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    if (plain) {
        job_emit(text, size);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') putchar('"');
        putchar(text[i]);
    }
    putchar('"');
}

/** A line `key,value`, as `combine: sum-by-key` and `top` want it. */
JOB_FUNCTION void job_emit_pair(const char *key, size_t size, int64_t value)
{
    job_emit_field(key, size);
    printf(",%" PRId64 "\n", value);
}
