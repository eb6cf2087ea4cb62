/* Sketches how many different combinations of some CSV columns there are:  sketch COLUMN... */
#include "hyperloglog.h"

int main(int argc, char **argv)
{
    static JobRecord record;
    static Sketch sketch;
    size_t columns[16], count = (size_t)argc - 1;

    if (argc < 2 || count > sizeof columns / sizeof *columns) job_fail("usage: sketch COLUMN... (at most 16)");
    if (!job_next_csv(&record)) job_fail("the segment has no header");
    for (size_t i = 0; i < count; i++) columns[i] = job_csv_column(&record, argv[1 + i]);

    while (job_next_csv(&record)) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < count; i++) {
            JobText field = job_csv_get(&record, columns[i]);
            hash = sketch_hash(hash, field.text, field.size + 1); /* with its NUL: "ab","c" is not "a","bc" */
        }
        sketch_add(&sketch, hash);
    }
    sketch_emit(&sketch);
    return 0;
}
