/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "harness/postgresql.h"

enum {
    READY_TIMEOUT_MS = 30000,
    RESET_TIMEOUT_MS = 10000,
    /* A probe after each tenth of the time so far: late by as much at most, and a few dozen
       connects in all. The caps are what one costs and what nobody notices. */
    PROBE_SHARE = 10,
    LEAST_PROBE_NS = 100000,
    MOST_PROBE_NS = 5000000,
    MOST_ATTEMPT_MS = 1000, /* accepted, but no answer: it may be an early socket; ask again */
};

/* For conversations: other things go on; false also if the daemon has ended. */
static bool wait_for_talk(void *ctx, int fd, short events, uint64_t deadline_ns)
{
    struct bk_guard *guard = ctx;
    return !guard->world.has_ended && bk_guard_wait(guard, fd, events, deadline_ns);
}

static struct bk_talk *begin_talk(struct bk_guard *guard, uint64_t deadline_ns)
{
    static struct bk_talk talk; /* one at a time; too large for a stack */
    talk.fd = -1;
    talk.received = 0;
    talk.deadline_ns = deadline_ns;
    talk.wait = wait_for_talk;
    talk.ctx = guard;
    return &talk;
}

/* [ready] socket, if the daemon has one; else NULL, and its port is meant. */
static bool connect_to_daemon(struct bk_guard *guard, struct bk_talk *talk)
{
    const char *path = bk_kind_get(&guard->kind, "ready", "socket", NULL);
    if (path != NULL) {
        path = bk_expand(&guard->scratch, &guard->variables, path);
        return path != NULL && bk_talk_connect(talk, path, 0);
    }
    return bk_talk_connect(talk, NULL, guard->ports[0].number);
}

static bool say_line(struct bk_guard *guard, struct bk_talk *talk, const struct bk_ini_entry *entry)
{
    char *text = bk_expand(&guard->scratch, &guard->variables, entry->value);
    if (text == NULL)
        return false;
    size_t length = bk_unescape(text);
    return strcmp(entry->key, "send") == 0 ? bk_talk_send(talk, text, length)
                                           : bk_talk_expect(talk, text, length);
}

/* The lines `send` and `expect` of a section, in order. */
static bool
say_lines(struct bk_guard *guard, struct bk_talk *talk, const char *section, const char **failed)
{
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0; (entry = bk_kind_next(&guard->kind, section, NULL, &cursor)) != NULL;) {
        bool is_line = strcmp(entry->key, "send") == 0 || strcmp(entry->key, "expect") == 0;
        if (is_line && !say_line(guard, talk, entry)) {
            *failed = entry->value;
            return false;
        }
    }
    return true;
}

static bool is_own_port(struct bk_guard *guard)
{
    pid_t pids[BK_GUARD_PIDS];
    size_t count = bk_world_list(&guard->world, pids, BK_GUARD_PIDS);
    return bk_port_owner(guard->ports[0].number, pids, count) != BK_PORT_FOREIGN;
}

/* Why the last attempt failed, in words. */
struct attempt {
    const char *failed;
    char answer[BK_POSTGRESQL_ANSWER_BYTES];
};

static bool ask_daemon(struct bk_guard *guard, struct bk_talk *talk, struct attempt *attempt)
{
    attempt->failed = "a connect";
    if (!connect_to_daemon(guard, talk))
        return false;
    if (bk_kind_has(&guard->kind, "ready", "ping")) {
        attempt->failed = attempt->answer;
        if (!bk_postgresql_login(
                talk, bk_kind_get(&guard->kind, "param", "user", "postgres"), "postgres",
                attempt->answer))
            return false;
    }
    return say_lines(guard, talk, "ready", &attempt->failed);
}

static bool probe(struct bk_guard *guard, uint64_t deadline_ns, struct attempt *attempt)
{
    uint64_t limit_ns = bk_now_ns() + MOST_ATTEMPT_MS * UINT64_C(1000000);
    struct bk_talk *talk = begin_talk(guard, limit_ns < deadline_ns ? limit_ns : deadline_ns);
    bool is_good = ask_daemon(guard, talk, attempt);
    bk_talk_close(talk);
    bk_pool_free(&guard->scratch);
    return is_good;
}

static enum brisk_status
say_late(struct bk_guard *guard, const char *what, const char *which, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_TIMEOUT, 0, "%s is not ready in time: %s %.80s; see [ready] in %s",
        guard->name, what, which, guard->kind.ini.path);
}

static enum brisk_status await_probe(
    struct bk_guard *guard, uint64_t start_ns, uint64_t deadline_ns, struct brisk_error *error)
{
    struct attempt attempt = {.failed = ""};
    for (;;) {
        bk_world_look(&guard->world);
        if (guard->world.has_ended)
            return bk_guard_say_ended(guard, error);
        if (probe(guard, deadline_ns, &attempt))
            return BRISK_OK;
        uint64_t now_ns = bk_now_ns();
        if (now_ns >= deadline_ns)
            return say_late(guard, "no success with", attempt.failed, error);
        uint64_t pause_ns = (now_ns - start_ns) / PROBE_SHARE;
        pause_ns = pause_ns < LEAST_PROBE_NS ? LEAST_PROBE_NS : pause_ns;
        pause_ns = pause_ns > MOST_PROBE_NS ? MOST_PROBE_NS : pause_ns;
        uint64_t next_ns = now_ns + pause_ns;
        while (!guard->world.has_ended && bk_now_ns() < next_ns)
            bk_guard_turn(guard, next_ns);
    }
}

