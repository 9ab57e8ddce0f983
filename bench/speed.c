/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases.h"

enum {
    MAX_SIDES = 4
};

/* What a case measures in turn. */
struct match {
    struct bench *bench;
    const struct plan *plan;
    struct field field;
    size_t side_count;
    struct measure_side sides[MAX_SIDES];
};

static bool open_match(struct match *match, struct bench *bench, const void *argument)
{
    match->bench = bench;
    match->plan = argument;
    match->side_count = 0;
    return field_open(bench, argument, &match->field);
}

/* Any number of threads together takes a quarter of the requests per round. */
static void add_side(struct match *match, struct contender *contender, size_t threads)
{
    match->sides[match->side_count++] = (struct measure_side){
        .work = field_work,
        .ctx = contender,
        .threads = threads,
        .count = match->field.requests->count / 4 / threads};
}

static double hit_ratio(const struct match *match, const struct measure_side *side)
{
    uint64_t operations = (uint64_t)side->threads * side->count * match->field.rounds;

    return field_hit_ratio(
        side->ctx, side->result, match->plan->load == FIELD_PUT ? operations / 2 : operations);
}

static void play(struct match *match)
{
    measure_interleaved(
        match->sides, match->side_count, match->field.rounds, match->field.requests->count);
    for (size_t i = 0; i < match->side_count; i++)
        hit_ratio(match, &match->sides[i]);
}

static double median_ns(const struct match *match, size_t side)
{
    return measure_median(match->sides[side].ns, match->field.rounds);
}

/* Throughput of the side after `side` over that of `side`, round by round. */
static double gain(const struct match *match, size_t side)
{
    return measure_median_ratio(
        match->sides[side].ns, match->sides[side + 1].ns, match->field.rounds);
}

static void report(struct match *match, struct bench_row row)
{
    row.rounds = match->field.rounds;
    bench_report(match->bench, &row);
}

/* What was found is part of the result: a cache that keeps the right tenth misses less. */
static void close_match(struct match *match)
{
    if (!match->field.subject.is_complete)
        report(
            match, (struct bench_row){
                       .suffix = "-hits",
                       .value = hit_ratio(match, &match->sides[0]),
                       .unit = "hits/get"});
    field_close(&match->field);
}

void case_speed(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct match match;

    if (!open_match(&match, bench, plan))
        return;
    add_side(&match, &match.field.subject, match.field.threads);
    add_side(&match, &match.field.baseline, match.field.threads);
    play(&match);
    report(
        &match, (struct bench_row){
                    .value = median_ns(&match, 0),
                    .unit = "ns/op",
                    .baseline = match.field.baseline.name,
                    .baseline_value = median_ns(&match, 1),
                    .goal = plan->goal});
    close_match(&match);
}

void case_difference(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct match match;

    if (!open_match(&match, bench, plan))
        return;
    add_side(&match, &match.field.subject, 1);
    add_side(&match, &match.field.baseline, 1);
    play(&match);
    report(
        &match, (struct bench_row){
                    .value = median_ns(&match, 0) - median_ns(&match, 1),
                    .unit = "ns extra",
                    .goal = plan->goal});
    close_match(&match);
}

/* FIELD_ITSELF: no baseline, as two threads must not write to the bare table. */
void case_scaling(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    bool is_alone = plan->against == FIELD_ITSELF;
    struct match match;

    if (!open_match(&match, bench, plan))
        return;
    add_side(&match, &match.field.subject, 1);
    add_side(&match, &match.field.subject, match.field.threads);
    if (!is_alone) {
        add_side(&match, &match.field.baseline, 1);
        add_side(&match, &match.field.baseline, match.field.threads);
    }
    play(&match);
    struct bench_row row = {
        .value = gain(&match, 0),
        .unit = "x 1 thread",
        .baseline = is_alone ? NULL : match.field.baseline.name,
        .baseline_value = is_alone ? BENCH_NONE : gain(&match, 2),
        .goal = plan->goal,
        .sense = BENCH_AT_LEAST};
    struct bench_row rate = {
        .suffix = "-rate",
        .value = median_ns(&match, 1),
        .unit = "ns/op",
        .baseline = row.baseline,
        .baseline_value = is_alone ? BENCH_NONE : median_ns(&match, 3)};

    report(&match, row);
    report(&match, rate);
    close_match(&match);
}

void case_crowded(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct match match;

    measure_limit_cpus(plan->threads);
    if (!open_match(&match, bench, plan))
        return;
    add_side(&match, &match.field.subject, 2 * plan->threads);
    add_side(&match, &match.field.subject, plan->threads);
    play(&match);
    report(
        &match, (struct bench_row){
                    .value = 1000 / median_ns(&match, 0),
                    .unit = "Mops/s",
                    .baseline = "half the threads",
                    .baseline_value = 1000 / median_ns(&match, 1),
                    .goal = plan->goal,
                    .sense = BENCH_AT_LEAST});
    close_match(&match);
}
