/**
 * The kernel's report interface for confidential guests, configfs-tsm: an entry is a folder; its report data is written to `inblob`, the report read
 * from `outblob`. Source: Linux, Documentation/ABI/testing/configfs-tsm.
 */
#pragma once
#include "attest/evidence.h"

#define TSM_FOLDER "/sys/kernel/config/tsm/report"

/** Makes an entry under the folder, asks it, and takes it away. errors: ERR_LEVEL, the diag says why not */
MUST_USE Err tsm_collect(const char *folder, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag);
/** Asks an entry that exists. */
MUST_USE Err tsm_ask(int entry_fd, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag);
