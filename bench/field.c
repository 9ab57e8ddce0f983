/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/field.h"

static const uint64_t SEED = 42;

uint64_t field_work(void *ctx, size_t thread, size_t first, size_t count)
{
    const struct field_job *job = ctx;

    (void)thread;
    return job->loop(job->store, job->workload, first, count);
}

double field_goal(const struct plan *plan)
{
    return plan->goal > 0 ? plan->goal : BENCH_NONE;
}

/* One thread through all requests; the hits. */
static uint64_t run_through(subject_loop_fn *loop, void *store, const struct workload *workload)
{
    struct field_job job = {loop, store, workload};
    struct measure_task task = {
        .work = field_work,
        .ctx = &job,
        .threads = 1,
        .count = workload->count,
        .requests = workload->count};

    return measure_threads(&task).result;
}

/* Stores every key once, in an order that has nothing to do with popularity. */
static void fill(const struct subject *subject, void *store, const struct plan *plan, size_t keys)
{
    struct workload *each = workload_each(plan->keys, keys);

    run_through(subject->mix, store, each);
    if (run_through(subject->read, store, each) != keys)
        bench_fail("%s does not hold all of %zu keys", subject->name, keys);
    workload_free(each);
}

void *field_open_store(
    const struct plan *plan, const struct subject *subject, const struct workload *requests,
    size_t key_count)
{
    struct subject_options options = {
        .keys = plan->keys, .shards = plan->shards, .ttl_ms = plan->ttl_ms};
    void *store;

    /* With several shards some get more than their part of the keys: leave room. */
    options.capacity = plan->load == FIELD_HIT ? key_count + key_count / 4 : key_count / 10;
    store = subject->open(&options);
    if (plan->load == FIELD_HIT)
        fill(subject, store, plan, key_count);
    else
        run_through(subject->mix, store, requests);
    return store;
}

static void *open_baseline(const struct plan *plan, const struct subject *subject, size_t keys)
{
    struct subject_options options = {.keys = plan->keys, .capacity = keys};
    void *store = subject->open(&options);

    fill(subject, store, plan, keys);
    return store;
}

static subject_loop_fn *loop_of(const struct plan *plan)
{
    if (plan->loop != NULL)
        return plan->loop;
    return plan->load == FIELD_HIT ? plan->subject->read : plan->subject->mix;
}

static bool is_possible(struct bench *bench, const struct plan *plan)
{
    if (plan->subject == NULL) {
        bench_report_absent(bench, "this build did not find the library");
        return false;
    }
    if (plan->threads > measure_cpu_count()) {
        bench_report_absent(bench, "there are fewer CPUs than threads");
        return false;
    }
    return true;
}

bool field_open(struct bench *bench, const struct plan *plan, struct field *field)
{
    size_t keys = bench_scaled(bench, plan->key_count == 0 ? FIELD_KEYS : plan->key_count);
    size_t requests = bench_scaled(bench, FIELD_REQUESTS);

    if (!is_possible(bench, plan))
        return false;
    field->subject = plan->subject;
    field->baseline = plan->baseline == NULL ? &subject_bare : plan->baseline;
    field->loop = loop_of(plan);
    field->key_count = keys;
    field->step = requests / 8;
    if (plan->load == FIELD_SCAN)
        field->requests = workload_scan(keys, requests, SEED);
    else
        field->requests = workload_zipf(plan->keys, keys, requests, SEED);
    field->store = field_open_store(plan, field->subject, field->requests, keys);
    field->baseline_store = open_baseline(plan, field->baseline, keys);
    return true;
}

void field_close(struct field *field)
{
    field->subject->close(field->store);
    field->baseline->close(field->baseline_store);
    workload_free(field->requests);
}

struct field_job field_subject_job(const struct field *field)
{
    return (struct field_job){field->loop, field->store, field->requests};
}

struct field_job field_baseline_job(const struct field *field)
{
    return (struct field_job){field->baseline->read, field->baseline_store, field->requests};
}

void field_check_hits(const struct measure_side *side, size_t rounds)
{
    uint64_t wanted = (uint64_t)side->threads * side->count * rounds;

    if (side->result != wanted)
        bench_fail(
            "%llu of %llu lookups were hits with the right value", (unsigned long long)side->result,
            (unsigned long long)wanted);
}
