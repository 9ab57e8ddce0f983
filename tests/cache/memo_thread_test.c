/* SPDX-License-Identifier: Apache-2.0 */
/* A memo in many threads: one run per key at a time, who waits, and what is counted. */
#include <sched.h>

#include "tests/cache/memo_support.h"

/* A function that is slow on purpose: it ends when so many threads have called. */
struct slow {
    struct brisk_memo *memo;
    enum brisk_status status;
    _Atomic unsigned int runs, running, entered, overlaps;
    unsigned int wait_until;
};

static enum brisk_status run_slowly(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct slow *slow = ctx;
    (void)entry;
    atomic_fetch_add(&slow->runs, 1);
    if (atomic_fetch_add(&slow->running, 1) != 0)
        atomic_fetch_add(&slow->overlaps, 1);
    bool is_in_time = wait_for_count(&slow->entered, slow->wait_until);
    atomic_fetch_sub(&slow->running, 1);
    if (!is_in_time)
        return BRISK_ERR_CORRUPT;
    return slow->status != BRISK_OK ? slow->status : brisk_view_copy(out, key);
}

static enum brisk_status call_with_the_others(unsigned int index, void *ctx)
{
    struct slow *slow = ctx;
    char buffer[8];
    size_t length;
    (void)index;
    atomic_fetch_add(&slow->entered, 1);
    enum brisk_status status = brisk_memo_call_into(
        slow->memo, text("key"), slow, buffer, sizeof buffer, &length);
    thread_expect(status == slow->status);
    if (status == BRISK_OK)
        thread_expect(length == 3 && memcmp(buffer, "key", 3) == 0);
    return BRISK_OK;
}

static void many_threads_that_call_with_one_key_run_the_function_once(void **state)
{
    (void)state;
    unsigned int threads = scaled(300);
    struct slow slow = {.memo = new_memo(run_slowly, NULL), .wait_until = threads};
    run_threads(threads, call_with_the_others, &slow);
    assert_u64(slow.runs, 1);
    struct brisk_memo_info info = info_of(slow.memo);
    assert_u64(info.runs, 1);
    assert_u64(info.hits + info.misses, threads);
    assert_true(info.misses >= 1 + info.waits);
    assert_u64(info.entries, 1);
    brisk_memo_free(slow.memo);
}

static void a_failure_reaches_all_who_wait_and_the_next_call_runs_again(void **state)
{
    (void)state;
    unsigned int threads = scaled(300);
    struct slow slow = {
        .memo = new_memo(run_slowly, NULL), .status = BRISK_ERR_UNREACHABLE, .wait_until = threads};
    run_threads(threads, call_with_the_others, &slow);
    struct brisk_memo_info info = info_of(slow.memo);
    assert_u64(slow.overlaps, 0);
    assert_u64(info.runs, slow.runs);
    assert_u64(info.failures, slow.runs);
    assert_u64(info.runs + info.waits, threads);
    assert_u64(info.misses, threads);

    unsigned int before = slow.runs;
    slow.status = BRISK_OK;
    assert_ok(call_with_the_others(0, &slow));
    assert_u64(slow.runs, before + 1);
    brisk_memo_free(slow.memo);
}

static void a_memo_that_counts_only_lets_all_run_at_once(void **state)
{
    (void)state;
    enum {
        THREADS = 8
    };
    struct brisk_memo_options options = brisk_memo_options_default();
    options.max_entries = BRISK_MEMO_COUNT_ONLY;
    struct slow slow = {.memo = new_memo(run_slowly, &options), .wait_until = THREADS};
    run_threads(THREADS, call_with_the_others, &slow);
    assert_u64(slow.runs, THREADS);
    assert_info(slow.memo, 0, THREADS, 0, 0);
    brisk_memo_free(slow.memo);
}

enum {
    KEYS = 300 /* more than fit */
};

/* How many run, by key; a key is a number. */
struct crowd {
    struct brisk_memo *memo;
    _Atomic unsigned int running[KEYS];
    _Atomic unsigned int overlaps;
    unsigned int calls;
};

static enum brisk_status
square(struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct crowd *crowd = ctx;
    uint64_t number;
    (void)entry;
    memcpy(&number, key.data, sizeof number);
    if (atomic_fetch_add(&crowd->running[number], 1) != 0)
        atomic_fetch_add(&crowd->overlaps, 1);
    uint64_t result = number * number;
    sched_yield();
    atomic_fetch_sub(&crowd->running[number], 1);
    return brisk_view_copy(out, number_key(&result));
}

static enum brisk_status
call_square(struct crowd *crowd, uint64_t number, bool is_view, uint64_t *result)
{
    size_t length;
    struct brisk_view view;
    if (!is_view)
        return brisk_memo_call_into(
            crowd->memo, number_key(&number), crowd, result, sizeof *result, &length);
    enum brisk_status status = brisk_memo_call(crowd->memo, number_key(&number), crowd, &view);
    if (status == BRISK_OK)
        memcpy(result, view.data, sizeof *result);
    brisk_view_release(&view);
    return status;
}

static enum brisk_status call_squares(unsigned int index, void *ctx)
{
    struct crowd *crowd = ctx;
    struct test_random random = test_random_seeded(index);
    for (unsigned int i = 0; i < crowd->calls; i++) {
        uint64_t number = test_random_below(&random, KEYS), result = 0;
        thread_expect(call_square(crowd, number, i % 2 == 0, &result) == BRISK_OK);
        thread_expect(result == number * number);
        if (index == 0 && i % 64 == 0)
            brisk_memo_forget(crowd->memo, number_key(&number));
    }
    return BRISK_OK;
}

