/* SPDX-License-Identifier: Apache-2.0 */
/* Memoized calls: what they take more than the cache's fastest read, and beside Python's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/brisk.h>

#include "bench/measure.h"
#include "bench/runner.h"

enum {
    ARGUMENTS = 100, /* fewer than the 128 results that are kept */
    REQUESTS = 1 << 20,
    ROUNDS = 15
};

/* In the order of the calls. */
static struct {
    double x[REQUESTS];
    uint64_t number[REQUESTS];
    const char *word[REQUESTS];
} calls;

static double halve(double x)
{
    return x / 2;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b;
}

static size_t count_letters(const char *word)
{
    return strlen(word);
}

static const struct brisk_memo_options lock_free = {
    .size = sizeof lock_free, .policy = BRISK_POLICY_S3FIFO};
static const struct brisk_memo_options count_only = {
    .size = sizeof count_only, .max_entries = BRISK_MEMO_COUNT_ONLY};
static const struct brisk_memo_options of_one = {.size = sizeof of_one, .max_entries = 1};

BRISK_MEMOIZE_1(double, memo_halve, halve, double, NULL);
BRISK_MEMOIZE_1(double, memo_halve_lock_free, halve, double, &lock_free);
BRISK_MEMOIZE_1(double, count_halve, halve, double, &count_only);
BRISK_MEMOIZE_1(double, memo_halve_one, halve, double, &of_one);
BRISK_MEMOIZE_2(uint64_t, memo_add, add, uint64_t, uint64_t, NULL);
BRISK_MEMOIZE_1(size_t, memo_count_letters, count_letters, const char *, NULL);

static size_t word_length(unsigned int index)
{
    return 16 + index % 16;
}

static const char *word_of(unsigned int index)
{
    static char words[ARGUMENTS][64];

    snprintf(words[index], sizeof words[index], "article %02u ....................", index);
    words[index][word_length(index)] = '\0';
    return words[index];
}

static void draw_calls(void)
{
    uint64_t state = 42;

    for (size_t i = 0; i < REQUESTS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned int index = (unsigned int)(state >> 33) % ARGUMENTS;
        calls.x[i] = index + 0.25;
        calls.number[i] = index;
        calls.word[i] = word_of(index);
    }
}

/* The loops: each returns how many results were right. */
static uint64_t call_halve(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += memo_halve(calls.x[i]) * 2 >= calls.x[i];
    return right;
}

static uint64_t call_halve_lock_free(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += memo_halve_lock_free(calls.x[i]) * 2 >= calls.x[i];
    return right;
}

static uint64_t call_halve_counted(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += count_halve(calls.x[i]) * 2 >= calls.x[i];
    return right;
}

/* Two arguments in turn where there is room for one. */
static uint64_t call_halve_missing(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += memo_halve_one((double)(i % 2)) * 2 >= (double)(i % 2);
    return right;
}

static uint64_t call_add(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += memo_add(calls.number[i], 7) == calls.number[i] + 7;
    return right;
}

static uint64_t call_count_letters(void *ctx, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)ctx;
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        right += memo_count_letters(calls.word[i]) == word_length((unsigned int)calls.number[i]);
    return right;
}

/* The baseline: the argument as it is for a key, in a cache that is filled. */
static uint64_t get_half(void *cache, size_t thread, size_t first, size_t count)
{
    uint64_t right = 0;

    (void)thread;
    for (size_t i = first; i < first + count; i++) {
        double half;
        size_t length;
        struct brisk_bytes key = brisk_bytes_of(&calls.x[i], sizeof calls.x[i]);

        right += brisk_cache_get_into(cache, key, &half, sizeof half, &length) == BRISK_OK &&
                 half * 2 >= calls.x[i];
    }
    return right;
}

static struct brisk_cache *open_filled(enum brisk_policy policy)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_error error;

    options.max_entries = 128;
    options.policy = policy;
    struct brisk_cache *cache = brisk_cache_new(&options, &error);
    if (cache == NULL)
        bench_fail("%s", error.message);
    for (unsigned int i = 0; i < ARGUMENTS; i++) {
        double x = i + 0.25, half = x / 2;

        if (brisk_cache_set(
                cache, brisk_bytes_of(&x, sizeof x), brisk_bytes_of(&half, sizeof half), NULL) !=
            BRISK_OK)
            bench_fail("brisk_cache_set failed");
    }
    return cache;
}

struct plan {
    measure_work_fn *work;
    enum brisk_policy policy; /* of the baseline's cache */
    double goal;              /* of the difference, in ns */
    size_t threads;
};

/* Medians in ns per call: of the memo, of get_into, and of what they differ by in a round. */
struct medians {
    double memo, get, extra;
    size_t rounds;
};

static double median_difference(const struct measure_side *sides, size_t rounds)
{
    double differences[MEASURE_MAX_ROUNDS];

    for (size_t i = 0; i < rounds; i++)
        differences[i] = sides[0].ns[i] - sides[1].ns[i];
    return measure_median(differences, rounds);
}

