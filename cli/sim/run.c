/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cli/sim/estimate.h"
#include "cli/sim/unique.h"

enum {
    /* Requests that go through one simulated cache after the other, whose memory stays near. */
    BATCH = 4096,
};

struct run {
    struct trace *trace;
    const struct sim_options *options;
    struct sim_result *result;
    struct brisk_error *error;
    struct sim_cache *caches; /* one per row */
    unsigned int cache_count;
    struct sim_unique unique;
    struct sim_estimate estimate;
    struct sim_request batch[BATCH];
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum brisk_status refuse(struct run *run, enum brisk_status status, const char *message)
{
    run->error->status = status;
    snprintf(run->error->message, sizeof run->error->message, "%s", message);
    return status;
}

/* Ratios would be those of something else. */
static enum brisk_status refuse_sum(struct run *run)
{
    run->error->status = BRISK_ERR_INVALID;
    snprintf(
        run->error->message, sizeof run->error->message,
        "%.120s: the sizes of all requests add up to 2^64 bytes or more", trace_name(run->trace));
    return BRISK_ERR_INVALID;
}

static enum brisk_status lack_memory(struct run *run)
{
    return refuse(run, BRISK_ERR_NOMEM, "no memory for what is simulated");
}

/* The next requests; *count is 0 at the end. */
static enum brisk_status read_batch(struct run *run, size_t *count)
{
    struct trace_line line;
    *count = 0;
    while (*count < BATCH) {
        enum trace_answer answer = trace_next(run->trace, &line);
        if (answer == TRACE_WRONG)
            return refuse(run, BRISK_ERR_INVALID, trace_reason(run->trace));
        if (answer == TRACE_END)
            break;
        run->batch[(*count)++] = (struct sim_request){
            .hash = XXH3_64bits(line.key.data, line.key.length),
            .size = line.size,
            .ttl = line.ttl != 0 ? line.ttl : run->options->ttl};
    }
    return BRISK_OK;
}

static void tell(const struct run *run, const char *what, uint64_t requests)
{
    if (run->options->progress != NULL)
        run->options->progress(
            run->options->progress_ctx, what, trace_progress(run->trace), requests);
}

static bool count_batch(struct run *run, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!sim_unique_add(&run->unique, run->batch[i].hash))
            return false;
        if (run->options->has_estimates)
            sim_estimate_look(&run->estimate, run->batch[i].hash);
    }
    return true;
}

static enum brisk_status count_unique(struct run *run)
{
    size_t count;
    uint64_t requests = 0;
    if (run->options->has_estimates && !sim_estimate_init(&run->estimate))
        return lack_memory(run);
    if (!trace_make_seekable(run->trace))
        return refuse(run, BRISK_ERR_SYSTEM, trace_reason(run->trace));
    do {
        enum brisk_status status = read_batch(run, &count);
        if (status != BRISK_OK)
            return status;
        if (!count_batch(run, count))
            return lack_memory(run);
        requests += count;
        tell(run, "counting keys", requests);
    } while (count != 0);
    run->result->unique_keys = run->unique.count;
    run->result->is_unique_known = true;
    sim_unique_free(&run->unique);
    if (!trace_rewind(run->trace))
        return refuse(run, BRISK_ERR_SYSTEM, trace_reason(run->trace));
    return BRISK_OK;
}

static enum brisk_status open_caches(struct run *run)
{
    const struct sim_plan *plan = run->options->plan;
    unsigned int rows = plan->size_count * plan->policy_count;
    run->result->rows = calloc(rows, sizeof *run->result->rows);
    run->caches = calloc(rows, sizeof *run->caches);
    if (run->result->rows == NULL || run->caches == NULL)
        return lack_memory(run);
    for (unsigned int i = 0; i < rows; i++) {
        const struct sim_size *size = &plan->sizes[i / plan->policy_count];
        struct sim_row *row = &run->result->rows[i];
        row->policy = plan->policies[i % plan->policy_count];
        row->size = size;
        row->capacity = sim_size_resolve(size, run->result->unique_keys);
        struct sim_cache_options options = {
            row->policy->policy, row->capacity, size->unit == SIM_BYTES};
        if (!sim_cache_init(&run->caches[i], &options))
            return lack_memory(run);
        run->cache_count++;
    }
    run->result->row_count = rows;
    if (run->options->has_estimates && !sim_estimate_open(&run->estimate, run->result->rows, rows))
        return lack_memory(run);
    return BRISK_OK;
}