static enum brisk_status
await_notify(struct bk_guard *guard, uint64_t deadline_ns, struct brisk_error *error)
{
    while (!guard->is_notified) {
        if (guard->world.has_ended)
            return bk_guard_say_ended(guard, error);
        if (bk_now_ns() >= deadline_ns)
            return say_late(guard, "no READY=1 from", "it", error);
        bk_guard_turn(guard, deadline_ns);
    }
    return BRISK_OK;
}

static enum brisk_status await_line(
    struct bk_guard *guard, uint64_t deadline_ns, const char *text, struct brisk_error *error)
{
    regex_t pattern;
    if (regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) != 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s: log = %s is no regular expression",
            guard->kind.ini.path, text);
    enum brisk_status status = BRISK_OK;
    bk_sink_watch(&guard->sink, &pattern);
    while (!guard->sink.is_matched && status == BRISK_OK) {
        if (guard->world.has_ended && !bk_sink_drain(&guard->sink))
            status = bk_guard_say_ended(guard, error);
        else if (bk_now_ns() >= deadline_ns)
            status = say_late(guard, "no line like", text, error);
        else
            bk_guard_turn(guard, deadline_ns);
    }
    bk_sink_watch(&guard->sink, NULL);
    regfree(&pattern);
    return status;
}

/* After all else: it lives, and what answers on its port is it. */
static enum brisk_status confirm(struct bk_guard *guard, bool connects, struct brisk_error *error)
{
    bk_world_look(&guard->world);
    if (guard->world.has_ended)
        return bk_guard_say_ended(guard, error);
    if (connects && !bk_kind_has(&guard->kind, "ready", "socket") && !is_own_port(guard))
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, EADDRINUSE,
            "what answers on port %u is not %s but a program of somebody else",
            guard->ports[0].number, guard->name);
    return BRISK_OK;
}

enum brisk_status bk_guard_await_ready(struct bk_guard *guard, struct brisk_error *error)
{
    unsigned int limit_ms = guard->start_timeout_ms != 0
                                ? guard->start_timeout_ms
                                : bk_kind_duration_ms(
                                      &guard->kind, "ready", "timeout", READY_TIMEOUT_MS);
    uint64_t start_ns = bk_now_ns(), deadline_ns = start_ns + limit_ms * UINT64_C(1000000);
    bool connects = strcmp(bk_kind_get(&guard->kind, "ready", "connect", "yes"), "yes") == 0;
    const char *line = bk_kind_get(&guard->kind, "ready", "log", NULL);
    enum brisk_status status = BRISK_OK;
    /* The log first: its lines pass by, but a notification is remembered. */
    if (line != NULL)
        status = await_line(guard, deadline_ns, line, error);
    if (status == BRISK_OK && bk_kind_is(&guard->kind, "ready", "notify"))
        status = await_notify(guard, deadline_ns, error);
    if (status == BRISK_OK && connects)
        status = await_probe(guard, start_ns, deadline_ns, error);
    return status == BRISK_OK ? confirm(guard, connects, error) : status;
}

/*
 * Connections to the database are ended, and it is made anew as initdb left it. Other databases
 * stay. Copying files is fastest where nothing is flushed; servers before 15 know no other way,
 * and no word for it.
 */
static bool reset_postgresql(struct bk_talk *talk, char *answer)
{
    return bk_postgresql_login(talk, "postgres", "template1", answer) &&
           bk_postgresql_execute(talk, "DROP DATABASE IF EXISTS postgres WITH (FORCE)", answer) &&
           (bk_postgresql_execute(
                talk, "CREATE DATABASE postgres TEMPLATE template0 STRATEGY file_copy", answer) ||
            bk_postgresql_execute(talk, "CREATE DATABASE postgres TEMPLATE template0", answer));
}

enum brisk_status bk_guard_reset(struct bk_guard *guard, struct brisk_error *error)
{
    struct attempt attempt = {.failed = "a connect"};
    bool has_ping = bk_kind_has(&guard->kind, "reset", "ping");
    if (!has_ping && !bk_kind_has(&guard->kind, "reset", "send"))
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, 0, "%s has no [reset]; a restart may do", guard->name);
    unsigned int limit_ms = bk_kind_duration_ms(&guard->kind, "reset", "timeout", RESET_TIMEOUT_MS);
    struct bk_talk *talk = begin_talk(guard, bk_now_ns() + limit_ms * UINT64_C(1000000));
    bool is_done = connect_to_daemon(guard, talk);
    if (is_done && has_ping) {
        attempt.failed = attempt.answer;
        is_done = reset_postgresql(talk, attempt.answer);
    }
    is_done = is_done && say_lines(guard, talk, "reset", &attempt.failed);
    bk_talk_close(talk);
    if (is_done)
        return BRISK_OK;
    if (guard->world.has_ended)
        return bk_guard_say_ended(guard, error);
    return bk_error_set(
        error, BRISK_ERR_UNREACHABLE, 0, "%s was not reset: %.100s failed", guard->name,
        attempt.failed);
}
