/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_SCHEDULE_H
#define BK_RUNNER_SCHEDULE_H

#include "harness/runner/attempt.h"

/* Runs jobs, several at once: starts, waits, limits, tries again. */
struct bk_schedule {
    const struct brisk_runner_options *options; /* with the defaults filled in */
    uint64_t began_ns;
    const struct bk_job *jobs;
    size_t job_count;
    size_t next;               /* the job to start next */
    struct bk_attempt **slots; /* options->jobs of them; NULL: never used */
    bool *is_busy;
    size_t running_count;
    size_t finished_count; /* tests */
    size_t failed_count;
    size_t known_count;
};

/* BRISK_ERR_NOMEM, or success. To be undone by _free, also if it failed. */
enum brisk_status
bk_schedule_init(struct bk_schedule *schedule, const struct brisk_runner_options *options);
void bk_schedule_free(struct bk_schedule *schedule);

/*
 * Until all jobs are done. Otherwise no process is left: BRISK_ERR_CANCELLED, BRISK_ERR_NOMEM or
 * BRISK_ERR_SYSTEM. `are_tests`: their results are for the callback, and they may be retried.
 */
enum brisk_status bk_schedule_run(
    struct bk_schedule *schedule, const struct bk_job *jobs, size_t count, bool are_tests,
    struct brisk_error *error);

uint64_t bk_schedule_now_ns(void);

#endif
