/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/cases.h"
#include "bench/loops.h"

enum {
    ROUNDS = 8
};

/* One side of a latency case. */
struct watch {
    struct contender *contender;
    subject_sample_fn *sample;
    struct samples samples;
    uint64_t hits;

    const struct workload *written; /* by another thread meanwhile; NULL: nobody writes */
    size_t written_up_to;
    atomic_bool is_done;
};

static double *allocate(size_t count)
{
    double *ticks = calloc(count, sizeof *ticks);

    if (ticks == NULL)
        bench_fail("no memory for samples");
    return ticks;
}

static struct watch new_watch(struct contender *contender, bool is_hit_only)
{
    size_t capacity = contender->requests->count / SAMPLE_EVERY;
    bool is_read = contender->loop == contender->subject->read;

    return (struct watch){
        .contender = contender,
        .sample = is_read ? contender->subject->sample_read : contender->subject->sample_mix,
        .samples = {.capacity = capacity, .ticks = allocate(capacity), .is_hit_only = is_hit_only}};
}

static void write_until_done(struct watch *watch)
{
    enum {
        STRETCH = 1000
    };
    const struct contender *contender = watch->contender;

    while (!atomic_load(&watch->is_done)) {
        contender->subject->mix(contender->store, watch->written, watch->written_up_to, STRETCH);
        watch->written_up_to = (watch->written_up_to + STRETCH) % watch->written->count;
    }
}

/* Of measure_work_fn: thread 0 has the stop-watch, another one writes meanwhile. */
static uint64_t watch_work(void *ctx, size_t thread, size_t first, size_t count)
{
    struct watch *watch = ctx;
    const struct contender *contender = watch->contender;
    size_t elsewhere = (first + contender->requests->count / 2) % contender->requests->count;
    uint64_t hits;

    if (thread > 0) {
        write_until_done(watch);
        return 0;
    }
    contender->loop(contender->store, contender->requests, elsewhere, count / 4); /* warms up */
    hits = watch->sample(contender->store, contender->requests, first, count, &watch->samples);
    atomic_store(&watch->is_done, true);
    return hits;
}

static void run_watch(struct watch *watch, size_t round)
{
    size_t requests = watch->contender->requests->count;
    struct measure_task task = {
        .work = watch_work,
        .ctx = watch,
        .threads = watch->written == NULL ? 1 : 2,
        .first = round * (requests / ROUNDS),
        .count = requests / ROUNDS,
        .requests = requests};

    atomic_store(&watch->is_done, false);
    watch->hits += measure_threads(&task).result;
}

static double percentile_ns(struct watch *watch, double share, double tick_ns, double cost)
{
    double ticks = measure_percentile(watch->samples.ticks, watch->samples.count, share) - cost;

    return ticks > 0 ? ticks * tick_ns : 0;
}

static void report(struct bench *bench, struct watch *watch, struct watch *baseline)
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
                       .baseline = baseline->contender->name,
                       .baseline_value = percentile_ns(baseline, wanted[i].share, tick_ns, cost),
                       .rounds = ROUNDS});
}

static double hit_ratio(const struct watch *watch)
{
    return field_hit_ratio(watch->contender, watch->hits, watch->contender->requests->count);
}

/* By turns, so that a machine that slows down slows both. */
static void compare(struct bench *bench, struct watch *watch, struct watch *baseline)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        run_watch(round % 2 == 0 ? baseline : watch, round);
        run_watch(round % 2 == 0 ? watch : baseline, round);
    }
    hit_ratio(baseline);
    struct bench_row hits = {.suffix = "-hits", .value = hit_ratio(watch), .unit = "hits/get"};

    report(bench, watch, baseline);
    if (!watch->contender->is_complete)
        bench_report(bench, &hits);
    free(watch->samples.ticks);
    free(baseline->samples.ticks);
}

void case_latency(struct bench *bench, const void *argument)
{
    struct field field;

    if (!field_open(bench, argument, &field))
        return;
    struct watch watch = new_watch(&field.subject, false);
    struct watch baseline = new_watch(&field.baseline, false);

    compare(bench, &watch, &baseline);
    field_close(&field);
}

/* The writer walks through more keys than there is room for, so that it evicts as well. */
void case_latency_beside_writer(struct bench *bench, const void *argument)
{
    struct field field;

    if (!field_open(bench, argument, &field))
        return;
    struct workload *written = workload_each(WORKLOAD_IDS, 4 * field.key_count);
    struct watch watch = new_watch(&field.subject, true);
    struct watch baseline = new_watch(&field.baseline, true);

    watch.written = written;
    field.baseline.name = "no writer";
    field.subject.is_complete = field.baseline.is_complete = false;
    compare(bench, &watch, &baseline);
    workload_free(written);
    field_close(&field);
}
