/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_TEST_H
#define BRISK_TEST_H

/*
 * Everything a test file needs; cmocka is included only here, because its own
 * header does not compile alone and its integer asserts are not safe.
 *
 *     static void a_sentence_about_one_behaviour(void **state) { ... }
 *
 *     BRISK_TEST_MAIN(cmocka_unit_test(a_sentence_about_one_behaviour))
 *
 * The executable takes a pattern as its argument (`view_test '*slice*'`) and
 * exits with 0, 1, 2 if no test has such a name, or 77 if every test was skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <brisk/status.h>
#include <brisk/view.h>

/* gcc and clang tell in different ways which sanitizer is on. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define TEST_THREAD_SANITIZER 1
#elif __has_feature(address_sanitizer)
#define TEST_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define TEST_THREAD_SANITIZER 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define TEST_ADDRESS_SANITIZER 1
#endif

int brisk_test_run(
    int argc, char **argv, const char *file, const struct CMUnitTest *tests, size_t count);

#define BRISK_TEST_MAIN(...)                                                                       \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct CMUnitTest tests[] = {__VA_ARGS__};                                    \
        return brisk_test_run(argc, argv, __FILE__, tests, sizeof tests / sizeof tests[0]);        \
    }

/*
 * Ends the test as skipped; the reason is printed. What may be skipped stands in
 * tests/allowed-skips.
 */
void skip_because(const char *reason);

/*
 * Asserts that compare without widening and print decimal values. cmocka's
 * integer asserts hold UINT64_MAX and -1 for equal.
 */
void brisk_assert_u64(uint64_t got, uint64_t want, const char *what, const char *file, int line);
void brisk_assert_i64(int64_t got, int64_t want, const char *what, const char *file, int line);
void brisk_assert_status(
    enum brisk_status got, enum brisk_status want, const char *what, const char *file, int line);
void brisk_assert_bytes(
    struct brisk_bytes got, struct brisk_bytes want, const char *what, const char *file, int line);
void brisk_assert_failed(const char *file, int line, const char *format, ...) BRISK_PRINTF(3, 4)
    __attribute__((noreturn));

#define assert_u64(got, want) brisk_assert_u64(got, want, #got, __FILE__, __LINE__)
#define assert_i64(got, want) brisk_assert_i64(got, want, #got, __FILE__, __LINE__)
#define assert_size(got, want)                                                                     \
    do {                                                                                           \
        size_t got_size = (got), want_size = (want);                                               \
        brisk_assert_u64(got_size, want_size, #got, __FILE__, __LINE__);                           \
    } while (0)
#define assert_status(got, want) brisk_assert_status(got, want, #got, __FILE__, __LINE__)
#define assert_ok(got) brisk_assert_status(got, BRISK_OK, #got, __FILE__, __LINE__)
#define assert_bytes(got, want) brisk_assert_bytes(got, want, #got, __FILE__, __LINE__)

/* For table-driven tests: assert_that(got == row->want, "row %s: got %d", row->name, got). */
#define assert_that(condition, ...)                                                                \
    ((condition) ? (void)0 : brisk_assert_failed(__FILE__, __LINE__, __VA_ARGS__))

/*
 * Calls `step` again and again while the 1st, 2nd, 3rd ... allocation that it
 * makes in this thread fails, until it comes through without a failure. `step`
 * asserts that each answer is the right one, BRISK_ERR_NOMEM or success;
 * `is_failing` is false in the last round. Every direct call of malloc, calloc,
 * realloc, aligned_alloc, posix_memalign and mmap counts, in the library and in the test.
 */
typedef void brisk_test_step_fn(bool is_failing, void *ctx);
void for_each_allocation_failure(brisk_test_step_fn *step, void *ctx);

/* Allocations of this thread since the process began: two reads enclose what is measured. */
uint64_t allocation_count(void);

/*
 * Deterministic for a seed. The seed is printed, and taken from BRISK_TEST_SEED
 * if that is set, so that a failure can be repeated.
 */
struct test_random {
    uint64_t state;
};

struct test_random test_random_new(void);
struct test_random test_random_seeded(uint64_t seed);
uint64_t test_random_next(struct test_random *random);
/* 0 to bound - 1. */
uint64_t test_random_below(struct test_random *random, uint64_t bound);
/* 0 to 1, without 1. */
double test_random_unit(struct test_random *random);

/* A clock that moves only when the test says so; any thread may read and move it. */
struct fake_clock {
    _Atomic uint64_t now;
};

uint64_t fake_clock_now(void *fake_clock);
void fake_clock_advance(struct fake_clock *clock, uint64_t ticks);

/*
 * Runs `fn` in `count` threads at once, which all start together, and asserts in the
 * calling thread that each answered BRISK_OK: an assert in another thread would
 * end the process without a message.
 */
typedef enum brisk_status brisk_test_thread_fn(unsigned int index, void *ctx);
void run_threads(unsigned int count, brisk_test_thread_fn *fn, void *ctx);

/* In a thread of run_threads: where the assert would stand. Prints what did not hold. */
#define thread_expect(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);              \
            return BRISK_ERR_CORRUPT;                                                              \
        }                                                                                          \
    } while (0)

/*
 * Runs `fn` in a forked child and returns its answer, 0 to 127; -1 if it was ended
 * otherwise, or never began. The child has none of the asserts: it answers 1 by
 * child_expect, which prints what did not hold.
 */
int answer_of_child(int (*fn)(const void *argument), const void *argument);
#define run_in_child(fn, argument) assert_i64(answer_of_child(fn, argument), 0)

#define child_expect(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);              \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* Waits until *flag is at least `want`; false after 30 s. In place of any sleep. */
bool wait_for_count(_Atomic unsigned int *flag, unsigned int want);

/* `count`, less in builds that are slow: a third under ASan, a tenth under TSan. */
unsigned int scaled(unsigned int count);

#endif
