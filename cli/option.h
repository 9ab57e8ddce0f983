/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The options of a verb are one table: it is what is parsed, what --help and the
 * man page say, and what the shell completes.
 */
struct cli_option {
    int id;      /* what the verb knows it by, from 1 */
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* what it takes, for people; NULL: nothing */
    const char *help;     /* with unit and default */
};

struct cli_verb {
    const char *name;
    const char *summary;  /* a line */
    const char *operands; /* as in a synopsis */
    const char *description;
    const char *examples; /* lines, each a command */
    const char *status;   /* what the exit status means; NULL: 0, 2 and 125 as everywhere */
    const struct cli_option *options;
    size_t option_count;
    const int *variables; /* ids of options for which BRISK_NAME may give a default, then 0 */
    bool is_mixed;        /* options may also follow operands, none of which is a command */
};

/* Takes one option; false if its value is wrong, of which it has told the user. */
typedef bool cli_set_fn(void *ctx, int id, const char *value);

/*
 * Reads the options of the environment and the command line, to the first operand at
 * *operand.
 * CLI_GO_ON, or the status to exit with: 0 after --help, 2 after an error.
 *
 * --help=man and --help=words print the man page and what completion needs.
 */
enum {
    CLI_GO_ON = -1
};
int cli_parse(
    const struct cli_verb *verb, int argc, char **argv, cli_set_fn *set, void *ctx, int *operand);

void cli_print_help(const struct cli_verb *verb);

/* `candidate` is what somebody may have meant who wrote `word`. */
bool cli_is_close(const char *word, const char *candidate);

#endif
