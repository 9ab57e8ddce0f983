/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread_slot.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brisk/hooks.h>

#include "tests/support/brisk_test.h"

static void *read_slot(void *out)
{
    *(unsigned int *)out = bk_thread_slot();
    return NULL;
}

static unsigned int slot_of_a_new_thread(void)
{
    pthread_t thread;
    unsigned int slot = 0;
    assert_i64(pthread_create(&thread, NULL, read_slot, &slot), 0);
    pthread_join(thread, NULL);
    return slot;
}

static void a_thread_keeps_its_slot(void **state)
{
    (void)state;
    unsigned int slot = bk_thread_slot();

    assert_true(slot < BK_THREAD_SLOTS);
    assert_u64(bk_thread_slot(), slot);
}

static void the_slot_of_a_finished_thread_is_used_again(void **state)
{
    (void)state;
    unsigned int own = bk_thread_slot();
    unsigned int first = slot_of_a_new_thread();

    assert_int_not_equal(first, own);
    for (int i = 0; i < 20; i++)
        assert_u64(slot_of_a_new_thread(), first);
}

struct shared {
    _Atomic unsigned int owners[BK_THREAD_SLOTS];
    _Atomic unsigned int arrived;
    /* Not atomic: only a slot's owner touches its cell, and each owner sees the last one's value.
     */
    unsigned int cells[BK_THREAD_SLOTS];
    unsigned int threads;
};

static enum brisk_status hold_a_slot_alone(unsigned int index, void *ctx)
{
    (void)index;
    struct shared *shared = ctx;
    unsigned int slot = bk_thread_slot();

    thread_expect(slot < shared->threads + 1);
    thread_expect(atomic_fetch_add(&shared->owners[slot], 1) == 0);
    atomic_fetch_add(&shared->arrived, 1);
    thread_expect(wait_for_count(&shared->arrived, shared->threads));
    thread_expect(atomic_fetch_sub(&shared->owners[slot], 1) == 1);
    return BRISK_OK;
}

static void live_threads_have_different_and_dense_slots(void **state)
{
    (void)state;
    static struct shared shared;
    shared.threads = 64;
    bk_thread_slot();

    run_threads(shared.threads, hold_a_slot_alone, &shared);
}

static void *add_to_the_cell_of_the_slot(void *ctx)
{
    struct shared *shared = ctx;
    unsigned int slot = bk_thread_slot();
    shared->cells[slot]++;
    return NULL;
}

static enum brisk_status start_short_threads(unsigned int index, void *ctx)
{
    (void)index;
    struct shared *shared = ctx;
    for (unsigned int i = 0; i < shared->threads; i++) {
        pthread_t thread;
        thread_expect(pthread_create(&thread, NULL, add_to_the_cell_of_the_slot, shared) == 0);
        pthread_join(thread, NULL);
    }
    return BRISK_OK;
}

/* Under ThreadSanitizer the plain increments also prove the hand-over's order. */
static void what_the_last_owner_of_a_slot_wrote_is_seen_by_the_next(void **state)
{
    (void)state;
    static struct shared shared;
    enum {
        STARTERS = 4
    };
    shared.threads = scaled(2000);

    run_threads(STARTERS, start_short_threads, &shared);

    uint64_t total = 0;
    for (unsigned int slot = 0; slot < BK_THREAD_SLOTS; slot++)
        total += shared.cells[slot];
    assert_u64(total, (uint64_t)STARTERS * shared.threads);
}

static pthread_key_t late_key;
static _Atomic unsigned int late_calls;
static _Atomic unsigned int late_slot;

static void use_a_slot_at_exit(void *value)
{
    (void)value;
    atomic_store(&late_slot, bk_thread_slot());
    atomic_fetch_add(&late_calls, 1);
}

static void *set_late_key_and_read_slot(void *out)
{
    pthread_setspecific(late_key, &late_key);
    return read_slot(out);
}

static void a_slot_is_kept_while_other_exit_handlers_run(void **state)
{
    (void)state;
    bk_thread_slot();
    assert_i64(pthread_key_create(&late_key, use_a_slot_at_exit), 0);

    pthread_t thread;
    unsigned int slot = 0;
    assert_i64(pthread_create(&thread, NULL, set_late_key_and_read_slot, &slot), 0);
    pthread_join(thread, NULL);

    pthread_key_delete(late_key);
    assert_u64(atomic_load(&late_calls), 1);
    assert_u64(atomic_load(&late_slot), slot);
    assert_u64(slot_of_a_new_thread(), slot);
}

static void *use_a_slot_only_at_exit(void *ctx)
{
    (void)ctx;
    pthread_setspecific(late_key, &late_key);
    return NULL;
}

static void a_slot_first_used_in_an_exit_handler_is_given_back(void **state)
{
    (void)state;
    unsigned int next = slot_of_a_new_thread();
    assert_i64(pthread_key_create(&late_key, use_a_slot_at_exit), 0);

    pthread_t thread;
    assert_i64(pthread_create(&thread, NULL, use_a_slot_only_at_exit, NULL), 0);
    pthread_join(thread, NULL);

    pthread_key_delete(late_key);
    assert_u64(atomic_load(&late_slot), next);
    assert_u64(slot_of_a_new_thread(), next);
}

