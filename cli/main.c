/* SPDX-License-Identifier: Apache-2.0 */
/* brisk: runs the verb, or finds the verb's own program and becomes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fixtures.h"
#include "cli/option.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/test.h"

#ifndef BRISK_LIBEXEC
#error "BRISK_LIBEXEC is where the verbs are, seen from the folder of brisk"
#endif

struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* NULL: a program of its own */
};

static const struct verb verbs[] = {
    {"run", "run a command with daemons that are there for it alone", cli_run},
    {"test", "run test programs, each test in a process of its own", cli_test},
    {"list", "the daemons that can be started", cli_list},
    {"ps", "those that run", cli_ps},
    {"stop", "end them", cli_stop},
    {"restart", "end and start them again, on the same port", cli_restart},
    {"kill", "send them a signal", cli_kill},
    {"pause", "stop them in their tracks", cli_pause},
    {"resume", "let them go on", cli_resume},
    {"reset", "make their data as after the start", cli_reset},
    {"fault", "make the connections to one bad", cli_fault},
    {"logs", "what they have printed", cli_logs},
    {"gc", "remove what killed runs have left behind", cli_gc},
    {"doctor", "what is installed, and what the machine allows", cli_doctor},
    {"dump", "where every thread of a process is now", NULL},
    {"sim", "replay requests: which policy and size a cache needs", NULL},
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
    puts("  brisk run memcached redis -- ctest\n"
         "  brisk test build/tests/*_test\n"
         "  brisk dump -p 1234\n"
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

static const struct verb *find_verb(const char *word)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(word, verbs[i].name) == 0)
            return &verbs[i];
    return NULL;
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
static int run_verb(int count, char **arguments)
{
    char path[PATH_BYTES];
    const char *verb = arguments[0];
    const struct verb *known = find_verb(verb);
    if (known != NULL && known->run != NULL)
        return known->run(count, arguments);
    if (strchr(verb, '/') != NULL || verb[0] == '-')
        return fail_at_unknown(verb);
    if (find_program(verb, path)) {
        execv(path, arguments);
        cli_error("brisk: cannot run %s: %s", path, strerror(errno));
        return 126;
    }
    snprintf(path, sizeof path, "brisk-%s", program_of(verb));
    execvp(path, arguments);
    if (known == NULL && errno == ENOENT)
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
    if (strcmp(argv[2], "help") == 0 || strcmp(argv[2], "version") == 0) {
        print_usage();
        return cli_finish_output(0);
    }
    char form[] = "--help";
    char *arguments[] = {argv[2], form, NULL};
    return run_verb(2, arguments);
}

static int print_man(void)
{
    printf(
        ".TH BRISK 1 \"\" \"brisk %s\"\n.SH NAME\nbrisk \\- caching and profiling for C services\n"
        ".SH SYNOPSIS\n.B brisk\nVERB [OPTION]... [ARGUMENT]...\n.SH DESCRIPTION\n"
        "Does what VERB says; brisk help VERB says more of it.\n.SH VERBS\n",
        BRISK_VERSION_STRING);
    for (size_t i = 0; i < VERBS; i++)
        printf(".TP\n.B %s\n%s\n", verbs[i].name, verbs[i].summary);
    puts(
        ".TP\n.B help\nwhat a verb does: brisk help VERB\n"
        ".TP\n.B version\nwhich brisk this is\n"
        ".SH ENVIRONMENT\n.TP\n.B BRISK_EXEC_PATH\nthe folder of the verbs' programs, in place of "
        "the one they are installed to\n"
        ".SH EXIT STATUS\n2 for a verb that there is not, 126 or 127 if its program cannot be run, "
        "else what the verb says.");
    return cli_finish_output(0);
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
    if (strcmp(word, "--help=man") == 0)
        return print_man();
    if (strcmp(word, "version") == 0 || strcmp(word, "--version") == 0) {
        printf("brisk %s\n", BRISK_VERSION_STRING);
        return cli_finish_output(0);
    }
    return run_verb(argc - 1, argv + 1);
}
