/**
 * Covey: runs a computation on private data as a swarm of short-lived secure execution environments.
 *
 * The public C API. Opaque types, errors as values, no globals. A handle may be used from one thread at a time; different handles are
 * independent. Strings given to a call are copied; strings in results live as long as the documentation of the call says.
 *
 *   #include <covey.h>
 *   covey_error error;
 *   covey *c; covey_task *t;
 *   if (covey_open(NULL, &c, &error)) ...
 *   if (covey_task_load(c, "task.yaml", &t, &error)) ...
 *   int failed = covey_task_run(t, NULL, &error);
 *
 * Every function that can fail returns a covey_code (0 is success) and, when `error` is not NULL, fills it.
 */
#ifndef COVEY_H
#define COVEY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COVEY_API __attribute__((visibility("default")))

/** The same numbers as the program's exit codes. */
typedef enum {
    COVEY_OK = 0,
    COVEY_TASK_FAILED = 1,  /* some micro-job failed for good */
    COVEY_BAD_INPUT = 2,    /* wrong usage or a malformed file; the text says where */
    COVEY_REFUSED = 3,      /* security: not signed, not trusted, level not available */
    COVEY_SYSTEM = 4,       /* no memory, no node, a system call */
    COVEY_INTERRUPTED = 130
} covey_code;

typedef struct {
    covey_code code;
    char text[1024];        /* one line: what is wrong, where, what to do */
    char at[96];            /* where in Covey's source it began */
} covey_error;

typedef struct covey covey;
typedef struct covey_task covey_task;

/** NULL fields: $XDG_CONFIG_HOME/covey, $XDG_STATE_HOME/covey, $XDG_CACHE_HOME/covey, and the `covey` program beside the caller, in
 *  $COVEY_PROGRAM, or where it was installed. */
typedef struct {
    const char *config_dir, *state_dir, *program;
} covey_options;

COVEY_API covey_code covey_open(const covey_options *options, covey **ret, covey_error *error);
COVEY_API void covey_close(covey *c);
COVEY_API const char *covey_version(void);

/** The user's keys, in the configuration folder; made on first use. A key with a passphrase: the first line of the file that
 * $COVEY_PASSPHRASE_FILE names,
 *  otherwise it is asked for at the terminal. Public halves are one line of text; they need no passphrase. */
#define COVEY_KEY_TEXT_MAX 80
#define COVEY_ROTATION_TEXT_MAX 256
COVEY_API covey_code covey_key_public(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error);  /* signing: "covey-ed25519:..." */
COVEY_API covey_code covey_key_sealing(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error); /* sealing: "covey-x25519:..." */
/** The key that this machine's warden signs evidence with; data owners name it in a policy, or trust it. */
COVEY_API covey_code covey_key_node(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error);
/** Makes the keys that are missing; both are there: COVEY_REFUSED, unless told to replace them (the old ones are kept beside). */
COVEY_API covey_code covey_key_new(covey *c, bool replace, bool with_passphrase, covey_error *error);
/** Successors for both keys, with a new passphrase or the old one's. *ret_statement is what others need to follow, for covey_key_trust. */
COVEY_API covey_code covey_key_rotate(covey *c, bool new_passphrase, char ret_statement[COVEY_ROTATION_TEXT_MAX], covey_error *error);
/** Trusts a public signing key (images, datasets and nodes that it signs), or takes a rotation statement of a trusted one.
 * comment: NULL, or one line. */
COVEY_API covey_code covey_key_trust(covey *c, const char *key_or_statement, const char *comment, covey_error *error);
/** From `since` (NULL: always; "2027-01-01T00:00:00Z") on, nothing that this key signed counts here, and nothing is sealed to it. */
COVEY_API covey_code covey_key_revoke(covey *c, const char *key, const char *since, const char *comment, covey_error *error);

/** Reads and validates a task file. */
COVEY_API covey_code covey_task_load(covey *c, const char *path, covey_task **ret, covey_error *error);
/** The same from memory; relative paths are relative to `directory` (NULL: the working directory). */
COVEY_API covey_code covey_task_parse(covey *c, const char *yaml, size_t size, const char *directory, covey_task **ret, covey_error *error);
COVEY_API void covey_task_free(covey_task *t);

