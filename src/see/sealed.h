/**
 * Sealed data inside a SEE, for the files of the runtime.
 *
 * The zygote makes a key pair, tells the warden (who signs it into evidence), and is granted a session by the key broker. Before each fork it
 * unwraps the one segment's key and derives the one result's key; the session itself lies in a page that a fork does not inherit, so a SEE
 * holds only its own segment's keys even when its wasm wall has fallen. At `shared` the worker holds the session.
 */
#pragma once
#include "crypto/sealed_digest.h"
#include "see/runtime.h"
#include "see/sealed_result.h"
#include "see/session_payload.h"

enum { FD_REPORT = 5 /* to the warden: see/zygote_report.h; closed before READY */ };

/** Makes the key pair. Before the filter. */
void session_start(void);
/** Reports it to the warden, with the task if there is one by now. */
void session_report(uint32_t which);
/** A task without sealed data has come to a warm zygote: nothing will be sealed to the key. */
void session_forget(void);
/** Waits for the grant and opens it. After READY; ends the zygote when it is not genuine. */
void session_receive(void);
/** The keys of the micro-job just read (NULL: it could not be) into `keys`; false when the wrap, or a result to be combined, is not genuine. */
bool session_prepare(int slot_fd, const SlotJob *record);

/** One sealed stream of the input: where its ciphertext lies in the slot, the plaintext bytes of those before it, and how many of its own are passed
 *  over. */
typedef struct { uint64_t slot_offset, plain_size, plain_start, skip; AeadKey key; } Piece;

typedef struct {
    AeadCipher input;  /* the key of the piece that is being read, made ready (input.c) */
    AeadCipher output; /* the result's key made ready */
    SealedDigest digest; /* of the result, so far */
    SealedResultHead head;
    uint64_t plain_size;    /* of all pieces */
    uint32_t piece_count;
    Piece pieces[COMBINE_FANIN_MAX];
} SealedKeys;
extern SealedKeys keys;

/** What the grant says of a private task; in every SEE of it. */
typedef struct { uint32_t role; uint64_t segments; PrivacyRequest request; } PrivateSetup;
extern PrivateSetup private_setup;
/** Whether the result of this micro-job is the answer of a private task: it covers all segments, and is sealed under a key of its own. */
bool session_makes_answer(void);
/** Whether nothing that the module does may show: not its outcome, its exit code, the size of its output or its memory. */
static inline bool is_hiding(void) { return private_setup.role == ROLE_VALUES; }

/** Whether this task's data are sealed. */
static inline bool is_sealed(void) { return setup.head.sealed != SEALED_NONE; }
