/* The benchmark runner: measures the figures that are named, or all. bench/run builds what it needs and calls it. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/runner/report.h"

typedef struct { const char *name, *what; Err (*measure)(const Bench *, Figure *, Diag *); } Entry;

static const Entry ENTRIES[] = {
    {"see-process", "One SEE at level process, from start to reaped", measure_see_process},
    {"see-shared", "One micro-job at level shared, inside the SEE process", measure_see_shared},
    {"run-process", "The whole command at level process", measure_run_process},
    {"run-shared", "The whole command at level shared", measure_run_shared},
    {"manager-memory", "Memory of the manager", measure_manager_memory},
    {"compute", "Computing inside a SEE", measure_compute},
    {"run-bus", "The whole command through a NATS server", measure_run_bus},
    {"run-sealed", "The whole command over sealed data", measure_run_sealed},
    {"run-private", "A private task of a thousand micro-jobs beside the same one without noise", measure_run_private},
    {"seal", "Sealing and opening data", measure_seal},
    {"key-release", "Keys that the key broker gives out", measure_key_release},
    {"appraise", "Verdicts on evidence", measure_appraise},
    {"staging", "A request that finds its image and data staged, and one that does not", measure_staging},
    {"placement", "Choosing nodes for micro-jobs", measure_placement},
    {"privacy", "Exact noise, and the error that it makes", measure_privacy},
};
enum { ENTRY_COUNT = sizeof ENTRIES / sizeof ENTRIES[0] };

static int usage(FILE *out)
{
    fprintf(out, "usage: covey bench [NAME] [--json]\n\nMeasures Covey beside floors and peers in one run. Figures:\n");
    for (int i = 0; i < ENTRY_COUNT; i++) fprintf(out, "  %-15s %s\n", ENTRIES[i].name, ENTRIES[i].what);
    return out == stdout ? 0 : 2;
}

static int measure(const Bench *b, const Entry *entry, bool json, Figure *f)
{
    Diag diag = {0};
    *f = (Figure){.name = entry->name, .what = entry->what};
    Err e = entry->measure(b, f, &diag);
    if (e.code == 0 && json) e = report_json(f, stdout);
    else if (e.code == 0) report_print(f, stdout);
    if (e.code) fprintf(stderr, "covey bench: %s: %s (%s)\n", entry->name, diag.text[0] ? diag.text : err_text(e.code), e.at);
    return e.code ? err_exit_code(e.code) : 0;
}

/* All of them; a figure that cannot be measured does not keep the others away. */
static int measure_all(const Bench *b, bool json, const char *page)
{
    static Figure figures[ENTRY_COUNT];
    int count = 0, code = 0;
    for (int i = 0; i < ENTRY_COUNT; i++) {
        int failed = measure(b, &ENTRIES[i], json, &figures[count]);
        if (failed) code = failed;
        else count++;
    }
    Diag diag = {0};
    Err e = page && code == 0 ? report_page(figures, count, page, &diag) : OK;
    if (e.code) fprintf(stderr, "covey bench: %s\n", diag.text);
    return e.code ? err_exit_code(e.code) : code;
}

static int measure_named(const Bench *b, const char *name, bool json)
{
    static Figure figure;
    for (int i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(name, ENTRIES[i].name) == 0) return measure(b, &ENTRIES[i], json, &figure);
    fprintf(stderr, "covey bench: no figure is called %s; see covey bench --help\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"covey", required_argument, NULL, 'c'}, {"folder", required_argument, NULL, 'f'},
                                            {"work", required_argument, NULL, 'w'},  {"page", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'}, {0}};
    Bench b = {.cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    const char *page = NULL;
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1;) {
        switch (option) {
        case 'c': b.covey = optarg; break;
        case 'f': b.folder = optarg; break;
        case 'w': b.work = optarg; break;
        case 'p': page = optarg; break;
        case 'j': json = true; break;
        case 'h': return usage(stdout);
        default: return usage(stderr);
        }
    }
    if (!b.covey || !b.folder || !b.work || argc - optind > 1) return usage(stderr);
    return optind < argc ? measure_named(&b, argv[optind], json) : measure_all(&b, json, page);
}
