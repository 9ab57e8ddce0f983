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
                   .unit = "misses/op",
                   .baseline = "LRU",
                   .baseline_value = cell->lru_miss_ratio,
                   .goal = 1,
                   .sense = BENCH_AT_MOST,
                   .rounds = 1});
    return 100 * (1 - miss_ratio / cell->lru_miss_ratio);
}

static void report_mean(struct bench *bench, const struct plan *plan, double mean)
{
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "",
                   .value = mean,
                   .unit = "% below LRU",
                   .goal = field_goal(plan),
                   .sense = BENCH_AT_LEAST,
                   .rounds = 1});
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

void case_sharding_speed(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct plan single_plan = *plan;
    size_t rounds = bench_rounds(bench, FIELD_ROUNDS);
    size_t threads = plan->threads == 0 ? 1 : plan->threads;
    struct field field;
    void *single;

    if (!field_open(bench, plan, &field))
        return;
    single_plan.shards = 1;
    single = field_open_store(&single_plan, field.subject, field.requests, field.key_count);
    struct field_job jobs[] = {field_subject_job(&field), {field.loop, single, field.requests}};
    struct measure_side sides[] = {
        {.work = field_work, .ctx = &jobs[0], .threads = threads, .count = field.step},
        {.work = field_work, .ctx = &jobs[1], .threads = threads, .count = field.step}};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "",
                   .value = measure_median(sides[0].ns, rounds),
                   .unit = "ns/op",
                   .baseline = "one shard",
                   .baseline_value = measure_median(sides[1].ns, rounds),
                   .goal = field_goal(plan),
                   .sense = plan->sense,
                   .rounds = rounds});
    field.subject->close(single);
    field_close(&field);
}

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
    return 1 - (double)hits / (double)half;
}

void case_sharding_misses(struct bench *bench, const void *argument)
{
    size_t keys = bench_scaled(bench, FIELD_KEYS);
    struct workload *requests = workload_zipf(
        WORKLOAD_IDS, keys, bench_scaled(bench, FIELD_REQUESTS / 2), 7);

    for (size_t capacity = 100; capacity <= 100000; capacity *= 10) {
        char suffix[32];

        snprintf(suffix, sizeof suffix, "-%zu", capacity);
        bench_report(
            bench, &(struct bench_row){
                       .suffix = suffix,
                       .value = zipf_miss_ratio(argument, requests, capacity, 0),
                       .unit = "misses/op",
                       .baseline = "one shard",
                       .baseline_value = zipf_miss_ratio(argument, requests, capacity, 1),
                       .goal = BENCH_NONE,
                       .sense = BENCH_AT_MOST,
                       .rounds = 1});
    }
    workload_free(requests);
}
