/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/cases.h"

enum {
    ENTRY_BYTES = sizeof(uint64_t) + SUBJECT_VALUE_SIZE
};

/* Every case runs in a process of its own, so the allocator has nothing to reuse. */
static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        bench_fail("cannot read /proc/self/statm");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void report(struct bench *bench, const struct plan *plan, double growth, double entries)
{
    bench_report(
        bench,
        &(struct bench_row){
            .value = growth / entries - ENTRY_BYTES, .unit = "bytes/entry", .goal = plan->goal});
}

/* How far what the cache says is from what the process took. */
static void report_accounting(struct bench *bench, double growth, double bytes)
{
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "-accounting",
                   .value = fabs(bytes / growth - 1),
                   .unit = "off RSS",
                   .goal = 0.05});
}

static void check_entries(
    const struct subject *subject, void *store, const struct workload *keys, size_t capacity)
{
    size_t entries = subject->entries(store);

    if (entries < capacity - capacity / 20 || subject->read(store, keys, 0, keys->count) != entries)
        bench_fail("%s does not hold the %zu entries that it says", subject->name, entries);
}

/*
 * A full cache: more keys are stored than it holds, so that whatever it
 * remembers about evicted ones is there too.
 */
void case_memory(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    const struct subject *subject = plan->subject;
    size_t capacity = bench_scaled(bench, FIELD_KEYS);
    struct subject_options options = {.capacity = capacity, .ttl_ms = plan->ttl_ms};
    struct workload *keys;
    double growth;
    void *store;

    if (!field_is_possible(bench, plan))
        return;
    keys = workload_each(WORKLOAD_IDS, 3 * capacity);
    growth = -resident_bytes();
    store = subject->open(&options);
    subject->mix(store, keys, 0, keys->count);
    growth += resident_bytes();
    check_entries(subject, store, keys, capacity);
    report(bench, plan, growth, (double)subject->entries(store));
    if (subject->bytes != NULL)
        report_accounting(bench, growth, (double)subject->bytes(store));
    subject->close(store);
    workload_free(keys);
}
