/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/attempt.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    READ_BYTES = 64 * 1024,
    READS = 4,       /* at a time */
    LAST_READS = 32, /* once its processes are gone: more than a pipe holds */
};

/* The reason with the place; a failure that cmocka does not explain has only that. */
static void join_place(struct bk_attempt *attempt)
{
    if (attempt->place[0] == '\0')
        return;
    size_t used = strlen(attempt->reason);
    snprintf(
        attempt->reason + used, BK_REASON_BYTES - used, "%s(%s)", used == 0 ? "failed " : " ",
        attempt->place);
}

static void forget_test(struct bk_attempt *attempt)
{
    attempt->reason[0] = '\0';
    attempt->place[0] = '\0';
    bk_capture_clear(&attempt->capture);
}

/* A line of the test's own says why it was skipped: cmocka has no reasons for that. */
static void find_skip_reason(struct bk_attempt *attempt, const char *output, size_t end)
{
    while (end > 0 && output[end - 1] == '\n')
        end--;
    size_t start = end;
    while (start > 0 && output[start - 1] != '\n')
        start--;
    if (start == end)
        return;
    snprintf(attempt->reason, BK_REASON_BYTES, "%.*s", (int)(end - start), output + start);
}

/* Puts what is known of a test into its result, which has nothing yet but its name. */
static void settle(
    struct bk_attempt *attempt, struct bk_result *result, enum brisk_runner_outcome outcome,
    uint64_t since_ns)
{
    bk_free(result->reason);
    bk_free(result->output);
    bk_free(result->logs);
    result->reason = result->output = result->logs = NULL;
    result->output_length = result->logs_length = 0;
    result->outcome = outcome;
    result->attempts = attempt->number;
    result->duration_ns = attempt->now_ns - since_ns;
    if (outcome == BRISK_RUNNER_PASSED)
        return;
    result->output = bk_capture_copy(&attempt->capture, &result->output_length);
    if (result->output != NULL && outcome == BRISK_RUNNER_SKIPPED)
        find_skip_reason(attempt, result->output, result->output_length);
    result->reason = bk_strdup(attempt->reason);
    attempt->is_out_of_memory |= result->output == NULL || result->reason == NULL;
}

static void add_result(
    struct bk_attempt *attempt, const char *test, enum brisk_runner_outcome outcome,
    uint64_t since_ns)
{
    struct bk_result *result = bk_program_add(attempt->program, "", test);
    if (result == NULL)
        attempt->is_out_of_memory = true;
    else
        settle(attempt, result, outcome, since_ns);
}

static void end_test_of_whole(struct bk_attempt *attempt, const char *test)
{
    static const enum brisk_runner_outcome outcomes[] = {
        [BK_SAID_PASSED] = BRISK_RUNNER_PASSED,
        [BK_SAID_SKIPPED] = BRISK_RUNNER_SKIPPED,
        [BK_SAID_FAILED] = BRISK_RUNNER_FAILED,
    };
    join_place(attempt);
    add_result(attempt, test, outcomes[attempt->said], attempt->step_ns);
    attempt->group_done++;
    attempt->step_ns = attempt->now_ns;
    forget_test(attempt);
}

static void end_test(struct bk_attempt *attempt, const char *test, enum bk_said said)
{
    attempt->said = said;
    if (attempt->kind == BK_ATTEMPT_WHOLE)
        end_test_of_whole(attempt, test);
}

static void fail_group(struct bk_attempt *attempt, const char *test, const char *reason)
{
    snprintf(attempt->reason, BK_REASON_BYTES, "%s", reason);
    attempt->place[0] = '\0';
    attempt->said = BK_SAID_FAILED;
    if (attempt->kind != BK_ATTEMPT_WHOLE)
        return;
    add_result(attempt, test, BRISK_RUNNER_FAILED, attempt->step_ns);
    forget_test(attempt);
}

static void start_test(struct bk_attempt *attempt)
{
    attempt->said = BK_SAID_STARTED;
    if (attempt->kind != BK_ATTEMPT_WHOLE)
        return;
    attempt->step_ns = attempt->now_ns;
    forget_test(attempt);
}

