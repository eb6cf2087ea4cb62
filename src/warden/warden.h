/**
 * The warden: the only privileged process of a node. Single-threaded, no network. Starts, limits and ends zygotes.
 */
#pragma once
#include "base/error.h"

/** `config_dir` holds the node's own key, in node/, made on first use.
 *  Serves the socket until the agent closes it, then kills and reaps every zygote and returns. Never returns with one alive. */
MUST_USE Err warden_serve(int socket_fd, const char *config_dir, Diag *diag);

/** Whether this machine can give a level, found by trying; why not goes into diag. errors: ERR_LEVEL */
MUST_USE Err warden_probe(int level, Diag *diag);