/** Overrides, before the run. */
COVEY_API void covey_task_set_resume(covey_task *t, bool resume);
COVEY_API void covey_task_set_output(covey_task *t, const char *path);      /* "-": standard output */
COVEY_API void covey_task_set_concurrency(covey_task *t, unsigned zygotes); /* SEEs at the same time; 0: one per core */

/** For an input that somebody else sealed: "unix:PATH", where that owner's key broker serves (covey keybroker), or "nats", when it serves
 * on the task's bus. NULL: the user's own, in this process. */
COVEY_API void covey_task_set_keybroker(covey_task *t, const char *address);

/**
 * A bus that leaves the process: NATS, server version 2.9 or later. docs/cluster.md. The server knows each party by a key: a node
 * by its node's key (covey_key_node), everybody else by the user's signing key (covey_key_public); `covey bus config` writes its configuration.
 */
typedef struct {
    const char *url;    /* "nats://HOST[:PORT][,nats://HOST...]", "tls://..." for an encrypted one */
    const char *tls_ca; /* a file of certificates (PEM) that the server's must be signed by; NULL: the system's */
    const char *key;    /* a file with another NKey seed (SU...), or a user's .creds; NULL: as above */
    unsigned replicas;  /* of what waits for nodes, in a cluster of servers: 1 (0 is the same), 3 or 5; for those who run tasks */
} covey_bus;

/** Micro-jobs run on the nodes of that bus (covey node), none in this process. NULL: in this process tree. */
COVEY_API void covey_task_set_bus(covey_task *t, const covey_bus *bus);
/** How long the task waits while its bus has no node for it: "30s" is the default. Then it ends with COVEY_SYSTEM. */
COVEY_API void covey_task_set_wait(covey_task *t, const char *time);
/** Within so long what a lost node of the bus had is with others; given up it is when silent for three quarters of it. Default "5s", at least "2s". */
COVEY_API void covey_task_set_lease(covey_task *t, const char *time);
/** Tells events->explained why this micro-job (of stage 0) went where it went. */
COVEY_API void covey_task_set_explain(covey_task *t, uint64_t micro_job);
/** Folders in which inputs that the task names by content are looked for. */
COVEY_API void covey_task_set_data(covey_task *t, const char *const *folders, size_t count);

typedef struct {
    uint64_t micro_jobs, succeeded, failed, retried, resumed, sees_started;
    bool counting;          /* still splitting: micro_jobs grows */
    uint64_t bytes_done, bytes_total;
    unsigned stage;         /* 0: the micro-jobs; 1 and up: combining */
    double wall_seconds;
    unsigned nodes;         /* that have offered themselves */
    unsigned nodes_ready;   /* with a bus: that take micro-jobs now */
    unsigned nodes_lost, nodes_drained, nodes_lying; /* silent for a lease; went after notice; gave results that others outvoted */
    unsigned nodes_refused; /* that were not believed, or refused the task */
    uint64_t replaced;      /* micro-jobs that were given out again because their node had gone */
    uint64_t extra_copies, speculative; /* runs beyond one a micro-job: for comparing, and because a node was slow */
    uint64_t late;          /* answers that counted for nothing: of lost nodes, second ones, others' */
    uint64_t disagreements; /* micro-jobs whose copies gave different results */
    uint64_t bytes_sent;    /* segments and images */
    double cost;            /* core-hours by the prices of the nodes */
} covey_progress;

typedef struct { uint64_t job; unsigned stage, exit_code, attempts; const char *reason; const char *log; size_t log_size; } covey_failure;

/** All may be NULL; pointers live for the call only. */
typedef struct {
    void *context;
    void (*progress)(void *context, const covey_progress *progress);               /* about ten times a second */
    void (*result)(void *context, uint64_t job, const void *data, size_t size);    /* each micro-job's result as it comes */
    int (*output)(void *context, const void *data, size_t size);                   /* takes the output, not the task's file; not 0: stop */
    void (*failure)(void *context, const covey_failure *failure);
    void (*building)(void *context, const char *module);                           /* before the run: its image is looked up or built */
    void (*notice)(void *context, const char *text);                               /* of the bus and its nodes: one line */
    void (*explained)(void *context, const char *line);                            /* covey_task_set_explain */
} covey_events;

