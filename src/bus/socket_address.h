/** Addresses of the socket bus. */
#pragma once
#include <sys/un.h>

#include "base/bytes.h"

/** errors: ERR_LIMIT (a Unix socket's path has at most 107 bytes) */
MUST_USE Err socket_address(const char *path, struct sockaddr_un *ret_address, Diag *diag);
/** A connected stream socket. errors: ERR_NO_ENTRY (nobody serves there), ERR_DENIED */
MUST_USE Err socket_connect(const char *path, int *ret_fd, Diag *diag);
