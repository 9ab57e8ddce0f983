/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's side of the conversation with a guard. */
#include "harness/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/find.h"
#include "harness/guard.h"
#include "harness/place.h"

extern char **environ;

enum {
    CANCEL_POLL_MS = 20,
};

struct brisk_fixture *bk_fixture_new(struct brisk_error *error)
{
    struct brisk_fixture *fixture = bk_calloc(1, sizeof *fixture);
    if (fixture == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a fixture");
        return NULL;
    }
    fixture->socket_fd = fixture->guard_fd = -1;
    fixture->process = getpid();
    return fixture;
}

void bk_fixture_free(struct brisk_fixture *fixture)
{
    if (fixture->socket_fd >= 0)
        close(fixture->socket_fd);
    if (fixture->guard_fd >= 0)
        close(fixture->guard_fd);
    bk_pool_free(&fixture->pool);
    bk_free(fixture);
}

/* Out of reach of the terminal's signals, with nothing of ours open but its socket and stderr. */
static int spawn_guard(const char *path, int socket_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char name[] = "brisk-guard";
    char *arguments[] = {name, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawn_file_actions_adddup2(&actions, socket_fd, BK_GUARD_OWNER_FD);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    if (failure == 0)
        failure = posix_spawn_file_actions_adddup2(&actions, 0, 1);
    if (failure == 0)
        failure = posix_spawn_file_actions_addclosefrom_np(&actions, BK_GUARD_OWNER_FD + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    if (failure == 0)
        failure = posix_spawn(pid, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

enum brisk_status bk_fixture_begin(
    struct brisk_fixture *fixture, const struct bk_message *order, struct brisk_error *error)
{
    char path[PATH_MAX];
    int sockets[2];
    enum brisk_status status = bk_find_guard(path, sizeof path, error);
    if (status < 0)
        return status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "socketpair: %s", strerror(errno));
    int failure = spawn_guard(path, sockets[1], &fixture->guard_pid);
    close(sockets[1]);
    fixture->socket_fd = sockets[0];
    if (failure != 0) {
        fixture->guard_pid = 0;
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, failure, "%.160s: %s", path, strerror(failure));
    }
    fixture->guard_fd = (int)syscall(SYS_pidfd_open, fixture->guard_pid, 0);
    if (fixture->guard_fd >= 0)
        fcntl(fixture->guard_fd, F_SETFD, FD_CLOEXEC);
    if (bk_message_send(fixture->socket_fd, order))
        return BRISK_OK;
    bk_error_set(error, BRISK_ERR_SYSTEM, errno, "to brisk-guard: %s", strerror(errno));
    bk_fixture_abandon(fixture);
    return BRISK_ERR_SYSTEM;
}

/*
 * Also if the caller's program waits for all its children, or ignores SIGCHLD. Whether the guard
 * ended by itself, as far as that is known.
 */
static bool await_guard(struct brisk_fixture *fixture)
{
    int status = 0;
    if (fixture->guard_pid == 0)
        return true;
    while (waitpid(fixture->guard_pid, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        struct pollfd guard = {.fd = fixture->guard_fd, .events = POLLIN};
        while (guard.fd >= 0 && poll(&guard, 1, -1) < 0 && errno == EINTR)
            continue;
        break;
    }
    fixture->guard_pid = 0;
    return WIFEXITED(status);
}

bool bk_fixture_abandon(struct brisk_fixture *fixture)
{
    if (fixture->socket_fd >= 0)
        close(fixture->socket_fd);
    fixture->socket_fd = -1;
    fixture->is_running = false;
    return await_guard(fixture);
}

/*
 * Somebody else has stopped it, or the guard was killed: then the namespaces ended the daemon, and
 * here goes the rest.
 */
static enum brisk_status guard_is_gone(struct brisk_fixture *fixture, struct brisk_error *error)
{
    const char *folder = bk_fixture_fact(fixture, "dir");
    bool was_stopped = bk_fixture_abandon(fixture);
    if (*folder == '\0')
        return bk_error_set(
            error, BRISK_ERR_UNREACHABLE, 0, "brisk-guard ended before it had started anything");
    if (was_stopped)
        return bk_error_set(
            error, BRISK_ERR_UNREACHABLE, 0, "%s has been stopped by somebody else",
            brisk_fixture_name(fixture));
    bk_place_collect(folder);
    return bk_error_set(
        error, BRISK_ERR_UNREACHABLE, 0,
        "brisk-guard of %s has been killed, and its daemon with it", brisk_fixture_name(fixture));
}

static enum brisk_status no_memory(struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for what brisk-guard says");
}

static enum brisk_status take_facts(
    struct brisk_fixture *fixture, const struct bk_message *answer, size_t cursor,
    struct brisk_error *error)
{
    const char *name, *value;
    while ((name = bk_message_next(answer, &cursor)) != NULL &&
           (value = bk_message_next(answer, &cursor)) != NULL) {
        if (strcmp(name, "traffic") == 0) { /* often another one: not for the pool */
            snprintf(fixture->traffic, sizeof fixture->traffic, "%s", value);
            continue;
        }
        const char *known = bk_variables_get(&fixture->facts, name);
        if (known != NULL && strcmp(known, value) == 0)
            continue; /* so that pointers to it stay valid */
        char *kept_name = bk_pool_copy(&fixture->pool, name, strlen(name));
        char *kept_value = bk_pool_copy(&fixture->pool, value, strlen(value));
        if (kept_name == NULL || kept_value == NULL ||
            !bk_variables_set(&fixture->facts, &fixture->pool, kept_name, kept_value))
            return no_memory(error);
    }
    fixture->port = (uint16_t)strtoul(bk_fixture_fact(fixture, "port"), NULL, 10);
    fixture->pid = (pid_t)strtol(bk_fixture_fact(fixture, "pid"), NULL, 10);
    fixture->is_running = strcmp(bk_fixture_fact(fixture, "state"), "ended") != 0;
    return BRISK_OK;
}

static enum brisk_status take_failure(
    const struct bk_message *answer, size_t cursor, enum brisk_status status,
    const struct brisk_fixture_options *options, struct brisk_error *error)
{
    int sys_errno = (int)bk_message_next_number(answer, &cursor);
    const char *text = bk_message_next(answer, &cursor);
    bk_error_set(error, status, sys_errno, "%s", text == NULL ? "" : text);
    if (options == NULL || options->log == NULL)
        return status;
    for (const char *line; (line = bk_message_next(answer, &cursor)) != NULL;)
        options->log(line, options->ctx);
    return status;
}

static enum brisk_status take_answer(
    struct brisk_fixture *fixture, const struct bk_message *answer,
    const struct brisk_fixture_options *options, struct brisk_error *error)
{
    size_t cursor = 0;
    enum brisk_status status = (enum brisk_status)bk_message_next_number(answer, &cursor);
    if (status == BRISK_OK)
        return take_facts(fixture, answer, cursor, error);
    return take_failure(answer, cursor, status, options, error);
}

/* False: the caller of the start has called it off. */
static bool
await_answer(const struct brisk_fixture *fixture, const struct brisk_fixture_options *options)
{
    if (options == NULL || options->cancel == NULL)
        return true;
    struct pollfd answer = {.fd = fixture->socket_fd, .events = POLLIN};
    do {
        if (options->cancel(options->ctx))
            return false;
    } while (poll(&answer, 1, CANCEL_POLL_MS) <= 0);
    return true;
}

enum brisk_status bk_fixture_finish(
    struct brisk_fixture *fixture, const struct brisk_fixture_options *options,
    struct brisk_error *error)
{
    struct bk_message *answer = bk_malloc(sizeof *answer);
    enum brisk_status status;
    if (answer == NULL)
        status = no_memory(error);
    else if (!await_answer(fixture, options))
        status = bk_error_set(error, BRISK_ERR_CANCELLED, 0, "the start was called off");
    else if (!bk_message_receive(fixture->socket_fd, answer))
        status = guard_is_gone(fixture, error);
    else
        status = take_answer(fixture, answer, options, error);
    if (status < 0)
        bk_fixture_abandon(fixture);
    bk_free(answer);
    return status;
}

static enum brisk_status refuse(struct brisk_error *error, const char *why)
{
    return bk_error_set(error, BRISK_ERR_INVALID, 0, "%s", why);
}

enum brisk_status bk_fixture_ask(
    struct brisk_fixture *fixture, const char *verb, const char *argument,
    struct brisk_error *error)
{
    if (fixture->process != getpid())
        return refuse(error, "the fixture belongs to the process that this one was forked from");
    if (fixture->socket_fd < 0)
        return refuse(error, "the fixture has ended, with its guard");
    struct bk_message *message = bk_malloc(sizeof *message);
    if (message == NULL)
        return no_memory(error);
    bk_message_clear(message);
    bk_message_add(message, verb);
    if (argument != NULL)
        bk_message_add(message, argument);
    enum brisk_status status;
    if (bk_message_send(fixture->socket_fd, message) &&
        bk_message_receive(fixture->socket_fd, message))
        status = take_answer(fixture, message, NULL, error);
    else
        status = guard_is_gone(fixture, error);
    bk_free(message);
    return status;
}

const char *bk_fixture_fact(const struct brisk_fixture *fixture, const char *name)
{
    const char *value = bk_variables_get(&fixture->facts, name);
    return value == NULL ? "" : value;
}
