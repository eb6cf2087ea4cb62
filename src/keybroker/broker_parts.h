/** What the files of the key broker's core share. */
#pragma once
#include "keybroker/broker.h"
#include "keybroker/record.h"
#include "keybroker/sessions.h"
#include "keybroker/state.h"
#include "privacy/request_query.h"

typedef struct { uint64_t minute, count; } Rate; /* of one minute; in memory, a restart begins anew */

struct Broker {
    BrokerConfig config;
    TrustedKeys owner;          /* the keys that footers must be signed by: the current one first */
    Collateral *collateral;
    State *state;
    Record record;
    Sessions sessions;
    Nonces nonces;
    Rate attests, results;
    uint64_t noted;             /* entries of the ledger that stand in the audit log */
    bool ledger_is_old;         /* it lacks what the audit log says was charged */
    RequestQuery query;         /* of the attestation at hand: too large for a stack */
};

/** errors: ERR_BUSY when this minute has had `max` already */
MUST_USE Err rate_take(Rate *r, uint64_t now_s, uint64_t max, Diag *diag);

/** Brings the lists of keys up to date. errors: ERR_DENIED (the owner's key is revoked by now), those of config.refresh */
MUST_USE Err trust_refresh(Broker *b, uint64_t now_s, Diag *diag);

/** A dataset that the broker may give keys of: signed by the owner, and an input. Views borrow from `cose`. */
MUST_USE Err owned_footer(const Broker *b, View cose, Footer *ret_footer, Diag *diag);
/** The dataset's key, opened with the current sealing key, or with the earlier one that it is sealed to. errors: ERR_DENIED, those of find_sealing */
MUST_USE Err owned_key(const Broker *b, const Footer *f, AeadKey *ret_key, Diag *diag);
/** The policy's and the session's end, whichever is first. */
uint64_t session_end(const Policy *p, uint64_t now_s);
/** Puts a session into memory with its keys. The footer must be the dataset's. */
MUST_USE Err session_revive(Broker *b, uint64_t now_s, Session *session, const Footer *footer, Diag *diag);
/** A session in memory; or one of before a restart, revived when it is first asked for. NULL: there is none. */
const Session *broker_session(Broker *b, uint64_t now_s, uint64_t id);
static inline bool is_revoked(const Broker *b, const uint8_t key[32], uint64_t now_s)
{
    return b->config.revoked && revoked_has(b->config.revoked, key, now_s);
}

/** Compares the ledger with the audit log, and writes down what a crash left out. */
MUST_USE Err budget_open(Broker *b, uint64_t now_s, Diag *diag);
/** Fails when the ledger is not what it was. errors: ERR_CORRUPT */
MUST_USE Err budget_check(const Broker *b, Diag *diag);
/** Entries of the ledger that the audit log does not have yet; durable. */
MUST_USE Err budget_note(Broker *b, uint64_t now_s, Diag *diag);
