/* Copies its lines, unless one of them is its argument: then it says so and gives up. "0" stands for every line. */
#include "covey_job.h"

int main(int argc, char **argv)
{
    JobText line;
    while (job_next_line(&line)) {
        if (argc > 1 && (strcmp(argv[1], "0") == 0 || strcmp(line.text, argv[1]) == 0)) {
            fprintf(stderr, "looking at line %s\nI do not like %s\n", line.text, line.text);
            exit(3);
        }
        job_emit(line.text, line.size);
        job_emit("\n", 1);
    }
    return 0;
}
