/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/field.h"

static const uint64_t SEED = 42;

/* All loads that are measured let a tenth of the keys answer far more than this. */
static const double LEAST_HIT_RATIO = 0.25;

enum {
    ROUNDS = 11,
    ROUNDS_OF_THREADS = 21 /* a second CPU is not always there */
};

uint64_t field_work(void *ctx, size_t thread, size_t first, size_t count)
{
    const struct contender *contender = ctx;

    (void)thread;
    return contender->loop(contender->store, contender->requests, first, count);
}

double field_hit_ratio(const struct contender *contender, uint64_t hits, uint64_t lookups)
{
    double ratio = (double)hits / (double)lookups;

    if (ratio < (contender->is_complete ? 1 : LEAST_HIT_RATIO))
        bench_fail(
            "%s: %llu of %llu lookups were hits with the right value", contender->name,
            (unsigned long long)hits, (unsigned long long)lookups);
    return ratio;
}

/* One thread through all requests; the hits. */
static uint64_t run_through(subject_loop_fn *loop, void *store, const struct workload *workload)
{
    struct contender contender = {.loop = loop, .store = store, .requests = workload};
    struct measure_task task = {
        .work = field_work,
        .ctx = &contender,
        .threads = 1,
        .count = workload->count,
        .requests = workload->count};

    return measure_threads(&task).result;
}

/* Stores every key once, in an order that has nothing to do with popularity. */
static void fill(const struct contender *contender, enum workload_keys kind, size_t keys)
{
    struct workload *each = workload_each(kind, keys);

    run_through(contender->subject->mix, contender->store, each);
    field_hit_ratio(contender, run_through(contender->subject->read, contender->store, each), keys);
    workload_free(each);
}

static void open_store(
    struct contender *contender, const struct plan *plan, size_t keys, size_t capacity,
    unsigned int shards)
{
    struct subject_options options = {
        .keys = plan->keys,
        .capacity = capacity,
        .shards = shards,
        .ttl_ms = plan->ttl_ms,
        .has_curve = contender->has_curve};

    contender->store = contender->subject->open(&options);
    if (contender->is_complete)
        fill(contender, plan->keys, keys);
    else
        run_through(contender->subject->mix, contender->store, contender->requests);
}

static subject_loop_fn *loop_of(const struct subject *subject, enum field_load load)
{
    if (load == FIELD_HIT || load == FIELD_HOT)
        return subject->read;
    return load == FIELD_PUT ? subject->put : subject->mix;
}

/* With several shards some get more than their part of the keys: leave room for all. */
static size_t capacity_for(const struct contender *contender, size_t keys)
{
    return contender->is_complete ? keys + keys / 4 : keys / 10;
}

static void open_subject(struct field *field, const struct plan *plan)
{
    field->subject = (struct contender){
        .name = plan->subject->name,
        .subject = plan->subject,
        .is_complete = plan->load == FIELD_HIT || plan->load == FIELD_HOT,
        .has_curve = plan->against == FIELD_NO_CURVE,
        .loop = plan->loop != NULL ? plan->loop : loop_of(plan->subject, plan->load),
        .requests = field->requests};
    open_store(
        &field->subject, plan, field->key_count, capacity_for(&field->subject, field->key_count),
        0);
}

static void open_bare(struct field *field, const struct plan *plan, const struct subject *bare)
{
    field->baseline = (struct contender){
        .name = bare->name,
        .subject = bare,
        .is_complete = true,
        .loop = plan->load == FIELD_PUT ? bare->put : bare->read,
        .requests = field->requests};
    open_store(&field->baseline, plan, field->key_count, field->key_count, 0);
}

static void open_baseline(struct field *field, const struct plan *plan)
{
    field->baseline = field->subject;
    switch (plan->against) {
    case FIELD_BARE:
        open_bare(field, plan, &subject_bare);
        break;
    case FIELD_BARE_HUGE:
        open_bare(field, plan, &subject_bare_huge);
        break;
    case FIELD_ONE_SHARD:
        field->baseline.name = "one shard";
        open_store(
            &field->baseline, plan, field->key_count,
            capacity_for(&field->baseline, field->key_count), 1);
        break;
    case FIELD_NO_CURVE:
    case FIELD_CURVE:
        field->baseline.name = plan->against == FIELD_CURVE ? "curve" : "no curve";
        field->baseline.has_curve = plan->against == FIELD_CURVE;
        open_store(
            &field->baseline, plan, field->key_count,
            capacity_for(&field->baseline, field->key_count), 0);
        break;
    case FIELD_GET:
        field->baseline.name = "brisk get";
        field->baseline.loop = brisk_read_view;
        break;
    case FIELD_ITSELF:
        break;
    }
}

bool field_is_possible(struct bench *bench, const struct plan *plan)
{
    if (plan->subject == NULL)
        bench_report_absent(bench, "this build did not find the library");
    else if (plan->threads > measure_cpu_count())
        bench_report_absent(bench, "there are fewer CPUs than threads");
    else
        return true;
    return false;
}

static struct workload *new_requests(const struct plan *plan, size_t keys, size_t count)
{
    if (plan->load == FIELD_SCAN)
        return workload_scan(keys, count, SEED);
    if (plan->load == FIELD_HOT)
        return workload_single(count);
    return workload_zipf(plan->keys, keys, count, SEED);
}

bool field_open(struct bench *bench, const struct plan *plan, struct field *field)
{
    if (!field_is_possible(bench, plan))
        return false;
    /* A case that is about a number of keys has that many also if it is quick. */
    field->key_count = plan->key_count == 0 ? bench_scaled(bench, FIELD_KEYS) : plan->key_count;
    field->requests = new_requests(plan, field->key_count, bench_scaled(bench, FIELD_REQUESTS));
    field->threads = plan->threads == 0 ? 1 : plan->threads;
    field->rounds = bench_rounds(bench, field->threads == 1 ? ROUNDS : ROUNDS_OF_THREADS);
    open_subject(field, plan);
    open_baseline(field, plan);
    return true;
}

void field_close(struct field *field)
{
    if (field->baseline.store != field->subject.store)
        field->baseline.subject->close(field->baseline.store);
    field->subject.subject->close(field->subject.store);
    workload_free(field->requests);
}
