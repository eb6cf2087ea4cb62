/**
 * Starting helper programs and waiting for them, with pidfds. A program that cannot be started is an error of the call, with the errno
 * of what failed (ENOENT: no such program). It starts with default signal handling and no blocked signals.
 */
#pragma once
#include <sys/types.h>

#include "base/bytes.h"

/** Runs argv (found in $PATH) to its end with stdin from /dev/null; stdout and stderr together are appended to ret_output (bounded, the rest
 *  is dropped). *ret_status is as waitpid gives it. `directory` may be NULL. The program gets SIGKILL when the calling thread dies. */
MUST_USE Err process_run(const char *const *argv, const char *directory, Buffer *ret_output, int *ret_status);
/** Starts a program (a path) with `fd` as its descriptor 3 and nothing else inherited but 0-2. It gets SIGKILL when the calling thread
 *  dies, and is in a process group of its own, so that Ctrl-C on the terminal reaches only the caller. */
MUST_USE Err process_spawn(const char *program, const char *const *argv, int fd, pid_t *ret_pid, int *ret_pid_fd);
/** SIGKILL; nothing when it has ended already. */
void process_kill(int pid_fd);
/** Reaps the process; blocks. *ret_status is as waitpid gives it. */
MUST_USE Err process_wait(int pid_fd, int *ret_status);
/** Directory of the running executable, without a slash at the end. */
MUST_USE Err process_own_directory(char *ret_path, size_t room);
