/**
 * A figure: one named number about Covey, beside the floors and peers measured in the same run, each with its target if there is one.
 */
#pragma once
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "bench/runner/samples.h"

enum { FIGURE_ROWS_MAX = 24, FIGURE_NOTE_MAX = 600 };

typedef enum { TARGET_NONE, TARGET_MET, TARGET_MISSED } TargetState;

typedef struct {
    char who[72];
    const char *unit;
    Spread spread;
    double ratio;           /* Covey's value over this one; 0: none */
    char target[72];        /* empty: none */
    TargetState state;
} Row;

typedef struct {
    const char *name, *what;
    Row rows[FIGURE_ROWS_MAX];  /* rows[0] is Covey's own */
    int row_count;
    int peer;                   /* the row that `ratio` in JSON refers to; 0: none */
    char note[FIGURE_NOTE_MAX]; /* what else a reader must know */
} Figure;

/** Where things are. */
typedef struct {
    const char *covey;          /* the program */
    const char *folder;         /* of images, modules, native kernels, floors, peers: made by bench/run */
    const char *work;           /* scratch */
    unsigned cores;
} Bench;

Row *figure_add(Figure *f, const char *who, const char *unit, Spread spread, double ratio);
void row_at_most(Row *row, double value, double limit, const char *what);
void row_at_least(Row *row, double value, double limit, const char *what);
void figure_note(Figure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** One function for each figure; errors come with text. */
MUST_USE Err measure_see_process(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_see_shared(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_run_process(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_run_shared(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_manager_memory(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_compute(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_run_bus(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_run_sealed(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_run_private(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_seal(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_key_release(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_appraise(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_staging(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_placement(const Bench *b, Figure *f, Diag *diag);
MUST_USE Err measure_privacy(const Bench *b, Figure *f, Diag *diag);
