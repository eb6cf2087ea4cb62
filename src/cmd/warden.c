/* covey warden: the privileged process of a node. Started by the agent with their socket as descriptor 3; not for people. */
#include <stdio.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/session.h"

enum { SOCKET_FD = 3 };

int command_warden(int argc, char **argv)
{
    (void)argv;
    if (argc > 0) {
        fprintf(stderr, "covey warden: takes no arguments; it is started by the node agent\n");
        return COVEY_BAD_INPUT;
    }
    covey_error e;
    return covey_warden_serve(SOCKET_FD, &e) ? session_error(&e) : COVEY_OK;
}
