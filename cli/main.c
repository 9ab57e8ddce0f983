/* SPDX-License-Identifier: Apache-2.0 */
/* brisk: finds the verb's own program and becomes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/option.h"
#include "cli/terminal.h"

#ifndef BRISK_LIBEXEC
#error "BRISK_LIBEXEC is where the verbs are, seen from the folder of brisk"
#endif

struct verb {
    const char *name;
    const char *summary;
};

static const struct verb verbs[] = {
    {"dump", "where every thread of a process is now"},
    {"sim", "replay requests: which policy and size a cache needs"},
};

enum {
    VERBS = sizeof verbs / sizeof verbs[0],
    PATH_BYTES = 4096,
};

static void print_usage(void)
{
    puts("brisk: caching and profiling for C services\n");
    puts("usage: brisk VERB [OPTION]... [ARGUMENT]...\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].summary);
    puts("  help     what a verb does: brisk help VERB\n"
         "  version  which brisk this is\n");
    puts("  brisk dump -p 1234\n"
         "  brisk sim --size 1%,10% requests.trace\n"
         "  brisk sim --field 7 access.log");
}

/* Verbs that look at running programs share one executable. */
static const char *program_of(const char *verb)
{
    return strcmp(verb, "dump") == 0 ? "profile" : verb;
}

/* Beside this program, or where it is installed to, seen from here. */
static bool find_program(const char *verb, char *path)
{
    const char *program = program_of(verb);
    const char *folder = getenv("BRISK_EXEC_PATH");
    if (folder != NULL && *folder != '\0') {
        snprintf(path, PATH_BYTES, "%s/brisk-%s", folder, program);
        return access(path, X_OK) == 0;
    }
    char self[PATH_BYTES / 2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    while (length > 0 && self[length - 1] != '/')
        length--;
    snprintf(path, PATH_BYTES, "%.*s%s/brisk-%s", (int)length, self, BRISK_LIBEXEC, program);
    if (access(path, X_OK) == 0)
        return true;
    snprintf(path, PATH_BYTES, "%.*sbrisk-%s", (int)length, self, program);
    return access(path, X_OK) == 0;
}

static const char *find_close(const char *word)
{
    for (size_t i = 0; i < VERBS; i++)
        if (cli_is_close(word, verbs[i].name))
            return verbs[i].name;
    if (cli_is_close(word, "help"))
        return "help";
    return cli_is_close(word, "version") ? "version" : NULL;
}

static bool is_verb(const char *word)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(word, verbs[i].name) == 0)
            return true;
    return false;
}

static int fail_at_unknown(const char *word)
{
    bool is_option = word[0] == '-';
    cli_error("brisk: unknown %s '%s'", is_option ? "option" : "verb", word);
    const char *close = is_option ? NULL : find_close(word);
    if (close != NULL)
        cli_hint("did you mean brisk %s?", close);
    else
        cli_hint("brisk help");
    return 2;
}

/* Like git, also runs brisk-VERB from the PATH, for verbs of others. */
static int run_verb(char **arguments)
{
    char path[PATH_BYTES];
    const char *verb = arguments[0];
    if (strchr(verb, '/') != NULL || verb[0] == '-')
        return fail_at_unknown(verb);
    if (find_program(verb, path)) {
        execv(path, arguments);
        cli_error("brisk: cannot run %s: %s", path, strerror(errno));
        return 126;
    }
    snprintf(path, sizeof path, "brisk-%s", program_of(verb));
    execvp(path, arguments);
    if (!is_verb(verb) && errno == ENOENT)
        return fail_at_unknown(verb);
    cli_error("brisk: cannot run %s: %s", path, strerror(errno));
    cli_hint("is brisk installed completely? BRISK_EXEC_PATH names the folder of its verbs");
    return errno == ENOENT ? 127 : 126;
}

static int help(int argc, char **argv)
{
    if (argc < 3) {
        print_usage();
        return cli_finish_output(0);
    }
    char form[] = "--help";
    char *arguments[] = {argv[2], form, NULL};
    return run_verb(arguments);
}

/* What the shell completes a verb from. */
static int print_words(void)
{
    for (size_t i = 0; i < VERBS; i++)
        puts(verbs[i].name);
    puts("help\nversion");
    return cli_finish_output(0);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "help";
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(argc, argv);
    if (strcmp(word, "--help=words") == 0)
        return print_words();
    if (strcmp(word, "version") == 0 || strcmp(word, "--version") == 0) {
        printf("brisk %s\n", BRISK_VERSION_STRING);
        return cli_finish_output(0);
    }
    return run_verb(argv + 1);
}
