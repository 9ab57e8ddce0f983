/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "harness/find.h"

enum {
    GRACE_MS = 5000,
    PAUSE_LIMIT_NS = 2000000000,
    PAUSE_STEP_NS = 100000,
};

static enum brisk_status
start_world(struct bk_guard *guard, const struct bk_words *command, struct brisk_error *error)
{
    struct bk_world_options options = {
        .words = command->words,
        .environment = guard->environment.words,
        .folder = guard->place.path,
        .output_fd = guard->sink.write_fd,
        .companion = guard->proxy_pid,
        .is_isolated = guard->is_isolated};
    enum brisk_status status = bk_world_start(&guard->world, &options, error);
    if (status != BRISK_ERR_PERMISSION || !guard->may_fall_back)
        return status;
    guard->is_isolated = options.is_isolated = false;
    status = bk_guard_give_place(guard, error);
    return status == BRISK_OK ? bk_world_start(&guard->world, &options, error) : status;
}

enum brisk_status bk_guard_say_ended(const struct bk_guard *guard, struct brisk_error *error)
{
    char how[80];
    if (guard->world.run_errno != 0)
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, guard->world.run_errno, "%s: %s", guard->program,
            strerror(guard->world.run_errno));
    bk_world_describe_end(guard->world.wait_status, how, sizeof how);
    return bk_error_set(error, BRISK_ERR_UNREACHABLE, 0, "%s %s", guard->name, how);
}

/* Until the program of the world has ended; false at the deadline. */
static bool await_end(struct bk_guard *guard, uint64_t deadline_ns)
{
    while (!guard->world.has_ended) {
        if (bk_now_ns() >= deadline_ns)
            return false;
        bk_guard_turn(guard, deadline_ns);
    }
    return true;
}

enum brisk_status bk_guard_run_to_end(
    struct bk_guard *guard, const struct bk_words *command, uint64_t deadline_ns,
    struct brisk_error *error)
{
    char *name = command->words[0];
    if (strchr(name, '/') == NULL) {
        command->words[0] = bk_find_program(&guard->pool, name);
        if (command->words[0] == NULL)
            return bk_error_set(
                error, BRISK_ERR_UNSUPPORTED, ENOENT, "%s: there is no program %s", guard->name,
                name);
    }
    enum brisk_status status = start_world(guard, command, error);
    if (status < 0)
        return status;
    bool has_ended = await_end(guard, deadline_ns);
    bk_world_end(&guard->world);
    while (bk_sink_drain(&guard->sink))
        continue;
    if (!has_ended)
        return bk_error_set(error, BRISK_ERR_TIMEOUT, 0, "%s did not end in time", name);
    if (guard->world.run_errno == 0 && guard->world.wait_status == 0)
        return BRISK_OK;
    char how[80];
    bk_world_describe_end(guard->world.wait_status, how, sizeof how);
    return bk_error_set(
        error, BRISK_ERR_UNREACHABLE, guard->world.run_errno, "%s %s", name,
        guard->world.run_errno != 0 ? strerror(guard->world.run_errno) : how);
}

enum brisk_status bk_guard_start(struct bk_guard *guard, struct brisk_error *error)
{
    guard->is_notified = guard->is_paused = false;
    enum brisk_status status = start_world(guard, &guard->command, error);
    if (status < 0)
        return status;
    snprintf(guard->pid, sizeof guard->pid, "%d", (int)guard->world.main);
    if (!bk_variables_set(&guard->variables, &guard->pool, "pid", guard->pid))
        status = bk_error_set(error, BRISK_ERR_NOMEM, 0, "brisk-guard: out of memory");
    if (status == BRISK_OK)
        status = bk_guard_await_ready(guard, error);
    if (status < 0) {
        bk_world_end(&guard->world);
        while (bk_sink_drain(&guard->sink)) /* its last words */
            continue;
    }
    return status;
}

