/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/terminal.h"

enum {
    GRACE_MS = 10000, /* between a signal that was passed on and the end by force */
    STATUS_TIMEOUT = 124,
};

struct wait {
    pid_t pid;
    int pid_fd;
    int signal;           /* the first that was meant to end the run; 0: none */
    bool is_late;         /* the time of --timeout is over */
    uint64_t deadline_ms; /* of --timeout, then of the grace time; UINT64_MAX: none */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool set_variable(const char *name, const char *value, void *failed)
{
    *(bool *)failed |= setenv(name, value, 1) != 0;
    return true;
}

/* In the child. If this process is killed the command is as well. */
_Noreturn static void become_command(char **command, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(125);
    execvp(command[0], command);
    int reason = errno;
    cli_error("brisk run: %s: %s", command[0], strerror(reason));
    _exit(reason == ENOENT ? 127 : 126);
}

/* Grace after the first signal, force after the second. */
static void pass_on(struct wait *wait, int number)
{
    if (wait->signal != 0 || wait->is_late) {
        kill(wait->pid, SIGKILL);
        return;
    }
    kill(wait->pid, number);
    kill(wait->pid, SIGCONT); /* a stopped one would not see it */
    wait->deadline_ms = now_ms() + GRACE_MS;
}

/*
 * What a terminal sends goes to the whole foreground, so the command has it already, and what
 * it makes of it is its own business: a shell or a debugger goes on.
 */
static void read_signal(struct wait *wait, int signal_fd)
{
    struct signalfd_siginfo info;
    if (read(signal_fd, &info, sizeof info) != sizeof info || info.ssi_code == SI_KERNEL)
        return;
    pass_on(wait, (int)info.ssi_signo);
    if (wait->signal == 0)
        wait->signal = (int)info.ssi_signo;
}

static void handle_deadline(struct wait *wait)
{
    if (wait->signal != 0 || wait->is_late) {
        kill(wait->pid, SIGKILL);
        wait->deadline_ms = UINT64_MAX;
        return;
    }
    pass_on(wait, SIGTERM);
    wait->is_late = true;
}

static int await_command(struct wait *wait, int signal_fd)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = wait->pid_fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
        uint64_t now = now_ms();
        int limit_ms = -1;
        if (wait->deadline_ms != UINT64_MAX)
            limit_ms = wait->deadline_ms > now ? (int)(wait->deadline_ms - now) : 0;
        int ready = poll(fds, 2, limit_ms);
        int status;
        if (waitpid(wait->pid, &status, WNOHANG) == wait->pid)
            return status;
        if (ready == 0 && wait->deadline_ms <= now_ms())
            handle_deadline(wait);
        if (ready > 0 && fds[1].revents != 0)
            read_signal(wait, signal_fd);
    }
}

/* A run that was told to end has not succeeded, whatever the command says. */
static int status_of(const struct wait *wait, int status)
{
    int own = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (wait->is_late)
        return STATUS_TIMEOUT;
    return own == 0 && wait->signal != 0 ? 128 + wait->signal : own;
}

/* A daemon that has ended by itself may be why the command failed. */
static void tell_of_ended(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct brisk_error error = {0};
        if (brisk_fixture_state(run->fixtures[i], &error) != BRISK_FIXTURE_ENDED)
            continue;
        const char *why = error.message[0] != '\0' ? error.message : "it does not run any more";
        cli_error("brisk run: %s: %s", brisk_fixture_name(run->fixtures[i]), why);
    }
}

static int run_child(struct run *run)
{
    bool failed = false;
    pid_t parent = getpid();
    run_each_variable(run, set_variable, &failed);
    struct wait wait = {.deadline_ms = UINT64_MAX};
    wait.pid = failed ? -1 : fork();
    if (wait.pid == 0)
        become_command(run->command, parent);
    if (wait.pid < 0) {
        cli_error("brisk run: %s: %s", run->command[0], strerror(errno));
        return 125;
    }
    wait.pid_fd = (int)syscall(SYS_pidfd_open, wait.pid, 0);
    if (run->timeout_ms != 0)
        wait.deadline_ms = now_ms() + run->timeout_ms;
    int status = status_of(&wait, await_command(&wait, run->signal_fd));
    close(wait.pid_fd);
    return status;
}

int run_command(struct run *run)
{
    int status = run_start(run);
    if (status != 0)
        return status;
    status = run_child(run);
    if (status != 0)
        tell_of_ended(run);
    return !run_stop(run) && status == 0 ? 125 : status;
}
