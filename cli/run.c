/* SPDX-License-Identifier: Apache-2.0 */
/* brisk run: a command, and daemons that are there for it alone. */
#include "cli/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/duration.h"
#include "cli/option.h"
#include "cli/terminal.h"

enum option_id {
    OPTION_PREFIX = 1,
    OPTION_URLS,
    OPTION_PIFPAF,
    OPTION_TIMEOUT,
    OPTION_START_TIMEOUT,
    OPTION_STOP_TIMEOUT,
    OPTION_ISOLATE,
    OPTION_POLITE,
    OPTION_KEEP,
    OPTION_LOGS,
};

static const struct cli_option options[] = {
    {OPTION_PREFIX, 'e', "env-prefix", "PREFIX",
     "Variables are PREFIX_<NAME>_URL and so on. Default: BRISK, with\n--pifpaf PIFPAF."},
    {OPTION_URLS, 'g', "global-urls-variable", "NAME",
     "The variable that collects all URLs, with ';' between. Default:\nPREFIX_URLS."},
    {OPTION_PIFPAF, 0, "pifpaf", NULL, "Set the variables that pifpaf sets, in place of ours."},
    {OPTION_TIMEOUT, 't', "timeout", "TIME",
     "End the command after so long, with status 124: 500ms, 30s, 2min.\nDefault: never."},
    {OPTION_START_TIMEOUT, 0, "start-timeout", "TIME",
     "Give up if a daemon is not ready after so long. Default: as its\nfile says, or 30s."},
    {OPTION_STOP_TIMEOUT, 0, "stop-timeout", "TIME",
     "Kill a daemon that has not ended so long after it was asked.\nDefault: as its file says, or "
     "5s."},
    {OPTION_ISOLATE, 0, "isolate", "WHEN",
     "full: in namespaces of its own, or not at all; none; auto (the\ndefault): full if the kernel "
     "lets us."},
    {OPTION_POLITE, 0, "polite", NULL,
     "Ask daemons to end, as an administrator would, not the fastest way."},
    {OPTION_KEEP, 'k', "keep", NULL, "Leave their folders, and say where they are."},
    {OPTION_LOGS, 'l', "logs", "FOLDER", "Copy their logs to FOLDER/NAME.log at the end."},
};

static const struct cli_verb verb = {
    .name = "run",
    .summary = "run a command with daemons that are there for it alone",
    .operands = "[OPTION]... [FIXTURE[:NAME][=PARAMETER,...]]... [-- COMMAND [ARGUMENT]...]",
    .description =
        "Starts each FIXTURE on a free port in a folder of its own, waits until it\n"
        "answers, runs COMMAND with the addresses in its environment and removes all\n"
        "when it has ended, in whatever way. A FIXTURE is a name that `brisk list`\n"
        "shows, or the path of a file; PARAMETERs are those of its file, and port=N for\n"
        "a fixed port. Without a COMMAND it prints variables for a shell to eval, and\n"
        "the function brisk_stop that ends them; they also end with the session.",
    .examples = "brisk run memcached redis -- ctest --test-dir build\n"
                "brisk run postgresql -- $SHELL\n"
                "brisk run redis:cache redis:queue=password=secret -- ./tests\n"
                "brisk run memcached=port=19842 -- ./tests\n"
                "eval \"$(brisk run memcached)\"; ./tests; brisk_stop",
    .status =
        "That of COMMAND; 128+N if signal N ended it, or ended the run; 124 after --timeout; "
        "126 if\nCOMMAND cannot be run, 127 if it is not there; 125 if a fixture failed; 2 if "
        "the command\nline was wrong.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

static bool refuse(const char *option, const char *value, const char *hint)
{
    cli_error("brisk run: --%s: '%s' is wrong", option, value);
    cli_hint("%s", hint);
    return false;
}

static bool set_duration(const char *name, const char *value, unsigned int *ms)
{
    return cli_read_duration_ms(value, ms) || refuse(name, value, "500ms, 30s or 2min");
}

static bool set_isolation(struct run *run, const char *value)
{
    static const char *const words[] = {"auto", "full", "none"};
    for (unsigned int i = 0; i < 3; i++) {
        if (strcmp(value, words[i]) != 0)
            continue;
        run->options.isolation = (enum brisk_fixture_isolation)i;
        return true;
    }
    return refuse("isolate", value, "auto, full or none");
}

/* A name of a variable, for all shells. */
static bool set_word(const char *name, const char *value, const char **word)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char digits[] = "0123456789";
    size_t length = strspn(value, letters);
    while (length > 0 && value[length] != '\0' &&
           (strchr(letters, value[length]) != NULL || strchr(digits, value[length]) != NULL))
        length++;
    if (length == 0 || value[length] != '\0' || length > 60)
        return refuse(name, value, "a name of a variable: letters, digits and _, 60 at most");
    *word = value;
    return true;
}

