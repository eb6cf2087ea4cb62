/**
 * One task file of `covey manager`: run in a thread of its own, with a bus connection of its own, while the service's thread holds the lease
 * for it. What both touch is atomic, or belongs to one until the thread has been joined.
 *
 * Fencing, against a manager that was stopped (SIGSTOP, a frozen machine) and goes on when another has its tasks: before an output gets its
 * name, the task's thread waits for a beat of the service's loop that came after the lease was seen to be held, and that no gap went before.
 * The journal needs none of this: its lock stays with the stopped process, and the other waits for it.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "api/internal.h"

enum { TASK_FILE_NAME_MAX = 200 };

/** Shared by all tasks of a service. */
typedef struct {
    covey *covey;                    /* with the service's state folder */
    const covey_manager_options *options;
    int wake_fd;                     /* eventfd: a thread has ended */
    _Atomic uint64_t beat_ns;        /* when the loop last turned without a gap before it */
    pthread_mutex_t saying;
} ManagerService;

typedef struct {
    ManagerService *service;
    char name[TASK_FILE_NAME_MAX + 1]; /* of the file, without .yaml */
    pthread_t thread;
    covey_task *task;                /* NULL: the file could not be read */
    atomic_bool lost, ended;         /* the lease; the thread */
    /* When it has ended: */
    covey_error error;
    bool written;                    /* .done or .failed stands there */
} ManagerTask;

/** Prints one line; from any thread. */
void manager_say(ManagerService *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** <tasks>/<name><extension> */
MUST_USE Err manager_file(const ManagerService *s, const char *name, const char *extension, char ret_path[PATH_BYTES_MAX]);

/** Starts the thread. errors: ENOMEM, EAGAIN */
MUST_USE Err manager_task_start(ManagerService *s, const char *name, ManagerTask **ret_task);
/** From the service's thread: the lease is lost, or the service ends. The thread ends soon. */
void manager_task_stop(ManagerTask *t, bool lost);
/** Waits for the thread. */
void manager_task_join(ManagerTask **task);
