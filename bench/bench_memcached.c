/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client with all its protections against libmemcached as it is: both ask one memcached
 * in turn for the same keys. Every value is compared with its key.
 */
#include <libmemcached/memcached.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/fixture.h>
#include <brisk/memcached.h>

#include "bench/measure.h"
#include "bench/runner.h"

enum {
    KEYS = 1000,
    BATCH = 100,
    ROUNDS = 15,
    REQUESTS = 1 << 14, /* per thread and round */
    MOST_THREADS = 8,
    MOST_VALUE = 4096,
    HUNG_CALLS = 1000,
    HUNG_TIMEOUT_MS = 20
};

struct plan {
    size_t threads;
    size_t value_bytes;
    bool is_batch;
    bool is_write;
    double goal;
};

/* What both sides work on. */
struct field {
    const struct plan *plan;
    struct brisk_fixture *fixture;
    struct brisk_memcached *client;
    memcached_st *raw[MOST_THREADS]; /* one per thread */
    char keys[KEYS][16];
    size_t key_lengths[KEYS];
    char values[KEYS][MOST_VALUE]; /* begins with its key */
};

static struct brisk_bytes key_of(const struct field *field, size_t i)
{
    return brisk_bytes_of(field->keys[i], field->key_lengths[i]);
}

static bool is_value_of(const struct field *field, size_t i, const void *value, size_t length)
{
    return length == field->plan->value_bytes && memcmp(value, field->values[i], length) == 0;
}

