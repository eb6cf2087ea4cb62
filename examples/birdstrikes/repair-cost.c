/* Sums one CSV column by another:  repair-cost KEY-COLUMN VALUE-COLUMN. Covey gives every segment the file's header. */
#include "covey_sums.h"

int main(int argc, char **argv)
{
    static JobRecord record;
    JobSums costs = {0};

    if (argc != 3) job_fail("usage: repair-cost KEY-COLUMN VALUE-COLUMN");
    if (!job_next_csv(&record)) job_fail("the segment has no header");
    size_t key_column = job_csv_column(&record, argv[1]), value_column = job_csv_column(&record, argv[2]);

    while (job_next_csv(&record)) {
        JobText key = job_csv_get(&record, key_column), text = job_csv_get(&record, value_column);
        int64_t value;
        if (!job_integer(text, &value)) job_fail("'%s' is not a whole number", text.text);
        job_sums_add(&costs, key.text, key.size, value);
    }
    job_sums_emit(&costs);
    return 0;
}
