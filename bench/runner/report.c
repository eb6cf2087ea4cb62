/* How figures are shown. */
#include "bench/runner/report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/fd.h"

static const char *const STATES[] = {[TARGET_NONE] = "", [TARGET_MET] = "met", [TARGET_MISSED] = "MISSED"};

/* Three digits say what a benchmark can know. */
static void number(double value, char *ret_text, size_t room)
{
    snprintf(ret_text, room, "%.*f", value >= 100 ? 0 : value >= 10 ? 1 : 2, value);
}

typedef struct { char value[32], spread[64], ratio[32], target[96]; } Cells;

static Cells cells_of(const Row *r)
{
    Cells c = {0};
    char low[32], high[32];
    number(r->spread.median, c.value, sizeof c.value);
    number(r->spread.low, low, sizeof low);
    number(r->spread.high, high, sizeof high);
    snprintf(c.spread, sizeof c.spread, "%s to %s", low, high);
    if (r->ratio > 0) snprintf(c.ratio, sizeof c.ratio, "%.3g", r->ratio);
    if (r->state) snprintf(c.target, sizeof c.target, "%s: %s", r->target, STATES[r->state]);
    return c;
}

void report_print(const Figure *f, FILE *out)
{
    fprintf(out, "\n%s: %s\n  %-60s %10s %-8s %-20s %7s  %s\n", f->name, f->what, "", "median", "unit", "spread", "ratio", "target");
    for (int i = 0; i < f->row_count; i++) {
        Cells c = cells_of(&f->rows[i]);
        fprintf(out, "  %-60s %10s %-8s %-20s %7s  %s\n", f->rows[i].who, c.value, f->rows[i].unit, c.spread, c.ratio, c.target);
    }
    if (f->note[0]) fprintf(out, "  %s\n", f->note);
    fflush(out);
}

/* Numbers as they are, and verdicts as true, false or absent. */
static json_t *row_json(const Row *r)
{
    json_t *o = json_pack("{s:s, s:f, s:s, s:f, s:f}", "who", r->who, "value", r->spread.median, "unit", r->unit, "low", r->spread.low,
                          "high", r->spread.high);
    if (o && r->ratio > 0) json_object_set_new(o, "ratio", json_real(r->ratio));
    if (o && r->state) {
        json_object_set_new(o, "target", json_string(r->target));
        json_object_set_new(o, "met", json_boolean(r->state == TARGET_MET));
    }
    return o;
}

Err report_json(const Figure *f, FILE *out)
{
    json_t *rows = json_array();
    bool met = true;
    for (int i = 0; i < f->row_count; i++) {
        met = met && f->rows[i].state != TARGET_MISSED;
        json_array_append_new(rows, row_json(&f->rows[i]));
    }
    const Row *own = &f->rows[0], *peer = f->peer ? &f->rows[f->peer] : NULL;
    json_t *o = json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:f, s:b, s:s, s:o}", "name", f->name, "value", own->spread.median, "unit", own->unit,
                          "ratio", peer ? peer->ratio : 0.0, "peer", peer ? peer->who : "", "low", own->spread.low, "high", own->spread.high,
                          "met", (int)met, "note", f->note, "rows", rows);
    if (!o) return FAIL(ENOMEM);
    int failed = json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(o);
    return failed || fputc('\n', out) == EOF ? FAIL(EIO) : OK;
}

static void processor_name(char *ret_text, size_t room)
{
    snprintf(ret_text, room, "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(ret_text, room, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file) fclose(file);
}

static Err put_head(Buffer *page)
{
    struct utsname system;
    char processor[256], date[64] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
    if (uname(&system) < 0) return FAIL(errno);
    processor_name(processor, sizeof processor);
    double load[1] = {0};
    if (getloadavg(load, 1) != 1) load[0] = 0;
    return buffer_format(page,
                         "# Benchmark results\n\nWritten by `make bench`; one figure again: `covey bench NAME --json`. Medians; the spread is least to greatest over "
                         "interleaved rounds;\nthe ratio is Covey's value over the row's, of the same run. What the figures are made of: "
                         "[README.md](README.md).\n\n"
                         "Machine: %s, %ld cores, %s %s. Date: %s. Load average when it ended: %.1f.\n",
                         processor, sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release, date, load[0]);
}

static Err put_figure(Buffer *page, const Figure *f)
{
    TRY(buffer_format(page, "\n## %s\n\n%s.\n\n| | median | unit | spread | ratio | target |\n|---|--:|---|--:|--:|---|\n", f->name, f->what));
    for (int i = 0; i < f->row_count; i++) {
        Cells c = cells_of(&f->rows[i]);
        TRY(buffer_format(page, "| %s | %s | %s | %s | %s | %s |\n", f->rows[i].who, c.value, f->rows[i].unit, c.spread, c.ratio, c.target));
    }
    return buffer_format(page, "\n%s\n", f->note);
}

Err report_page(const Figure *figures, int count, const char *path, Diag *diag)
{
    AUTO_BUFFER page = buffer_limited(MIB);
    TRY(put_head(&page));
    for (int i = 0; i < count; i++) TRY(put_figure(&page, &figures[i]));
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&page), 0644), "%s", path);
    return OK;
}
