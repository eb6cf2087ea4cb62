/* covey key show. */
#include <stdio.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

int command_key(int argc, char **argv)
{
    const Usage usage = {.command = "key", .usage = "covey key show",
                         .summary = "Prints the public half of the key that signs your images; the key is made on first use. Whoever adds\n"
                                    "the line to the file `trusted` of their configuration folder lets your images run there.",
                         .examples = "  covey key show\n", .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (strcmp(a.positional[0], "show") != 0) {
        fprintf(stderr, "covey key: unknown %s; it is show\n", a.positional[0]);
        return COVEY_BAD_INPUT;
    }
    covey *c = NULL;
    covey_error e;
    char text[COVEY_KEY_TEXT_MAX];
    if (covey_open(NULL, &c, &e) || covey_key_public(c, text, &e)) code = session_error(&e);
    else code = puts(text) < 0 ? COVEY_SYSTEM : COVEY_OK;
    covey_close(c);
    return code;
}
