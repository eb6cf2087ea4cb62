/**
 * What the files of the stage share, and what the agent asks of it:
 *
 *   stage.c          offers, evictions, numbers, birth and death
 *   stage_verify.c   seals, size, the hash step by step; an image's signature
 *   stage_claim.c    data on shelves, images for tasks; what was claimed, and what was refused
 *   stage_yield.c    what gives way, and when: budget, memory, expiry, revocation
 *   stage_keys.c     whose statements count
 *   stage_audit.c    the log and the listeners
 */
#pragma once
#include "crypto/sha256.h"
#include "node/shelf.h"
#include "node/stage.h"
#include "see/slot.h"

typedef enum {
    ENTRY_VERIFYING,  /* its hash */
    ENTRY_WAITING,    /* data: verified; no shelf is there for it yet. An image: verified; the agent has not started all its zygotes yet */
    ENTRY_READY       /* data on a shelf; an image all of whose zygotes are locked down */
} EntryState;

typedef struct {
    Resource r;
    EntryState state;
    int fd;
    uint64_t offer;
    uint64_t offered_ns, ready_ns;
    bool announced;               /* STAGED was said */
    bool promised;                /* data: some micro-job is told to take it as its input */
    bool claimed;                 /* an image, by some task; the rest of its zygotes still wait */
    Sha256Run *hash;              /* while it is verified */
    void *map;
    uint64_t hashed;
    Shelf *shelf;                 /* where it lies, or (an image) where its task's data is to lie */
    uint32_t place;
    uint8_t measurement[SHA256_BYTES]; /* an image's */
    uint32_t zygotes_taken, zygotes_live, zygotes_ready; /* the agent's: given to tasks; started; locked down, attested */
} Entry;

typedef struct { StageListener listener; void *context; } StageEar;
typedef struct { PublicKey key; uint64_t sequence; } StageSeen;

struct Stage {
    StageConfig config;
    StageId id;
    Entry *entries[STAGE_RESOURCES_MAX];
    uint32_t entry_count, verifying;
    Shelf *shelves[STAGE_RESOURCES_MAX];
    uint32_t shelf_count;
    StageSeen seen[STAGE_KEYS_MAX];
    uint32_t seen_count;
    uint64_t last_offer;
    StageEar ears[STAGE_LISTENERS_MAX];
    uint32_t ear_count;
    LoopSource *verify, *timer;
    LoopSource *agent;            /* the agent's deferred turn: images to be started; NULL: no agent */
    void (*drop_zygotes)(void *context, Entry *image); /* the agent's: ends those that no task has */
    void *agent_context;
    StageStats stats;
    uint64_t audit_second;
    uint32_t audited, unaudited;  /* refusals within that second */
};

/** stage_audit.c. entry NULL with a resource that never became one; claimant: "task, image" in words, or NULL. */
void stage_say(Stage *s, StageOutcomeCode code, const Resource *r, uint64_t offer, uint64_t elapsed_ns, const char *claimant);

/** stage_audit.c. A verdict on one of the image's zygotes; why: of a bad one. */
void stage_say_appraised(Stage *s, const Entry *image, Err verdict, const char *why, uint64_t elapsed_ns);

/** stage.c */
uint64_t stage_wall_ms(const Stage *s);
/** Takes it out of the list and frees it; says the outcome, if there is one. */
void stage_remove(Stage *s, Entry *e, StageOutcomeCode code);
/** Evicts it, unless it turns out to have been claimed a moment ago; says which. */
void stage_evict_entry(Stage *s, Entry *e, StageOutcomeCode code);
void stage_announce(Stage *s, Entry *e);

/** stage_verify.c */
StageOutcomeCode stage_check_fd(const Resource *r, int fd);
MUST_USE Err stage_verify_begin(Stage *s, Entry *e);
void stage_verify_end(Entry *e);
Err stage_on_verify(void *context, uint32_t events);

/** stage_yield.c */
/** Makes room for a resource of this size and value among what is worth less; false: there is not enough of that. */
bool stage_make_room(Stage *s, const Resource *r);
Err stage_on_timer(void *context, uint32_t events);
void stage_arm_timer(Stage *s);
bool stage_key_is_revoked(const Stage *s, const PublicKey *key);
bool stage_key_is_trusted(const Stage *s, const PublicKey *key);

/** stage_claim.c: data */
void stage_shelve(Stage *s, Entry *e);
/** The shelf of a task with this image, with all that it may claim; to be closed by stage_shelf_close. */
MUST_USE Err stage_shelf_open(Stage *s, View task, const uint8_t measurement[SHA256_BYTES], Shelf **ret_shelf);
void stage_shelf_close(Stage *s, Shelf **shelf);
/** Notes what was claimed from it, and what a SEE of it says it was refused (answer may be NULL). */
void stage_shelf_look(Stage *s, Shelf *shelf, const SlotAnswer *answer);
/** Data with this content that lies on the shelf and is promised to nobody; NULL: none. */
Entry *stage_find_data(Stage *s, const Shelf *shelf, const uint8_t hash[SHA256_BYTES], uint64_t size);
/** stage_claim.c: images. The image of a task, if one is staged that it may have; NULL, after the refusal was said, otherwise. */
typedef struct { View task; const uint8_t *measurement; uint32_t level; uint64_t memory_max, output_max; } ImageClaim;
Entry *stage_image_claim(Stage *s, const ImageClaim *claim);
/** One of its zygotes has become a task's. */
void stage_image_taken(Stage *s, Entry *image, const ImageClaim *claim);
/** One is ready, or (why an eviction) will not be: then the image goes. */
void stage_image_progress(Stage *s, Entry *image, StageOutcomeCode why);