static void signal_all(struct bk_guard *guard, int number)
{
    pid_t pids[BK_GUARD_PIDS];
    size_t count = bk_world_list(&guard->world, pids, BK_GUARD_PIDS);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], number);
}

static unsigned int grace_ms(const struct bk_guard *guard)
{
    return guard->stop_timeout_ms != 0
               ? guard->stop_timeout_ms
               : bk_kind_duration_ms(&guard->kind, "stop", "grace", GRACE_MS);
}

void bk_guard_end(struct bk_guard *guard, enum bk_guard_ending ending)
{
    if (!bk_world_is_alive(&guard->world))
        return;
    const char *key = ending == BK_END_POLITE ? "polite" : "signal";
    const char *safe = bk_kind_get(&guard->kind, "stop", "signal", "TERM");
    int number = bk_signal_number(bk_kind_get(&guard->kind, "stop", key, safe));
    /* Namespaces take all with them that a kill might leave behind. */
    if (ending == BK_END_FAST && guard->is_isolated)
        number = SIGKILL;
    if (number != SIGKILL && !guard->world.has_ended) {
        if (guard->is_paused)
            signal_all(guard, SIGCONT);
        kill(guard->world.main, number);
        await_end(guard, bk_now_ns() + grace_ms(guard) * UINT64_C(1000000));
    }
    bk_world_end(&guard->world);
    while (bk_sink_drain(&guard->sink))
        continue;
}

static bool ends_a_process(int number)
{
    return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGQUIT ||
           number == SIGABRT || number == SIGSEGV;
}

static enum brisk_status refuse_dead(const struct bk_guard *guard, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0, "%s does not run; restart starts it", guard->name);
}

enum brisk_status bk_guard_kill(struct bk_guard *guard, int number, struct brisk_error *error)
{
    if (guard->world.has_ended || !bk_world_is_alive(&guard->world))
        return refuse_dead(guard, error);
    if (kill(guard->world.main, number) != 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, errno, "signal %d: %s", number, strerror(errno));
    if (!ends_a_process(number))
        return BRISK_OK;
    if (guard->is_paused)
        signal_all(guard, SIGCONT);
    unsigned int limit_ms = grace_ms(guard);
    if (!await_end(guard, bk_now_ns() + limit_ms * UINT64_C(1000000)))
        return bk_error_set(
            error, BRISK_ERR_TIMEOUT, 0, "%s still runs %u ms after signal %d", guard->name,
            limit_ms, number);
    bk_world_end(&guard->world);
    return BRISK_OK;
}

/* A stop takes effect when the process next runs. */
static bool are_stopped(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!bk_world_is_stopped(pids[i]))
            return false;
    return true;
}

/* While processes are stopped one by one others may start some: until there is nothing new. */
static bool stop_all(struct bk_guard *guard)
{
    pid_t pids[BK_GUARD_PIDS];
    uint64_t deadline_ns = bk_now_ns() + PAUSE_LIMIT_NS;
    size_t before = 0;
    while (bk_now_ns() < deadline_ns && !guard->world.has_ended) {
        signal_all(guard, SIGSTOP);
        size_t count = bk_world_list(&guard->world, pids, BK_GUARD_PIDS);
        if (count == before && are_stopped(pids, count))
            return true;
        before = count;
        bk_guard_turn(guard, bk_now_ns() + PAUSE_STEP_NS);
    }
    return false;
}

enum brisk_status bk_guard_pause(struct bk_guard *guard, bool is_paused, struct brisk_error *error)
{
    if (guard->world.has_ended || !bk_world_is_alive(&guard->world))
        return refuse_dead(guard, error);
    if (!is_paused) {
        signal_all(guard, SIGCONT);
        guard->is_paused = false;
        return BRISK_OK;
    }
    guard->is_paused = true;
    if (stop_all(guard))
        return BRISK_OK;
    return bk_error_set(error, BRISK_ERR_TIMEOUT, 0, "%s was not stopped in time", guard->name);
}
