/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brisk/test.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    PID_WIDTH = 10, /* digits of the largest pid, and more */
};

/* Set for the program, or taken from it. */
static const char *const own_variables[] = {
    "CMOCKA_MESSAGE_OUTPUT=", "CMOCKA_XML_FILE=", "BRISK_FIXTURE_LOGS=", BRISK_TEST_HOOK "="};

struct environment {
    char **variables;
    char *request;  /* the last variable; its pid comes later */
    char *pid_text; /* within that */
};

static bool is_own(const char *variable)
{
    for (size_t i = 0; i < sizeof own_variables / sizeof own_variables[0]; i++)
        if (strncmp(variable, own_variables[i], strlen(own_variables[i])) == 0)
            return true;
    return false;
}

static void put_request(struct bk_text *text, const char *request)
{
    bk_text_puts(text, BRISK_TEST_HOOK "=");
    bk_text_pad(text, ' ', PID_WIDTH + 1);
    bk_text_u64(text, BK_KEEPER_REPLY);
    bk_text_puts(text, " ");
    bk_text_puts(text, request);
    bk_text_put(text, "", 1);
}

static bool make_request(struct environment *environment, const char *request)
{
    struct bk_text measure = {0};
    put_request(&measure, request);
    environment->request = bk_malloc(measure.length);
    if (environment->request == NULL)
        return false;
    struct bk_text text = {environment->request, measure.length, 0};
    put_request(&text, request);
    environment->pid_text = environment->request + strlen(BRISK_TEST_HOOK "=");
    return true;
}

static bool make_environment(struct environment *environment, const char *request)
{
    static char standard_output[] = "CMOCKA_MESSAGE_OUTPUT=STDOUT";
    size_t count = 0, used = 0;
    while (environ[count] != NULL)
        count++;
    environment->variables = bk_calloc(count + 3, sizeof *environment->variables);
    if (environment->variables == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_own(environ[i]))
            environment->variables[used++] = environ[i];
    environment->variables[used++] = standard_output;
    if (request == NULL)
        return true;
    if (!make_request(environment, request))
        return false;
    environment->variables[used] = environment->request;
    return true;
}

static void free_environment(struct environment *environment)
{
    bk_free(environment->request);
    bk_free(environment->variables);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The far ends are the keeper's. */
struct far_ends {
    int output;
    int line;
};

static bool open_ends(struct bk_child *child, struct far_ends *far)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    child->output = ends[0];
    far->output = ends[1];
    if (fcntl(child->output, F_SETFL, O_NONBLOCK) != 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    child->line = ends[0];
    far->line = ends[1];
    child->reply = memfd_create("brisk-test-reply", MFD_CLOEXEC);
    child->logs = memfd_create("brisk-test-logs", MFD_CLOEXEC);
    return child->reply >= 0 && child->logs >= 0;
}

/* No signal handler of the caller's may run in the child. */
static pid_t fork_keeper(const struct bk_keeper *keeper)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        bk_keeper_run(keeper);
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return pid;
}

static bool launch(
    struct bk_child *child, const struct bk_child_order *order,
    const struct environment *environment)
{
    struct far_ends far = {-1, -1};
    bool is_open = open_ends(child, &far);
    if (is_open) {
        char *arguments[] = {order->path, NULL};
        struct bk_keeper keeper = {
            .path = order->path,
            .arguments = arguments,
            .environment = environment->variables,
            .pid_text = environment->pid_text,
            .pid_width = PID_WIDTH,
            .output = far.output,
            .needs = order->needs,
            .reply = child->reply,
            .logs = child->logs,
            .line = far.line,
        };
        child->pid = fork_keeper(&keeper);
    }
    int failure = errno;
    close_one(&far.output);
    close_one(&far.line);
    errno = failure;
    if (!is_open || child->pid < 0)
        return false;
    child->pidfd = pidfd_open(child->pid, 0);
    return child->pidfd >= 0;
}

enum brisk_status bk_child_start(
    struct bk_child *child, const struct bk_child_order *order, struct brisk_error *error)
{
    *child = (struct bk_child){.pidfd = -1, .output = -1, .reply = -1, .logs = -1, .line = -1};
    struct environment environment = {0};
    enum brisk_status status = BRISK_OK;
    if (!make_environment(&environment, order->request))
        status = bk_error_set(
            error, BRISK_ERR_NOMEM, 0, "there is no memory to start %s", order->path);
    else if (!launch(child, order, &environment))
        status = bk_error_set(
            error, BRISK_ERR_SYSTEM, errno, "cannot start a process for %s: %s", order->path,
            strerror(errno));
    free_environment(&environment);
    if (status == BRISK_OK)
        return status;
    if (child->pid > 0)
        bk_child_wait(child);
    bk_child_close(child);
    return status;
}

/* The first that is no start counts: a failed execve comes before the keeper's own end. */
bool bk_child_read_line(struct bk_child *child)
{
    bool has_started = false;
    struct bk_keeper_report report;
    while (recv(child->line, &report, sizeof report, MSG_DONTWAIT) == sizeof report) {
        has_started |= report.has_started;
        if (report.has_started || child->is_known)
            continue;
        child->report = report;
        child->is_known = true;
    }
    return has_started;
}

void bk_child_kill(struct bk_child *child)
{
    shutdown(child->line, SHUT_WR);
}

void bk_child_wait(struct bk_child *child)
{
    shutdown(child->line, SHUT_WR);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    child->pid = 0;
    bk_child_read_line(child);
}

void bk_child_close(struct bk_child *child)
{
    close_one(&child->pidfd);
    close_one(&child->output);
    close_one(&child->reply);
    close_one(&child->logs);
    close_one(&child->line);
}

void bk_child_close_output(struct bk_child *child)
{
    close_one(&child->output);
}
