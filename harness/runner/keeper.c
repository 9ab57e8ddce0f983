/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum {
    LINE = BK_KEEPER_REPLY + 1, /* in the test's process, until its program runs */
    HIGH = 10,                  /* above all descriptors that are given numbers */
    GUARD_MS = 5000,
    SWEEP_MS = 10000, /* for what does not die at once, which no signal can change */
    SWEEP_PAUSE_NS = 500000,
    CHILDREN_BYTES = 4096,
};

static void put_pid(const struct bk_keeper *keeper)
{
    struct bk_text text = {keeper->pid_text, keeper->pid_width, 0};
    if (keeper->pid_text == NULL)
        return;
    bk_text_u64(&text, (uint64_t)getpid());
    while (text.length < keeper->pid_width)
        bk_text_puts(&text, " ");
}

/* Signals that the runner's program ignores or handles are nothing to the test. */
static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes `fds` the descriptors from 0 on, and closes all others. Those below 0 stay away. */
static bool gather(const int *fds, int count)
{
    int copies[8];
    bool is_gathered = true;
    for (int i = 0; i < count; i++)
        copies[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, HIGH);
    for (int i = 0; i < count; i++)
        if (fds[i] >= 0 && dup2(copies[i], i) < 0)
            is_gathered = false;
    return is_gathered && close_range((unsigned int)count, ~0U, 0) == 0;
}

static void become_test(const struct bk_keeper *keeper, pid_t keeper_pid)
{
    struct bk_keeper_report report = {0};
    int line = keeper->line;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper_pid)
        _exit(127);
    setsid();
    put_pid(keeper);
    int input = open("/dev/null", O_RDONLY);
    int fds[] = {input, keeper->output, keeper->output, keeper->reply, keeper->line};
    if (input >= 0 && gather(fds, LINE + 1) && fcntl(LINE, F_SETFD, FD_CLOEXEC) == 0) {
        line = LINE;
        reset_signals();
        execve(keeper->path, keeper->arguments, environ);
    }
    report.exec_errno = errno;
    send(line, &report, sizeof report, MSG_NOSIGNAL);
    _exit(127);
}

/* Whether the test has ended; the others are only reaped: somebody may wait for their pids to go.
 */
static bool reap(pid_t test, int *wait_status)
{
    bool has_ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == test) {
            *wait_status = status;
            has_ended = true;
        }
    }
    return has_ended;
}

static void wait_for_test(pid_t test, int child_signals, int line, int *wait_status)
{
    struct pollfd fds[] = {{child_signals, POLLIN, 0}, {line, POLLIN, 0}};
    struct signalfd_siginfo info;
    for (;;) {
        if (poll(fds, 2, -1) < 0)
            continue;
        while (read(child_signals, &info, sizeof info) == sizeof info)
            continue;
        if (reap(test, wait_status))
            return;
        if (fds[1].revents != 0) {
            kill(test, SIGKILL);
            waitpid(test, wait_status, 0);
            return;
        }
    }
}

/*
 * A brisk-guard that has lost its owner, the test, ends by itself within milliseconds, removes
 * its fixture's folder and tells the log; so it has time.
 */
static bool is_guard(long pid)
{
    static const char name[] = "brisk-guard\n";
    char path[64] = {0}, comm[32];
    struct bk_text text = {path, sizeof path - 1, 0};
    bk_text_puts(&text, "/proc/");
    bk_text_u64(&text, (uint64_t)pid);
    bk_text_puts(&text, "/comm");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, comm, sizeof comm);
    if (fd >= 0)
        close(fd);
    return length == sizeof name - 1 && memcmp(comm, name, sizeof name - 1) == 0;
}

static void kill_children(int list, bool spares_guards)
{
    char text[CHILDREN_BYTES];
    ssize_t length = pread(list, text, sizeof text - 1, 0);
    text[length < 0 ? 0 : length] = '\0';
    char *end;
    for (char *number = text;; number = end) {
        long pid = strtol(number, &end, 10);
        if (end == number)
            return;
        if (*end == ' ' && !(spares_guards && is_guard(pid))) /* or it was cut: the next round */
            kill((pid_t)pid, SIGKILL);
    }
}

