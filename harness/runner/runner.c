/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/runner.h>

#include <errno.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "harness/runner/report.h"
#include "harness/runner/schedule.h"

enum {
    MOST_JOBS = 1024,
    DEFAULT_TIMEOUT_MS = 60000,
};

struct run {
    struct brisk_runner_options options;
    struct bk_program *programs;
    size_t program_count; /* that are initialized */
    struct bk_job *jobs;
    size_t job_count;
    struct bk_schedule schedule;
};

static enum brisk_status no_memory(struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory to run the tests");
}

static unsigned int count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > MOST_JOBS ? MOST_JOBS : (unsigned int)count;
}

static enum brisk_status
read_options(struct run *run, const struct brisk_runner_options *options, struct brisk_error *error)
{
    enum brisk_status status = bk_options_read(
        &run->options, sizeof run->options, options, sizeof run->options, error);
    if (status != BRISK_OK)
        return status;
    if (run->options.programs == NULL || run->options.program_count == 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "programs is empty: there is nothing to run");
    if (run->options.filters == NULL && run->options.filter_count > 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "filters is NULL, but filter_count is not 0");
    if (run->options.fixtures == NULL && run->options.fixture_count > 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "fixtures is NULL, but fixture_count is not 0");
    if (run->options.jobs > MOST_JOBS)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "jobs is %u, not 0 to %d", run->options.jobs, MOST_JOBS);
    if (run->options.jobs == 0)
        run->options.jobs = count_cpus();
    if (run->options.timeout_ms == 0)
        run->options.timeout_ms = DEFAULT_TIMEOUT_MS;
    return BRISK_OK;
}

static enum brisk_status open_programs(struct run *run, struct brisk_error *error)
{
    run->programs = bk_calloc(run->options.program_count, sizeof *run->programs);
    if (run->programs == NULL)
        return no_memory(error);
    while (run->program_count < run->options.program_count) {
        struct bk_program *program = &run->programs[run->program_count];
        const char *path = run->options.programs[run->program_count++];
        enum brisk_status status = bk_program_init(program, path, error);
        if (status != BRISK_OK)
            return status;
    }
    return BRISK_OK;
}

static bool matches(const struct run *run, const char *program, const char *test)
{
    if (run->options.filter_count == 0)
        return true;
    char both[4096];
    snprintf(both, sizeof both, "%s:%s", program, test);
    for (size_t i = 0; i < run->options.filter_count; i++) {
        const char *pattern = run->options.filters[i];
        if (fnmatch(pattern, program, 0) == 0 || fnmatch(pattern, both, 0) == 0 ||
            (*test != '\0' && fnmatch(pattern, test, 0) == 0))
            return true;
    }
    return false;
}

static enum brisk_status reserve_jobs(struct run *run, size_t count, struct brisk_error *error)
{
    bk_free(run->jobs);
    run->job_count = 0;
    run->jobs = bk_calloc(count + 1, sizeof *run->jobs);
    return run->jobs == NULL ? no_memory(error) : BRISK_OK;
}

static void
add_job(struct run *run, struct bk_program *program, enum bk_attempt_kind kind, size_t result)
{
    run->jobs[run->job_count++] = (struct bk_job){kind, program, result, 1, &run->options};
}

static enum brisk_status list_tests(struct run *run, struct brisk_error *error)
{
    enum brisk_status status = reserve_jobs(run, run->program_count, error);
    if (status != BRISK_OK)
        return status;
    for (size_t i = 0; i < run->program_count; i++)
        if (run->programs[i].has_hook)
            add_job(run, &run->programs[i], BK_ATTEMPT_LIST, 0);
    return bk_schedule_run(&run->schedule, run->jobs, run->job_count, false, error);
}

/* Of a program that named its tests; a failure to do so stays. */
static void drop_unwanted(const struct run *run, struct bk_program *program)
{
    for (size_t i = program->result_count; i-- > 0;) {
        const struct bk_result *result = &program->results[i];
        if (result->outcome == BRISK_RUNNER_NOT_RUN && !matches(run, program->name, result->test))
            bk_program_drop(program, i, 1);
    }
}