static memcached_st *open_raw(const struct field *field)
{
    memcached_st *raw = memcached_create(NULL);
    if (raw == NULL)
        bench_fail("no memory");
    memcached_behavior_set(raw, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached_server_add(
        raw, brisk_fixture_host(field->fixture), brisk_fixture_port(field->fixture));
    return raw;
}

static struct brisk_memcached *open_client(const struct field *field, unsigned int timeout_ms)
{
    struct brisk_memcached_options options = brisk_memcached_options_default();
    struct brisk_memcached_server server = {NULL, 1};
    struct brisk_error error;
    char address[300];
    snprintf(
        address, sizeof address, "%s:%u", brisk_fixture_host(field->fixture),
        (unsigned int)brisk_fixture_port(field->fixture));
    server.address = address;
    options.servers = &server;
    options.server_count = 1;
    options.timeout_ms = timeout_ms;
    struct brisk_memcached *client = brisk_memcached_open(&options, &error);
    if (client == NULL)
        bench_fail("%s", error.message);
    return client;
}

/* NULL: there is no memcached here, which is reported. */
static struct field *open_field(struct bench *bench, const struct plan *plan)
{
    struct brisk_error error;
    struct field *field = calloc(1, sizeof *field);
    setenv("BRISK_EXEC_PATH", BENCH_COMMAND_FOLDER, 1);
    setenv("BRISK_FIXTURE_PATH", BENCH_FIXTURES, 1);
    if (field == NULL)
        bench_fail("no memory");
    field->plan = plan;
    field->fixture = brisk_fixture_start("memcached", NULL, &error);
    if (field->fixture == NULL) {
        bench_report_absent(bench, error.message);
        free(field);
        return NULL;
    }
    field->client = open_client(field, 10000);
    for (size_t i = 0; i < MOST_THREADS; i++)
        field->raw[i] = open_raw(field);
    for (size_t i = 0; i < KEYS; i++) {
        int length = snprintf(field->keys[i], sizeof field->keys[i], "key:%zu", i);
        field->key_lengths[i] = (size_t)length;
        memset(field->values[i], 'v', sizeof field->values[i]);
        memcpy(field->values[i], field->keys[i], (size_t)length);
        struct brisk_bytes value = {field->values[i], plan->value_bytes};
        if (brisk_memcached_set(field->client, key_of(field, i), value, NULL, &error) != BRISK_OK)
            bench_fail("%s", error.message);
    }
    return field;
}

static void close_field(struct field *field)
{
    for (size_t i = 0; i < MOST_THREADS; i++)
        memcached_free(field->raw[i]);
    brisk_memcached_close(field->client);
    brisk_fixture_stop(field->fixture, NULL);
    free(field);
}

static uint64_t raw_gets(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    for (size_t n = first; n < first + count; n++) {
        size_t i = n % KEYS, length;
        uint32_t flags;
        memcached_return_t rc;
        char *value = memcached_get(
            field->raw[thread], field->keys[i], field->key_lengths[i], &length, &flags, &rc);
        if (value == NULL || !is_value_of(field, i, value, length))
            bench_fail("libmemcached: %s", memcached_strerror(field->raw[thread], rc));
        free(value);
    }
    return count;
}

static uint64_t brisk_gets(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    (void)thread;
    for (size_t n = first; n < first + count; n++) {
        struct brisk_memcached_item item;
        struct brisk_error error;
        size_t i = n % KEYS;
        if (brisk_memcached_get(field->client, key_of(field, i), NULL, &item, &error) != BRISK_OK ||
            !is_value_of(field, i, item.value.data, item.value.length))
            bench_fail("brisk: a get went wrong");
        brisk_view_release(&item.value);
    }
    return count;
}

static uint64_t raw_sets(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    for (size_t n = first; n < first + count; n++) {
        size_t i = n % KEYS;
        if (memcached_set(
                field->raw[thread], field->keys[i], field->key_lengths[i], field->values[i],
                field->plan->value_bytes, 0, 0) != MEMCACHED_SUCCESS)
            bench_fail("libmemcached: a set went wrong");
    }
    return count;
}

static uint64_t brisk_sets(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    (void)thread;
    for (size_t n = first; n < first + count; n++) {
        size_t i = n % KEYS;
        struct brisk_bytes value = {field->values[i], field->plan->value_bytes};
        if (brisk_memcached_set(field->client, key_of(field, i), value, NULL, NULL) != BRISK_OK)
            bench_fail("brisk: a set went wrong");
    }
    return count;
}

static uint64_t raw_batches(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    memcached_st *raw = field->raw[thread];
    for (size_t n = 0; n < count; n += BATCH) {
        const char *keys[BATCH];
        size_t start = (first + n) % (KEYS - BATCH), found = 0;
        for (size_t i = 0; i < BATCH; i++)
            keys[i] = field->keys[start + i];
        if (memcached_mget(raw, keys, &field->key_lengths[start], BATCH) != MEMCACHED_SUCCESS)
            bench_fail("libmemcached: a multi-get went wrong");
        memcached_return_t rc;
        memcached_result_st *result;
        while ((result = memcached_fetch_result(raw, NULL, &rc)) != NULL) {
            if (!is_value_of(
                    field, start + found++, memcached_result_value(result),
                    memcached_result_length(result)))
                bench_fail("libmemcached: a multi-get gave a wrong value");
            memcached_result_free(result);
        }
        if (found != BATCH)
            bench_fail("libmemcached: a multi-get found too little");
    }
    return count;
}

static uint64_t brisk_batches(void *ctx, size_t thread, size_t first, size_t count)
{
    struct field *field = ctx;
    (void)thread;
    for (size_t n = 0; n < count; n += BATCH) {
        struct brisk_bytes keys[BATCH];
        struct brisk_memcached_item items[BATCH];
        enum brisk_status statuses[BATCH];
        size_t start = (first + n) % (KEYS - BATCH);
        for (size_t i = 0; i < BATCH; i++)
            keys[i] = key_of(field, start + i);
        if (brisk_memcached_get_many(field->client, keys, BATCH, NULL, items, statuses, NULL) !=
            BATCH)
            bench_fail("brisk: a multi-get found too little");
        for (size_t i = 0; i < BATCH; i++) {
            if (!is_value_of(field, start + i, items[i].value.data, items[i].value.length))
                bench_fail("brisk: a multi-get gave a wrong value");
            brisk_view_release(&items[i].value);
        }
    }
    return count;
}

static void choose_work(const struct plan *plan, struct measure_side sides[2])
{
    sides[0].work = plan->is_batch ? brisk_batches : plan->is_write ? brisk_sets : brisk_gets;
    sides[1].work = plan->is_batch ? raw_batches : plan->is_write ? raw_sets : raw_gets;
}

static void case_race(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct field *field = open_field(bench, plan);
    if (field == NULL)
        return;
    size_t requests = bench_scaled(bench, plan->is_batch ? REQUESTS / BATCH * BATCH * 4 : REQUESTS);
    if (plan->is_batch)
        requests -= requests % BATCH;
    static struct measure_side sides[2];
    for (int i = 0; i < 2; i++) {
        sides[i].ctx = field;
        sides[i].threads = plan->threads;
        sides[i].count = requests / plan->threads;
        if (plan->is_batch)
            sides[i].count -= sides[i].count % BATCH;
    }
    choose_work(plan, sides);
    size_t rounds = bench_rounds(bench, ROUNDS);
    measure_interleaved(sides, 2, rounds, sides[0].count * plan->threads);
    double ratio = measure_median_ratio(sides[0].ns, sides[1].ns, rounds);
    double raw_us = measure_median(sides[1].ns, rounds) / 1000;
    bench_report(
        bench, &(struct bench_row){
                   .value = raw_us * ratio,
                   .unit = plan->is_batch ? "us/key" : "us/op",
                   .baseline = "libmemcached",
                   .baseline_value = raw_us,
                   .goal = plan->goal,
                   .sense = BENCH_AT_MOST,
                   .rounds = rounds});
    close_field(field);
}

/* How many of a thousand calls to a server that says nothing take their whole time. */
static void case_hung(struct bench *bench, const void *argument)
{
    struct field *field = open_field(bench, argument);
    if (field == NULL)
        return;
    struct brisk_error error;
    struct brisk_memcached *client = open_client(field, HUNG_TIMEOUT_MS);
    if (brisk_fixture_pause(field->fixture, &error) != BRISK_OK)
        bench_fail("%s", error.message);
    unsigned int lost = 0;
    uint64_t longest_ns = 0;
    for (int i = 0; i < HUNG_CALLS; i++) {
        struct brisk_memcached_item item;
        uint64_t began_ns = measure_now_ns();
        if (brisk_memcached_get(client, key_of(field, 0), NULL, &item, NULL) >= 0)
            bench_fail("a server that hangs has answered");
        uint64_t took_ns = measure_now_ns() - began_ns;
        lost += took_ns >= (HUNG_TIMEOUT_MS - 1) * UINT64_C(1000000);
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
    }
    bench_report(bench, &(struct bench_row){.value = lost, .unit = "deadlines", .goal = 5});
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "-late",
                   .value = (double)longest_ns / 1e6 - HUNG_TIMEOUT_MS,
                   .unit = "ms late",
                   .goal = 20});
    brisk_fixture_resume(field->fixture, NULL);
    brisk_memcached_close(client);
    close_field(field);
}

