/**
 * Anonymous memory files. Sealed ones are how images and slots pass between processes.
 */
#pragma once
#include "sys/fd.h"

/** A memory file of a fixed size that nobody can shrink, grow or execute: safe to map while a hostile process holds it. */
MUST_USE Err memfd_fixed(const char *name, uint64_t size, int *ret_fd);
/** An executable memory file with this content, sealed against every change. */
MUST_USE Err memfd_sealed_image(const char *name, View content, int *ret_fd);
/** The same of the first `size` bytes of a file, which are copied once, straight to where they stay: whoever may change the file changes nothing
 *  here, and whoever has it shares no page with this. errors: ERR_CORRUPT (the file ends before that) and errno */
MUST_USE Err memfd_sealed_copy(const char *name, int from_fd, uint64_t size, int *ret_fd);
/** Gives every page of [offset, offset+size) back; it reads as zeros afterwards. */
MUST_USE Err memfd_punch(int fd, uint64_t offset, uint64_t size);
/** The next extent at or after `from` that holds pages; *ret_size 0 when there is none. */
MUST_USE Err memfd_next_extent(int fd, uint64_t from, uint64_t *ret_offset, uint64_t *ret_size);
/** Bytes of memory that the file holds now; holes do not count. */
MUST_USE Err memfd_resident(int fd, uint64_t *ret_bytes);
