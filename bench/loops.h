/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <stdbool.h>
#include <string.h>

#include "bench/subject.h"
#include "bench/ticks.h"

/*
 * The hot loops, to be instantiated with constant function pointers: inlined by
 * force, so the calls become direct and the tests for NULL disappear.
 */
#define LOOP_INLINE static inline __attribute__((always_inline))

typedef bool loop_get_fn(void *store, const void *key, size_t length, void *value);
typedef void loop_set_fn(void *store, const void *key, size_t length, const void *value);

/* Durations of single requests in ticks; one request in `SAMPLE_EVERY` is timed. */
struct samples {
    size_t count;
    size_t capacity;
    double *ticks;
    bool is_hit_only; /* forget the requests that missed */
};

enum {
    SAMPLE_EVERY = 32
};

/* Makes the compiler believe that somebody reads all of the copied value. */
LOOP_INLINE void loop_use(const void *value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

/* Values begin with the first 8 bytes of their key, so that every hit can be checked. */
LOOP_INLINE bool loop_is_right(const void *key, const void *value)
{
    return memcmp(key, value, sizeof(uint64_t)) == 0;
}

LOOP_INLINE void loop_store(void *store, const void *key, size_t length, loop_set_fn *set)
{
    uint64_t value[SUBJECT_VALUE_SIZE / sizeof(uint64_t)] = {0};

    memcpy(value, key, sizeof *value);
    set(store, key, length, value);
}

LOOP_INLINE bool
loop_step(void *store, const void *key, size_t length, loop_get_fn *get, loop_set_fn *set)
{
    _Alignas(64) char value[SUBJECT_VALUE_SIZE];
    bool is_hit = get(store, key, length, value);

    loop_use(value);
    if (!is_hit && set != NULL)
        loop_store(store, key, length, set);
    return is_hit && loop_is_right(key, value);
}

/* The kind of key is a property of the job, so each kind has its own get. set NULL: reads only. */
LOOP_INLINE uint64_t loop_run(
    void *store, const struct workload *workload, size_t first, size_t count, loop_get_fn *get_id,
    loop_get_fn *get_text, loop_set_fn *set)
{
    uint64_t hits = 0;

    if (workload->ids != NULL) {
        const uint64_t *ids = workload->ids + first;

        for (size_t i = 0; i < count; i++)
            hits += loop_step(store, &ids[i], sizeof ids[i], get_id, set);
        return hits;
    }
    const struct workload_text *texts = workload->texts + first;

    for (size_t i = 0; i < count; i++)
        hits += loop_step(store, texts[i].text, texts[i].length, get_text, set);
    return hits;
}

LOOP_INLINE uint64_t loop_put(
    void *store, const struct workload *workload, size_t first, size_t count, loop_get_fn *get,
    loop_set_fn *set)
{
    const uint64_t *ids = workload->ids + first;
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i++) {
        if (i % 2 == 0)
            loop_store(store, &ids[i], sizeof ids[i], set);
        else
            hits += loop_step(store, &ids[i], sizeof ids[i], get, NULL);
    }
    return hits;
}

LOOP_INLINE uint64_t loop_sample(
    void *store, const struct workload *workload, size_t first, size_t count, loop_get_fn *get,
    loop_set_fn *set, struct samples *samples)
{
    const uint64_t *ids = workload->ids + first;
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_timed = i % SAMPLE_EVERY == 0 && samples->count < samples->capacity;
        uint64_t start = is_timed ? ticks_start() : 0;
        bool is_hit = loop_step(store, &ids[i], sizeof ids[i], get, set);

        hits += is_hit;
        if (is_timed && (is_hit || !samples->is_hit_only))
            samples->ticks[samples->count++] = (double)(ticks_end() - start);
    }
    return hits;
}

/* Defines the loops of a subject; LOOPS is their place in its struct subject. */
#define LOOP_PARAMETERS void *store, const struct workload *workload, size_t first, size_t count
#define LOOPS_DEFINE(get_id, get_text, set)                                                        \
    static uint64_t run_read(LOOP_PARAMETERS)                                                      \
    {                                                                                              \
        return loop_run(store, workload, first, count, get_id, get_text, NULL);                    \
    }                                                                                              \
    static uint64_t run_mix(LOOP_PARAMETERS)                                                       \
    {                                                                                              \
        return loop_run(store, workload, first, count, get_id, get_text, set);                     \
    }                                                                                              \
    static uint64_t run_put(LOOP_PARAMETERS)                                                       \
    {                                                                                              \
        return loop_put(store, workload, first, count, get_id, set);                               \
    }                                                                                              \
    static uint64_t sample_read(LOOP_PARAMETERS, struct samples *samples)                          \
    {                                                                                              \
        return loop_sample(store, workload, first, count, get_id, NULL, samples);                  \
    }                                                                                              \
    static uint64_t sample_mix(LOOP_PARAMETERS, struct samples *samples)                           \
    {                                                                                              \
        return loop_sample(store, workload, first, count, get_id, set, samples);                   \
    }
#define LOOPS                                                                                      \
    .read = run_read, .mix = run_mix, .put = run_put, .sample_read = sample_read,                  \
    .sample_mix = sample_mix

#endif
