/** Entries of `covey` itself in the node's audit log (audit_log_path): decisions of the user's, and over the user's tasks. */
#pragma once
#include <jansson.h>

#include "api/internal.h"
#include "audit/audit.h"

/** Writes one entry and waits until it is on the disk. Takes `detail`, a JSON object. task: the task's name; NULL: none's.
 *  errors: ERR_BUSY (others write for seconds), ENOMEM, and those of audit_open and audit_write */
MUST_USE Err audit_note(const covey *c, AuditEvent event, const char *task, json_t *detail, Diag *diag);
