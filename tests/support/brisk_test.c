/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <brisk/test.h>

enum {
    EXIT_USAGE = 2,
    EXIT_SKIPPED = 77,
    MAX_THREADS = 8192
};

static size_t tests_left_out;

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool names_a_test(const char *pattern, const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fnmatch(pattern, tests[i].name, 0) == 0)
            return true;
    return false;
}

int brisk_test_run(
    int argc, char **argv, const char *file, const struct CMUnitTest *tests, size_t count)
{
    if (argc > 1 && !names_a_test(argv[1], tests, count)) {
        fprintf(stderr, "%s: no test is named '%s'\n", argv[0], argv[1]);
        return EXIT_USAGE;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);

    char group[128];
    snprintf(group, sizeof group, "%s", file_name(file));
    int failures = brisk_run_tests(group, tests, count, NULL, NULL);
    if (failures != 0)
        return 1;
    return tests_left_out == count ? EXIT_SKIPPED : 0;
}

void skip_because(const char *reason)
{
    tests_left_out++;
    print_message("skipped: %s\n", reason);
    skip();
}

void brisk_assert_failed(const char *file, int line, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    _assert_true(0, text, file, line);
    abort();
}

void brisk_assert_u64(uint64_t got, uint64_t want, const char *what, const char *file, int line)
{
    if (got != want)
        brisk_assert_failed(file, line, "%s is %" PRIu64 ", not %" PRIu64, what, got, want);
}

void brisk_assert_i64(int64_t got, int64_t want, const char *what, const char *file, int line)
{
    if (got != want)
        brisk_assert_failed(file, line, "%s is %" PRId64 ", not %" PRId64, what, got, want);
}

void brisk_assert_status(
    enum brisk_status got, enum brisk_status want, const char *what, const char *file, int line)
{
    if (got != want)
        brisk_assert_failed(
            file, line, "%s is %s, not %s", what, brisk_status_name(got), brisk_status_name(want));
}

void brisk_assert_bytes(
    struct brisk_bytes got, struct brisk_bytes want, const char *what, const char *file, int line)
{
    if (got.length != want.length)
        brisk_assert_failed(file, line, "%s has %zu bytes, not %zu", what, got.length, want.length);
    if (got.length > 0 && memcmp(got.data, want.data, got.length) != 0)
        brisk_assert_failed(
            file, line, "%s is \"%.*s\", not \"%.*s\"", what, (int)got.length,
            (const char *)got.data, (int)want.length, (const char *)want.data);
}

/* The splitmix64 generator: any seed will do, also 0. */
uint64_t test_random_next(struct test_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct test_random test_random_seeded(uint64_t seed)
{
    struct test_random random = {seed};
    return random;
}

struct test_random test_random_new(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;

    const char *wanted = getenv("BRISK_TEST_SEED");
    if (wanted != NULL)
        seed = strtoull(wanted, NULL, 0);
    print_message("BRISK_TEST_SEED=%" PRIu64 "\n", seed);
    return test_random_seeded(seed);
}

uint64_t test_random_below(struct test_random *random, uint64_t bound)
{
    return test_random_next(random) % bound;
}

double test_random_unit(struct test_random *random)
{
    return (double)(test_random_next(random) >> 11) * 0x1p-53;
}

uint64_t fake_clock_now(void *fake_clock)
{
    struct fake_clock *clock = fake_clock;
    return atomic_load(&clock->now);
}

void fake_clock_advance(struct fake_clock *clock, uint64_t ticks)
{
    atomic_fetch_add(&clock->now, ticks);
}

struct thread {
    pthread_t id;
    unsigned int index;
    brisk_test_thread_fn *fn;
    void *ctx;
    pthread_barrier_t *start;
    enum brisk_status answer;
};

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    pthread_barrier_wait(thread->start);
    thread->answer = thread->fn(thread->index, thread->ctx);
    return NULL;
}

void run_threads(unsigned int count, brisk_test_thread_fn *fn, void *ctx)
{
    assert_that(count > 0 && count <= MAX_THREADS, "%u threads", count);
    struct thread *threads = calloc(count, sizeof *threads);
    assert_non_null(threads);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, count);
    for (unsigned int i = 0; i < count; i++) {
        threads[i] = (struct thread){.index = i, .fn = fn, .ctx = ctx, .start = &start};
        int failed = pthread_create(&threads[i].id, NULL, run_thread, &threads[i]);
        assert_that(failed == 0, "thread %u did not start: %s", i, strerror(failed));
    }

    enum brisk_status answer = BRISK_OK;
    for (unsigned int i = 0; i < count; i++) {
        pthread_join(threads[i].id, NULL);
        if (answer == BRISK_OK)
            answer = threads[i].answer;
    }
    pthread_barrier_destroy(&start);
    free(threads);
    assert_ok(answer);
}

int answer_of_child(int (*fn)(const void *argument), const void *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(fn(argument));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    if (WIFSIGNALED(status))
        print_error("the child was ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool wait_for_count(_Atomic unsigned int *flag, unsigned int want)
{
    enum {
        PAUSE_NS = 100000,
        PAUSES = 300000
    };
    for (int i = 0; i < PAUSES; i++) {
        if (atomic_load(flag) >= want)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    return false;
}

unsigned int scaled(unsigned int count)
{
#if defined(TEST_THREAD_SANITIZER)
    return count / 10 + 1;
#elif defined(TEST_ADDRESS_SANITIZER)
    return count / 3 + 1;
#else
    return count;
#endif
}