static bool replay_batch(struct run *run, size_t count)
{
    for (unsigned int c = 0; c < run->cache_count; c++)
        if (!sim_cache_replay(&run->caches[c], run->batch, count))
            return false;
    return !run->options->has_estimates ||
           sim_estimate_replay(&run->estimate, run->batch, count, run->result->requests);
}

static void finish(struct run *run)
{
    struct sim_result *result = run->result;
    for (unsigned int i = 0; i < result->row_count; i++) {
        result->rows[i].misses = run->caches[i].misses;
        result->rows[i].bytes_missed = run->caches[i].bytes_missed;
    }
    result->has_estimates = run->options->has_estimates;
    if (result->has_estimates)
        sim_estimate_finish(&run->estimate, result);
}

static enum brisk_status replay(struct run *run)
{
    struct sim_result *result = run->result;
    size_t count;
    do {
        double begin = seconds();
        enum brisk_status status = read_batch(run, &count);
        if (status != BRISK_OK)
            return status;
        double middle = seconds();
        if (!replay_batch(run, count))
            return lack_memory(run);
        for (size_t i = 0; i < count; i++)
            if (__builtin_add_overflow(
                    result->bytes_requested, run->batch[i].size, &result->bytes_requested))
                return refuse_sum(run);
        result->requests += count;
        result->read_seconds += middle - begin;
        result->replay_seconds += seconds() - middle;
        tell(run, "replaying", result->requests);
    } while (count != 0);
    finish(run);
    return BRISK_OK;
}

static enum brisk_status run_all(struct run *run)
{
    enum brisk_status status = BRISK_OK;
    if (sim_plan_has_percent(run->options->plan) || run->options->has_estimates)
        status = count_unique(run);
    if (status == BRISK_OK)
        status = open_caches(run);
    return status == BRISK_OK ? replay(run) : status;
}

enum brisk_status sim_run(
    struct trace *trace, const struct sim_options *options, struct sim_result *result,
    struct brisk_error *error)
{
    *result = (struct sim_result){.trace_name = trace_name(trace)};
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        error->status = BRISK_ERR_NOMEM;
        snprintf(error->message, sizeof error->message, "no memory");
        return BRISK_ERR_NOMEM;
    }
    run->trace = trace;
    run->options = options;
    run->result = result;
    run->error = error;
    enum brisk_status status = run_all(run);
    for (unsigned int i = 0; i < run->cache_count; i++)
        sim_cache_free(&run->caches[i]);
    sim_unique_free(&run->unique);
    sim_estimate_free(&run->estimate);
    free(run->caches);
    free(run);
    if (status != BRISK_OK)
        sim_result_free(result);
    return status;
}

void sim_result_free(struct sim_result *result)
{
    free(result->rows);
    *result = (struct sim_result){0};
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

double sim_row_miss_ratio(const struct sim_result *result, const struct sim_row *row)
{
    return ratio(row->misses, result->requests);
}

double sim_row_byte_miss_ratio(const struct sim_result *result, const struct sim_row *row)
{
    return ratio(row->bytes_missed, result->bytes_requested);
}

double sim_mean_error(const struct sim_result *result, const struct sim_policy *policy)
{
    double sum = 0;
    unsigned int count = 0;
    for (unsigned int i = 0; i < result->row_count; i++) {
        const struct sim_row *row = &result->rows[i];
        if (row->policy != policy)
            continue;
        sum += fabs(row->estimate - sim_row_miss_ratio(result, row));
        count++;
    }
    return count == 0 ? 0 : sum / count;
}
