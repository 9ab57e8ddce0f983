/* SPDX-License-Identifier: Apache-2.0 */
/* That nothing stays stopped, and that the tables say what libunwind says. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiler/fallback.h"
#include "profiler/page_reader.h"
#include "profiler/process_map.h"
#include "profiler/stop.h"
#include "profiler/unwind.h"
#include "tests/profiler/subject_support.h"

enum {
    MOST_FRAMES = 256
};

static void end_this_process(void *ctx, const struct bk_snapshot *snapshot)
{
    (void)ctx, (void)snapshot;
    raise(SIGKILL);
}

static void end_the_subject(void *ctx, const struct bk_snapshot *snapshot)
{
    (void)snapshot;
    kill(*(const pid_t *)ctx, SIGKILL);
}

static struct bk_stop_request request_for(const struct subject *subject)
{
    return (struct bk_stop_request){.pid = subject->pid, .tid = subject->pid, .timeout_ms = 10000};
}

static void a_thread_goes_on_when_who_stopped_it_is_killed(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "spin", 0, 1);
    int status;
    pid_t tracer = fork();
    if (tracer == 0) {
        static struct bk_snapshot snapshot;
        struct bk_stop_request request = request_for(&subject);
        request.visit = end_this_process;
        bk_stop(&request, &snapshot, NULL);
        _exit(1);
    }

    assert_i64(waitpid(tracer, &status, 0), tracer);

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(subject_wait_for_state(&subject, "R"));
    subject_stop(&subject);
}

static void a_thread_that_is_killed_while_it_is_stopped_ends(void **state)
{
    (void)state;
    static struct bk_snapshot snapshot;
    struct subject subject = subject_start(SUBJECT_PLAIN, "spin", 0, 1);
    struct bk_stop_request request = request_for(&subject);
    request.visit = end_the_subject;
    request.ctx = &subject.pid;

    bk_stop(&request, &snapshot, NULL);

    assert_true(subject_wait_for_state(&subject, "Z?"));
    int status = subject_stop(&subject);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_signal_that_arrives_at_the_stop_is_delivered(void **state)
{
    (void)state;
    static struct bk_snapshot snapshot;

    for (unsigned int i = 0; i < 20; i++) {
        struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);
        struct bk_stop_request request = request_for(&subject);
        kill(subject.pid, SIGTERM);
        bk_stop(&request, &snapshot, NULL);
        assert_true(subject_wait_for_state(&subject, "Z?"));
        int status = subject_stop(&subject);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    }
}

static void a_thread_that_has_ended_is_a_miss(void **state)
{
    (void)state;
    static struct bk_snapshot snapshot;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);
    struct bk_stop_request request = request_for(&subject);
    subject_stop(&subject);

    assert_status(bk_stop(&request, &snapshot, NULL), BRISK_MISS);
}

struct oracle {
    struct bk_process_map *map;
    struct bk_fallback *libunwind;
    struct bk_unwinder *unwinder;
    struct bk_page_reader reader;
};

static void open_oracle(struct oracle *oracle, pid_t pid)
{
    oracle->map = bk_process_map_new(pid);
    assert_non_null(oracle->map);
    assert_ok(bk_process_map_read(oracle->map, NULL));
    oracle->libunwind = bk_fallback_new(oracle->map);
    assert_non_null(oracle->libunwind);
    oracle->unwinder = bk_unwinder_new(
        &(struct bk_unwind_options){.find = bk_process_map_find, .map = oracle->map});
    assert_non_null(oracle->unwinder);
    bk_page_reader_begin(&oracle->reader, pid);
}

static void close_oracle(struct oracle *oracle)
{
    bk_unwinder_free(oracle->unwinder);
    bk_fallback_free(oracle->libunwind);
    bk_process_map_free(oracle->map);
}

/* Without the fallback: the tables alone must find every frame. */
static void compare_with_libunwind(const char *mode, int count, uint64_t tolerance)
{
    static struct bk_snapshot snapshot;
    static struct oracle oracle;
    uint64_t own[MOST_FRAMES], other[MOST_FRAMES];
    struct subject subject = subject_start(SUBJECT_PLAIN, mode, count, 1);
    struct bk_stop_request request = request_for(&subject);
    assert_true(subject_wait_for_state(&subject, "S")); /* its stack does not change now */
    assert_ok(bk_stop(&request, &snapshot, NULL));
    open_oracle(&oracle, subject.pid);
    if (!bk_fallback_is_available(oracle.libunwind)) {
        close_oracle(&oracle);
        subject_stop(&subject);
        skip_because("libunwind is not installed");
    }
    struct bk_stack stack = {
        .address = snapshot.registers.values[BK_REGISTER_SP],
        .data = snapshot.stack,
        .length = snapshot.stack_length,
        .read = bk_page_reader_word,
        .ctx = &oracle.reader};

    struct bk_unwound unwound = bk_unwind(
        oracle.unwinder, &snapshot.registers, &stack, own, MOST_FRAMES);
    size_t frames = bk_fallback_unwind(
        oracle.libunwind, &snapshot.registers, &stack, other, MOST_FRAMES);

    assert_true(unwound.is_complete);
    assert_size(unwound.count, frames);
    for (size_t i = 0; i < frames; i++)
        assert_that(
            own[i] - other[i] + tolerance <= 2 * tolerance,
            "%s %d, frame %zu: 0x%llx, libunwind 0x%llx", mode, count, i,
            (unsigned long long)own[i], (unsigned long long)other[i]);
    close_oracle(&oracle);
    subject_stop(&subject);
}

