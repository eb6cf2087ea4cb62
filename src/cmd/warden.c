/* covey warden: the privileged process of a node. Started by the agent with their socket as descriptor 3; not for people. */
#include <stdio.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/session.h"

enum { SOCKET_FD = 3 };

int command_warden(int argc, char **argv)
{
    const bool named = argc == 2 && strcmp(argv[0], "--config") == 0;
    if (argc > 0 && !named) {
        fprintf(stderr, "covey warden: is not for people; it is started by the node agent\n");
        return COVEY_BAD_INPUT;
    }
    covey_error e;
    return covey_warden_serve(SOCKET_FD, named ? argv[1] : NULL, &e) ? session_error(&e) : COVEY_OK;
}
