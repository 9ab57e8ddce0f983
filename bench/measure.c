/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measure.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/runner.h"

/* A run is calm if no thread waited longer than this share of it for a CPU. */
static const double CALM_DELAY = 0.01;
enum {
    CALM_RETRIES = 3
};

struct team {
    const struct measure_task *task;
    pthread_barrier_t start;
};

struct member {
    struct team *team;
    size_t number;
    pthread_t thread;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t delay_ns;
    uint64_t result;
};

uint64_t measure_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The affinity of the process; first asked for before any thread was made and bound. */
static cpu_set_t *allowed_cpus(void)
{
    static cpu_set_t allowed;
    static bool is_known;

    if (is_known)
        return &allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        bench_fail("cannot read the CPU affinity");
    is_known = true;
    return &allowed;
}

size_t measure_cpu_count(void)
{
    return (size_t)CPU_COUNT(allowed_cpus());
}

void measure_limit_cpus(size_t count)
{
    cpu_set_t *allowed = allowed_cpus();

    for (size_t cpu = CPU_SETSIZE; measure_cpu_count() > count; cpu--)
        CPU_CLR(cpu - 1, allowed);
}

void measure_pin(size_t thread)
{
    const cpu_set_t *allowed = allowed_cpus();
    size_t wanted = thread % measure_cpu_count();
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

/* How long the calling thread was ready to run but did not; 0 if the kernel does not say. */
static uint64_t read_delay_ns(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    uint64_t delay_ns = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %" SCNu64, &delay_ns) != 1)
        delay_ns = 0;
    fclose(file);
    return delay_ns;
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    const struct measure_task *task = member->team->task;
    size_t first = (task->first + member->number * task->count) % task->requests;
    size_t lead_first = (first + task->requests / 2) % task->requests;

    measure_pin(member->number);
    if (task->lead > 0)
        task->work(task->ctx, member->number, lead_first, task->lead);
    pthread_barrier_wait(&member->team->start);
    member->delay_ns = read_delay_ns();
    member->start_ns = measure_now_ns();
    member->result = task->work(task->ctx, member->number, first, task->count);
    member->end_ns = measure_now_ns();
    member->delay_ns = read_delay_ns() - member->delay_ns;
    return NULL;
}

static struct measure_run sum_up(const struct member *members, size_t count)
{
    struct measure_run run = {0, 0, 0};
    uint64_t start_ns = UINT64_MAX;
    uint64_t end_ns = 0;

    for (size_t i = 0; i < count; i++) {
        if (members[i].start_ns < start_ns)
            start_ns = members[i].start_ns;
        if (members[i].end_ns > end_ns)
            end_ns = members[i].end_ns;
        if ((double)members[i].delay_ns > run.delay_ns)
            run.delay_ns = (double)members[i].delay_ns;
        run.result += members[i].result;
    }
    run.ns = (double)(end_ns - start_ns);
    return run;
}

struct measure_run measure_threads(const struct measure_task *task)
{
    struct team team = {.task = task};
    struct member members[MEASURE_MAX_THREADS];

    if (task->threads > MEASURE_MAX_THREADS || task->requests % task->count != 0)
        bench_fail("%zu threads, %zu of %zu requests", task->threads, task->count, task->requests);
    allowed_cpus();
    memset(members, 0, sizeof members);
    pthread_barrier_init(&team.start, NULL, (unsigned int)task->threads);
    for (size_t i = 0; i < task->threads; i++) {
        members[i].team = &team;
        members[i].number = i;
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0)
            bench_fail("cannot create a thread");
    }
    for (size_t i = 0; i < task->threads; i++)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&team.start);
    return sum_up(members, task->threads);
}

/* The calmest of a few runs; *is_calm says whether that was calm enough. Uses up *retries. */
static struct measure_run
run_calmly(const struct measure_task *task, size_t *retries, bool *is_calm)
{
    bool is_crowded = task->threads > measure_cpu_count();
    struct measure_run calmest = {0, 0, 0};

    for (int attempt = 0; attempt <= CALM_RETRIES; attempt++) {
        struct measure_run run = measure_threads(task);

        if (attempt == 0 || run.delay_ns < calmest.delay_ns)
            calmest = run;
        *is_calm = is_crowded || run.delay_ns <= CALM_DELAY * run.ns;
        if (*is_calm || *retries == 0)
            break;
        (*retries)--;
    }
    return calmest;
}

static bool
run_side(struct measure_side *side, size_t round, size_t first, size_t requests, size_t *retries)
{
    bool is_calm = false;
    struct measure_task task = {
        .work = side->work,
        .ctx = side->ctx,
        .threads = side->threads,
        .first = first,
        .count = side->count,
        .requests = requests,
        .lead = side->count / 4};
    struct measure_run run = run_calmly(&task, retries, &is_calm);

    side->ns[round] = run.ns / (double)(side->threads * side->count);
    side->result += run.result;
    return is_calm;
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
    size_t retries = side_count * rounds; /* where it is never calm: twice the time, no more */
    size_t disturbed = 0;

    if (rounds > MEASURE_MAX_ROUNDS)
        bench_fail("%zu rounds are more than %d", rounds, MEASURE_MAX_ROUNDS);
    for (size_t i = 0; i < side_count; i++)
        sides[i].result = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t first = round * stretch % requests;

        for (size_t i = 0; i < side_count; i++) {
            size_t at = round % 2 == 0 ? i : side_count - 1 - i;

            disturbed += !run_side(&sides[at], round, first, requests, &retries);
        }
    }
    if (disturbed * 4 > rounds * side_count)
        fprintf(
            stderr, "bench: other programs had the CPUs during %zu of %zu runs\n", disturbed,
            rounds * side_count);
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