/* What keeping signals away costs a call: two system calls. */
static void case_signals(struct bench *bench, const void *argument)
{
    (void)argument;
    double ns[ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS), count = bench_scaled(bench, 100000);
    sigset_t all, before;
    sigfillset(&all);
    for (size_t round = 0; round < rounds; round++) {
        uint64_t began_ns = measure_now_ns();
        for (size_t i = 0; i < count; i++) {
            pthread_sigmask(SIG_SETMASK, &all, &before);
            pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        ns[round] = (double)(measure_now_ns() - began_ns) / (double)count;
    }
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ns, rounds), .unit = "ns/op", .rounds = rounds});
}

#define PLAN(...) (&(const struct plan){__VA_ARGS__})

static const struct bench_case cases[] = {
    {"get-100b", "gets of 100 bytes by TCP, 1 thread", case_race,
     PLAN(.threads = 1, .value_bytes = 100, .goal = 1.12)},
    {"get-4k", "gets of 4,096 bytes", case_race, PLAN(.threads = 1, .value_bytes = 4096)},
    {"set-100b", "sets of 100 bytes", case_race,
     PLAN(.threads = 1, .value_bytes = 100, .is_write = true)},
    {"get-100b-8t", "8 threads on one handle, against a libmemcached handle per thread", case_race,
     PLAN(.threads = 8, .value_bytes = 100, .goal = 1 / 0.95)},
    {"get-many-100", "100 keys per call, time per key", case_race,
     PLAN(.threads = 1, .value_bytes = 100, .is_batch = true, .goal = 1.10)},
    {"hung-server", "timeouts lost in 1,000 calls to a server that hangs", case_hung,
     PLAN(.threads = 1, .value_bytes = 100)},
    {"price-signals", "keeping signals away during a call", case_signals, NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "memcached", cases, sizeof cases / sizeof *cases);
}
