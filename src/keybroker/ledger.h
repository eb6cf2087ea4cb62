/**
 * The privacy ledger: what was charged to a dataset's budget, by which task, for what; and what its owner set the budget to since it was sealed.
 * docs/formats/ledger.md
 *
 * An entry is deterministic CBOR and holds the SHA-256 of the one before, so that the hash of the last one, the head, stands for all. Entries are
 * only ever added. The head is written into the broker's audit log: a ledger that was put back to an older copy lacks an entry that the log has.
 * Numbers are text, as privacy/rational.h prints and reads them. Pure: the bytes come from keybroker/state_ledger.c, and may be anybody's.
 */
#pragma once
#include "crypto/sign.h"
#include "dataset/policy.h"
#include "privacy/account.h"

enum { LEDGER_ENTRY_BYTES_MAX = 2048, LEDGER_WHAT_MAX = 511 };
typedef enum { LEDGER_CHARGE = 1, LEDGER_SET = 2 } LedgerKind;

typedef struct {
    LedgerKind kind;
    uint64_t number;             /* 1, 2, ... over all datasets */
    uint64_t at;                 /* unix seconds */
    uint8_t dataset[16];
    uint8_t task[16];            /* of a charge */
    Sha256 request;              /* of a charge: what was asked for (privacy/request.h) */
    Loss loss;                   /* of a charge */
    PolicyBudget budget;         /* LEDGER_SET: in place of the policy's; the unit stays the policy's */
    char what[LEDGER_WHAT_MAX + 1]; /* "sum of Cost Repair"; of LEDGER_SET empty */
    Sha256 previous;             /* zeros: the first */
} LedgerEntry;

MUST_USE Err ledger_encode(const LedgerEntry *e, Buffer *ret_cbor);
/** Strict: what it takes, ledger_encode gives back byte for byte. errors: ERR_CORRUPT */
MUST_USE Err ledger_decode(View cbor, LedgerEntry *ret_entry);

/** A budget as an account of which nothing is spent. errors: ERR_BAD_INPUT, ERR_LIMIT */
MUST_USE Err ledger_account(const PolicyBudget *budget, Account *ret_account, Diag *diag);
/** Adds what was charged, also where it is more than the account has: it was spent. errors: ERR_CORRUPT (the account has no view of it), ERR_LIMIT */
MUST_USE Err ledger_spend(Account *account, const LedgerEntry *charge);
/** "epsilon 0.5", "epsilon 0.5, delta 1/1000000000", "rho 0.125". */
enum { AMOUNT_TEXT_MAX = 2 * RATIONAL_TEXT_MAX + 32 };
void ledger_print_amount(const Amount *a, char ret_text[AMOUNT_TEXT_MAX]);
