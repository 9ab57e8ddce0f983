/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/judge.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    EXIT_SKIPPED = 77 /* automake's, which ctest and meson took over */
};

static void say_limit(const struct bk_ending *ending, const char *what, char *reason)
{
    if (ending->timeout_ms % 1000 == 0)
        snprintf(reason, BK_REASON_BYTES, "%s within %u s", what, ending->timeout_ms / 1000);
    else
        snprintf(reason, BK_REASON_BYTES, "%s within %u ms", what, ending->timeout_ms);
}

/* `when`: "before its result", "after it had passed", or "". */
static void say_end(const struct bk_ending *ending, const char *when, char *reason)
{
    int status = ending->report.wait_status;
    const char *space = *when == '\0' ? "" : " ";
    if (!ending->is_known)
        snprintf(reason, BK_REASON_BYTES, "it has killed the process that watched it");
    else if (ending->report.exec_errno != 0)
        snprintf(
            reason, BK_REASON_BYTES, "it cannot be run: %s", strerror(ending->report.exec_errno));
    else if (WIFSIGNALED(status) && sigabbrev_np(WTERMSIG(status)) != NULL)
        snprintf(
            reason, BK_REASON_BYTES, "killed by SIG%s%s%s", sigabbrev_np(WTERMSIG(status)), space,
            when);
    else if (WIFSIGNALED(status))
        snprintf(reason, BK_REASON_BYTES, "killed by signal %d%s%s", WTERMSIG(status), space, when);
    else
        snprintf(
            reason, BK_REASON_BYTES, "exited with status %d%s%s", WEXITSTATUS(status), space, when);
}

bool bk_judge_has_exited(const struct bk_ending *ending)
{
    return !ending->was_timed_out && ending->is_known && ending->report.exec_errno == 0 &&
           WIFEXITED(ending->report.wait_status);
}

static bool has_status(const struct bk_ending *ending, int status)
{
    return bk_judge_has_exited(ending) && WEXITSTATUS(ending->report.wait_status) == status;
}

bool bk_judge_is_clean(const struct bk_ending *ending)
{
    return has_status(ending, 0) || has_status(ending, EXIT_SKIPPED);
}

bool bk_judge_fixtures(
    const struct bk_ending *ending, enum brisk_runner_outcome *outcome, char *reason)
{
    if (!ending->is_known || ending->report.fixture_status == BRISK_OK)
        return false;
    bool is_missing = ending->report.fixture_status == BRISK_ERR_UNSUPPORTED;
    *outcome = is_missing ? BRISK_RUNNER_SKIPPED : BRISK_RUNNER_CRASHED;
    snprintf(reason, BK_REASON_BYTES, "no fixture: %s", ending->report.fixture_message);
    return true;
}

enum brisk_runner_outcome bk_judge_unfinished(const struct bk_ending *ending, char *reason)
{
    if (ending->was_timed_out) {
        say_limit(ending, "no result", reason);
        return BRISK_RUNNER_TIMED_OUT;
    }
    say_end(ending, "before its result", reason);
    return BRISK_RUNNER_CRASHED;
}

enum brisk_runner_outcome bk_judge_program(const struct bk_ending *ending, char *reason)
{
    if (has_status(ending, 0))
        return BRISK_RUNNER_PASSED;
    if (has_status(ending, EXIT_SKIPPED)) {
        snprintf(reason, BK_REASON_BYTES, "exited with status %d", EXIT_SKIPPED);
        return BRISK_RUNNER_SKIPPED;
    }
    if (ending->was_timed_out) {
        say_limit(ending, "did not end", reason);
        return BRISK_RUNNER_TIMED_OUT;
    }
    say_end(ending, "", reason);
    return bk_judge_has_exited(ending) ? BRISK_RUNNER_FAILED : BRISK_RUNNER_CRASHED;
}

enum brisk_runner_outcome
bk_judge_test(const struct bk_ending *ending, enum bk_said said, long failed, char *reason)
{
    if (failed < 0)
        return bk_judge_unfinished(ending, reason);
    if (ending->was_timed_out) {
        say_limit(ending, "it had its result, but did not end", reason);
        return BRISK_RUNNER_TIMED_OUT;
    }
    if (failed > 0 || said == BK_SAID_FAILED) {
        if (*reason == '\0')
            snprintf(reason, BK_REASON_BYTES, "failed");
        return BRISK_RUNNER_FAILED;
    }
    if (said == BK_SAID_NOTHING) {
        snprintf(
            reason, BK_REASON_BYTES, "the program did not run it: does its main set a filter?");
        return BRISK_RUNNER_FAILED;
    }
    if (!bk_judge_is_clean(ending)) {
        say_end(ending, "after its result", reason);
        return BRISK_RUNNER_CRASHED;
    }
    return said == BK_SAID_SKIPPED ? BRISK_RUNNER_SKIPPED : BRISK_RUNNER_PASSED;
}