static bool set_option(void *ctx, int id, const char *value)
{
    struct run *run = ctx;
    switch ((enum option_id)id) {
    case OPTION_PREFIX:
        return set_word("env-prefix", value, &run->prefix);
    case OPTION_URLS:
        return set_word("global-urls-variable", value, &run->urls);
    case OPTION_PIFPAF:
        run->is_pifpaf = true;
        return true;
    case OPTION_TIMEOUT:
        return set_duration("timeout", value, &run->timeout_ms);
    case OPTION_START_TIMEOUT:
        return set_duration("start-timeout", value, &run->options.start_timeout_ms);
    case OPTION_STOP_TIMEOUT:
        return set_duration("stop-timeout", value, &run->options.stop_timeout_ms);
    case OPTION_ISOLATE:
        return set_isolation(run, value);
    case OPTION_POLITE:
        run->options.is_polite = true;
        return true;
    case OPTION_KEEP:
        run->options.keep_directory = true;
        return true;
    case OPTION_LOGS:
        run->log_folder = value;
        return true;
    }
    return false;
}

static void print_log_line(const char *line, void *run)
{
    (void)run;
    fprintf(stderr, "    %s\n", line);
}

/* Signals that are still to be read call off the start. */
static bool has_signal(void *ctx)
{
    const struct run *run = ctx;
    struct pollfd signals = {.fd = run->signal_fd, .events = POLLIN};
    return poll(&signals, 1, 0) > 0;
}

/* 128 and the number of the signal that called off the start. */
static int status_of_signal(const struct run *run)
{
    struct signalfd_siginfo info;
    if (read(run->signal_fd, &info, sizeof info) != sizeof info)
        return 125;
    return 128 + (int)info.ssi_signo;
}

int run_start(struct run *run)
{
    struct brisk_error error = {0};
    for (size_t i = 0; i < run->count; i++) {
        run->each[i].log = print_log_line;
        run->each[i].cancel = has_signal;
        run->each[i].ctx = run;
    }
    enum brisk_status status = brisk_fixture_start_all(
        run->requests, run->count, run->fixtures, &error);
    if (status == BRISK_OK)
        return 0;
    if (status == BRISK_ERR_CANCELLED)
        return status_of_signal(run);
    cli_failure("run", error.message);
    return 125;
}

static bool copy_log(const struct run *run, const struct brisk_fixture *fixture)
{
    char path[4096], bytes[16384];
    snprintf(path, sizeof path, "%s/%s.log", run->log_folder, brisk_fixture_name(fixture));
    FILE *from = fopen(brisk_fixture_log(fixture), "re");
    FILE *to = fopen(path, "we");
    bool is_copied = from != NULL && to != NULL;
    size_t length;
    while (is_copied && (length = fread(bytes, 1, sizeof bytes, from)) > 0)
        is_copied = fwrite(bytes, 1, length, to) == length;
    if (to != NULL && fclose(to) != 0)
        is_copied = false;
    if (from != NULL)
        fclose(from);
    if (!is_copied)
        cli_error("brisk run: %s: %s", path, strerror(errno));
    return is_copied;
}

