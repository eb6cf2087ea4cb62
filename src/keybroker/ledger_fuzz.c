/* Any bytes as an entry of the privacy ledger: refused, or written again byte for byte, and charged to any account without a crash. */
#include <sodium.h>
#include <stdlib.h>

#include "keybroker/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void spend(const LedgerEntry *e, const PolicyBudget *budget)
{
    Account account;
    char text[AMOUNT_TEXT_MAX];
    if (ledger_account(budget, &account, NULL).code) return;
    const Account before = account;
    Err err = ledger_spend(&account, e);
    require(err.code == 0 || err.code == ERR_CORRUPT || err.code == ERR_LIMIT);
    if (err.code) return;
    require(rational_compare(account.spent.epsilon, before.spent.epsilon) >= 0 && rational_compare(account.spent.rho, before.spent.rho) >= 0);
    ledger_print_amount(&account.spent, text);
    require(strlen(text) < sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LedgerEntry e;
    AUTO_BUFFER again = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
    if (sodium_init() < 0) return 0;
    Err err = ledger_decode(view_of(data, size), &e);
    require(err.code == 0 || err.code == ERR_CORRUPT);
    if (err.code) return 0;
    require(ledger_encode(&e, &again).code == 0 && view_equal(view_buffer(&again), view_of(data, size)));
    spend(&e, &(PolicyBudget){.is_set = true, .epsilon = "1"});
    spend(&e, &(PolicyBudget){.is_set = true, .epsilon = "1", .delta = "1e-9"});
    spend(&e, &(PolicyBudget){.is_set = true, .rho = "1"});
    if (e.kind == LEDGER_SET) spend(&e, &e.budget);
    return 0;
}