/** Runs the task to its end. covey_task_interrupt may be called from a signal handler or another thread meanwhile. */
COVEY_API covey_code covey_task_run(covey_task *t, const covey_events *events, covey_error *error);
COVEY_API void covey_task_interrupt(covey_task *t);

/** A micro-job that failed for good: why, and the last line of its standard error, made printable. */
typedef struct {
    uint64_t job;
    unsigned stage, exit_code, attempts;
    char reason[96], log[200];
} covey_kept_failure;

typedef struct {
    const char *task, *level, *output, *image, *measurement; /* live as long as the task */
    covey_progress counts;
    const char *partial_output;  /* NULL, or where the results of a task with failures went */
    unsigned recipients;         /* of sealed results: how many keys can open the output (covey_unseal); 0: they are not sealed */
    bool resumable;              /* false when the input is standard input, which cannot be read again */
    const char *bus;             /* NULL, or where its nodes were */
    const covey_kept_failure *failures; /* the first ones, by number */
    unsigned failure_count;
    uint64_t failures_seen;
} covey_summary;
COVEY_API void covey_task_summary(const covey_task *t, covey_summary *ret);
/** What `covey run --json` prints: one JSON object, to be freed with free(). `error`: what covey_task_run gave. NULL: a name in it is not
 * UTF-8, or there is no memory. */
COVEY_API char *covey_task_json(const covey_task *t, const covey_error *error);

/** SEE images. */
typedef struct { char path[4096]; char measurement[65]; bool from_cache; double seconds; } covey_image_built;
COVEY_API covey_code covey_image_build(covey *c, const char *module, const char *output, covey_image_built *ret, covey_error *error);
typedef struct {
    char measurement[65], module_hash[65], builder[96], entry[32], signer[80]; /* signer: empty when not signed */
    uint32_t abi_version; bool trusted, signature_valid, uses_see_api;
    uint64_t memory_initial, memory_max, file_size;
} covey_image_info;
COVEY_API covey_code covey_image_inspect(covey *c, const char *path, covey_image_info *ret, covey_error *error);
/** Like inspect, and fails (COVEY_REFUSED) unless signed by a trusted key. */
COVEY_API covey_code covey_image_verify(covey *c, const char *path, covey_image_info *ret, covey_error *error);

/** The audit log: what was decided about keys, images and evidence. `path` NULL: that of this node. docs/formats/audit.md */
typedef struct {
    char path[4096];
    uint64_t lines, entries, checkpoints;
    uint64_t unsigned_lines, torn_bytes; /* at the end of a log that is being written, or whose writer died */
    uint64_t bad_line;                   /* where it is not whole; 0: it is, or the log as such is wrong */
    bool closed;
    char last_hash[65], first[40], last[40]; /* hash of the last line; times of the first and last entry */
} covey_audit_report;
/** Is it whole? `public_key`: of its writer; NULL: the user's own, or this node's. *ret is always filled. errors: COVEY_REFUSED
 * with file:line and what was found */
COVEY_API covey_code covey_audit_verify(covey *c, const char *path, const char *public_key, covey_audit_report *ret, covey_error *error);
typedef struct { uint64_t line, seq; const char *time, *event, *by, *task, *json; } covey_audit_entry; /* live for the call only */
typedef int (*covey_audit_visit)(void *context, const covey_audit_entry *entry);                     /* not 0: stop, COVEY_INTERRUPTED */
/** Each entry, whether it is genuine or not. */
COVEY_API covey_code covey_audit_each(covey *c, const char *path, covey_audit_visit visit, void *context, covey_error *error);
/** The events that there are, from 0 on; NULL behind the last. */
COVEY_API const char *covey_audit_event(unsigned index);

/** Sealed datasets. What is NULL or 0 is chosen by itself. */
typedef struct {
    const char *policy;      /* the policy, a YAML file; needed */
    const char *by;          /* how to cut: lines, csv, jsonl, fixed:N, file; NULL: by the input's name */
    const char *target;      /* size of a segment, such as "1MiB"; NULL: 256KiB */
    bool no_header;          /* CSV without a header */
    const char *group_by;    /* a CSV column: all records with the same value in one segment */
    unsigned segments;       /* then how many there are; 0: by the input's size */
    const char *supersedes;  /* a sealed dataset of yours: the new one is its next version */
    bool hide_columns;       /* of a dataset with a budget: do not say in the open what its columns are called */
} covey_seal_options;
typedef struct { char id[33], name[129]; uint64_t version, segments, plain_bytes; bool is_result; double seconds; } covey_sealed_info;
/** Seals a file, or ("-") standard input, with the user's keys. errors: COVEY_BAD_INPUT (policy, input), COVEY_REFUSED (keys) */
COVEY_API covey_code covey_seal(covey *c, const char *input, const char *output, const covey_seal_options *options,
                                covey_sealed_info *ret, covey_error *error);
