/* One step of a help desk: reads a ticket, some lines, and answers with the ticket and one line more. Which step it is, its argument says. */
#include "covey_job.h"

int main(int argc, char **argv)
{
    const char *step = argc > 1 ? argv[1] : "step";
    unsigned steps = 0;
    JobText line;
    while (job_next_line(&line)) {
        steps += strncmp(line.text, "done: ", 6) == 0;
        printf("%s\n", line.text);
    }
    printf("done: %s (step %u)\n", step, steps + 1);
    return 0;
}
