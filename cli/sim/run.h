/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <brisk/curve.h>

#include "cli/sim/plan.h"
#include "cli/sim/trace.h"

/* One trace replayed on one policy and size. */
struct sim_row {
    const struct sim_policy *policy;
    const struct sim_size *size;
    uint64_t capacity;
    uint64_t misses, bytes_missed;
    double estimate; /* of the miss ratio, from the sample if there is one */
};

struct sim_result {
    const char *trace_name; /* of the trace */
    uint64_t requests, bytes_requested;
    uint64_t unique_keys;
    bool is_unique_known; /* it is counted where sizes are percentages */
    struct sim_row *rows; /* size by size, in each policy by policy */
    unsigned int row_count;
    bool has_estimates;
    struct brisk_curve_reading sample; /* of the keys, that they are from */
    double read_seconds, replay_seconds;
};

/* Told now and then: what is done, in [0, 1], below 0 if that is not known. */
typedef void sim_progress_fn(void *ctx, const char *what, double done, uint64_t requests);

struct sim_options {
    const struct sim_plan *plan;
    uint64_t ttl;       /* in requests, of lines that say none; 0: none */
    bool has_estimates; /* are wanted; the trace is then read twice */
    sim_progress_fn *progress;
    void *progress_ctx;
};

/*
 * Replays a trace that was opened and not read yet. Wrong lines are
 * BRISK_ERR_INVALID with where and why; no memory is BRISK_ERR_NOMEM.
 */
enum brisk_status sim_run(
    struct trace *trace, const struct sim_options *options, struct sim_result *result,
    struct brisk_error *error);
void sim_result_free(struct sim_result *result);

double sim_row_miss_ratio(const struct sim_result *result, const struct sim_row *row);
double sim_row_byte_miss_ratio(const struct sim_result *result, const struct sim_row *row);
/* Mean distance of the estimates of one policy from the truth. */
double sim_mean_error(const struct sim_result *result, const struct sim_policy *policy);

#endif
