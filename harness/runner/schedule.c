/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/schedule.h"

#include <poll.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    TICK_MS = 100, /* as brisk/runner.h promises */
    NS_PER_MS = 1000000,
    FDS = 3, /* that a slot waits for */
};

uint64_t bk_schedule_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

enum brisk_status
bk_schedule_init(struct bk_schedule *schedule, const struct brisk_runner_options *options)
{
    *schedule = (struct bk_schedule){.options = options, .began_ns = bk_schedule_now_ns()};
    schedule->slots = bk_calloc(options->jobs, sizeof schedule->slots[0]);
    schedule->is_busy = bk_calloc(options->jobs, sizeof schedule->is_busy[0]);
    return schedule->slots == NULL || schedule->is_busy == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
}

void bk_schedule_free(struct bk_schedule *schedule)
{
    for (unsigned int i = 0; schedule->slots != NULL && i < schedule->options->jobs; i++)
        bk_free(schedule->slots[i]);
    bk_free(schedule->slots);
    bk_free(schedule->is_busy);
}

static enum brisk_status start(
    struct bk_schedule *schedule, unsigned int slot, const struct bk_job *job,
    struct brisk_error *error)
{
    if (schedule->slots[slot] == NULL)
        schedule->slots[slot] = bk_malloc(sizeof *schedule->slots[slot]);
    if (schedule->slots[slot] == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory to run a test");
    enum brisk_status status = bk_attempt_start(
        schedule->slots[slot], job, bk_schedule_now_ns(), error);
    if (status != BRISK_OK)
        return status;
    schedule->is_busy[slot] = true;
    schedule->running_count++;
    return BRISK_OK;
}

static enum brisk_status fill(struct bk_schedule *schedule, struct brisk_error *error)
{
    for (unsigned int i = 0; i < schedule->options->jobs; i++) {
        if (schedule->next == schedule->job_count)
            return BRISK_OK;
        if (schedule->is_busy[i])
            continue;
        enum brisk_status status = start(schedule, i, &schedule->jobs[schedule->next], error);
        if (status != BRISK_OK)
            return status;
        schedule->next++;
    }
    return BRISK_OK;
}

static void tell_result(
    struct bk_schedule *schedule, const struct bk_program *program, const struct bk_result *result)
{
    schedule->finished_count++;
    schedule->failed_count += bk_is_failure(result->outcome);
    if (schedule->options->on_result == NULL)
        return;
    struct brisk_runner_result shown = bk_program_show(program, result);
    schedule->options->on_result(&shown, schedule->options->ctx);
}

static void tell_results(struct bk_schedule *schedule, const struct bk_attempt *attempt)
{
    const struct bk_program *program = attempt->program;
    if (attempt->kind == BK_ATTEMPT_TEST) {
        tell_result(schedule, program, &program->results[attempt->result]);
        return;
    }
    schedule->known_count += program->result_count - 1;
    for (size_t i = 0; i < program->result_count; i++)
        tell_result(schedule, program, &program->results[i]);
}

static enum brisk_status
finish(struct bk_schedule *schedule, unsigned int slot, bool are_tests, struct brisk_error *error)
{
    struct bk_attempt *attempt = schedule->slots[slot];
    schedule->is_busy[slot] = false;
    schedule->running_count--;
    if (bk_attempt_finish(attempt, bk_schedule_now_ns()) != BRISK_OK)
        return bk_error_set(
            error, BRISK_ERR_NOMEM, 0, "there is no memory for the results of %s",
            attempt->program->path);
    if (!are_tests)
        return BRISK_OK;
    if (bk_attempt_has_failed(attempt) && attempt->number <= schedule->options->retries) {
        struct bk_job again = {
            attempt->kind, attempt->program, attempt->result, attempt->number + 1,
            schedule->options};
        return start(schedule, slot, &again, error);
    }
    tell_results(schedule, attempt);
    return BRISK_OK;
}

static void keep_limit(struct bk_attempt *attempt, uint64_t now_ns)
{
    if (attempt->was_timed_out || now_ns < bk_attempt_deadline_ns(attempt))
        return;
    attempt->was_timed_out = true;
    bk_child_kill(&attempt->child);
}

static enum brisk_status tell_progress(const struct bk_schedule *schedule)
{
    if (schedule->options->on_progress == NULL)
        return BRISK_OK;
    uint64_t now_ns = bk_schedule_now_ns();
    struct brisk_runner_progress progress = {
        .finished_count = schedule->finished_count,
        .known_count = schedule->known_count,
        .failed_count = schedule->failed_count,
        .running_count = schedule->running_count,
        .program = "",
        .test = "",
        .elapsed_ns = now_ns - schedule->began_ns,
    };
    uint64_t oldest_ns = now_ns;
    for (unsigned int i = 0; i < schedule->options->jobs; i++) {
        const struct bk_attempt *attempt = schedule->slots[i];
        if (!schedule->is_busy[i] || attempt->step_ns > oldest_ns)
            continue;
        oldest_ns = attempt->step_ns;
        progress.program = attempt->program->name;
        progress.test = bk_attempt_test(attempt);
    }
    return schedule->options->on_progress(&progress, schedule->options->ctx);
}

/* Three descriptors for each slot: the output, what the keeper says, and its end. */
static int wait_for_any(const struct bk_schedule *schedule, struct pollfd *fds)
{
    uint64_t now_ns = bk_schedule_now_ns(), wait_ns = (uint64_t)TICK_MS * NS_PER_MS;
    for (unsigned int i = 0; i < schedule->options->jobs; i++) {
        const struct bk_attempt *attempt = schedule->slots[i];
        struct pollfd *own = fds + FDS * i;
        own[0] = own[1] = own[2] = (struct pollfd){.fd = -1};
        if (!schedule->is_busy[i])
            continue;
        own[0] = (struct pollfd){attempt->child.output, POLLIN, 0};
        own[1] = (struct pollfd){attempt->child.line, POLLIN, 0};
        own[2] = (struct pollfd){attempt->child.pidfd, POLLIN, 0};
        uint64_t deadline_ns = bk_attempt_deadline_ns(attempt);
        if (!attempt->was_timed_out && deadline_ns < now_ns + wait_ns)
            wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    }
    struct timespec limit = {0, (long)wait_ns};
    return ppoll(fds, FDS * schedule->options->jobs, &limit, NULL);
}

static enum brisk_status
serve(struct bk_schedule *schedule, struct pollfd *fds, bool are_tests, struct brisk_error *error)
{
    for (unsigned int i = 0; i < schedule->options->jobs; i++) {
        struct bk_attempt *attempt = schedule->slots[i];
        if (!schedule->is_busy[i])
            continue;
        const struct pollfd *own = fds + FDS * i;
        if (own[1].revents != 0)
            bk_attempt_read_line(attempt, bk_schedule_now_ns());
        if (own[0].revents != 0)
            bk_attempt_read(attempt, bk_schedule_now_ns());
        if (own[2].revents != 0) {
            enum brisk_status status = finish(schedule, i, are_tests, error);
            if (status != BRISK_OK)
                return status;
            continue;
        }
        keep_limit(attempt, bk_schedule_now_ns());
    }
    return BRISK_OK;
}

/* All are killed before the first is waited for. */
static void stop_all(struct bk_schedule *schedule)
{
    for (unsigned int i = 0; i < schedule->options->jobs; i++)
        if (schedule->is_busy[i])
            bk_child_kill(&schedule->slots[i]->child);
    for (unsigned int i = 0; i < schedule->options->jobs; i++)
        if (schedule->is_busy[i])
            bk_attempt_discard(schedule->slots[i]);
}

static enum brisk_status
loop(struct bk_schedule *schedule, struct pollfd *fds, bool are_tests, struct brisk_error *error)
{
    for (;;) {
        enum brisk_status status = fill(schedule, error);
        if (status != BRISK_OK || schedule->running_count == 0)
            return status;
        if (tell_progress(schedule) != BRISK_OK)
            return bk_error_set(error, BRISK_ERR_CANCELLED, 0, "the run was stopped");
        if (wait_for_any(schedule, fds) <= 0)
            for (unsigned int i = 0; i < FDS * schedule->options->jobs; i++)
                fds[i].revents = 0;
        status = serve(schedule, fds, are_tests, error);
        if (status != BRISK_OK)
            return status;
    }
}

enum brisk_status bk_schedule_run(
    struct bk_schedule *schedule, const struct bk_job *jobs, size_t count, bool are_tests,
    struct brisk_error *error)
{
    schedule->jobs = jobs;
    schedule->job_count = count;
    schedule->next = 0;
    struct pollfd *fds = bk_calloc(FDS * schedule->options->jobs, sizeof *fds);
    if (fds == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory to run tests");
    enum brisk_status status = loop(schedule, fds, are_tests, error);
    if (status != BRISK_OK)
        stop_all(schedule);
    bk_free(fds);
    return status;
}
