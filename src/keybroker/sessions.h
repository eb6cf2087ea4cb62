/**
 * The broker's live sessions, in memory that is locked and left out of core files; the rest of the state stands in
 * keybroker/state.h.
 */
#pragma once
#include "keybroker/derived.h"

enum { SESSIONS_MAX = 4096 };

typedef struct {
    uint64_t id, expires;         /* unix seconds; the dataset policy's expiry is part of it */
    uint8_t task_id[16];
    PublicKey node;
    uint32_t stage;
    DatasetName dataset;
    uint64_t segments;
    AeadKey wrap_key, dataset_key;
} Session;

typedef struct {
    BrokerRoot root;
    Session all[SESSIONS_MAX];
} Secrets;

typedef struct {
    uint64_t ids[SESSIONS_MAX];   /* of `secrets->all`, apart so that looking for one touches little memory; 0: free */
    Secrets *secrets;
} Sessions;

MUST_USE Err sessions_begin(Sessions *s, const SealSecretKey *sealing);
/** Wipes all. */
void sessions_end(Sessions *s);
/** Whether sessions_put of this id will find a place. */
bool sessions_have_room(const Sessions *s, uint64_t id, uint64_t now);
/** Takes the place of the one with the same id, of an expired one, or a free one. errors: ERR_BUSY */
MUST_USE Err sessions_put(Sessions *s, const Session *session, uint64_t now);
/** NULL: no such session, or it has expired. */
const Session *sessions_find(const Sessions *s, uint64_t id, uint64_t now);
/** Wipes those that have expired. */
void sessions_sweep(Sessions *s, uint64_t now);
