/**
 * A malicious manager, bus and agent in one, for malice_test.c: everything between key broker, SEEs, wardens and recipient passes
 * through it. Broker, SEE session, sealed files and unsealing are the real ones; the owner, the wardens of two nodes and the
 * recipient are honest. A seed decides what is done; an oracle that keeps its own books says whether it was withstood.
 */
#pragma once
#include "bus/broker_message.h"
#include "dataset/sealed.h"
#include "keybroker/fixture.h"
#include "keybroker/service.h"
#include "privacy/request_query.h"
#include "see/in_process.h"
#include "see/sealed_result.h"

enum {
    DATASETS = 8, FIRST_PRIVATE = 6 /* of them */, PIECES_MAX = 6, KEPT = 32, ZYGOTES = 4, BOOKED_EVIDENCE = 512,
    BOOKED_SESSIONS = 8192, BOOKED_NONCES = 512,
    NEEDLES_MAX = 128, MESSAGE_MAX = 256 << 10, WORLD_TURNS = 4, STEP_MAX_S = 90 /* between two runs */
};

/* What the world between may do; each is asserted to have been done. First to any bytes that pass, then schemes of a whole run. */
#define MALICE(X) \
    X(DROP) X(DUPLICATE) X(REPLAY) X(FLIP) X(CUT) X(EXTEND) X(GARBAGE) X(REORDER) \
    X(RESTART) X(STALE_NONCE) X(OLD_NONCE) X(OWN_NONCE) X(SPENT_NONCE) X(FORGED_SIGNATURE) X(OWN_NODE) X(OWN_SEE_KEY) \
    X(OTHER_PROGRAM) X(LOW_LEVEL) X(OTHER_TASK) X(OTHER_STAGE) X(OWN_FOOTER) X(OTHER_FOOTER) X(OLD_VERSION) X(RESULT_AS_FOOTER) \
    X(OTHER_GRANT) X(OTHER_SESSION) X(WRAPS_TWICE) X(WRAPS_BEYOND) X(WRAPS_OTHER_SIZE) X(SWAPPED_WRAPS) X(SWAPPED_SEGMENTS) \
    X(OTHER_SEGMENT) X(OTHER_JOB) X(NEW_ATTEMPT) X(TWO_SETUPS) X(TWO_COMBINERS) X(LEFT_OUT) X(REPEATED) X(SWAPPED_RESULTS) \
    X(OTHER_RESULT) X(FORGED_RESULT) X(MIXED_STAGES) X(PARTLY_COMBINED) X(COMBINED_WITH_GAP) X(FALSE_CLAIMS) X(OTHER_RESULT_FOOTER) \
    X(OWN_RESULT_FOOTER) X(OTHER_FILE) X(SPLICED_FILE) \
    X(NO_REQUEST) X(OTHER_REQUEST) X(OWN_COMBINER) X(SAME_TASK_AGAIN) X(OPEN_PARTIALS) X(PART_ANSWER) X(SECOND_ANSWER)
typedef enum {
    NO_MALICE,
#define MALICE_NAME(name) name,
    MALICE(MALICE_NAME)
#undef MALICE_NAME
    MALICE_COUNT
} Malice;
enum { FIRST_SCHEME = RESTART, FIRST_PRIVATE_SCHEME = NO_REQUEST };

/* Mistakes that are planted to see that the oracle finds them: none is in the product. */
typedef enum {
    PLANT_NOTHING, BROKER_TAKES_ANY_NONCE, BROKER_TAKES_ANY_LEVEL, BROKER_TAKES_ANY_IMAGE, BROKER_TAKES_ANY_TASK, BROKER_FORGETS,
    UNSEALER_IGNORES_GAPS, SEE_LEAKS, BROKER_CHARGES_NOTHING, BROKER_OPENS_TWO
} Plant;

typedef enum { NODE_A, NODE_B, ATTACKER, PARTIES } Party;

typedef struct {
    uint8_t id[16];
    uint64_t version;
    Policy policy;                        /* what the oracle goes by, not what the broker read */
    Sha256 image;
    PublicKey nodes[2], signer;
    SealPublicKey recipient;
    AeadKey key;
    Buffer footer, bytes;                 /* of the sealed file */
    size_t count;
    Buffer plain[PIECES_MAX];
    SealedSegment segments[PIECES_MAX];
    uint64_t newest_granted, runs_booked;
    /* where the policy has a budget */
    PrivacyRequest request;               /* what its tasks ask for */
    double expected, tolerance;           /* the answer without noise, and how far noise takes it once in 10^17 */
    Account account;                      /* the oracle's */
} Sealed;

typedef struct { Sha256 hash; Evidence evidence; Party node; } BookedEvidence;
typedef struct { uint64_t id, expires; const Sealed *dataset; uint8_t task[16]; uint32_t stage; Party node; } BookedSession;
typedef struct { uint8_t bytes[32]; uint64_t made; bool used; } BookedNonce;
typedef struct { const Sealed *dataset; uint8_t task[16]; uint32_t stage; Sha256 image, setup; } BookedRun;

/* Of a private task: what it asked for, and which answer was opened. */
typedef struct { uint8_t task[16]; PrivacyRequest request; bool opened; Sha256 head; } BookedCharge;

