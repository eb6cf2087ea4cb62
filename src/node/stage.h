/**
 * A node's stage: signed resources that an orchestrator predicts, kept ready until they are claimed, expire, or must give way.
 * docs/prefetch.md, SECURITY.md.
 *
 * offer      the memfd's seals, its size and the statement are checked at once, the hash in steps of STAGE_STEP_BYTES between other work of
 *            the loop, once, here: the node is who must not believe the PTO, a sealed memfd cannot change afterwards, and so no SEE needs to read
 *            all of it again. Nothing of it is copied, here or later.
 * data       lies on the shelf of its task (node/shelf.h): in sockets from which a SEE of that task, and only it, can take it: the claim
 * image      the agent starts its zygotes: walled in, locked down, without any task. A TASK_OPEN that names its task takes them: the claim
 *
 * Every outcome goes to the audit log and to the listeners. Nothing here blocks, and no failure here is a failure of a task.
 */
#pragma once
#include "audit/audit.h"
#include "bus/stage_wire.h"
#include "crypto/keyring.h"
#include "sys/loop.h"

enum {
    STAGE_RESOURCES_MAX = 256,
    STAGE_VERIFYING_MAX = 64,     /* offers whose hash is being verified; more are refused with NO_ROOM */
    STAGE_KEYS_MAX = 16,          /* orchestrators that a node trusts */
    STAGE_LISTENERS_MAX = 16,
    STAGE_AUDIT_REFUSALS_S = 50,  /* refusals in the audit log in a second; of more only their number, in one line */
    STAGE_TICK_MS = 100,          /* how often memory is looked at */
};
#define STAGE_STEP_BYTES (1 * MIB)
#define STAGE_BYTES_DEFAULT (512 * MIB)
#define STAGE_KEEP_FREE_DEFAULT (256 * MIB)

/** Whose statements count. */
typedef struct { PublicKey keys[STAGE_KEYS_MAX]; uint32_t count; } StageKeys;
/** directory/orchestrators: one public key a line. No file: none. errors: ERR_BAD_INPUT (with file:line), ERR_DENIED, ERR_LIMIT */
MUST_USE Err stage_keys_load(const char *directory, StageKeys *ret_keys, Diag *diag);

/** Evidence for a zygote of a staged image, over the appraiser's nonce; it has no task yet. */
typedef struct { View cose; const uint8_t *nonce, *measurement; SecurityLevel level; } StageEvidence;
/**
 * Who appraises zygotes before a task has them: the warden makes evidence (docs/formats/evidence.md), the agent carries it, and a zygote whose
 * evidence is refused serves no task. Without one (appraise NULL) zygotes wait unattested.
 *
 * nonce     fresh each time. 32 bytes
 * appraise  OK, or why not, in words. errors: any
 */
typedef struct {
    void *context;
    uint32_t kinds;               /* EvidenceKind bits that the node is asked for; 0: the best it has */
    Err (*nonce)(void *context, uint8_t *ret_nonce);
    Err (*appraise)(void *context, const StageEvidence *evidence, Diag *diag);
} StageAppraiser;

/** What is zero or NULL is not there. Pointers are borrowed for the life of the stage. */
typedef struct {
    Loop *loop;
    StageKeys keys;
    const RevokedKeys *revoked;
    const TrustedKeys *trusted;   /* signers of images; NULL: images are refused */
    Audit *audit;
    StageAppraiser appraiser;
    uint64_t bytes_max;           /* the staging budget; 0: STAGE_BYTES_DEFAULT */
    uint64_t keep_free;           /* memory that jobs must find free; 0: STAGE_KEEP_FREE_DEFAULT */
    uint64_t (*memory_available)(void *context); /* NULL: the machine's (MemAvailable, and what the control group leaves) */
    uint64_t (*wall_ms)(void *context);          /* NULL: the machine's clock */
    void *context;
} StageConfig;

typedef struct Stage Stage;
MUST_USE Err stage_new(const StageConfig *config, Stage **ret_stage);
/** Evicts everything. The agent that uses it must be gone. */
void stage_free(Stage **stage);
const StageId *stage_id(const Stage *s);

typedef struct {
    StageOutcomeCode code;
    const Resource *resource;     /* NULL: its statement could not be read */
    uint64_t elapsed_ns;
    uint64_t offer;               /* the number that stage_offer gave; 0 for outcomes of later */
} StageEvent;
/** Called in the loop's thread; must not offer or evict. */
typedef void (*StageListener)(void *context, const StageEvent *event);
MUST_USE Err stage_listen(Stage *s, StageListener listener, void *context);
void stage_unlisten(Stage *s, StageListener listener, void *context);

/** Takes the descriptor, whatever becomes of it. The outcome comes to the listeners, perhaps before this returns; *ret_offer names it. */
void stage_offer(Stage *s, View statement, int fd, uint64_t *ret_offer);
/** Only by the orchestrator that offered it. *ret_code: EVICTED_BY_PTO or NOT_HERE; listeners hear the former. */
void stage_evict(Stage *s, const PublicKey *pto, uint64_t sequence, StageOutcomeCode *ret_code);
/** Revocations and trusted keys may change while it runs: what is no longer vouched for is evicted at once. */
void stage_set_keys(Stage *s, const StageKeys *keys, const RevokedKeys *revoked);
/** Jobs need that much memory now: what is worth least gives way until they have it, beside keep_free. */
void stage_give_way(Stage *s, uint64_t bytes);

typedef struct {
    uint64_t bytes_held, bytes_max; /* resources, verified or being verified; an image's zygotes count with its bytes alone */
    uint64_t resources, zygotes;    /* unclaimed */
    uint64_t offered, staged, refused, claimed, claims_refused, evicted; /* since the start */
    uint64_t bytes_staged, bytes_claimed, bytes_wasted; /* wasted: evicted without having been claimed */
    uint64_t bytes_copied;          /* of payload on its way from the PTO: of data none; an image the warden copies once, before it runs */
    uint64_t verify_ns;             /* spent on hashes */
    uint64_t attested, unattested, attest_ns; /* verdicts on zygotes, good and bad; from the question to the verdict, of all of them */
} StageStats;
StageStats stage_stats(const Stage *s);

/** Whether something with this content is ready for a task of this name. */
bool stage_holds(const Stage *s, const Sha256 *hash, View task);

/** What is staged and unclaimed, in no order; false at the end. *at begins with 0. */
typedef struct { const Resource *resource; bool ready; uint64_t since_ns; uint32_t zygotes; } StageItem;
bool stage_item(const Stage *s, uint32_t *at, StageItem *ret_item);
