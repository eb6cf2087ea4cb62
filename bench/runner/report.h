/** Figures as a table for people, as a page for the repository, and as JSON for programs. */
#pragma once
#include <stdio.h>

#include "bench/runner/figure.h"

void report_print(const Figure *f, FILE *out);
/** One line: {name, value, unit, ratio, peer, low, high, met, rows}. */
MUST_USE Err report_json(const Figure *f, FILE *out);
/** RESULTS.md: the machine, the date, the command, every figure. */
MUST_USE Err report_page(const Figure *figures, int count, const char *path, Diag *diag);
