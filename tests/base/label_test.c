/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/label.h>

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/support/brisk_test.h"

static const char *labels[BRISK_LABEL_DEPTH];

static size_t read_all(void)
{
    return brisk_label_read(labels, BRISK_LABEL_DEPTH);
}

static void a_thread_starts_without_labels(void **state)
{
    (void)state;
    assert_size(read_all(), 0);
}

static void labels_are_read_from_the_oldest_to_the_newest(void **state)
{
    (void)state;
    brisk_label_push("request");
    brisk_label_push("load user");

    assert_size(read_all(), 2);
    assert_string_equal(labels[0], "request");
    assert_string_equal(labels[1], "load user");

    brisk_label_pop();
    brisk_label_pop();
}

static void a_pop_takes_the_newest_label_off(void **state)
{
    (void)state;
    brisk_label_push("outer");
    brisk_label_push("inner");
    brisk_label_pop();

    assert_size(read_all(), 1);
    assert_string_equal(labels[0], "outer");

    brisk_label_pop();
    assert_size(read_all(), 0);
}

static void a_pop_of_an_empty_stack_does_nothing(void **state)
{
    (void)state;
    brisk_label_pop();
    brisk_label_push("first");

    assert_size(read_all(), 1);

    brisk_label_pop();
}

static void a_small_array_gets_the_oldest_labels(void **state)
{
    (void)state;
    const char *one[1];
    brisk_label_push("outer");
    brisk_label_push("inner");

    assert_size(brisk_label_read(one, 1), 1);
    assert_string_equal(one[0], "outer");
    assert_size(brisk_label_read(NULL, 0), 0);

    brisk_label_pop();
    brisk_label_pop();
}

static void pushes_beyond_the_depth_are_popped_in_step(void **state)
{
    (void)state;
    static const char name[] = "level";
    for (int i = 0; i < BRISK_LABEL_DEPTH; i++)
        brisk_label_push(name);
    for (int i = 0; i < 10; i++)
        brisk_label_push("too deep");

    assert_size(read_all(), BRISK_LABEL_DEPTH);
    assert_ptr_equal(labels[BRISK_LABEL_DEPTH - 1], name);

    for (int i = 0; i < 10; i++)
        brisk_label_pop();
    assert_size(read_all(), BRISK_LABEL_DEPTH);
    brisk_label_pop();
    assert_size(read_all(), BRISK_LABEL_DEPTH - 1);

    for (int i = 1; i < BRISK_LABEL_DEPTH; i++)
        brisk_label_pop();
    assert_size(read_all(), 0);
}

static enum brisk_status push_and_read_own(unsigned int index, void *ctx)
{
    static const char *const names[] = {"zero", "one", "two", "three"};
    (void)ctx;
    const char *seen[2];
    for (unsigned int i = 0; i < scaled(10000); i++) {
        brisk_label_push(names[index]);
        thread_expect(brisk_label_read(seen, 2) == 1);
        thread_expect(seen[0] == names[index]);
        brisk_label_pop();
    }
    return BRISK_OK;
}

static void each_thread_has_a_stack_of_its_own(void **state)
{
    (void)state;
    brisk_label_push("main");

    run_threads(4, push_and_read_own, NULL);

    assert_size(read_all(), 1);
    brisk_label_pop();
}

/*
 * Two texts take turns at the same level. A handler that came between the two
 * stores of a push must not see the level with what stood there before.
 */
static const char *const even[] = {"even 0", "even 1", "even 2"};
static const char *const odd[] = {"odd 0", "odd 1", "odd 2"};
static _Atomic unsigned int signals_taken;
static _Atomic unsigned int mixed_stacks;
static _Atomic(const char *) retired; /* popped and not pushed again: must not be seen */

static void inspect_labels(int signal_number)
{
    (void)signal_number;
    const char *seen[4];
    size_t count = brisk_label_read(seen, 4);
    for (size_t i = 0; i < count; i++) {
        if (seen[i] == atomic_load(&retired) || (seen[i] != even[i] && seen[i] != odd[i]) ||
            (seen[i] == odd[i]) != (seen[0] == odd[0]))
            atomic_fetch_add(&mixed_stacks, 1);
    }
    atomic_fetch_add(&signals_taken, 1);
}

static void push_and_pop_three(const char *const *texts)
{
    for (int level = 0; level < 3; level++)
        brisk_label_push(texts[level]);
    for (int level = 0; level < 3; level++)
        brisk_label_pop();
}

static void a_signal_handler_sees_whole_stacks_of_its_thread(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = inspect_labels, .sa_flags = SA_RESTART};
    struct sigaction before;
    sigaction(SIGPROF, &action, &before);
    struct itimerval often = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_PROF, &often, NULL);

    unsigned int wanted = scaled(200);
    while (atomic_load(&signals_taken) < wanted) {
        push_and_pop_three(even);
        push_and_pop_three(odd);
    }

    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    sigaction(SIGPROF, &before, NULL);
    assert_u64(atomic_load(&mixed_stacks), 0);
}

static void a_raised_signal_finds_the_labels_of_the_moment(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = inspect_labels};
    struct sigaction before;
    sigaction(SIGUSR1, &action, &before);
    atomic_store(&mixed_stacks, 0);

    brisk_label_push(even[0]);
    brisk_label_push(even[1]);
    raise(SIGUSR1);
    brisk_label_pop();
    atomic_store(&retired, even[1]);
    raise(SIGUSR1);
    brisk_label_pop();

    sigaction(SIGUSR1, &before, NULL);
    assert_u64(atomic_load(&mixed_stacks), 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_thread_starts_without_labels),
    cmocka_unit_test(labels_are_read_from_the_oldest_to_the_newest),
    cmocka_unit_test(a_pop_takes_the_newest_label_off),
    cmocka_unit_test(a_pop_of_an_empty_stack_does_nothing),
    cmocka_unit_test(a_small_array_gets_the_oldest_labels),
    cmocka_unit_test(pushes_beyond_the_depth_are_popped_in_step),
    cmocka_unit_test(each_thread_has_a_stack_of_its_own),
    cmocka_unit_test(a_signal_handler_sees_whole_stacks_of_its_thread),
    cmocka_unit_test(a_raised_signal_finds_the_labels_of_the_moment))
