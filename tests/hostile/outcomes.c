/*
 * Runs a task through the public C API and says how every micro-job ended, in order, one a line:  outcomes TASK.yaml
 *
 *     3<TAB>ok<TAB>its result, newlines as spaces          4<TAB>failed<TAB>the reason, or "exit code N"
 *
 * The last line is the task's own end: its code, and the error if there is one. Exit code 0 whenever the task came to an end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"

enum { JOBS_MAX = 4096, LINE_BYTES = 512 };

static char lines[JOBS_MAX][LINE_BYTES];

static char *line_of(uint64_t job)
{
    if (job >= JOBS_MAX) {
        fprintf(stderr, "outcomes: micro-job %llu is beyond the %d that fit\n", (unsigned long long)job, JOBS_MAX);
        exit(2);
    }
    return lines[job];
}

static void on_result(void *context, uint64_t job, const void *data, size_t size)
{
    (void)context;
    char *line = line_of(job);
    size_t used = (size_t)snprintf(line, LINE_BYTES, "ok\t"), room = LINE_BYTES - used - 1;
    memcpy(line + used, data, size < room ? size : room);
    line[used + (size < room ? size : room)] = 0;
    for (char *c = line + used; *c; c++) *c = *c == '\n' && c[1] ? ' ' : *c == '\n' ? '\0' : *c;
}

static void on_failure(void *context, const covey_failure *f)
{
    (void)context;
    char *line = f->stage == 0 ? line_of(f->job) : NULL;
    if (!line) return;
    if (f->exit_code) snprintf(line, LINE_BYTES, "failed\texit code %u", f->exit_code);
    else snprintf(line, LINE_BYTES, "failed\t%s", f->reason);
}

static int no_output(void *context, const void *data, size_t size) { return (void)context, (void)data, (void)size, 0; }

int main(int argc, char **argv)
{
    const covey_events events = {.result = on_result, .failure = on_failure, .output = no_output};
    covey *c = NULL;
    covey_task *t = NULL;
    covey_error error = {0};

    if (argc != 2) return 2;
    covey_code code = covey_open(NULL, &c, &error);
    if (!code) code = covey_task_load(c, argv[1], &t, &error);
    if (!code) code = covey_task_run(t, &events, &error);
    for (int i = 0; i < JOBS_MAX; i++) {
        if (lines[i][0]) printf("%d\t%s\n", i, lines[i]);
    }
    printf("task\t%d\t%s\n", (int)code, code ? error.text : "");
    covey_task_free(t);
    covey_close(c);
    return 0;
}