/** Opens a sealed dataset with its owner's sealing key, or a sealed result with a recipient's; its signer must be trusted.
 * output NULL or "-": standard
 *  output, otherwise a file with mode 0600, which is complete or not there. An older version than `version_min` is refused.
 *  errors: COVEY_REFUSED (damaged, not trusted, not for you, too old) */
COVEY_API covey_code covey_unseal(covey *c, const char *path, const char *output, uint64_t version_min, covey_sealed_info *ret, covey_error *error);
/** What a sealed file says of itself, checked but for its segments; needs no key. `policy` gets its policy as YAML, at most
 * `room` bytes with the NUL. */
COVEY_API covey_code covey_sealed_inspect(covey *c, const char *path, covey_sealed_info *ret, char *policy, size_t room, covey_error *error);

/** One finding; `ok` false comes with the reason and the remedy. */
typedef void (*covey_finding)(void *context, const char *what, bool ok, const char *why);
/** What this machine can give. `visit` (may be NULL) is called for each check. errors: COVEY_REFUSED when no task can run here,
 *  COVEY_BAD_INPUT when only images cannot be built */
COVEY_API covey_code covey_doctor(covey *c, covey_finding visit, void *context, covey_error *error);

/**
 * Evidence of this node, as it would give it to a key broker: COSE, docs/formats/evidence.md. `kind` is "node-key", "tpm2", "sev-snp" or "tdx";
 * `kind` and `nonce` (64 hex digits) may be NULL: the best that there is, a random nonce. errors: COVEY_REFUSED when this
 * machine has none of that kind
 */
typedef struct { const char *kind; unsigned char *data; size_t size; } covey_evidence;
COVEY_API covey_code covey_attest(covey *c, const char *kind, const char *nonce, covey_evidence *ret, covey_error *error);
COVEY_API void covey_evidence_free(covey_evidence *e);

/**
 * Appraises a file ("-": standard input): evidence, an SEV-SNP report or a TDX quote on its own; binary or hex digits. `visit`
 * is called for each claim.
 * collateral: the folder of certificates and reference values; NULL: `collateral` in the configuration folder. time: RFC 3339; NULL: now.
 * errors: COVEY_REFUSED when a claim did not pass
 */
COVEY_API covey_code covey_appraise(covey *c, const char *path, const char *collateral, const char *time, covey_finding visit, void *context,
                                    covey_error *error);

/**
 * Enrols a node's TPM, so that its evidence is believed (docs/formats/tpm.md): request of the node, challenge of the operator, answer of the node,
 * which the operator accepts. Files hold these messages as bytes or hex digits; "-" is standard input. What is returned is freed by
 * covey_evidence_free; its kind is "request", "challenge" or "answer".
 */
typedef struct {
    const char *name;       /* of the node: letters, digits, dots, - and _ */
    const char *collateral; /* folder: makers' certificates in tpm-makers/, accepted keys in tpm/; NULL: `collateral` in the configuration folder */
} covey_enrolment;
/** errors: COVEY_REFUSED when there is no TPM, or none with an endorsement certificate */
COVEY_API covey_code covey_enrol_request(covey *c, covey_evidence *ret, covey_error *error);
/** errors: COVEY_BAD_INPUT (no request; or no certificate of the TPM's maker in the folder), COVEY_REFUSED (the TPM's own is not good) */
COVEY_API covey_code covey_enrol_challenge(covey *c, const covey_enrolment *o, const char *file, covey_evidence *ret, covey_error *error);
/** errors: COVEY_BAD_INPUT (no challenge), COVEY_REFUSED (it is for another TPM or another key) */
COVEY_API covey_code covey_enrol_activate(covey *c, const char *file, covey_evidence *ret, covey_error *error);
/** Writes the key as tpm/ak-NAME.pub. A challenge counts once. errors: COVEY_REFUSED (another answer), COVEY_BAD_INPUT (no challenge was made) */
COVEY_API covey_code covey_enrol_accept(covey *c, const covey_enrolment *o, const char *file, covey_error *error);

