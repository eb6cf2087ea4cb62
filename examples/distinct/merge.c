/* Combiner: reads sketches one after another, writes the sketch of them all. */
#include "hyperloglog.h"

int main(void)
{
    static Sketch all;
    JobText line;

    while (job_next_line(&line)) {
        if (strncmp(line.text, "distinct,", 9) != 0) job_fail("not a sketch: '%.40s'", line.text);
        if (!job_next_line(&line) || line.size != SKETCH_REGISTERS) job_fail("a sketch without its %d registers", SKETCH_REGISTERS);
        for (size_t i = 0; i < line.size; i++) {
            uint8_t rank = (uint8_t)(line.text[i] - '0');
            if (rank > 64 - SKETCH_BITS + 1) job_fail("register %zu of a sketch is out of range", i);
            if (rank > all.registers[i]) all.registers[i] = rank;
        }
    }
    sketch_emit(&all);
    return 0;
}
