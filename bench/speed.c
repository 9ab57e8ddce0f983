/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases.h"

enum {
    CROWDED_CPUS = 2
};

static size_t threads_of(const struct plan *plan)
{
    return plan->threads == 0 ? 1 : plan->threads;
}

/* A new cell of work for one side. One thread does two steps per round, several do one each. */
static struct measure_side side_of(struct field_job *job, const struct field *field, size_t threads)
{
    return (struct measure_side){
        .work = field_work,
        .ctx = job,
        .threads = threads,
        .count = threads == 1 ? 2 * field->step : field->step};
}

static void report_against(
    struct bench *bench, const struct plan *plan, const struct field *field,
    const struct measure_side *sides, size_t rounds)
{
    struct bench_row row = {
        .suffix = "",
        .value = measure_median(sides[0].ns, rounds),
        .unit = "ns/op",
        .baseline = field->baseline->name,
        .baseline_value = measure_median(sides[1].ns, rounds),
        .goal = field_goal(plan),
        .sense = plan->sense,
        .rounds = rounds};

    bench_report(bench, &row);
}

/* What was found is part of the result: a cache that keeps the right tenth misses less. */
static void report_hits(struct bench *bench, const struct measure_side *side, size_t rounds)
{
    double operations = (double)(side->threads * side->count * rounds);
    struct bench_row row = {
        .suffix = "-hits",
        .value = (double)side->result / operations,
        .unit = "hits/op",
        .goal = BENCH_NONE,
        .sense = BENCH_AT_LEAST,
        .rounds = rounds};

    bench_report(bench, &row);
}

static void check_or_report_hits(
    struct bench *bench, const struct plan *plan, const struct measure_side *side, size_t rounds)
{
    if (plan->load == FIELD_HIT)
        field_check_hits(side, rounds);
    else
        report_hits(bench, side, rounds);
}

void case_speed(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = field_subject_job(&field);
    struct field_job baseline = field_baseline_job(&field);
    struct measure_side sides[] = {
        side_of(&job, &field, threads_of(plan)), side_of(&baseline, &field, threads_of(plan))};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    report_against(bench, plan, &field, sides, rounds);
    field_check_hits(&sides[1], rounds);
    check_or_report_hits(bench, plan, &sides[0], rounds);
    field_close(&field);
}

static void report_scaling(
    struct bench *bench, const struct plan *plan, const struct field *field,
    const struct measure_side *sides, size_t rounds)
{
    struct bench_row row = {
        .suffix = "",
        .value = measure_median_ratio(sides[0].ns, sides[1].ns, rounds),
        .unit = "x 1 thread",
        .baseline = field->baseline->name,
        .baseline_value = measure_median_ratio(sides[2].ns, sides[3].ns, rounds),
        .goal = field_goal(plan),
        .sense = BENCH_AT_LEAST,
        .rounds = rounds};

    bench_report(bench, &row);
    row.suffix = "-rate";
    row.value = measure_median(sides[1].ns, rounds);
    row.unit = "ns/op";
    row.baseline_value = measure_median(sides[3].ns, rounds);
    row.goal = BENCH_NONE;
    row.sense = BENCH_AT_MOST;
    bench_report(bench, &row);
}

void case_scaling(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_SCALING_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = field_subject_job(&field);
    struct field_job baseline = field_baseline_job(&field);
    struct measure_side sides[] = {
        side_of(&job, &field, 1), side_of(&job, &field, threads_of(plan)),
        side_of(&baseline, &field, 1), side_of(&baseline, &field, threads_of(plan))};

    measure_interleaved(sides, 4, rounds, field.requests->count);
    report_scaling(bench, plan, &field, sides, rounds);
    field_check_hits(&sides[3], rounds);
    check_or_report_hits(bench, plan, &sides[1], rounds);
    field_close(&field);
}

/* Throughput in millions of operations a second, so that more is better. */
static double rate_of(const struct measure_side *side, size_t rounds)
{
    return 1000 / measure_median(side->ns, rounds);
}

void case_crowded(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_SCALING_ROUNDS);
    struct field field;

    measure_limit_cpus(CROWDED_CPUS);

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = field_subject_job(&field);
    struct measure_side sides[] = {
        side_of(&job, &field, 2 * CROWDED_CPUS), side_of(&job, &field, CROWDED_CPUS)};

    sides[0].count /= 2;
    measure_interleaved(sides, 2, rounds, field.requests->count);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "",
                   .value = rate_of(&sides[0], rounds),
                   .unit = "Mops/s",
                   .baseline = "brisk 2 threads",
                   .baseline_value = rate_of(&sides[1], rounds),
                   .goal = field_goal(plan),
                   .sense = plan->sense,
                   .rounds = rounds});
    field_close(&field);
}

void case_difference(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = field_subject_job(&field);
    struct field_job baseline = field_baseline_job(&field);
    struct measure_side sides[] = {side_of(&job, &field, 1), side_of(&baseline, &field, 1)};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    bench_report(
        bench,
        &(struct bench_row){
            .suffix = "",
            .value = measure_median(sides[0].ns, rounds) - measure_median(sides[1].ns, rounds),
            .unit = "ns extra",
            .goal = field_goal(plan),
            .sense = plan->sense,
            .rounds = rounds});
    field_check_hits(&sides[0], rounds);
    field_close(&field);
}

void case_hot_key(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_SCALING_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct workload *single = workload_single(field.requests->count);
    struct field_job job = {field.loop, field.store, single};
    struct field_job baseline = {field.baseline->read, field.baseline_store, single};
    struct measure_side sides[] = {
        side_of(&job, &field, threads_of(plan)), side_of(&baseline, &field, threads_of(plan))};

    measure_interleaved(sides, 2, rounds, single->count);
    report_against(bench, plan, &field, sides, rounds);
    field_check_hits(&sides[0], rounds);
    workload_free(single);
    field_close(&field);
}

void case_loaded(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = field_subject_job(&field);
    struct field_job view = {brisk_read_view, field.store, field.requests};
    struct measure_side sides[] = {side_of(&job, &field, 1), side_of(&view, &field, 1)};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "",
                   .value = measure_median(sides[0].ns, rounds),
                   .unit = "ns/op",
                   .baseline = "brisk get",
                   .baseline_value = measure_median(sides[1].ns, rounds),
                   .goal = field_goal(plan),
                   .sense = plan->sense,
                   .rounds = rounds});
    field_check_hits(&sides[0], rounds);
    field_close(&field);
}

void case_put(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = {field.subject->put, field.store, field.requests};
    struct field_job baseline = {field.baseline->put, field.baseline_store, field.requests};
    struct measure_side sides[] = {side_of(&job, &field, 1), side_of(&baseline, &field, 1)};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    report_against(bench, plan, &field, sides, rounds);
    field_close(&field);
}

/* Without a baseline: two threads must not write to the bare table. */
void case_put_scaling(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    size_t rounds = bench_rounds(bench, FIELD_SCALING_ROUNDS);
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct field_job job = {field.subject->put, field.store, field.requests};
    struct measure_side sides[] = {
        side_of(&job, &field, 1), side_of(&job, &field, threads_of(plan))};

    measure_interleaved(sides, 2, rounds, field.requests->count);
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "",
                   .value = measure_median_ratio(sides[0].ns, sides[1].ns, rounds),
                   .unit = "x 1 thread",
                   .goal = field_goal(plan),
                   .sense = BENCH_AT_LEAST,
                   .rounds = rounds});
    field_close(&field);
}