/**
 * A key broker as a process of its own, for datasets that the user sealed. NULL fields: <state>/keybroker, `collateral` in the
 * configuration folder (if
 * it is there), the nodes that the user trusts. Strings are borrowed for the call.
 */
typedef struct {
    const char *listen;             /* "unix:PATH"; this, or a bus, is needed */
    const covey_bus *bus;           /* NULL: none */
    const char *state_dir, *collateral_dir;
    const char *const *nodes;       /* public keys of nodes that may be given keys where a policy names none */
    size_t node_count;
    void *context;
    void (*ready)(void *context, const char *address); /* agents can connect from now on */
} covey_keybroker_options;
/** Serves until stop_fd can be read (-1: for ever). The process gives no core files from then on.
 *  errors: COVEY_BAD_INPUT (address, node), COVEY_REFUSED (keys, damaged state), COVEY_SYSTEM (state or socket in use by another) */
COVEY_API covey_code covey_keybroker_serve(covey *c, const covey_keybroker_options *options, int stop_fd, covey_error *error);

/**
 * The configuration of a NATS server that serves Covey: JetStream, who may connect, and the least that each of them may do. What is NULL or 0 is
 * left out, or chosen by itself.
 */
typedef struct {
    const char *listen;             /* "HOST:PORT"; default 127.0.0.1:4222 */
    const char *store;              /* the folder of its streams; needed */
    const char *server_name;
    const char *tls_cert, *tls_key; /* PEM files: connections are encrypted */
    const char *tls_ca;             /* and servers of the cluster must show a certificate that these signed */
    const char *cluster, *cluster_listen; /* one of several servers: the cluster's name, "HOST:PORT" for the others */
    const char *const *routes;      /* "nats://HOST:PORT" of the others */
    size_t route_count;
    const char *const *nodes;       /* "KEY" or "NAME=KEY"; see covey_key_node */
    const char *const *managers;    /* signing keys of those who may run tasks: covey_key_public */
    const char *const *brokers;     /* signing keys of those who may serve as key brokers */
    size_t node_count, manager_count, broker_count;
} covey_bus_config;
/** *ret_text is to be freed with free(). errors: COVEY_BAD_INPUT */
COVEY_API covey_code covey_bus_configure(const covey_bus_config *config, char **ret_text, covey_error *error);

/**
 * A node: gives its cores to the tasks of a bus. Known by the node's key (covey_key_node). NULL, 0 and false: chosen by itself, or nothing to
 * say. Strings are borrowed for the call.
 */
typedef struct {
    covey_bus bus;
    const char *name;               /* what the server's file calls it; default: "node-" and the beginning of its key */
    const char *zone, *owner;       /* what placement goes by: near to data; copies of a micro-job go to different owners */
    const char *price;              /* of a core-hour, a number; default 0 */
    bool spot;                      /* it may be taken away */
    const char *notice;             /* how long after a notice it is still there: "30s" */
    const char *notice_file;        /* its appearance is the notice */
    const char *const *data;        /* folders of datasets that are at hand here */
    size_t data_count;
    const char *cache_dir;          /* of images and segments, by content; default: $XDG_CACHE_HOME/covey/objects */
    const char *cache_size;         /* "2GiB" */
    unsigned cores;                 /* 0: all that this process may use */
    void *context;
    void (*notice_line)(void *context, const char *text); /* it joined, lost the bus, drains: one line */
} covey_node_options;
/**
 * Serves until stop_fd says so: what can be read from it (an eventfd, a signalfd, a byte) is a notice: the node takes no more micro-jobs, and
 * ends when those that run are done or the notice is over. The second one ends it at once. -1: for ever.
 * errors: COVEY_BAD_INPUT (address, numbers, folders), COVEY_REFUSED (the server does not know this node; keys), COVEY_SYSTEM
 */
COVEY_API covey_code covey_node_serve(covey *c, const covey_node_options *options, int stop_fd, covey_error *error);