static void on_event(enum bk_cmocka_event event, const char *name, void *ctx)
{
    struct bk_attempt *attempt = ctx;
    switch (event) {
    case BK_CMOCKA_GROUP_STARTED:
        attempt->is_in_group = true;
        attempt->group_size = strtoul(name, NULL, 10);
        attempt->group_done = 0;
        return;
    case BK_CMOCKA_GROUP_ENDED:
        attempt->is_in_group = false;
        return;
    case BK_CMOCKA_TEST_STARTED:
        start_test(attempt);
        return;
    case BK_CMOCKA_TEST_PASSED:
        end_test(attempt, name, BK_SAID_PASSED);
        return;
    case BK_CMOCKA_TEST_FAILED:
        end_test(attempt, name, BK_SAID_FAILED);
        return;
    case BK_CMOCKA_TEST_SKIPPED:
        end_test(attempt, name, BK_SAID_SKIPPED);
        return;
    case BK_CMOCKA_GROUP_SETUP_FAILED:
        fail_group(attempt, "GROUP SETUP", "the group's setup failed");
        return;
    case BK_CMOCKA_GROUP_TEARDOWN_FAILED:
        fail_group(attempt, "GROUP TEARDOWN", "the group's teardown failed");
        return;
    case BK_CMOCKA_MESSAGE:
        snprintf(attempt->reason, BK_REASON_BYTES, "%s", name);
        return;
    case BK_CMOCKA_PLACE:
        snprintf(attempt->place, BK_REASON_BYTES, "%s", name);
        return;
    }
}

static void on_text(const char *data, size_t length, void *ctx)
{
    struct bk_attempt *attempt = ctx;
    bk_capture_add(&attempt->capture, data, length);
}

static void init(struct bk_attempt *attempt, const struct bk_job *job, uint64_t now_ns)
{
    attempt->kind = job->kind;
    attempt->program = job->program;
    attempt->result = job->result;
    attempt->old_count = job->program->result_count;
    attempt->number = job->number;
    attempt->options = job->options;
    attempt->now_ns = attempt->started_ns = attempt->step_ns = now_ns;
    attempt->has_started = attempt->was_timed_out = attempt->is_out_of_memory =
        attempt->is_in_group = false;
    attempt->said = BK_SAID_NOTHING;
    attempt->group_size = attempt->group_done = 0;
    forget_test(attempt);
    struct bk_cmocka_handler handler = {on_event, on_text, attempt};
    bk_cmocka_lines_init(&attempt->lines, handler);
}

enum brisk_status bk_attempt_start(
    struct bk_attempt *attempt, const struct bk_job *job, uint64_t now_ns,
    struct brisk_error *error)
{
    char request[64] = "";
    struct bk_child_order order = {.path = job->program->path, .request = request};
    init(attempt, job, now_ns);
    if (job->kind != BK_ATTEMPT_LIST) {
        order.needs.specs = job->options->fixtures;
        order.needs.count = job->options->fixture_count;
    }
    if (job->kind == BK_ATTEMPT_WHOLE)
        order.request = NULL;
    if (job->kind == BK_ATTEMPT_TEST) {
        const struct bk_result *result = &job->program->results[job->result];
        snprintf(request, sizeof request, "%zu %zu", result->group_number, result->test_number);
        order.needs.words = result->needs;
    }
    attempt->has_started = !bk_test_needs_any(&order.needs);
    return bk_child_start(&attempt->child, &order, error);
}

void bk_attempt_read_line(struct bk_attempt *attempt, uint64_t now_ns)
{
    if (!bk_child_read_line(&attempt->child))
        return;
    attempt->has_started = true;
    attempt->started_ns = attempt->step_ns = now_ns;
}

