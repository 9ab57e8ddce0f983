/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum {
    COLOR_AUTO,
    COLOR_ALWAYS,
    COLOR_NEVER
} color;

static void say(const char *prefix, const char *format, va_list arguments) BRISK_PRINTF(2, 0);

static void say(const char *prefix, const char *format, va_list arguments)
{
    fputs(prefix, stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void cli_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void cli_hint(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("hint: ", format, arguments);
    va_end(arguments);
}

void cli_failure(const char *verb, const char *message)
{
    const char *hint = strstr(message, "; ");
    int length = hint == NULL ? (int)strlen(message) : (int)(hint - message);
    cli_error("brisk %s: %.*s", verb, length, message);
    if (hint != NULL)
        cli_hint("%s", hint + 2);
}

bool cli_set_color(const char *when)
{
    if (strcmp(when, "auto") == 0)
        color = COLOR_AUTO;
    else if (strcmp(when, "always") == 0)
        color = COLOR_ALWAYS;
    else if (strcmp(when, "never") == 0)
        color = COLOR_NEVER;
    else
        return false;
    return true;
}

/* Whether it is a terminal that understands more than lines, and may be told more. */
static bool is_rich(int file)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0 &&
           isatty(file);
}

bool cli_has_color(FILE *stream)
{
    return color == COLOR_AUTO ? is_rich(fileno(stream)) : color == COLOR_ALWAYS;
}

int cli_finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        cli_error("brisk: cannot write the output: %s", strerror(errno));
    return 125;
}

static const char erase_line[] = "\r\033[K";
static volatile sig_atomic_t is_progress_shown;

static void end(int signal_number)
{
    if (is_progress_shown && write(STDERR_FILENO, erase_line, sizeof erase_line - 1) < 0)
        _exit(125);
    _exit(128 + signal_number);
}

/* Whoever ignores a signal, as nohup does, has said so to the programs that he starts. */
static void catch_signal(int signal_number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal_number, NULL, &action);
    if (action.sa_handler == SIG_IGN)
        return;
    action = (struct sigaction){.sa_handler = end};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

void cli_start(void)
{
    /* The wrong way round: to use what was closed remains an error. */
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0)
            (void)!open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    catch_signal(SIGHUP);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

enum {
    PROGRESS_INTERVAL_NS = 200000000
};

bool cli_progress_is_due(struct cli_progress *progress)
{
    if (!is_rich(STDERR_FILENO))
        return false;
    uint64_t now = now_ns();
    if (now < progress->next_ns)
        return false;
    progress->next_ns = now + PROGRESS_INTERVAL_NS;
    return true;
}

void cli_progress_show(struct cli_progress *progress, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    is_progress_shown = progress->is_shown = true;
    fputs(erase_line, stderr);
    vfprintf(stderr, format, arguments);
    fflush(stderr);
    va_end(arguments);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->is_shown)
        fputs(erase_line, stderr);
    is_progress_shown = progress->is_shown = false;
}
