/* SPDX-License-Identifier: Apache-2.0 */
/* brisk stop, restart, kill, pause, resume, reset, logs: of running fixtures, by name. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/fixture.h>

#include "cli/fixtures.h"
#include "cli/option.h"
#include "cli/terminal.h"

static const char names_text[] =
    "A NAME is that of an instance: first of the run that this command is part of\n"
    "(BRISK_<NAME>_DIR is set), else of any run of this user, which must be the only\n"
    "one with it. A folder that `brisk ps` shows is a NAME as well.";

/* BRISK_<NAME>_DIR of the run around this process. */
static const char *find_in_environment(const char *name)
{
    char variable[128];
    snprintf(variable, sizeof variable, "BRISK_%.100s_DIR", name);
    for (char *letter = variable; *letter != '\0'; letter++)
        *letter = isalnum((unsigned char)*letter) ? (char)toupper((unsigned char)*letter) : '_';
    return getenv(variable);
}

struct brisk_fixture *cli_attach(const char *name, struct brisk_error *error)
{
    const char *folder = strchr(name, '/') == NULL ? find_in_environment(name) : NULL;
    return brisk_fixture_attach(folder != NULL ? folder : name, error);
}

/* Acts on one fixture, which it also frees. */
typedef enum brisk_status
action_fn(struct brisk_fixture *fixture, const void *argument, struct brisk_error *error);

/* 1 if one of them failed: the others are done all the same. */
static int act_on_all(const char *verb, char **names, action_fn *action, const void *argument)
{
    int status = 0;
    if (*names == NULL) {
        cli_error("brisk %s: there is no NAME", verb);
        cli_hint("brisk ps shows what runs");
        return 2;
    }
    for (; *names != NULL; names++) {
        struct brisk_error error = {0};
        struct brisk_fixture *fixture = cli_attach(*names, &error);
        if (fixture != NULL && action(fixture, argument, &error) == BRISK_OK)
            continue;
        cli_error("brisk %s: %s", verb, error.message);
        if (error.status == BRISK_MISS)
            cli_hint("brisk ps shows what runs");
        status = 1;
    }
    return cli_finish_output(status);
}

static enum brisk_status
stop(struct brisk_fixture *fixture, const void *argument, struct brisk_error *error)
{
    (void)argument;
    return brisk_fixture_stop(fixture, error);
}

typedef enum brisk_status simple_fn(struct brisk_fixture *fixture, struct brisk_error *error);

struct simple {
    simple_fn *fn;
};

static enum brisk_status
do_simple(struct brisk_fixture *fixture, const void *argument, struct brisk_error *error)
{
    const struct simple *simple = argument;
    enum brisk_status status = simple->fn(fixture, error);
    brisk_fixture_detach(fixture);
    return status;
}

/* They take no options but --help. */
static int
run_plain(const struct cli_verb *verb, int argc, char **argv, action_fn *action, simple_fn *fn)
{
    int first;
    struct simple simple = {fn};
    int status = cli_parse(verb, argc, argv, NULL, NULL, &first);
    return status != CLI_GO_ON ? status : act_on_all(verb->name, argv + first, action, &simple);
}

int cli_stop(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "stop",
        .summary = "end running fixtures",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk stop memcached"};
    return run_plain(&verb, argc, argv, stop, NULL);
}

int cli_restart(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "restart",
        .summary = "end fixtures and start them again, on the same port",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk restart memcached"};
    return run_plain(&verb, argc, argv, do_simple, brisk_fixture_restart);
}

int cli_pause(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "pause",
        .summary = "stop fixtures in their tracks: they accept and do not answer",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk pause redis; ./tests; brisk resume redis"};
    return run_plain(&verb, argc, argv, do_simple, brisk_fixture_pause);
}

int cli_resume(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "resume",
        .summary = "let paused fixtures go on",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk resume redis"};
    return run_plain(&verb, argc, argv, do_simple, brisk_fixture_resume);
}

int cli_reset(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "reset",
        .summary = "make the data of fixtures as after their start",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk reset postgresql"};
    return run_plain(&verb, argc, argv, do_simple, brisk_fixture_reset);
}

static int signal_number(const char *word)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                 {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"ABRT", SIGABRT},
                 {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
    if (strncmp(word, "SIG", 3) == 0)
        word += 3;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(word, known[i].name) == 0)
            return known[i].number;
    char *end;
    long number = strtol(word, &end, 10);
    return *word != '\0' && *end == '\0' && number > 0 && number < NSIG ? (int)number : 0;
}

static bool set_signal(void *ctx, int id, const char *value)
{
    (void)id;
    *(int *)ctx = signal_number(value);
    if (*(int *)ctx != 0)
        return true;
    cli_error("brisk kill: --signal: '%s' is wrong", value);
    cli_hint("a name or number of a signal: KILL (the default), TERM, HUP, 15");
    return false;
}

static enum brisk_status
send_signal(struct brisk_fixture *fixture, const void *argument, struct brisk_error *error)
{
    enum brisk_status status = brisk_fixture_kill(fixture, *(const int *)argument, error);
    brisk_fixture_detach(fixture);
    return status;
}

int cli_kill(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {1, 's', "signal", "SIGNAL", "Which one. Default: KILL, as in a crash."}};
    static const struct cli_verb verb = {
        .name = "kill",
        .summary = "send a signal to fixtures, and wait for their end if it is meant to end them",
        .operands = "[OPTION]... NAME...",
        .description = names_text,
        .examples = "brisk kill memcached\nbrisk kill --signal HUP mosquitto",
        .options = options,
        .option_count = 1};
    int first, number = SIGKILL;
    int status = cli_parse(&verb, argc, argv, set_signal, &number, &first);
    return status != CLI_GO_ON ? status : act_on_all("kill", argv + first, send_signal, &number);
}

static bool print_file(const char *path)
{
    char bytes[16384];
    size_t length;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        fwrite(bytes, 1, length, stdout);
    fclose(file);
    return true;
}

static enum brisk_status
print_log(struct brisk_fixture *fixture, const void *argument, struct brisk_error *error)
{
    (void)argument;
    char older[4096];
    enum brisk_status status = BRISK_OK;
    snprintf(older, sizeof older, "%s.1", brisk_fixture_log(fixture));
    print_file(older); /* there is one only after 4 MB */
    if (!print_file(brisk_fixture_log(fixture))) {
        snprintf(
            error->message, sizeof error->message, "%.150s: %s", brisk_fixture_log(fixture),
            strerror(errno));
        status = BRISK_ERR_SYSTEM;
    }
    brisk_fixture_detach(fixture);
    return status;
}

int cli_logs(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "logs",
        .summary = "print what fixtures have printed, after the seconds since their start",
        .operands = "NAME...",
        .description = names_text,
        .examples = "brisk logs postgresql"};
    return run_plain(&verb, argc, argv, print_log, NULL);
}