static void tables_and_libunwind_find_the_same_frames(void **state)
{
    (void)state;
    compare_with_libunwind("deep", 2, 0);
    compare_with_libunwind("deep", 100, 0);
    /* It is not sure which frame is the signal's, and so off by a byte around it. */
    compare_with_libunwind("signal", 0, 1);
    compare_with_libunwind("altstack", 0, 1);
}

/* The step is asked for each frame: with it alone the stack must come out the same. */
static void the_fallback_leads_from_each_frame_to_the_next(void **state)
{
    (void)state;
    static struct bk_snapshot snapshot;
    static struct oracle oracle;
    uint64_t all[MOST_FRAMES];
    struct subject subject = subject_start(SUBJECT_PLAIN, "signal", 0, 1);
    struct bk_stop_request request = request_for(&subject);
    assert_true(subject_wait_for_state(&subject, "S"));
    assert_ok(bk_stop(&request, &snapshot, NULL));
    open_oracle(&oracle, subject.pid);
    struct bk_stack stack = {
        .address = snapshot.registers.values[BK_REGISTER_SP],
        .data = snapshot.stack,
        .length = snapshot.stack_length};
    size_t frames = bk_fallback_unwind(
        oracle.libunwind, &snapshot.registers, &stack, all, MOST_FRAMES);

    for (size_t i = 0; i + 1 < frames; i++) {
        struct bk_registers caller;
        bool was_signal;
        assert_true(bk_fallback_step(
            oracle.libunwind, &snapshot.registers, &stack, i, &caller, &was_signal));
        assert_u64(caller.values[BK_REGISTER_IP] - !was_signal, all[i + 1]);
    }
    close_oracle(&oracle);
    subject_stop(&subject);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_thread_goes_on_when_who_stopped_it_is_killed),
    cmocka_unit_test(a_thread_that_is_killed_while_it_is_stopped_ends),
    cmocka_unit_test(a_signal_that_arrives_at_the_stop_is_delivered),
    cmocka_unit_test(a_thread_that_has_ended_is_a_miss),
    cmocka_unit_test(tables_and_libunwind_find_the_same_frames),
    cmocka_unit_test(the_fallback_leads_from_each_frame_to_the_next))
