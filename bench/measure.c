/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/runner.h"

struct team {
    measure_work_fn *work;
    void *ctx;
    size_t first;
    size_t count;
    size_t requests;
    pthread_barrier_t start;
};

struct member {
    struct team *team;
    size_t number;
    pthread_t thread;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t result;
};

uint64_t measure_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The affinity of the process, as it was before any thread was bound. */
static const cpu_set_t *allowed_cpus(void)
{
    static cpu_set_t allowed;
    static bool is_known;

    if (!is_known && sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        bench_fail("cannot read the CPU affinity");
    is_known = true;
    return &allowed;
}

void measure_pin(size_t thread)
{
    const cpu_set_t *allowed = allowed_cpus();
    size_t wanted = thread % (size_t)CPU_COUNT(allowed);
    cpu_set_t one;

    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, allowed) || wanted-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_setaffinity_np(pthread_self(), sizeof one, &one);
        return;
    }
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    struct team *team = member->team;
    size_t first = (team->first + member->number * team->count) % team->requests;

    measure_pin(member->number);
    pthread_barrier_wait(&team->start);
    member->start_ns = measure_now_ns();
    member->result = team->work(team->ctx, member->number, first, team->count);
    member->end_ns = measure_now_ns();
    return NULL;
}

static double team_span(const struct member *members, size_t count, uint64_t *result)
{
    uint64_t start_ns = UINT64_MAX;
    uint64_t end_ns = 0;

    *result = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].start_ns < start_ns)
            start_ns = members[i].start_ns;
        if (members[i].end_ns > end_ns)
            end_ns = members[i].end_ns;
        *result += members[i].result;
    }
    return (double)(end_ns - start_ns);
}

double measure_threads(
    measure_work_fn *work, void *ctx, size_t threads, size_t first, size_t count,
    size_t requests, uint64_t *result)
{
    struct team team = {
        .work = work, .ctx = ctx, .first = first, .count = count, .requests = requests};
    struct member members[MEASURE_MAX_THREADS];

    if (threads > MEASURE_MAX_THREADS || requests % count != 0)
        bench_fail("%zu threads, %zu of %zu requests", threads, count, requests);
    allowed_cpus();
    memset(members, 0, sizeof members);
    pthread_barrier_init(&team.start, NULL, (unsigned int)threads);
    for (size_t i = 0; i < threads; i++) {
        members[i].team = &team;
        members[i].number = i;
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0)
            bench_fail("cannot create a thread");
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&team.start);
    return team_span(members, threads, result);
}

static void run_side(struct measure_side *side, size_t round, size_t first, size_t requests)
{
    uint64_t result;
    double ns = measure_threads(
        side->work, side->ctx, side->threads, first, side->count, requests, &result);

    side->ns[round] = ns / (double)(side->threads * side->count);
    side->result += result;
}

static size_t longest_stretch(const struct measure_side *sides, size_t side_count)
{
    size_t longest = 0;

    for (size_t i = 0; i < side_count; i++)
        if (sides[i].threads * sides[i].count > longest)
            longest = sides[i].threads * sides[i].count;
    return longest;
}

void measure_interleaved(
    struct measure_side *sides, size_t side_count, size_t rounds, size_t requests)
{
    size_t stretch = longest_stretch(sides, side_count);

    if (rounds > MEASURE_MAX_ROUNDS)
        bench_fail("%zu rounds are more than %d", rounds, MEASURE_MAX_ROUNDS);
    for (size_t i = 0; i < side_count; i++)
        sides[i].result = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t first = round * stretch % requests;

        for (size_t i = 0; i < side_count; i++)
            run_side(&sides[round % 2 == 0 ? i : side_count - 1 - i], round, first, requests);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double measure_percentile(double *values, size_t count, double share)
{
    size_t at = (size_t)(share * (double)count);

    if (count == 0)
        return BENCH_NONE;
    qsort(values, count, sizeof *values, compare_doubles);
    return values[at < count ? at : count - 1];
}

double measure_median(const double *values, size_t count)
{
    double sorted[MEASURE_MAX_ROUNDS];

    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double measure_median_ratio(const double *a, const double *b, size_t count)
{
    double ratios[MEASURE_MAX_ROUNDS];

    for (size_t i = 0; i < count; i++)
        ratios[i] = a[i] / b[i];
    return measure_median(ratios, count);
}
