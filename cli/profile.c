/* SPDX-License-Identifier: Apache-2.0 */
/* brisk-profile: the verbs that look at running programs. */
#include <stddef.h>
#include <string.h>

#include "cli/profile/dump.h"
#include "cli/terminal.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"dump", profile_dump},
};

/* `brisk VERB` starts it with the verb as its name. */
static int run(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (argc > 0 && strcmp(argv[0], verbs[i].name) == 0)
            return verbs[i].run(argc, argv);
    return -1;
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    if (status < 0)
        status = run(argc - 1, argv + 1);
    if (status >= 0)
        return status;
    cli_error("brisk-profile: it needs a verb");
    cli_hint("brisk dump -p PID");
    return 2;
}
