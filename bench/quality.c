/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/traces.h"

/* Below this the reference itself has defects in some columns. */
enum {
    MIN_CAPACITY = 100,
    MAX_CELLS = 64
};

#ifdef BENCH_HAS_ZSTD

/* To six decimals, as the reference is. */
static double replay(const struct trace *trace, size_t capacity)
{
    struct subject_options options = {.capacity = capacity};
    void *store = subject_brisk.open(&options);
    uint64_t hits = brisk_replay(store, trace->keys, trace->count);

    subject_brisk.close(store);
    return round(1e6 * (1 - (double)hits / (double)trace->count)) / 1e6;
}

/* Returns the reduction of the miss ratio against LRU, in percent. */
static double
run_cell(struct bench *bench, const struct trace *trace, const struct trace_cell *cell)
{
    double miss_ratio = replay(trace, cell->capacity);
    char suffix[64];

    snprintf(suffix, sizeof suffix, "-%s-%zu", trace->name, cell->capacity);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = suffix,
                   .value = miss_ratio,
                   .unit = "misses/get",
                   .baseline = "LRU",
                   .baseline_value = cell->lru_miss_ratio,
                   .goal = 1});
    return 100 * (1 - miss_ratio / cell->lru_miss_ratio);
}

static void report_mean(struct bench *bench, const struct plan *plan, double mean)
{
    bench_report(
        bench,
        &(struct bench_row){
            .value = mean, .unit = "% below LRU", .goal = plan->goal, .sense = BENCH_AT_LEAST});
}

void case_traces(struct bench *bench, const void *argument)
{
    const char *folder = getenv("BRISK_TRACES");
    struct trace_cell cells[MAX_CELLS];
    struct trace *trace = NULL;
    double sum = 0;
    size_t count;

    if (folder == NULL) {
        bench_report_absent(bench, "BRISK_TRACES is not set");
        return;
    }
    count = trace_read_cells(folder, MIN_CAPACITY, cells, MAX_CELLS);
    for (size_t i = 0; i < count; i++) {
        if (trace == NULL || strcmp(trace->name, cells[i].trace) != 0) {
            trace_free(trace);
            trace = trace_read(folder, cells[i].trace);
        }
        sum += run_cell(bench, trace, &cells[i]);
    }
    trace_free(trace);
    report_mean(bench, argument, count == 0 ? BENCH_NONE : sum / (double)count);
}

#else

void case_traces(struct bench *bench, const void *argument)
{
    (void)argument;
    bench_report_absent(bench, "this build did not find libzstd");
}

#endif

static double zipf_miss_ratio(
    const struct plan *plan, const struct workload *requests, size_t capacity, unsigned int shards)
{
    struct subject_options options = {.capacity = capacity, .shards = shards};
    void *store = plan->subject->open(&options);
    size_t half = requests->count / 2;
    uint64_t hits;

    plan->subject->mix(store, requests, 0, half);
    hits = plan->subject->mix(store, requests, half, half);
    plan->subject->close(store);
    if (hits == 0)
        bench_fail("%s found nothing", plan->subject->name);
    return 1 - (double)hits / (double)half;
}

static void report_sharding(
    struct bench *bench, const struct plan *plan, const struct workload *requests, size_t capacity,
    unsigned int shards)
{
    char suffix[32];

    if (shards == 0)
        snprintf(suffix, sizeof suffix, "-%zu", capacity);
    else
        snprintf(suffix, sizeof suffix, "-%zu-in-%u", capacity, shards);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = suffix,
                   .value = zipf_miss_ratio(plan, requests, capacity, shards),
                   .unit = "misses/get",
                   .baseline = "one shard",
                   .baseline_value = zipf_miss_ratio(plan, requests, capacity, 1)});
}

/* Small caches have one shard by default: more show why. */
void case_sharding_misses(struct bench *bench, const void *argument)
{
    size_t keys = bench_scaled(bench, FIELD_KEYS);
    struct workload *requests = workload_zipf(
        WORKLOAD_IDS, keys, bench_scaled(bench, FIELD_REQUESTS / 2), 7);

    for (size_t capacity = 100; capacity <= 100000; capacity *= 10) {
        report_sharding(bench, argument, requests, capacity, 0);
        report_sharding(bench, argument, requests, capacity, 16);
    }
    workload_free(requests);
}
