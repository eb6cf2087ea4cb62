/* For staging.bats: adds up the bytes of a model that was staged, mapped into memory, or (the slow way) those of its input; and says which only in
 * its log, for the result must not depend on it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "see.h"

static _Alignas(SEE_MAP_ALIGN) unsigned char model[1 << 20];

static size_t from_input(void)
{
    size_t size = 0;
    for (ssize_t n; (n = read(0, model + size, sizeof model - size)) > 0;) size += (size_t)n;
    return size;
}

int main(int argc, char **argv)
{
    int32_t fd = see_claim_prefetch(argc > 1 ? argv[1] : "weigh/model.bin");
    int32_t size = fd >= 0 ? SEE_Map_Prefetch(fd, model, sizeof model) : fd;
    struct stat st;
    unsigned char first = 0;
    if (size >= 0 && (fstat(fd, &st) != 0 || st.st_size != size)) return 3;
    if (size >= 0 && (pread(fd, &first, 1, 0) != 1 || first != model[0])) return 4;
    if (argc > 2) printf("claim %d\n", fd); /* only for the test to see */
    size_t count = size >= 0 ? (size_t)size : from_input();
    unsigned long sum = 0;
    for (size_t i = 0; i < count; i++) sum += model[i];
    printf("%zu bytes, sum %lu\n", count, sum);
    return 0;
}
