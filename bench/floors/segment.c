/* Peer: the job as a program of its own, for xargs and GNU parallel.   usage: segment INPUT INDEX; prints the line */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fnv.h"

int main(int argc, char **argv)
{
    static uint8_t segment[FNV_SEGMENT_BYTES];
    int input = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (input < 0) return 2;
    ssize_t size = pread(input, segment, sizeof segment, atol(argv[2]) * FNV_SEGMENT_BYTES);
    char line[FNV_LINE_BYTES];
    if (size <= 0) return 1;
    fnv_line(fnv1a(segment, (size_t)size), line);
    return write(1, line, sizeof line) == sizeof line ? 0 : 1;
}