static void read_some(struct bk_attempt *attempt, unsigned int reads)
{
    char data[READ_BYTES];
    for (unsigned int i = 0; i < reads; i++) {
        ssize_t length = read(attempt->child.output, data, sizeof data);
        if (length == 0) /* the program has closed it: poll would go on telling that */
            bk_child_close_output(&attempt->child);
        if (length <= 0)
            return;
        bk_cmocka_lines_feed(&attempt->lines, data, (size_t)length);
    }
}

void bk_attempt_read(struct bk_attempt *attempt, uint64_t now_ns)
{
    attempt->now_ns = now_ns;
    read_some(attempt, READS);
}

const char *bk_attempt_test(const struct bk_attempt *attempt)
{
    if (attempt->kind == BK_ATTEMPT_TEST)
        return attempt->program->results[attempt->result].test;
    return attempt->lines.is_running ? attempt->lines.name : "";
}

bool bk_attempt_has_failed(const struct bk_attempt *attempt)
{
    const struct bk_program *program = attempt->program;
    if (attempt->kind == BK_ATTEMPT_TEST)
        return bk_is_failure(program->results[attempt->result].outcome);
    for (size_t i = 0; i < program->result_count; i++)
        if (bk_is_failure(program->results[i].outcome))
            return true;
    return false;
}

/* A file in memory; NULL if there is no memory. For bk_free. */
static char *read_file(struct bk_attempt *attempt, int fd, size_t *out_length)
{
    struct stat file;
    size_t length = fstat(fd, &file) == 0 ? (size_t)file.st_size : 0;
    char *content = bk_malloc(length + 1);
    attempt->is_out_of_memory |= content == NULL;
    *out_length = 0;
    if (content == NULL)
        return NULL;
    ssize_t got = pread(fd, content, length, 0);
    *out_length = got < 0 ? 0 : (size_t)got;
    content[*out_length] = '\0';
    return content;
}

static void finish_list(struct bk_attempt *attempt, const struct bk_ending *ending)
{
    size_t length;
    char *reply = read_file(attempt, attempt->child.reply, &length);
    if (reply == NULL)
        return;
    enum brisk_status status = bk_program_read_list(attempt->program, reply, length);
    bk_free(reply);
    attempt->is_out_of_memory |= status == BRISK_ERR_NOMEM;
    if (status == BRISK_OK && !ending->was_timed_out)
        return;
    bk_program_drop(attempt->program, 0, attempt->program->result_count);
    enum brisk_runner_outcome outcome = bk_judge_unfinished(ending, attempt->reason);
    char reason[BK_REASON_BYTES];
    snprintf(reason, sizeof reason, "%s", attempt->reason);
    snprintf(attempt->reason, BK_REASON_BYTES, "its hook did not list the tests: %.300s", reason);
    add_result(attempt, "", outcome, attempt->started_ns);
}

static void finish_test(struct bk_attempt *attempt, const struct bk_ending *ending)
{
    size_t length;
    char *reply = read_file(attempt, attempt->child.reply, &length);
    if (reply == NULL)
        return;
    long failed = bk_program_read_end(reply, length);
    bk_free(reply);
    join_place(attempt);
    enum brisk_runner_outcome outcome;
    if (!bk_judge_fixtures(ending, &outcome, attempt->reason))
        outcome = bk_judge_test(ending, attempt->said, failed, attempt->reason);
    settle(attempt, &attempt->program->results[attempt->result], outcome, attempt->started_ns);
}

/* The process ended in the middle of a group. */
static void
add_unfinished(struct bk_attempt *attempt, const struct bk_ending *ending, size_t missing_count)
{
    const char *test = bk_attempt_test(attempt);
    enum brisk_runner_outcome outcome = bk_judge_unfinished(ending, attempt->reason);
    if (*test != '\0' && missing_count > 0)
        missing_count--;
    size_t used = strlen(attempt->reason);
    if (missing_count > 0)
        snprintf(
            attempt->reason + used, BK_REASON_BYTES - used, "; %zu %stests did not run",
            missing_count, *test != '\0' ? "more " : "");
    add_result(attempt, test, outcome, attempt->step_ns);
}