static long ms_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/*
 * The children of a child that dies become ours, so that rounds reach all. A child that is of
 * another user may refuse; it must not keep the run waiting.
 */
static void sweep(int list)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long ms = 0; ms <= SWEEP_MS; ms = ms_since(&start)) {
        kill_children(list, ms < GUARD_MS);
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (pid < 0 && errno == ECHILD)
            return;
        nanosleep(&(struct timespec){.tv_nsec = SWEEP_PAUSE_NS}, NULL);
    }
}

/* Where the kernel lists the children of this process, which has one thread. */
static int open_children_list(void)
{
    char path[64] = {0};
    struct bk_text text = {path, sizeof path - 1, 0};
    bk_text_puts(&text, "/proc/self/task/");
    bk_text_u64(&text, (uint64_t)getpid());
    bk_text_puts(&text, "/children");
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void fail(int line)
{
    struct bk_keeper_report report = {.exec_errno = errno};
    send(line, &report, sizeof report, MSG_NOSIGNAL);
    _exit(1);
}

/*
 * What is not its own is closed, so that no other test's line stays open here, and closing it is
 * seen. What brisk-guard may have to say goes where the test's words go.
 */
static struct bk_keeper take_descriptors(const struct bk_keeper *given, int *signals, int *list)
{
    struct bk_keeper keeper = *given;
    int input = open("/dev/null", O_RDONLY);
    int fds[] = {input,       given->output, given->output, given->reply,
                 given->logs, given->line,   *signals,      *list};
    if (input < 0 || !gather(fds, 8))
        fail(given->line);
    keeper.output = 1;
    keeper.reply = 3;
    keeper.logs = 4;
    keeper.line = 5;
    *signals = 6;
    *list = 7;
    return keeper;
}

/* Without the fixtures there is no test; why is told. */
static void start_fixtures(const struct bk_keeper *keeper, struct bk_test_fixtures *fixtures)
{
    struct bk_keeper_report report = {.has_started = true};
    struct brisk_error error = {0};
    enum brisk_status status = bk_test_fixtures_start(
        fixtures, &keeper->needs, keeper->line, keeper->logs, &error);
    if (status == BRISK_OK) {
        bk_test_fixtures_export(fixtures);
    } else {
        report.has_started = false;
        report.fixture_status = status;
        memcpy(report.fixture_message, error.message, sizeof error.message);
    }
    send(keeper->line, &report, sizeof report, MSG_NOSIGNAL);
    if (status != BRISK_OK)
        _exit(0);
}

/* Fixtures that the test starts itself are not the keeper's; their guards write to its file. */
static void name_logs(const struct bk_keeper *keeper)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), keeper->logs);
    setenv("BRISK_FIXTURE_LOGS", path, 1);
}

static int run_test(const struct bk_keeper *keeper, int signals)
{
    int status = 0;
    pid_t self = getpid();
    name_logs(keeper);
    pid_t test = fork();
    if (test == 0)
        become_test(keeper, self);
    if (test < 0)
        fail(keeper->line);
    wait_for_test(test, signals, keeper->line, &status);
    kill(-test, SIGKILL); /* what there is without /proc */
    return status;
}

void bk_keeper_run(const struct bk_keeper *given)
{
    signal(SIGCHLD, SIG_DFL); /* if ignored, nothing could be waited for */
    setpgid(0, 0);            /* the terminal's signals are for the runner */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    int signals = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
    int list = open_children_list();
    if (signals < 0)
        fail(given->line);
    environ = given->environment;
    struct bk_keeper keeper = take_descriptors(given, &signals, &list);

    struct bk_keeper_report report = {0};
    struct bk_test_fixtures fixtures = {.count = 0};
    if (bk_test_needs_any(&keeper.needs))
        start_fixtures(&keeper, &fixtures);
    report.wait_status = run_test(&keeper, signals);
    bk_test_fixtures_write_logs(&fixtures, keeper.logs);
    bk_test_fixtures_stop(&fixtures);
    sweep(list);
    send(keeper.line, &report, sizeof report, MSG_NOSIGNAL);
    _exit(0);
}
