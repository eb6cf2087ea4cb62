/** What became of a task: in words, and as the one JSON object of `--json`. */
#pragma once
#include <stdio.h>

#include "api/covey.h"

enum { REPORT_FAILURES_MAX = 10, REPORT_LOG_MAX = 200 };

typedef struct {
    unsigned long long job;
    unsigned stage, exit_code, attempts;
    char reason[96], log[REPORT_LOG_MAX];
} ReportFailure;

/** The first failures; the others are only counted. */
typedef struct {
    ReportFailure kept[REPORT_FAILURES_MAX];
    unsigned count;
    unsigned long long seen;
} Report;

void report_failure(Report *r, const covey_failure *f);
void report_print_failures(const Report *r, FILE *out);
void report_print_summary(const covey_summary *s, FILE *out);
void report_print_json(const Report *r, const covey_summary *s, const covey_error *e, FILE *out);