/* Reports with its exit status, as an assert in a child would not be seen. */
static int check_slots_in_child(unsigned int parents_slot)
{
    if (bk_thread_slot() != parents_slot)
        return 1;
    return slot_of_a_new_thread() == (parents_slot == 0 ? 1 : 0) ? 0 : 2;
}

struct fork_case {
    _Atomic unsigned int holders;
    _Atomic unsigned int done;
};

static enum brisk_status fork_while_another_thread_holds_a_slot(unsigned int index, void *ctx)
{
    struct fork_case *test = ctx;
    unsigned int slot = bk_thread_slot();
    atomic_fetch_add(&test->holders, 1);
    if (index == 1) {
        thread_expect(wait_for_count(&test->done, 1));
        return BRISK_OK;
    }

    thread_expect(wait_for_count(&test->holders, 2));
    pid_t child = fork();
    if (child == 0)
        _exit(check_slots_in_child(slot));
    int wait_status = 0;
    waitpid(child, &wait_status, 0);
    atomic_fetch_add(&test->done, 1);
    thread_expect(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    return BRISK_OK;
}

static void a_forked_child_keeps_its_own_slot_and_frees_the_others(void **state)
{
    (void)state;
#ifdef TEST_THREAD_SANITIZER
    skip_because("ThreadSanitizer does not support new threads in a forked child");
#endif
    static struct fork_case test;
    run_threads(2, fork_while_another_thread_holds_a_slot, &test);
}

enum {
    CROWD = BK_THREAD_SLOTS + 8,
    SMALL_STACK_BYTES = 128 * 1024
};

struct crowd {
    pthread_t threads[CROWD];
    pthread_mutex_t gate; /* held by the test until all have come */
    _Atomic unsigned int arrived;
    _Atomic unsigned int without_slot;
    _Atomic unsigned int changed;
    _Atomic unsigned int warnings;
};

static void *stay_in_the_crowd(void *ctx)
{
    struct crowd *crowd = ctx;
    unsigned int slot = bk_thread_slot();
    if (slot == BK_THREAD_SLOT_NONE)
        atomic_fetch_add(&crowd->without_slot, 1);
    atomic_fetch_add(&crowd->arrived, 1);
    pthread_mutex_lock(&crowd->gate);
    pthread_mutex_unlock(&crowd->gate);
    if (bk_thread_slot() != slot)
        atomic_fetch_add(&crowd->changed, 1);
    return NULL;
}

static void count_warning(enum brisk_log_level level, const char *message, void *ctx)
{
    struct crowd *crowd = ctx;
    if (level == BRISK_LOG_WARNING && strstr(message, "threads") != NULL)
        atomic_fetch_add(&crowd->warnings, 1);
}

static unsigned int gather(struct crowd *crowd)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, SMALL_STACK_BYTES);
    unsigned int count = 0;
    while (count < CROWD &&
           pthread_create(&crowd->threads[count], &small, stay_in_the_crowd, crowd) == 0)
        count++;
    pthread_attr_destroy(&small);
    return count;
}

static void threads_beyond_the_last_slot_have_none_and_say_so_once(void **state)
{
    (void)state;
#ifdef TEST_THREAD_SANITIZER
    skip_because("4104 threads are too many for ThreadSanitizer");
#endif
    static struct crowd crowd = {.gate = PTHREAD_MUTEX_INITIALIZER};
    bk_thread_slot();
    brisk_set_log(count_warning, &crowd);

    pthread_mutex_lock(&crowd.gate);
    unsigned int count = gather(&crowd);
    bool all_came = wait_for_count(&crowd.arrived, count);
    pthread_mutex_unlock(&crowd.gate);
    for (unsigned int i = 0; i < count; i++)
        pthread_join(crowd.threads[i], NULL);

    brisk_set_log(NULL, NULL);
    if (count < CROWD)
        skip_because("this machine does not start 4104 threads");
    assert_true(all_came);
    assert_u64(crowd.without_slot, CROWD + 1 - BK_THREAD_SLOTS);
    assert_u64(crowd.changed, 0);
    assert_u64(crowd.warnings, 1);
    assert_true(slot_of_a_new_thread() < BK_THREAD_SLOTS);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_thread_keeps_its_slot),
    cmocka_unit_test(the_slot_of_a_finished_thread_is_used_again),
    cmocka_unit_test(live_threads_have_different_and_dense_slots),
    cmocka_unit_test(what_the_last_owner_of_a_slot_wrote_is_seen_by_the_next),
    cmocka_unit_test(a_slot_is_kept_while_other_exit_handlers_run),
    cmocka_unit_test(a_slot_first_used_in_an_exit_handler_is_given_back),
    cmocka_unit_test(a_forked_child_keeps_its_own_slot_and_frees_the_others),
    cmocka_unit_test(threads_beyond_the_last_slot_have_none_and_say_so_once))
