/**
 * The resource store of a service: a folder of datasets, and the images, with the identity of each by content. What is fetched is read whole,
 * checked against that identity and handed out as a sealed memfd.
 *
 * The store may be told to behave as if it were far away (a delay, a bandwidth, or recorded loading times): SIMULATED, and said so wherever
 * times are reported. The wait itself is the caller's, with a timer.
 */
#pragma once
#include "crypto/sign.h"
#include "pto/service.h"

typedef struct {
    char *path;                   /* owned */
    char name[SERVICE_NAME_MAX + 1]; /* of data: as the service file has it; of an image: the task's that first used it */
    bool is_image;
    uint64_t size;
    Sha256 hash;                  /* of the whole file */
    uint64_t delay_ns;            /* simulated; 0: none */
} DepotItem;

typedef struct {
    DepotItem *items;
    uint32_t count;
    uint32_t *first;              /* [task]: its items are of[first[task]] .. of[first[task + 1] - 1], the image first */
    uint32_t *of;
    bool simulated;
} Depot;

/** Reads and hashes everything that the tasks name. images: the path of each task's image, built and verified by the caller.
 *  errors: ERR_NO_ENTRY with the file and the line of the task, ERR_BAD_INPUT (recorded times), ENOMEM */
MUST_USE Err depot_open(const Service *s, const char *service_path, const char *const *images, Depot *ret_shelf, Diag *diag);
void depot_close(Depot *s);
/** Bytes of a task's image and data. */
uint64_t depot_task_bytes(const Depot *s, uint32_t task);
/** One after another, as they are fetched. */
uint64_t depot_task_delay_ns(const Depot *s, uint32_t task);
/** A sealed memfd with its bytes. errors: ERR_CHANGED (it is not what it was), errno */
MUST_USE Err depot_fetch(const DepotItem *r, int *ret_fd);
