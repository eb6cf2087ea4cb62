/* Counts words: runs of the letters a to z, capitals made small. */
#include "covey_sums.h"

static bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

int main(void)
{
    JobSums counts = {0};
    JobText line;

    while (job_next_line(&line)) {
        for (size_t i = 0; i < line.size; i++) {
            if (line.text[i] >= 'A' && line.text[i] <= 'Z') line.text[i] = (char)(line.text[i] - 'A' + 'a');
        }
        for (size_t begin = 0, end = 0; begin < line.size; begin = end + 1) {
            end = begin;
            while (end < line.size && is_letter(line.text[end])) end++;
            if (end > begin) job_sums_add(&counts, line.text + begin, end - begin, 1);
        }
    }
    job_sums_emit(&counts);
    return 0;
}
