/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/terminal.h"

/* For every shell of POSIX: quoted so that nothing in it means anything. */
static void print_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    }
    fputc('\'', out);
}

static bool print_export(const char *name, const char *value, void *out)
{
    fprintf(out, "export %s=", name);
    print_quoted(out, value);
    fputs(";\n", out);
    return true;
}

static bool print_unset(const char *name, const char *value, void *out)
{
    (void)value;
    fprintf(out, " %s", name);
    return true;
}

/* PREFIX_stop in small letters: ends the fixtures, waits for that, and forgets the variables. */
static void print_function(struct run *run, FILE *out)
{
    char name[80], self[PATH_MAX];
    snprintf(name, sizeof name, "%.60s_stop", run->prefix);
    for (char *letter = name; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    fprintf(out, "%s() { ", name);
    print_quoted(out, self);
    fputs(" stop", out);
    for (size_t i = 0; i < run->count; i++) {
        fputc(' ', out);
        print_quoted(out, brisk_fixture_dir(run->fixtures[i]));
    }
    fputs("; unset", out);
    run_each_variable(run, print_unset, out);
    fprintf(out, "; unset -f %s; };\n", name);
}

static void detach_from_terminal(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null_fd, fd);
}

static bool has_children(void)
{
    siginfo_t info;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Until a signal comes, the session ends, or each fixture has been stopped by others. */
static void keep(struct run *run, int session_fd)
{
    struct pollfd fds[] = {
        {.fd = run->signal_fd, .events = POLLIN}, {.fd = session_fd, .events = POLLIN}};
    enum {
        LOOK_MS = 200, /* for the end of the guards, which are children of ours */
    };
    while (has_children() && poll(fds, 2, LOOK_MS) <= 0)
        continue;
}

/* The process that owns the fixtures. It says what is to be said, and stays. */
_Noreturn static void be_keeper(struct run *run, int answer_fd)
{
    pid_t session = getsid(0);
    int session_fd = -1;
    if (session > 0 && session != getppid())
        session_fd = (int)syscall(SYS_pidfd_open, session, 0);
    setsid();
    FILE *out = fdopen(answer_fd, "w");
    int status = out == NULL ? 125 : run_start(run);
    if (status != 0)
        _exit(status);
    run_each_variable(run, print_export, out);
    print_function(run, out);
    bool is_said = fclose(out) == 0;
    detach_from_terminal();
    if (is_said)
        keep(run, session_fd);
    run_stop(run);
    _exit(0);
}

static bool copy_answer(int fd, size_t *length)
{
    char bytes[4096];
    ssize_t got;
    *length = 0;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        fwrite(bytes, 1, (size_t)got, stdout);
        *length += (size_t)got;
    }
    return got == 0;
}

int run_eval(struct run *run)
{
    int ends[2];
    size_t length;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_error("brisk run: %s", strerror(errno));
        return 125;
    }
    pid_t keeper = fork();
    if (keeper == 0) {
        close(ends[0]);
        be_keeper(run, ends[1]);
    }
    close(ends[1]);
    if (keeper > 0 && copy_answer(ends[0], &length) && length > 0) {
        int status = cli_finish_output(0);
        if (status != 0)
            kill(keeper, SIGTERM); /* nobody has read how to end it */
        return status;
    }
    int status = 0;
    if (keeper < 0)
        cli_error("brisk run: %s", strerror(errno));
    else if (waitpid(keeper, &status, 0) == keeper && WIFEXITED(status))
        return WEXITSTATUS(status);
    return 125;
}
