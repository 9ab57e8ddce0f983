/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
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

bool cli_has_color(FILE *stream)
{
    if (color != COLOR_AUTO)
        return color == COLOR_ALWAYS;
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0 &&
           isatty(fileno(stream));
}

int cli_finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cli_error("brisk: cannot write the output: %s", strerror(errno));
    return 125;
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
    if (!isatty(STDERR_FILENO))
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
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    fflush(stderr);
    va_end(arguments);
    progress->is_shown = true;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->is_shown)
        fputs("\r\033[K", stderr);
    progress->is_shown = false;
}
