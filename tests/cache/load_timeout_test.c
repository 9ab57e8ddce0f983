/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a call waits for another thread's load. The wait itself is the test's:
 * it notes the deadline, and real time plays no part.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "tests/cache/load_support.h"

enum {
    WAITS = 4
};

/* What waited, and what happens meanwhile. */
static struct {
    uint64_t deadlines[WAITS]; /* in ns */
    unsigned int count;
    int (*answer)(struct source *source); /* of the wait; the lock is not held */
    struct source *source;
} waits;

/* In place of the C library's. */
int pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    (void)cond;
    if (waits.count < WAITS)
        waits.deadlines[waits.count] = (uint64_t)deadline->tv_sec * 1000000000 +
                                       (uint64_t)deadline->tv_nsec;
    waits.count++;
    pthread_mutex_unlock(mutex);
    int answer = waits.answer(waits.source);
    pthread_mutex_lock(mutex);
    return answer;
}

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void set_up(struct source *source, unsigned int timeout_ms, int (*answer)(struct source *))
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.load_timeout_ms = timeout_ms;
    source->cache = new_cache(&options);
    memset(&waits, 0, sizeof waits);
    waits.answer = answer;
    waits.source = source;
}

static int time_out(struct source *source)
{
    (void)source;
    return ETIMEDOUT;
}

/* Thread 0 loads until thread 1 has given up. */
static enum brisk_status load_or_wait(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    thread_expect(index == 0 || wait_for_count(&source->is_running, 1));
    enum brisk_status status = ask(source, "key", &view);
    brisk_view_release(&view);
    atomic_store(&source->may_end, 1);
    thread_expect(status == (index == 0 ? BRISK_OK : BRISK_ERR_TIMEOUT));
    return BRISK_OK;
}

static void a_call_waits_for_as_long_as_the_options_say(void **state)
{
    (void)state;
    static const struct {
        unsigned int given, used;
    } rows[] = {{0, 30000}, {1, 1}, {20, 20}, {1000, 1000}, {12345, 12345}, {4000000, 4000000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source source = {.value = "late", .waits_for_end = true};
        set_up(&source, rows[i].given, time_out);
        uint64_t before = monotonic_ns();
        run_threads(2, load_or_wait, &source);
        uint64_t after = monotonic_ns();
        assert_u64(waits.count, 1);
        assert_true(waits.deadlines[0] >= before + rows[i].used * UINT64_C(1000000));
        assert_true(waits.deadlines[0] <= after + rows[i].used * UINT64_C(1000000));
        assert_holds_text(source.cache, "key", "late");
        assert_u64(stats_of(source.cache).misses, 2);
        brisk_cache_free(source.cache);
    }
}

/* The first load ends when somebody waits for it, the second when that one has given up. */
static enum brisk_status load_in_turn(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct source *source = ctx;
    (void)key, (void)entry;
    unsigned int run = atomic_fetch_add(&source->runs, 1) + 1;
    atomic_fetch_add(&source->is_running, 1);
    if (!wait_for_count(&source->may_end, run))
        return BRISK_ERR_CORRUPT;
    return brisk_view_copy(out, text("value"));
}

/* `entered`: the first load's call has returned. */
static int let_another_load_begin(struct source *source)
{
    if (waits.count > 1)
        return ETIMEDOUT;
    atomic_store(&source->may_end, 1);
    return wait_for_count(&source->is_running, 2) ? 0 : ETIMEDOUT;
}

static enum brisk_status wait_for_two_loads(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    if (index == 1) {
        thread_expect(wait_for_count(&source->is_running, 1));
        brisk_cache_delete(source->cache, text("key"));
    } else if (index == 2) {
        thread_expect(wait_for_count(&source->entered, 1));
    }
    enum brisk_status status = brisk_cache_get_or_load(
        source->cache, text("key"), &view, load_in_turn, source);
    brisk_view_release(&view);
    if (index == 0)
        atomic_store(&source->entered, 1);
    if (index == 1)
        atomic_store(&source->may_end, 2);
    thread_expect(status == (index == 1 ? BRISK_ERR_TIMEOUT : BRISK_OK));
    return BRISK_OK;
}

static void a_call_that_waits_for_two_loads_waits_no_longer(void **state)
{
    (void)state;
    struct source source = {0};
    set_up(&source, 5000, let_another_load_begin);
    run_threads(3, wait_for_two_loads, &source);
    assert_u64(waits.count, 2);
    assert_u64(waits.deadlines[1], waits.deadlines[0]);
    assert_u64(stats_of(source.cache).load_waits, 1);
    assert_u64(stats_of(source.cache).misses, 3);
    brisk_cache_free(source.cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_call_waits_for_as_long_as_the_options_say),
    cmocka_unit_test(a_call_that_waits_for_two_loads_waits_no_longer))
