/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/curve_cases.h"
#include "cli/sim/run.h"

static void make_plan(struct sim_plan *plan, const struct error_plan *wanted)
{
    char sizes[1024];
    size_t length = 0;
    const char *wrong;

    for (int percent = wanted->step_percent; percent <= 100; percent += wanted->step_percent)
        length += (size_t)snprintf(
            sizes + length, sizeof sizes - length, "%s%d%%", length == 0 ? "" : ",", percent);
    if (!sim_plan_read_policies(plan, wanted->policy, &wrong) ||
        !sim_plan_read_sizes(plan, sizes, &wrong))
        bench_fail("the simulator does not know '%s'", wrong);
}

/* The mean error; reports it and the largest one, in percentage points of the miss ratio. */
static double run_trace(struct bench *bench, const struct sim_plan *plan, const char *path)
{
    struct brisk_error error = {0};
    struct sim_options options = {.plan = plan, .has_estimates = true};
    struct trace *trace = trace_open(path, &(struct trace_format){0, 0}, &error);
    struct sim_result result;
    char suffix[80];
    double mean, most = 0;

    if (trace == NULL || sim_run(trace, &options, &result, &error) != BRISK_OK)
        bench_fail("%s: %s", path, error.message);
    mean = sim_mean_error(&result, plan->policies[0]);
    for (unsigned int i = 0; i < result.row_count; i++)
        most = fmax(
            most, fabs(result.rows[i].estimate - sim_row_miss_ratio(&result, &result.rows[i])));
    snprintf(suffix, sizeof suffix, "-%s", result.trace_name);
    bench_report(
        bench, &(struct bench_row){.suffix = suffix, .value = 100 * mean, .unit = "points"});
    snprintf(suffix, sizeof suffix, "-%s-worst", result.trace_name);
    bench_report(
        bench, &(struct bench_row){.suffix = suffix, .value = 100 * most, .unit = "points"});
    sim_result_free(&result);
    trace_close(trace);
    return mean;
}

void case_error(struct bench *bench, const void *argument)
{
    const struct error_plan *wanted = argument;
    const char *folder = getenv("BRISK_TRACES");
    char pattern[4096];
    glob_t traces;
    double sum = 0;

    if (folder == NULL) {
        bench_report_absent(bench, "BRISK_TRACES is not set");
        return;
    }
    struct sim_plan plan;
    make_plan(&plan, wanted);
    snprintf(pattern, sizeof pattern, "%s/*.trace.zst", folder);
    if (glob(pattern, 0, NULL, &traces) != 0)
        bench_fail("there are no traces in %s", folder);
    for (size_t i = 0; i < traces.gl_pathc; i++)
        sum += run_trace(bench, &plan, traces.gl_pathv[i]);
    bench_report(
        bench,
        &(struct bench_row){
            .value = 100 * sum / (double)traces.gl_pathc, .unit = "points", .goal = wanted->goal});
    globfree(&traces);
}
