/** What became of a task, in words. */
#pragma once
#include <stdio.h>

#include "api/covey.h"

void report_print_failures(const covey_summary *s, FILE *out);
void report_print_summary(const covey_summary *s, FILE *out);
