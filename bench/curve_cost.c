/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/curve.h>

#include "bench/curve_cases.h"

enum {
    KEYS = 200000,
    LOOKUPS = 4000000,
    ROUNDS = 5,
    PAIRS = 6,
    DEFAULT_KEYS_PER_SAMPLE = 512
};

static struct brisk_curve *open_curve(double sample_rate)
{
    struct brisk_curve_options options = brisk_curve_options_default();
    struct brisk_error error;

    options.max_keys = 8192;
    options.sample_rate = sample_rate;
    struct brisk_curve *curve = brisk_curve_new(&options, &error);
    if (curve == NULL)
        bench_fail("%s", error.message);
    return curve;
}

static double add_all(struct brisk_curve *curve, const struct workload *requests)
{
    uint64_t begin = measure_now_ns();

    for (size_t i = 0; i < requests->count; i++)
        brisk_curve_add(curve, brisk_bytes_of(&requests->ids[i], sizeof requests->ids[i]));
    return (double)(measure_now_ns() - begin) / (double)requests->count;
}

void case_curve_memory(struct bench *bench, const void *argument)
{
    struct brisk_curve *curve = open_curve(1);
    struct brisk_curve_reading reading = {.size = sizeof reading};

    brisk_curve_read(curve, 1, &reading);
    bench_report(
        bench, &(struct bench_row){
                   .value = (double)reading.memory_bytes,
                   .unit = "bytes",
                   .goal = *(const double *)argument});
    brisk_curve_free(curve);
}

/* Warm: the first round, which finds the rate at which 8,192 keys are followed, is not timed. */
void case_curve_add(struct bench *bench, const void *argument)
{
    double ns[ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS);
    struct workload *requests = workload_zipf(WORKLOAD_IDS, KEYS, bench_scaled(bench, LOOKUPS), 42);
    struct brisk_curve *curve = open_curve(*(const double *)argument);
    struct brisk_curve_reading reading = {.size = sizeof reading};

    add_all(curve, requests);
    for (size_t i = 0; i < rounds; i++)
        ns[i] = add_all(curve, requests);
    brisk_curve_read(curve, 1, &reading);
    double share = (double)reading.sampled_requests / (double)reading.requests;
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ns, rounds), .unit = "ns/lookup", .rounds = rounds});
    bench_report(
        bench, &(struct bench_row){.suffix = "-share", .value = share, .unit = "followed"});
    brisk_curve_free(curve);
    workload_free(requests);
}

/*
 * Medians of one pair: time per operation with a curve, and its ratio to that
 * without. Which of the two caches is made first makes a difference of its own.
 */
static bool run_pair(
    struct bench *bench, const struct plan *argument, bool is_curve_first, double *ns,
    double *ratio)
{
    struct field field;
    struct plan plan = *argument;
    size_t rounds = bench_rounds(bench, ROUNDS);

    plan.against = is_curve_first ? FIELD_NO_CURVE : FIELD_CURVE;
    if (!field_open(bench, &plan, &field))
        return false;
    size_t count = field.requests->count / 8;
    struct measure_side sides[2] = {
        {.work = field_work, .ctx = &field.subject, .threads = 1, .count = count},
        {.work = field_work, .ctx = &field.baseline, .threads = 1, .count = count}};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    field_hit_ratio(&field.subject, sides[0].result, count * rounds);
    field_hit_ratio(&field.baseline, sides[1].result, count * rounds);
    const double *with = sides[!is_curve_first].ns;
    const double *without = sides[is_curve_first].ns;
    *ns = measure_median(with, rounds);
    *ratio = measure_median_ratio(with, without, rounds);
    field_close(&field);
    return true;
}

void case_curve_live(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    double ns[PAIRS], ratios[PAIRS];

    for (size_t i = 0; i < PAIRS; i++)
        if (!run_pair(bench, plan, i % 2 == 0, &ns[i], &ratios[i]))
            return;
    double more = measure_median(ratios, PAIRS) - 1;
    double without = measure_median(ns, PAIRS) / (1 + more);
    double share = (double)SUBJECT_KEYS_PER_SAMPLE / DEFAULT_KEYS_PER_SAMPLE;
    bench_report(
        bench, &(struct bench_row){
                   .value = without * (1 + more * share),
                   .unit = "ns/op",
                   .baseline = "no curve",
                   .baseline_value = without,
                   .goal = plan->goal,
                   .rounds = PAIRS});
}
