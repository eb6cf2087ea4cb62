/**
 * A service: the tasks that clients may ask for by name, what each of them needs, and which may follow which. The file is docs/services.md.
 * Serving and prediction both go by it: so it is read here, below both.
 */
#pragma once
#include "base/level.h"
#include "base/schema.h"

enum {
    SERVICE_TASKS_MAX = 1024,
    SERVICE_NAME_MAX = 63,        /* of services, tasks and data: letters, digits, '.', '-' and '_' */
    SERVICE_DATA_MAX = 16,        /* datasets of one task */
    SERVICE_ZYGOTES_MAX = 60,     /* the node has 64 places for tasks; some are left for those that are ending */
};
#define SERVICE_BODY_MAX (64 * MIB)

/** Files of the store are fetched as if from far away: the delay is simulated, and whoever reports times says so. */
typedef struct {
    char *path;                   /* folder of the datasets */
    uint64_t delay_ns;            /* of each fetch */
    uint64_t bandwidth;           /* bytes a second; 0: unlimited */
    char *recorded;               /* NULL, or a CSV file with loading times in milliseconds in a column `value`: each resource takes one of them */
    uint64_t speedup;             /* recorded times are divided by it */
} StoreSpec;

typedef struct {
    char name[SERVICE_NAME_MAX + 1];
    unsigned line;
    char *image, *module;         /* exactly one */
    char **args;
    size_t arg_count;
    char **data;                  /* names of files in the store */
    size_t data_count;
    bool data_in_input;           /* what is not staged stands in the request's input (sdk/covey_service.h) */
    char **next_names;            /* as written; NULL without order constraints */
    uint32_t *next;               /* tasks that may follow, when any are named */
    size_t next_count;
} ServiceTask;

typedef struct {
    char name[SERVICE_NAME_MAX + 1];
    StoreSpec store;
    SecurityLevel level;
    uint64_t lifetime_ns, memory_max, output_max;

    uint64_t body_max;
    uint32_t connections_max;             /* of one client at the same time; 0: not said */
    uint32_t running_max, waiting_max;    /* requests at the same time: in SEEs, and before them */
    uint32_t rate, session_rate;          /* requests a second of one client, of one session; 0: unlimited */
    uint64_t patience_ns;                 /* for the head and body of a request to arrive */
    uint64_t deadline_ns;                 /* for the answer */

    uint32_t zygotes_max;                 /* kept warm */
    uint64_t warm_bytes_max;              /* memory of what is kept warm */
    uint32_t staged_max;                  /* what an orchestrator may have put ready, beside them */
    uint64_t staged_bytes_max;
    char *history;                        /* NULL: none is kept */
    uint64_t history_rows;
    char *workflow;                       /* NULL, or WfFormat JSON whose tasks and order this service has */

    ServiceTask *tasks;
    size_t task_count;
} Service;

/** Everything is checked, and every mistake named with file and line. errors: ERR_BAD_INPUT, ERR_NO_ENTRY, ENOMEM */
MUST_USE Err service_parse(View yaml, const char *name, const char *directory, Service *ret_service, Diag *diag);
MUST_USE Err service_load(const char *path, Service *ret_service, Diag *diag);
void service_free(Service *s);
/** UINT32_MAX when there is none. */
uint32_t service_find(const Service *s, View name);
/** The same for an activity of a log: "Take in charge ticket" is take-in-charge-ticket, unless there is a task of the very name. */
uint32_t service_find_like(const Service *s, const char *activity);
/** A hash over the names of tasks, in their order: both ends of a stream must have read the same. */
uint64_t service_identity(const Service *s);
/** Whether a name may stand in a service file and in a path. */
bool service_name_legal(const char *name);