/* The oracle's own account of what was granted and to whom. */
typedef struct {
    BookedEvidence evidence[BOOKED_EVIDENCE];
    BookedSession sessions[BOOKED_SESSIONS];
    BookedNonce nonces[BOOKED_NONCES];
    BookedRun *runs;
    BookedCharge *charges;
    uint64_t evidence_count, session_count, nonce_count, run_count, charge_count, charges_max, answers, noisy;
    struct { Sha256 request, answer; } grants[KEPT];
    uint64_t grant_count;
    struct { uint8_t bytes[32]; size_t size; } needles[NEEDLES_MAX];
    size_t fixed_needles, needle_count;
    uint8_t bloom[8192];
    char wrong[256];                      /* the first thing that must not be; empty: none */
} Books;

typedef struct {
    char folder[64];
    SignPair owner, node[PARTIES], image_signer;
    SealPair owner_sealing, recipient, attacker;
    TrustedKeys trusted;
    RevokedKeys revoked;
    uint8_t revoked_keys[1][32];
    uint64_t revoked_since[1];
    Sealed datasets[DATASETS];
    Broker *broker;
    Loop *loop;
    Bus *bus;
    BusSubscription *subscription;
    BrokerService *service;
    Buffer answers[8];
    size_t answer_count;
    uint64_t now, random, token;
    Books books;
    Plant plant;
    /* the world between */
    Malice scheme;
    unsigned mischief;                    /* how many messages may still be spoilt in this run */
    Buffer kept[KEPT];                    /* what passed before, of any kind */
    uint64_t kept_count;
    uint8_t spent_nonce[32];
    Buffer held, last_result, last_footer, last_file;
    uint8_t last_task[16], private_task[16];
    const Sealed *private_dataset;        /* of that last private task; NULL: none yet */
    ChannelSession last_grant;
    uint64_t last_session;
    uint64_t done[MALICE_COUNT];
} Stage;

/* --- malice_world.c --- */
void stage_open(Stage *s, uint64_t seed, Plant plant, uint64_t runs);
void stage_close(Stage *s);
void stage_restart_broker(Stage *s, bool forgets);
/** Keeps a copy of the broker's whole state, or puts it back. */
void stage_copy_broker(Stage *s, bool put_back);
uint64_t stage_random(Stage *s);
static inline uint64_t stage_pick(Stage *s, uint64_t n) { return stage_random(s) % n; /* NOLINT(clang-analyzer-core.DivideZero) */ }
static inline View buffer_piece(const Buffer *b, uint64_t at, uint64_t size) { return view_of(b->data + at, size); }
void buffer_set(Buffer *b, View bytes);

/* --- malice_bus.c --- */
/** Whether it is how a task over sealed data may fail. */
bool is_clean(int code);
/** Whether the run's scheme is this one; counts it as done. */
bool scheme_is(Stage *s, Malice m);
/** Something passes through the world between: false when it is dropped. */
bool pass(Stage *s, Buffer *message);
/** A request to the broker, asked as often as an honest agent would, and an answer of that type. errors: what the broker says, ERR_CLOSED */
Err ask_broker(Stage *s, Buffer *request, BrokerMessageType type, Buffer *ret_answer);

/* --- malice_oracle.c --- */
void book_wrong(Stage *s, const char *what);
void book_needle(Stage *s, const void *bytes, size_t size);
void book_run_begins(Stage *s);
/** Everything that the world between holds in its hands. */
void book_seen(Stage *s, View bytes);
void book_evidence(Stage *s, View cose, const Evidence *e, Party node);
/** What the broker was really asked, and what it really answered. */
void book_answer(Stage *s, View request, View answer);
void book_restart(Stage *s);

/* --- malice_task.c, malice_result.c --- */
typedef struct {
    InProcessZygote zygote;
    InProcessModule module;
    Party node;
    uint32_t level, stage;
    Sha256 image;
    uint64_t session_id;
    bool ready;
} Actor;

typedef struct {
    Stage *s;
    const Sealed *dataset;
    uint8_t task[16];
    bool combines;
    Actor actors[ZYGOTES];                /* 0, 1: of the segments; 2: of the combiner; 3: of another one */
    Buffer results[PIECES_MAX + 2];       /* in the order of the segments; then the combined ones */
    Buffer list[PIECES_MAX + 4];          /* what goes into the result file */
    size_t listed;
} Task;

/** One whole task under this world. OK: the recipient opened a result, which was right or is booked as wrong. Otherwise what refused. */
Err task_run(Stage *s);
size_t task_module(const char *argument, View input, uint8_t *ret_output);
Err task_result(Task *t);

/* --- malice_private.c --- */
static inline bool is_private(const Sealed *d) { return d->policy.budget.is_set; }
/** The budget, which suffices for few of the runs, and what tasks ask for. */
void private_dataset(Sealed *d, size_t number, uint64_t runs);
void private_plain(Sealed *d, size_t number);
/** The image that a stage needs. */
const Sha256 *private_image(const Sealed *d, uint32_t stage);
View private_request(const Task *t, const Actor *a);
/** In place of task_module: what the built-in image does, or a module that says one number. */
size_t private_module(const char *argument, View input, uint8_t *ret_output);
void private_granted(Stage *s, Sealed *d, const BrokerAttest *m);
void private_opened(Stage *s, const BrokerResult *m, const Footer *f);
void private_expect(const Task *t, const Buffer *plain);
/** Whether the broker's ledger has what the oracle's books have. */
void private_check_ledger(Stage *s);
Err task_combine(Task *t, size_t first, size_t end, Buffer *ret_result);
