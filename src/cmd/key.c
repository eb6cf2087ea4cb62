/* covey key new|show|rotate|trust|revoke. */
#include <stdio.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/subcommand.h"

static int print_line(const char *text) { return puts(text) < 0 ? COVEY_SYSTEM : COVEY_OK; }

static int print_both(covey *c)
{
    covey_error e;
    char signing[COVEY_KEY_TEXT_MAX], sealing[COVEY_KEY_TEXT_MAX];
    if (covey_key_public(c, signing, &e) || covey_key_sealing(c, sealing, &e)) return session_error(&e);
    return print_line(signing) || print_line(sealing) ? COVEY_SYSTEM : COVEY_OK;
}

static int show(covey *c, int argc, char **argv)
{
    bool sealing = false, node = false;
    const Option options[] = {{"sealing", 0, OPTION_FLAG, &sealing, NULL, "the key that others seal data and results to"},
                              {"node", 0, OPTION_FLAG, &node, NULL, "the key of this machine, which signs its evidence"}};
    const Usage usage = {.command = "key show", .usage = "covey key show [--sealing | --node]",
                         .summary = "Prints the public half of the key that signs your images and datasets, or of your sealing key; made on\n"
                                    "first use. Whoever trusts the signing key (covey key trust) lets your images run there.",
                         .examples = "  covey key show\n", .options = options, .option_count = 2};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    char text[COVEY_KEY_TEXT_MAX];
    if (sealing && node) {
        fprintf(stderr, "covey key show: give either --sealing or --node\n");
        return COVEY_BAD_INPUT;
    }
    covey_code failed = node ? covey_key_node(c, text, &e) : sealing ? covey_key_sealing(c, text, &e) : covey_key_public(c, text, &e);
    if (failed) return session_error(&e);
    return print_line(text);
}

static int new(covey *c, int argc, char **argv)
{
    bool replace = false, passphrase = false;
    const Option options[] = {
        {"passphrase", 'p', OPTION_FLAG, &passphrase, NULL, "asked for, or the first line of $COVEY_PASSPHRASE_FILE"},
        {"replace", 0, OPTION_FLAG, &replace, NULL, "even if there are keys; nobody follows, the old ones are kept"},
    };
    const Usage usage = {.command = "key new", .usage = "covey key new [--passphrase] [--replace]",
                         .summary = "Makes the keys that you do not have yet, for signing (Ed25519) and for sealing (X25519), and prints their\n"
                                    "public halves. For successors of keys that others trust: covey key rotate.",
                         .examples = "  covey key new --passphrase\n", .options = options, .option_count = 2};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    if (covey_key_new(c, replace, passphrase, &e)) return session_error(&e);
    return print_both(c);
}

static int rotate(covey *c, int argc, char **argv)
{
    bool passphrase = false;
    const Option options[] = {{"passphrase", 'p', OPTION_FLAG, &passphrase, NULL, "a new one; without: the old keys', if they have one"}};
    const Usage usage = {.command = "key rotate", .usage = "covey key rotate [--passphrase]",
                         .summary = "Makes successors of your keys, keeps the old ones, and prints the line by which the old signing key\n"
                                    "vouches for the new one. Who trusts the old key follows with: covey key trust LINE.",
                         .examples = "  covey key rotate >rotation\n", .options = options, .option_count = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    char statement[COVEY_ROTATION_TEXT_MAX];
    if (covey_key_rotate(c, passphrase, statement, &e)) return session_error(&e);
    return print_line(statement);
}

/* The words of a statement may come as three arguments or as one. */
static bool join(const Arguments *a, char *ret_text, size_t room)
{
    size_t size = 0;
    for (int i = 0; i < a->positional_count; i++) {
        int n = snprintf(ret_text + size, room - size, "%s%s", i ? " " : "", a->positional[i]);
        if (n < 0 || (size_t)n >= room - size) return false;
        size += (size_t)n;
    }
    return true;
}

static int trust(covey *c, int argc, char **argv)
{
    const char *comment = NULL;
    const Option options[] = {{"comment", 0, OPTION_TEXT, &comment, "TEXT", "whose key it is; stands beside it in the file"}};
    const Usage usage = {.command = "key trust", .usage = "covey key trust KEY [--comment TEXT]\n       covey key trust OLD NEW SIGNATURE",
                         .summary = "Trusts a signing key: images, datasets and nodes that it signs count here. Or follows a trusted key to\n"
                                    "its successor, by the line that covey key rotate printed.",
                         .examples = "  covey key trust covey-ed25519:... --comment Ada\n", .options = options, .option_count = 1,
                         .positional_min = 1, .positional_max = 3};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    char text[COVEY_ROTATION_TEXT_MAX];
    if (!join(&a, text, sizeof text)) {
        fprintf(stderr, "covey key trust: too long for a key or a rotation\n");
        return COVEY_BAD_INPUT;
    }
    covey_error e;
    return covey_key_trust(c, text, comment, &e) ? session_error(&e) : COVEY_OK;
}

static int revoke(covey *c, int argc, char **argv)
{
    const char *comment = NULL, *since = NULL;
    const Option options[] = {
        {"since", 0, OPTION_TEXT, &since, "TIME", "from then on, as 2027-01-01T00:00:00Z; default: always"},
        {"comment", 0, OPTION_TEXT, &comment, "TEXT", "why; stands beside it in the file"},
    };
    const Usage usage = {.command = "key revoke", .usage = "covey key revoke KEY [--since TIME] [--comment TEXT]",
                         .summary = "Nothing that this key signed counts here any more, nobody that it vouched for is trusted, and nothing\n"
                                    "is sealed to it. KEY is a signing or a sealing key, your own too.",
                         .examples = "  covey key revoke covey-ed25519:... --comment 'lost laptop'\n", .options = options, .option_count = 2,
                         .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    return covey_key_revoke(c, a.positional[0], since, comment, &e) ? session_error(&e) : COVEY_OK;
}

static const char HELP[] =
    "usage: covey key new [--passphrase] [--replace]\n       covey key show [--sealing | --node]\n       covey key rotate [--passphrase]\n"
    "       covey key trust KEY [--comment TEXT]\n       covey key trust OLD NEW SIGNATURE\n"
    "       covey key revoke KEY [--since TIME] [--comment TEXT]\n\n"
    "Your keys, and those that count here; covey key WHAT --help says more.\n\nExamples:\n"
    "  covey key show\n  covey key trust covey-ed25519:... --comment Ada\n";

int command_key(int argc, char **argv)
{
    static const Subcommand ALL[] = {{"new", new}, {"show", show}, {"rotate", rotate}, {"trust", trust}, {"revoke", revoke}};
    return subcommand_run(&(Subcommands){"key", HELP, ALL, sizeof ALL / sizeof ALL[0]}, argc, argv);
}