/* The jobs that run what is wanted, in the order of the programs and their tests. */
static enum brisk_status choose_tests(struct run *run, struct brisk_error *error)
{
    size_t most = 0, failed_lists = 0;
    for (size_t i = 0; i < run->program_count; i++) {
        drop_unwanted(run, &run->programs[i]);
        most += run->programs[i].result_count + 1;
    }
    enum brisk_status status = reserve_jobs(run, most, error);
    if (status != BRISK_OK)
        return status;
    for (size_t i = 0; i < run->program_count; i++) {
        struct bk_program *program = &run->programs[i];
        if (!program->has_hook && matches(run, program->name, ""))
            add_job(run, program, BK_ATTEMPT_WHOLE, 0);
        for (size_t j = 0; j < program->result_count; j++) {
            if (program->results[j].outcome == BRISK_RUNNER_NOT_RUN)
                add_job(run, program, BK_ATTEMPT_TEST, j);
            else
                failed_lists++;
        }
    }
    if (run->job_count == 0 && failed_lists == 0)
        return bk_error_set(
            error, BRISK_MISS, 0,
            run->options.filter_count > 0 ? "no test matches" : "the programs have no tests");
    run->schedule.known_count = run->job_count + failed_lists;
    return BRISK_OK;
}

static enum brisk_status
prepare(struct run *run, const struct brisk_runner_options *options, struct brisk_error *error)
{
    *run = (struct run){0};
    enum brisk_status status = read_options(run, options, error);
    if (status == BRISK_OK)
        status = open_programs(run, error);
    if (status != BRISK_OK)
        return status;
    if (bk_schedule_init(&run->schedule, &run->options) != BRISK_OK)
        return no_memory(error);
    status = list_tests(run, error);
    return status == BRISK_OK ? choose_tests(run, error) : status;
}

static void clean_up(struct run *run)
{
    bk_schedule_free(&run->schedule);
    for (size_t i = 0; i < run->program_count; i++)
        bk_program_free(&run->programs[i]);
    bk_free(run->programs);
    bk_free(run->jobs);
}

static void
tell(const struct run *run, const struct bk_program *program, const struct bk_result *result)
{
    struct brisk_runner_result shown = bk_program_show(program, result);
    if (run->options.on_result != NULL)
        run->options.on_result(&shown, run->options.ctx);
}

/* Programs whose hook did not name its tests have failed before any test runs. */
static void tell_failed_lists(struct run *run)
{
    for (size_t i = 0; i < run->program_count; i++) {
        const struct bk_program *program = &run->programs[i];
        if (program->result_count != 1 || !bk_is_failure(program->results[0].outcome))
            continue;
        run->schedule.finished_count++;
        run->schedule.failed_count++;
        tell(run, program, &program->results[0]);
    }
}

static enum brisk_status write_report(
    FILE *file, void (*write)(FILE *, const struct bk_report *), const struct bk_report *report,
    const char *what, struct brisk_error *error)
{
    if (file == NULL)
        return BRISK_OK;
    write(file, report);
    if (fflush(file) == 0 && !ferror(file))
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, errno, "cannot write the %s: %s", what, strerror(errno));
}

static enum brisk_status report(
    struct run *run, enum brisk_status status, struct brisk_runner_summary *summary,
    struct brisk_error *error)
{
    struct bk_report all = {run->programs, run->program_count, status != BRISK_OK};
    *summary = bk_report_count(&all);
    summary->duration_ns = bk_schedule_now_ns() - run->schedule.began_ns;
    enum brisk_status tap = write_report(run->options.tap, bk_tap_write, &all, "TAP", error);
    enum brisk_status junit = write_report(
        run->options.junit, bk_junit_write, &all, "JUnit XML", error);
    if (status != BRISK_OK)
        return status;
    return tap != BRISK_OK ? tap : junit;
}

enum brisk_status brisk_runner_run(
    const struct brisk_runner_options *options, struct brisk_runner_summary *summary,
    struct brisk_error *error)
{
    struct run run;
    *summary = (struct brisk_runner_summary){0};
    enum brisk_status status = prepare(&run, options, error);
    if (status == BRISK_OK) {
        tell_failed_lists(&run);
        status = bk_schedule_run(&run.schedule, run.jobs, run.job_count, true, error);
        status = report(&run, status, summary, error);
    }
    clean_up(&run);
    return status;
}

enum brisk_status
brisk_runner_list(const struct brisk_runner_options *options, struct brisk_error *error)
{
    struct run run;
    enum brisk_status status = prepare(&run, options, error);
    for (size_t i = 0; status == BRISK_OK && i < run.job_count; i++) {
        const struct bk_job *job = &run.jobs[i];
        struct bk_result whole = {.group = NULL};
        char none[] = "";
        whole.group = whole.test = none;
        tell(
            &run, job->program,
            job->kind == BK_ATTEMPT_TEST ? &job->program->results[job->result] : &whole);
    }
    clean_up(&run);
    return status;
}
