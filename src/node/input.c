/* Input from messages and files into slots. */
#include "node/input.h"

#include <errno.h>

#include "sys/fault.h"
#include "sys/fd.h"

Err input_read(FileCache *files, InputRun *run)
{
    if (run->count == 0) return OK;
    int fd;
    TRY(files_get(files, run->path, &fd));
    ssize_t n;
    do n = FAULTABLE("preadv", preadv(fd, run->places, run->count, (off_t)run->begin));
    while (n < 0 && errno == EINTR);
    if (n < 0) return FAIL(errno);
    if ((uint64_t)n != run->end - run->begin) return FAIL(ERR_CORRUPT); /* the caller reads one by one then, and learns where */
    run->count = 0;
    return OK;
}

static Err read_range(FileCache *files, const JobItem *item, uint8_t *place)
{
    int fd;
    TRY(files_get(files, item->path, &fd));
    return fd_pread_all(fd, place, item->size, item->offset);
}

static Err put_off(FileCache *files, InputRun *run, const JobItem *item, uint8_t *place)
{
    bool goes_on = run->count > 0 && run->count < SLOT_JOBS_MAX && item->offset == run->end && view_equal(run->path, item->path);
    if (!goes_on) {
        TRY(input_read(files, run));
        run->path = item->path;
        run->begin = run->end = item->offset;
    }
    run->places[run->count++] = (struct iovec){place, item->size};
    run->end += item->size;
    return OK;
}

Err input_place(FileCache *files, InputRun *run, const JobItem *item, View header, uint8_t *place)
{
    if (item->with_header && header.size) {
        memcpy(place, header.data, header.size);
        place += header.size;
    }
    if (item->size == 0) return OK;
    if (item->kind == SEGMENT_INLINE) memcpy(place, item->data.data, item->size);
    if (item->kind != SEGMENT_RANGE) return OK;
    return run ? put_off(files, run, item, place) : read_range(files, item, place);
}
