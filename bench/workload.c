/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/workload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/runner.h"

static const double EXPONENT = 0.99;

/*
 * Walker's alias method: column i stands for 1 / count of the probability, of
 * which `share` is rank i and the rest is rank `other`. Exact, one random number
 * per draw.
 */
struct alias {
    double share;
    uint32_t other;
};

/* splitmix64: a bijection, so ids are distinct. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return mix(*state);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        bench_fail("no memory for %zu requests", count);
    return memory;
}

static void make_text(struct workload_text *out, uint64_t id)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint64_t bits = id;

    memset(out, 0, sizeof *out);
    out->length = (uint8_t)(16 + id % 16);
    memcpy(out->text, "key:", 4);
    for (size_t i = 4; i < out->length; i++) {
        if (i == 16)
            bits = mix(id);
        out->text[i] = digits[bits % 32];
        bits /= 32;
    }
}

static struct workload *new_workload(enum workload_keys kind, size_t count)
{
    struct workload *workload = allocate(1, sizeof *workload);

    workload->count = count;
    if (kind == WORKLOAD_IDS)
        workload->ids = allocate(count, sizeof *workload->ids);
    else
        workload->texts = allocate(count, sizeof *workload->texts);
    return workload;
}

static void put_rank(struct workload *workload, size_t at, size_t rank)
{
    uint64_t id = mix(rank);

    if (workload->ids != NULL)
        workload->ids[at] = id;
    else
        make_text(&workload->texts[at], id);
}

/* Shares scaled so that 1 is the average. */
static void fill_shares(struct alias *columns, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        columns[i].share = pow((double)(i + 1), -EXPONENT);
        sum += columns[i].share;
    }
    for (size_t i = 0; i < count; i++)
        columns[i].share *= (double)count / sum;
}

/* Zipf shares fall with the rank: the columns above 1 are the first ones. */
static struct alias *new_aliases(size_t count)
{
    struct alias *columns = allocate(count, sizeof *columns);
    size_t large = 0;
    size_t small;

    fill_shares(columns, count);
    for (small = 0; small < count && columns[small].share > 1; small++)
        ;
    for (size_t first_small = small; small < count && large < first_small; small++) {
        columns[small].other = (uint32_t)large;
        columns[large].share -= 1 - columns[small].share;
        while (large < first_small && columns[large].share < 1) {
            size_t next = large + 1;

            if (next == first_small)
                return columns;
            columns[large].other = (uint32_t)next;
            columns[next].share -= 1 - columns[large].share;
            large = next;
        }
    }
    return columns;
}

static size_t draw(const struct alias *columns, size_t count, uint64_t *state)
{
    uint64_t random = next_random(state);
    size_t column = (size_t)(((random >> 32) * count) >> 32);
    double part = (double)(uint32_t)random * 0x1p-32;

    return part < columns[column].share ? column : columns[column].other;
}

struct workload *workload_zipf(enum workload_keys kind, size_t keys, size_t count, uint64_t seed)
{
    struct workload *workload = new_workload(kind, count);
    struct alias *columns = new_aliases(keys);
    uint64_t state = seed;

    for (size_t i = 0; i < count; i++)
        put_rank(workload, i, draw(columns, keys, &state));
    free(columns);
    return workload;
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
    while (b != 0) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

struct workload *workload_each(enum workload_keys kind, size_t keys)
{
    struct workload *workload = new_workload(kind, keys);
    size_t stride = (size_t)((double)keys * 0.6180339887);

    while (stride == 0 || greatest_common_divisor(stride, keys) != 1)
        stride++;
    for (size_t i = 0; i < keys; i++)
        put_rank(workload, i, i * stride % keys);
    return workload;
}

struct workload *workload_scan(size_t keys, size_t count, uint64_t seed)
{
    struct workload *workload = workload_zipf(WORKLOAD_IDS, keys, count, seed);

    for (size_t i = 0; i < count; i += 2)
        put_rank(workload, i, i / 2 % keys);
    return workload;
}

struct workload *workload_single(size_t count)
{
    struct workload *workload = new_workload(WORKLOAD_IDS, count);

    for (size_t i = 0; i < count; i++)
        put_rank(workload, i, 0);
    return workload;
}

void workload_free(struct workload *workload)
{
    if (workload == NULL)
        return;
    free(workload->ids);
    free(workload->texts);
    free(workload);
}
