/** What the files of the journal share: journal.c (rows and results), journal_open.c (folder, lock, resuming). */
#pragma once
#include "swarm/journal_db.h"
#include "swarm/spool.h"

struct Journal {
    JournalDb db;              /* db.db NULL: without rows */
    Spool spool;
    int dir_fd, lock_fd;       /* -1: temporary */
    uint8_t digest_key[32];
    JournalRow *pending;       /* JOURNAL_BATCH_ROWS places */
    uint32_t pending_count;
    JournalLog *logs;          /* of pending failures; texts owned */
    uint32_t log_count, logs_kept;
};

/** An empty one with memory for a batch; descriptors -1. */
MUST_USE Err journal_new(Journal **ret_journal);
