/** The subcommands of covey pto that serve a service; cmd/pto.c has the others. */
#pragma once
#include "api/covey.h"

int pto_run(covey *c, int argc, char **argv);
int pto_export(covey *c, int argc, char **argv);