/* The results explain how the process ended. */
static bool is_explained(const struct bk_attempt *attempt, const struct bk_ending *ending)
{
    const struct bk_program *program = attempt->program;
    if (program->result_count == attempt->old_count)
        return false;
    if (bk_judge_is_clean(ending))
        return true;
    bool has_failure = false;
    for (size_t i = attempt->old_count; i < program->result_count; i++)
        has_failure |= bk_is_failure(program->results[i].outcome);
    return has_failure && bk_judge_has_exited(ending);
}

/* Of a program without a hook: what its tests' results do not tell. */
static void finish_whole(struct bk_attempt *attempt, const struct bk_ending *ending)
{
    size_t missing_count = 0;
    if (attempt->is_in_group && attempt->group_size > attempt->group_done)
        missing_count = attempt->group_size - attempt->group_done;
    if (attempt->lines.is_running || missing_count > 0) {
        add_unfinished(attempt, ending, missing_count);
        return;
    }
    if (is_explained(attempt, ending))
        return;
    enum brisk_runner_outcome outcome;
    if (!bk_judge_fixtures(ending, &outcome, attempt->reason))
        outcome = bk_judge_program(ending, attempt->reason);
    add_result(attempt, "", outcome, attempt->started_ns);
}

/* What failed before and has passed now is not what had passed all the time. */
static void replace_old(struct bk_attempt *attempt)
{
    struct bk_program *program = attempt->program;
    for (size_t i = attempt->old_count; i < program->result_count; i++) {
        struct bk_result *result = &program->results[i];
        unsigned int attempts = 1;
        for (size_t j = 0; j < attempt->old_count; j++) {
            const struct bk_result *old = &program->results[j];
            if (strcmp(old->test, result->test) == 0 &&
                (bk_is_failure(old->outcome) || old->attempts > 1))
                attempts = attempt->number;
        }
        result->attempts = attempts;
    }
    bk_program_drop(program, 0, attempt->old_count);
}

/* What its fixtures have logged goes to the test that failed, of several to the first. */
static void keep_logs(struct bk_attempt *attempt)
{
    struct bk_program *program = attempt->program;
    size_t first = attempt->kind == BK_ATTEMPT_TEST ? attempt->result : attempt->old_count;
    size_t end = attempt->kind == BK_ATTEMPT_TEST ? first + 1 : program->result_count;
    for (size_t i = first; i < end; i++) {
        struct bk_result *result = &program->results[i];
        if (!bk_is_failure(result->outcome))
            continue;
        result->logs = read_file(attempt, attempt->child.logs, &result->logs_length);
        return;
    }
}

enum brisk_status bk_attempt_finish(struct bk_attempt *attempt, uint64_t now_ns)
{
    bk_child_wait(&attempt->child);
    bk_attempt_read_line(attempt, now_ns);
    attempt->now_ns = now_ns;
    struct bk_ending ending = {
        .is_known = attempt->child.is_known,
        .report = attempt->child.report,
        .was_timed_out = attempt->was_timed_out,
        .timeout_ms = attempt->options->timeout_ms,
    };
    read_some(attempt, LAST_READS);
    bk_cmocka_lines_finish(&attempt->lines);
    if (attempt->kind == BK_ATTEMPT_LIST)
        finish_list(attempt, &ending);
    else if (attempt->kind == BK_ATTEMPT_TEST)
        finish_test(attempt, &ending);
    else
        finish_whole(attempt, &ending);
    keep_logs(attempt);
    bk_child_close(&attempt->child);
    if (attempt->is_out_of_memory)
        return BRISK_ERR_NOMEM;
    if (attempt->kind == BK_ATTEMPT_WHOLE)
        replace_old(attempt);
    return BRISK_OK;
}

void bk_attempt_discard(struct bk_attempt *attempt)
{
    bk_child_kill(&attempt->child);
    bk_child_wait(&attempt->child);
    bk_child_close(&attempt->child);
    if (attempt->kind == BK_ATTEMPT_WHOLE)
        bk_program_drop(
            attempt->program, attempt->old_count,
            attempt->program->result_count - attempt->old_count);
}