static struct medians compare(struct bench *bench, const struct plan *plan)
{
    size_t threads = plan->threads == 0 ? 1 : plan->threads;
    size_t count = bench_scaled(bench, REQUESTS / 2) / 64 / threads * 64;
    size_t rounds = bench_rounds(bench, ROUNDS);
    struct brisk_cache *cache = open_filled(plan->policy);
    struct measure_side sides[] = {
        {.work = plan->work, .threads = threads, .count = count},
        {.work = get_half, .ctx = cache, .threads = threads, .count = count}};

    draw_calls();
    plan->work(NULL, 0, 0, 10000); /* all arguments were seen */
    measure_interleaved(sides, 2, rounds, count * threads);
    brisk_cache_free(cache);
    for (int i = 0; i < 2; i++)
        if (sides[i].result != (uint64_t)rounds * count * threads)
            bench_fail("a result was wrong");
    return (struct medians){
        .memo = measure_median(sides[0].ns, rounds),
        .get = measure_median(sides[1].ns, rounds),
        .extra = median_difference(sides, rounds),
        .rounds = rounds};
}

/* How much longer than get_into, and how long in all. */
static void case_hit(struct bench *bench, const void *argument)
{
    const struct plan *plan = argument;
    struct medians medians = compare(bench, plan);
    struct bench_row extra = {
        .value = medians.extra, .unit = "ns extra", .goal = plan->goal, .rounds = medians.rounds};
    struct bench_row rate = {
        .suffix = "-rate",
        .value = medians.memo,
        .unit = "ns/call",
        .baseline = "get_into",
        .baseline_value = medians.get,
        .rounds = medians.rounds};

    bench_report(bench, &extra);
    bench_report(bench, &rate);
}

/* Where the function runs each time there is nothing to compare with but a hit. */
static void case_run(struct bench *bench, const void *argument)
{
    struct medians medians = compare(bench, argument);
    struct bench_row row = {
        .value = medians.memo,
        .unit = "ns/call",
        .baseline = "get_into, a hit",
        .baseline_value = medians.get,
        .rounds = medians.rounds};

    bench_report(bench, &row);
}

/* Hits of the same function in Python, loop included; 0 without a Python. */
static double functools_ns(void)
{
    static const char command[] = "python3 -c '\n"
                                  "import functools, random, time\n"
                                  "f = functools.lru_cache(maxsize=128)(lambda x: x / 2)\n"
                                  "xs = [random.randrange(100) + 0.25 for _ in range(200000)]\n"
                                  "best = []\n"
                                  "for _ in range(7):\n"
                                  "    begin = time.perf_counter_ns()\n"
                                  "    for x in xs:\n"
                                  "        f(x)\n"
                                  "    best.append((time.perf_counter_ns() - begin) / len(xs))\n"
                                  "print(sorted(best)[3])' 2>/dev/null";
    char line[64] = "";
    FILE *python = popen(command, "r");

    if (python == NULL)
        return 0;
    if (fgets(line, sizeof line, python) == NULL)
        line[0] = '\0';
    return pclose(python) == 0 ? strtod(line, NULL) : 0;
}

static void case_functools(struct bench *bench, const void *argument)
{
    double python_ns = functools_ns();

    if (!(python_ns > 0)) {
        bench_report_absent(bench, "there is no python3");
        return;
    }
    struct medians medians = compare(bench, argument);
    struct bench_row row = {
        .value = medians.memo,
        .unit = "ns/call",
        .baseline = "functools",
        .baseline_value = python_ns,
        .rounds = medians.rounds};

    bench_report(bench, &row);
}

#define PLAN(...) (&(const struct plan){__VA_ARGS__})

static const struct bench_case cases[] = {
    {"hit-double", "a remembered double f(double): time more than get_into", case_hit,
     PLAN(.work = call_halve, .policy = BRISK_POLICY_LRU, .goal = 15)},
    {"hit-double-s3fifo", "the same where hits take no lock", case_hit,
     PLAN(.work = call_halve_lock_free, .policy = BRISK_POLICY_S3FIFO, .goal = 15)},
    {"hit-double-2t", "2 threads, LRU", case_hit,
     PLAN(.work = call_halve, .policy = BRISK_POLICY_LRU, .threads = 2)},
    {"hit-double-2t-s3fifo", "2 threads, hits without a lock", case_hit,
     PLAN(.work = call_halve_lock_free, .policy = BRISK_POLICY_S3FIFO, .threads = 2)},
    {"hit-two-integers", "two integers for arguments", case_hit,
     PLAN(.work = call_add, .policy = BRISK_POLICY_LRU)},
    {"hit-text", "a text of 16 to 31 bytes", case_hit,
     PLAN(.work = call_count_letters, .policy = BRISK_POLICY_LRU)},
    {"miss-double", "the function runs, its result pushes another one out", case_run,
     PLAN(.work = call_halve_missing, .policy = BRISK_POLICY_LRU)},
    {"count-only", "the function runs, nothing is kept", case_run,
     PLAN(.work = call_halve_counted, .policy = BRISK_POLICY_LRU)},
    {"functools", "hit-double against Python's functools.lru_cache, its loop included",
     case_functools, PLAN(.work = call_halve, .policy = BRISK_POLICY_LRU)},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "memo", cases, sizeof cases / sizeof *cases);
}