static bool copy_logs(const struct run *run)
{
    bool is_copied = true;
    if (run->log_folder == NULL)
        return true;
    if (mkdir(run->log_folder, 0777) != 0 && errno != EEXIST) {
        cli_error("brisk run: %s: %s", run->log_folder, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < run->count; i++)
        is_copied = copy_log(run, run->fixtures[i]) && is_copied;
    return is_copied;
}

bool run_stop(struct run *run)
{
    bool is_good = copy_logs(run);
    for (size_t i = run->count; i-- > 0;) {
        struct brisk_error error = {0};
        if (run->options.keep_directory)
            fprintf(
                stderr, "brisk run: %s is kept in %s.kept\n", brisk_fixture_name(run->fixtures[i]),
                brisk_fixture_dir(run->fixtures[i]));
        if (brisk_fixture_stop(run->fixtures[i], &error) == BRISK_OK)
            continue;
        cli_failure("run", error.message);
        is_good = false;
    }
    return is_good;
}

static void urls_of(const struct run *run, char *urls, size_t room)
{
    const char *before = getenv(run->urls);
    size_t used = 0;
    urls[0] = '\0';
    if (before != NULL)
        used = (size_t)snprintf(urls, room, "%s", before);
    for (size_t i = 0; i < run->count && used < room; i++)
        used += (size_t)snprintf(
            urls + used, room - used, "%s%s", used > 0 ? ";" : "",
            brisk_fixture_url(run->fixtures[i]));
}

void run_each_variable(struct run *run, brisk_fixture_variable_fn *fn, void *ctx)
{
    static char urls[65536];
    for (size_t i = 0; i < run->count; i++)
        brisk_fixture_each_variable(run->fixtures[i], run->prefix, run->is_pifpaf, fn, ctx);
    urls_of(run, urls, sizeof urls);
    if (run->count > 0)
        fn(run->urls, urls, ctx);
    char name[80], pid[16];
    snprintf(name, sizeof name, "%s_PID", run->prefix);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    fn(name, pid, ctx);
}

/* As the shell has them: what is ignored, as by nohup, stays so. */
static int take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool read_operands(struct run *run, int argc, char **argv, int first)
{
    /* getopt takes a "--" that stands where an option might. */
    bool is_command = first > 1 && strcmp(argv[first - 1], "--") == 0;
    for (int i = first; i < argc && !is_command; i++) {
        first = i + 1;
        if (strcmp(argv[i], "--") == 0)
            is_command = true;
        else if (!run_add_fixture(run, argv[i]))
            return false;
    }
    run->command = is_command && first < argc ? argv + first : NULL;
    if (is_command && run->command == NULL)
        cli_error("brisk run: there is no command behind --");
    else if (run->count == 0 && run->command == NULL)
        cli_error("brisk run: there is neither a fixture nor a command");
    else
        return run_check_names(run);
    cli_hint("brisk run memcached -- ./tests; brisk list shows what there is");
    return false;
}

int cli_run(int argc, char **argv)
{
    static struct run run;
    static char urls[80];
    int first;
    run.options = brisk_fixture_options_default();
    int status = cli_parse(&verb, argc, argv, set_option, &run, &first);
    if (status != CLI_GO_ON)
        return status;
    if (run.prefix == NULL)
        run.prefix = run.is_pifpaf ? "PIFPAF" : "BRISK";
    snprintf(urls, sizeof urls, "%s_URLS", run.is_pifpaf ? "PIFPAF" : run.prefix);
    if (run.urls == NULL)
        run.urls = urls;
    if (!read_operands(&run, argc, argv, first))
        return 2;
    run.signal_fd = take_signals();
    return run.command == NULL ? run_eval(&run) : run_command(&run);
}