/**
 * Runs the task files that are put into a folder (renamed into it: half a file must not be seen), each to its end, several at a time, on the
 * nodes of a bus. Beside NAME.yaml appears NAME.done or NAME.failed, with what covey_task_json gives. Several processes may watch one folder,
 * with one state folder: a lease on the bus says which of them runs a task; when it dies another goes on from its journal.
 */
typedef struct {
    covey_bus bus;
    const char *tasks_dir;          /* needed */
    const char *state_dir;          /* journals; NULL: the handle's */
    unsigned at_once;               /* tasks at the same time; 0: 4 */
    const char *lease;              /* a process that is silent for so long loses its tasks to others: "10s" */
    const char *const *data;        /* as covey_task_set_data */
    size_t data_count;
    void *context;
    void (*notice_line)(void *context, const char *text); /* a task began, ended; the bus was lost: one line */
} covey_manager_options;
/** Serves until stop_fd can be read (-1: for ever); tasks that run are interrupted then, and go on with the next who watches.
 *  errors: COVEY_BAD_INPUT (address, folders, lease), COVEY_REFUSED, COVEY_SYSTEM */
COVEY_API covey_code covey_manager_serve(covey *c, const covey_manager_options *options, int stop_fd, covey_error *error);

/**
 * Simulates a swarm: a scenario (docs/simulation.md) on the real placement code, or on one of the policies that it is compared with. What comes out
 * are figures of a model. Deterministic: the same scenario, seed and policy give the same figures.
 */
typedef struct { const char *scenario; uint64_t seed, nodes, micro_jobs; } covey_simulation;
typedef struct {
    const char *policy;
    bool complete;                                 /* every micro-job ended within the scenario's horizon */
    uint64_t micro_jobs, succeeded, failed, counted_twice;
    uint64_t copies, replaced, moved, speculated, duplicates;
    uint64_t wrong;                                /* accepted results that are wrong */
    uint64_t bytes, events;
    double makespan_seconds, cost, utilisation, busy_core_seconds;
    /* What no policy can beat: the makespan is the largest of three bounds; cost_in_time holds for the makespan of this run. */
    double bound_makespan_seconds, bound_work_seconds, bound_longest_seconds, bound_bytes_seconds, bound_cost, bound_cost_in_time,
        bound_busy_core_seconds, bound_utilisation;
    uint64_t bound_bytes, bound_copies;
} covey_simulated;
typedef struct {
    double now_seconds;
    size_t rank, total;                            /* 0: would be chosen; of so many nodes */
    const char *node, *excluded;                   /* excluded: NULL, or why the node cannot have it; then the terms mean nothing */
    bool full;                                     /* it could have it, and has no room at this moment */
    double queue_seconds, transfer_seconds, start_seconds, run_seconds, price, score, finish_seconds;
} covey_simulated_candidate;
/** All but the policy may be 0 or NULL; pointers live for the call only. */
typedef struct {
    const char *policy;                            /* NULL: the swarm's own; "all": one after the other */
    uint64_t seed;
    bool has_seed;                                 /* instead of the scenario's */
    void *context;
    void (*begun)(void *context, const covey_simulation *simulation);
    void (*notice)(void *context, const char *line);                                                                   /* what to know of its input */
    int (*progress)(void *context, const char *policy, uint64_t ended, uint64_t micro_jobs, double simulated_seconds); /* not 0: stop */
    void (*result)(void *context, const covey_simulated *figures);                                                     /* of each policy */
    uint64_t explain_job;                          /* with `candidate`: whose candidates, when its first copy is placed */
    void (*candidate)(void *context, const covey_simulated_candidate *candidate);
} covey_simulate_options;
/** errors: COVEY_BAD_INPUT (file:line), COVEY_INTERRUPTED */
COVEY_API covey_code covey_simulate(const char *path, const covey_simulate_options *options, covey_error *error);
/** The policies that there are, from 0 on, the swarm's own first; NULL behind the last. */
COVEY_API const char *covey_simulate_policy(unsigned index, const char **ret_about);

/** The warden's process: serves the socket until it closes. For the `covey warden` command only. config_dir: where the node's own key is, made on
 *  first use, with which evidence is signed; NULL: this node gives no evidence. */
COVEY_API covey_code covey_warden_serve(int socket_fd, const char *config_dir, covey_error *error);

#include "covey_budget.h"
#include "covey_predict.h"
#include "covey_service.h"

#ifdef __cplusplus
}
#endif
#endif