static void every_result_is_right_under_traffic_and_every_call_is_counted(void **state)
{
    (void)state;
    enum {
        THREADS = 6
    };
    static const size_t sizes[] = {0, 7, BRISK_MEMO_UNBOUNDED};
    for (int i = 0; i < 3; i++) {
        struct brisk_memo_options options = brisk_memo_options_default();
        options.max_entries = sizes[i];
        struct crowd crowd = {.memo = new_memo(square, &options), .calls = scaled(20000)};
        run_threads(THREADS, call_squares, &crowd);
        assert_u64(crowd.overlaps, 0);
        struct brisk_memo_info info = info_of(crowd.memo);
        assert_u64(info.hits + info.misses, (uint64_t)THREADS * crowd.calls);
        assert_true(info.runs <= info.misses);
        brisk_memo_free(crowd.memo);
    }
}

static enum brisk_status call_clear_and_read(unsigned int index, void *ctx)
{
    struct crowd *crowd = ctx;
    if (index >= 2)
        return call_squares(index, crowd);
    for (unsigned int i = 0; i < crowd->calls / 10; i++) {
        uint64_t most = UINT64_C(1) << 40; /* what goes below 0 is more */
        if (index == 0)
            brisk_memo_clear(crowd->memo);
        struct brisk_memo_info info = info_of(crowd->memo);
        thread_expect(info.hits < most && info.misses < most && info.runs < most);
        thread_expect(info.entries <= 128);
    }
    return BRISK_OK;
}

static void clear_and_read_info_go_with_calls(void **state)
{
    (void)state;
    struct crowd crowd = {.memo = new_memo(square, NULL), .calls = scaled(20000)};
    run_threads(5, call_clear_and_read, &crowd);
    assert_u64(crowd.overlaps, 0);
    brisk_memo_clear(crowd.memo);
    assert_info(crowd.memo, 0, 0, 128, 0);
    brisk_memo_free(crowd.memo);
}

/* fib from every thread at once: each waits for those who are below it. */
static enum brisk_status compute_fib(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct slow *slow = ctx;
    uint64_t n, sum = 0;
    (void)entry;
    atomic_fetch_add(&slow->runs, 1);
    memcpy(&n, key.data, sizeof n);
    if (n < 2)
        return brisk_view_copy(out, key);
    for (uint64_t smaller = n - 2; smaller < n; smaller++) {
        uint64_t fib;
        size_t length;
        enum brisk_status status = brisk_memo_call_into(
            slow->memo, number_key(&smaller), slow, &fib, sizeof fib, &length);
        if (status != BRISK_OK)
            return status;
        sum += fib;
    }
    return brisk_view_copy(out, number_key(&sum));
}

static enum brisk_status call_fib(unsigned int index, void *ctx)
{
    struct slow *slow = ctx;
    uint64_t n = 80 + index, fib;
    size_t length;
    thread_expect(
        brisk_memo_call_into(slow->memo, number_key(&n), slow, &fib, sizeof fib, &length) ==
        BRISK_OK);
    uint64_t a = 0, b = 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t sum = a + b;
        a = b;
        b = sum;
    }
    thread_expect(fib == a);
    return BRISK_OK;
}

static void threads_share_a_recursion(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < scaled(200); i++) {
        struct slow slow = {.memo = new_memo(compute_fib, NULL)};
        run_threads(4, call_fib, &slow);
        assert_u64(slow.runs, 84); /* 0 to 83, once each */
        brisk_memo_free(slow.memo);
    }
}

struct late {
    struct brisk_memo *memo;
    _Atomic unsigned int has_begun, may_end;
};

static enum brisk_status wait_to_end(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct late *late = ctx;
    (void)entry;
    atomic_store(&late->has_begun, 1);
    if (!wait_for_count(&late->may_end, 1))
        return BRISK_ERR_CORRUPT;
    return brisk_view_copy(out, key);
}

static enum brisk_status run_or_wait(unsigned int index, void *ctx)
{
    struct late *late = ctx;
    char buffer[8];
    size_t length;
    if (index == 1)
        thread_expect(wait_for_count(&late->has_begun, 1));
    enum brisk_status status = brisk_memo_call_into(
        late->memo, text("key"), late, buffer, sizeof buffer, &length);
    thread_expect(status == (index == 0 ? BRISK_OK : BRISK_ERR_TIMEOUT));
    atomic_store(&late->may_end, 1);
    return BRISK_OK;
}

static void waiting_ends_after_the_time_of_the_options(void **state)
{
    (void)state;
    struct brisk_memo_options options = brisk_memo_options_default();
    options.load_timeout_ms = 1;
    struct late late = {.memo = new_memo(wait_to_end, &options)};
    run_threads(2, run_or_wait, &late);
    struct brisk_memo_info info = info_of(late.memo);
    assert_u64(info.waits, 1);
    assert_u64(info.misses, 2);
    assert_u64(info.entries, 1); /* the run went on, and its result is there */
    brisk_memo_free(late.memo);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(many_threads_that_call_with_one_key_run_the_function_once),
    cmocka_unit_test(a_failure_reaches_all_who_wait_and_the_next_call_runs_again),
    cmocka_unit_test(a_memo_that_counts_only_lets_all_run_at_once),
    cmocka_unit_test(every_result_is_right_under_traffic_and_every_call_is_counted),
    cmocka_unit_test(clear_and_read_info_go_with_calls),
    cmocka_unit_test(threads_share_a_recursion),
    cmocka_unit_test(waiting_ends_after_the_time_of_the_options))
