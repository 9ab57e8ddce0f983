/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/cases.h"
#include "bench/loops.h"

enum {
    SAMPLES = 250000
};

/* One side of a latency case. */
struct watch {
    subject_sample_fn *sample;
    void *store;
    const struct workload *requests;
    struct samples samples;

    subject_loop_fn *write; /* NULL: nobody writes */
    const struct workload *written;
    atomic_bool is_done;
};

static struct watch new_watch(const struct bench *bench, bool is_hit_only)
{
    struct watch watch = {
        .samples = {.capacity = bench_scaled(bench, SAMPLES), .is_hit_only = is_hit_only}};

    watch.samples.ticks = calloc(watch.samples.capacity, sizeof *watch.samples.ticks);
    if (watch.samples.ticks == NULL)
        bench_fail("no memory for samples");
    return watch;
}

static uint64_t write_until_done(struct watch *watch)
{
    enum {
        STRETCH = 1000
    };
    uint64_t hits = 0;

    for (size_t at = 0; !atomic_load(&watch->is_done); at = (at + STRETCH) % watch->written->count)
        hits += watch->write(watch->store, watch->written, at, STRETCH);
    return hits;
}

/* Of measure_work_fn: thread 0 has the stop-watch, another one writes meanwhile. */
static uint64_t watch_work(void *ctx, size_t thread, size_t first, size_t count)
{
    struct watch *watch = ctx;
    uint64_t hits;

    if (thread > 0)
        return write_until_done(watch);
    hits = watch->sample(watch->store, watch->requests, first, count, &watch->samples);
    atomic_store(&watch->is_done, true);
    return hits;
}

static void run_watch(struct watch *watch)
{
    struct measure_task task = {
        .work = watch_work,
        .ctx = watch,
        .threads = watch->write == NULL ? 1 : 2,
        .count = watch->requests->count,
        .requests = watch->requests->count};

    atomic_store(&watch->is_done, false);
    measure_threads(&task);
}

static double percentile_ns(struct watch *watch, double share, double tick_ns, double cost)
{
    double ticks = measure_percentile(watch->samples.ticks, watch->samples.count, share) - cost;

    return ticks > 0 ? ticks * tick_ns : 0;
}

static void report_percentiles(
    struct bench *bench, struct watch *watch, struct watch *baseline, const char *baseline_name)
{
    static const struct {
        const char *suffix;
        double share;
    } wanted[] = {{"-p50", 0.5}, {"-p99", 0.99}, {"-p999", 0.999}};
    double tick_ns = ticks_ns();
    double cost = ticks_cost();

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        bench_report(
            bench, &(struct bench_row){
                       .suffix = wanted[i].suffix,
                       .value = percentile_ns(watch, wanted[i].share, tick_ns, cost),
                       .unit = "ns",
                       .baseline = baseline_name,
                       .baseline_value = percentile_ns(baseline, wanted[i].share, tick_ns, cost),
                       .goal = BENCH_NONE,
                       .sense = BENCH_AT_MOST,
                       .rounds = watch->samples.count});
}

void case_latency(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct watch watch = new_watch(bench, false);
    struct watch baseline = new_watch(bench, false);

    watch.sample = plan->load == FIELD_HIT ? field.subject->sample_read : field.subject->sample_mix;
    watch.store = field.store;
    baseline.sample = field.baseline->sample_read;
    baseline.store = field.baseline_store;
    watch.requests = baseline.requests = field.requests;
    run_watch(&baseline);
    run_watch(&watch);
    report_percentiles(bench, &watch, &baseline, field.baseline->name);
    free(watch.samples.ticks);
    free(baseline.samples.ticks);
    field_close(&field);
}

/* The writer walks through more keys than there is room for, so that it evicts as well. */
void case_latency_beside_writer(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct field field;

    if (!field_open(bench, plan, &field))
        return;
    struct watch watch = new_watch(bench, true);
    struct watch baseline = new_watch(bench, true);
    struct workload *written = workload_each(WORKLOAD_IDS, 4 * field.key_count);

    watch.sample = baseline.sample = field.subject->sample_read;
    watch.store = baseline.store = field.store;
    watch.requests = baseline.requests = field.requests;
    watch.write = field.subject->mix;
    watch.written = written;
    run_watch(&baseline);
    run_watch(&watch);
    report_percentiles(bench, &watch, &baseline, "no writer");
    workload_free(written);
    free(watch.samples.ticks);
    free(baseline.samples.ticks);
    field_close(&field);
}
