/** What the files of src/api share: the handles, and how an Err with its Diag becomes a covey_error. */
#pragma once
#include <stdatomic.h>

#include "api/bus_address.h"
#include "api/covey.h"
#include "api/failures.h"
#include "base/limits.h"
#include "crypto/sign.h"
#include "image/image.h"
#include "swarm/task.h"

struct covey {
    char config_dir[PATH_BYTES_MAX], tasks_dir[PATH_BYTES_MAX];
    char program[PATH_BYTES_MAX]; /* as the caller named it; empty: found when it is needed, see program_find */
};

struct covey_task {
    covey *owner;
    TaskSpec spec;
    char origin[PATH_BYTES_MAX]; /* absolute path of the task file; empty when it came from memory */
    bool resume;
    char *keybroker;             /* NULL: the user's own */
    BusAddress bus;              /* url NULL: none leaves this process */
    char *wait;                  /* for a node of the bus, such as "30s"; NULL: WAIT_DEFAULT */
    char *lease;                 /* of a node, such as "5s"; NULL: the manager's default */
    bool explain;
    uint64_t explain_job;
    char **data;                 /* folders; data_count */
    size_t data_count;
    unsigned zygotes;
    Err setup;                   /* what a setter, which returns nothing, could not do; reported by the run */
    atomic_bool interrupted;
    int interrupt_fd;            /* eventfd: wakes the run's loop from a signal handler or another thread */

    /* Filled by the run, for covey_task_summary. */
    char image_path[PATH_BYTES_MAX], measurement[65], partial_path[PATH_BYTES_MAX];
    covey_progress counts;
    unsigned recipients;
    Failures failures;
};

/** Fills *ret_error (may be NULL) and returns the code that belongs to e. */
covey_code api_result(Err e, const Diag *diag, covey_error *ret_error);

/** Finds the `covey` program that serves as the warden: `wish` if it is not empty, $COVEY_PROGRAM, this program if it is covey, or where
 *  covey was installed. errors: ERR_NO_ENTRY */
MUST_USE Err program_find(const char *wish, char ret_path[PATH_BYTES_MAX], Diag *diag);

/** errors: ERR_LIMIT when it does not fit */
MUST_USE Err path_format(char ret_path[PATH_BYTES_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

/** An image that is ready to run: a signed one from the task, or one built from the task's module. */
typedef struct { char path[PATH_BYTES_MAX]; Sha256 measurement; } ReadyImage;
/** task: whose it is, for the audit log. errors: those of image_build and image_verify, ERR_NO_ENTRY */
MUST_USE Err image_ready(const covey *c, const char *task, const char *image, const char *module, uint64_t memory_max,
                          ReadyImage *ret_image, Diag *diag);

/** `path`, or (NULL) that of the log of this node: <state>/audit-<16 digits of the node's key>.log. errors: ERR_LIMIT, those of the key */
MUST_USE Err audit_log_path(const covey *c, const char *path, char ret_path[PATH_BYTES_MAX], Diag *diag);
/** Writes into the node's audit log whether that image may run here, signed with the node's key. `verdict`: what image_verify
 * said; `info`: of image_parse.
 *  errors: ERR_BUSY (others write for seconds), and those of audit_open and audit_write: then it must not run */
MUST_USE Err audit_image_trust(const covey *c, const char *task, const char *path, const ImageInfo *info, Err verdict, Diag *diag);

/** Such a task has no journal: what was read is gone. */
bool task_reads_standard_input(const covey_task *t);

/** The folder of a task's journal: <state>/tasks/<name>-<hash of what names the task>. */
MUST_USE Err task_journal_directory(const covey_task *t, char ret_path[PATH_BYTES_MAX]);
