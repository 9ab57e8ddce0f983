/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps of programs whose stacks are known, and what must never happen to them. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/profiler/subject_support.h"

#define CHAIN(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct brisk_dump *take(const struct subject *subject)
{
    struct brisk_error error = {0};
    struct brisk_dump *dump = brisk_dump_new(subject->pid, NULL, &error);
    assert_that(dump != NULL, "%s", error.message);
    return dump;
}

static void assert_complete(const struct brisk_dump *dump, size_t index)
{
    struct brisk_dump_thread thread;
    assert_ok(brisk_dump_get_thread(dump, index, &thread));
    if (!thread.is_stopped || thread.is_truncated)
        show_stack(dump, index);
    assert_true(thread.is_stopped);
    assert_false(thread.is_truncated);
}

static void assert_chain(const struct brisk_dump *dump, size_t index, const char *const *functions)
{
    bool is_there = has_chain(dump, index, functions);
    if (!is_there)
        show_stack(dump, index);
    assert_true(is_there);
}

static void check_chain(const char *program, const char *mode, int count, const char *const *chain)
{
    struct subject subject = subject_start(program, mode, count, 1);

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_chain(dump, 0, chain);
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void calls_of_an_optimised_program_are_shown_in_their_order(void **state)
{
    (void)state;
    check_chain(
        SUBJECT_PLAIN, "deep", 2, CHAIN("wait_here", "recurse", "recurse", "recurse", "main"));
}

static void builds_with_frame_pointers_static_and_not_relocatable_give_the_same(void **state)
{
    (void)state;
    const char *const programs[] = {SUBJECT_POINTERS, SUBJECT_STATIC, SUBJECT_FIXED};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        check_chain(
            programs[i], "deep", 2, CHAIN("wait_here", "recurse", "recurse", "recurse", "main"));
}

static void a_stack_of_megabytes_is_complete(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 10000, 1);
    struct brisk_dump_thread thread;

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_ok(brisk_dump_get_thread(dump, 0, &thread));
    assert_true(thread.frames > 10001);
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void what_a_signal_interrupted_is_below_its_handler(void **state)
{
    (void)state;
    check_chain(SUBJECT_PLAIN, "signal", 0, CHAIN("wait_here", "on_signal"));
    struct subject subject = subject_start(SUBJECT_PLAIN, "signal", 0, 1);

    struct brisk_dump *dump = take(&subject);

    assert_chain(dump, 0, CHAIN("interrupted", "be_interrupted", "main"));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void a_handler_on_its_own_stack_leads_back_to_the_thread_s(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "altstack", 0, 1);

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_chain(dump, 0, CHAIN("wait_here", "on_signal"));
    assert_chain(dump, 0, CHAIN("interrupted", "be_interrupted", "main"));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void a_coroutine_s_stack_ends_where_it_began(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "coroutine", 0, 1);

    struct brisk_dump *dump = take(&subject);

    /* Whether it is complete is up to the C library, which says so or not. */
    assert_chain(
        dump, 0, CHAIN("wait_here", "recurse", "recurse", "recurse", "recurse", "coroutine"));
    assert_false(has_chain(dump, 0, CHAIN("main")));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void code_of_a_jit_is_named_by_its_map_and_unwound_by_its_frame_pointer(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "jit", 0, 1);
    struct brisk_dump_info info = {.size = sizeof info};
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)subject.pid);

    struct brisk_dump *dump = take(&subject);

    unlink(path);
    assert_complete(dump, 0);
    assert_chain(dump, 0, CHAIN("wait_here", "jitted code; of a test", "run_jit", "main"));
    assert_ok(brisk_dump_get_info(dump, &info));
    assert_u64(info.frame_pointer_frames, 1);
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void functions_of_a_stripped_program_are_addresses_in_its_file(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_STRIPPED, "deep", 2, 1);
    struct brisk_dump_frame frame;
    size_t nameless = 0;

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    for (size_t i = 0; brisk_dump_get_frame(dump, 0, i, &frame) == BRISK_OK; i++) {
        if (frame.module == NULL || strcmp(frame.module, SUBJECT_STRIPPED) != 0)
            continue;
        assert_null(frame.function);
        assert_true(frame.module_offset != 0 && frame.module_offset < 1 << 24);
        nameless++;
    }
    assert_true(nameless >= 5); /* wait_here, recurse three times, main */
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void names_are_found_in_the_file_of_debug_information(void **state)
{
    (void)state;
    check_chain(
        SUBJECT_SPLIT, "deep", 2, CHAIN("wait_here", "recurse", "recurse", "recurse", "main"));
}

static void a_program_that_was_deleted_is_unwound_and_named_all_the_same(void **state)
{
    (void)state;
    char copy[] = "/tmp/brisk-subject-XXXXXX", command[1024];
    int fd = mkstemp(copy);
    assert_true(fd >= 0);
    close(fd);
    snprintf(command, sizeof command, "cp '%s' '%s' && chmod +x '%s'", SUBJECT_PLAIN, copy, copy);
    assert_i64(system(command), 0);
    struct subject subject = subject_start(copy, "deep", 2, 1);
    unlink(copy);

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_chain(dump, 0, CHAIN("wait_here", "recurse", "recurse", "recurse", "main"));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void every_one_of_many_threads_is_there_in_the_order_of_their_ids(void **state)
{
    (void)state;
    int count = (int)scaled(500);
    struct subject subject = subject_start(SUBJECT_PLAIN, "threads", count, count);
    struct brisk_dump_thread thread;
    pid_t last = 0;

    struct brisk_dump *dump = take(&subject);

    for (size_t i = 0; i <= (size_t)count; i++) {
        assert_ok(brisk_dump_get_thread(dump, i, &thread));
        assert_true(thread.tid > last);
        last = thread.tid;
        assert_complete(dump, i);
        if (thread.tid != subject.pid)
            assert_chain(dump, i, CHAIN("wait_here", "recurse"));
    }
    assert_status(brisk_dump_get_thread(dump, (size_t)count + 1, &thread), BRISK_MISS);
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void threads_that_live_for_microseconds_do_no_harm(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "churn", 0, 1);

    for (unsigned int i = 0; i < scaled(60); i++)
        brisk_dump_free(take(&subject));

    assert_i64(waitpid(subject.pid, NULL, WNOHANG), 0);
    assert_true(subject_wait_for_state(&subject, "RS"));
    subject_stop(&subject);
}

static void a_thread_that_computes_is_stopped_and_goes_on(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "spin", 0, 1);

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_chain(dump, 0, CHAIN("main"));
    assert_true(subject_wait_for_state(&subject, "R"));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void a_read_that_is_waiting_is_not_interrupted(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "read", 0, 1);
    assert_true(subject_wait_for_state(&subject, "S"));
    int status = -1;

    for (int i = 0; i < 20; i++)
        brisk_dump_free(take(&subject));

    assert_i64(write(subject.in, "x", 1), 1);
    assert_i64(waitpid(subject.pid, &status, 0), subject.pid);
    assert_i64(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    close(subject.in);
    close(subject.out);
}

static void a_process_that_was_stopped_stays_stopped(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);
    kill(subject.pid, SIGSTOP);
    assert_true(subject_wait_for_state(&subject, "T"));

    struct brisk_dump *dump = take(&subject);

    assert_complete(dump, 0);
    assert_true(subject_wait_for_state(&subject, "T"));
    kill(subject.pid, SIGCONT);
    assert_true(subject_wait_for_state(&subject, "SR"));
    brisk_dump_free(dump);
    subject_stop(&subject);
}

static void assert_refused(pid_t pid, enum brisk_status status, const char *words)
{
    struct brisk_error error = {0};
    struct brisk_dump *dump = brisk_dump_new(pid, NULL, &error);
    assert_null(dump);
    assert_status(error.status, status);
    assert_that(strstr(error.message, words) != NULL, "%s", error.message);
}

static void what_cannot_be_dumped_is_told_apart(void **state)
{
    (void)state;
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(0);
    siginfo_t info;
    assert_i64(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), 0);

    assert_refused(zombie, BRISK_ERR_UNREACHABLE, "has ended");
    waitpid(zombie, NULL, 0);
    assert_refused(zombie, BRISK_ERR_UNREACHABLE, "no process");
    assert_refused(getpid(), BRISK_ERR_INVALID, "is this one");
    assert_refused(0, BRISK_ERR_INVALID, "no process");
    assert_refused(-7, BRISK_ERR_INVALID, "no process");
}

static int dump_as_nobody(const void *argument)
{
    pid_t pid = *(const pid_t *)argument;
    struct brisk_error error = {0};
    if (geteuid() == 0)
        child_expect(setgid(65534) == 0 && setuid(65534) == 0);
    child_expect(brisk_dump_new(pid, NULL, &error) == NULL);
    child_expect(error.status == BRISK_ERR_PERMISSION);
    child_expect(strstr(error.message, "CAP_SYS_PTRACE") != NULL);
    return 0;
}

static void the_process_of_another_user_is_refused_with_what_would_help(void **state)
{
    (void)state;
    pid_t pid = geteuid() == 0 ? getpid() : 1;
    run_in_child(dump_as_nobody, &pid);
}

static void a_process_that_a_debugger_has_is_refused_with_the_debugger_s_number(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);
    char words[64];
    snprintf(words, sizeof words, "traced by process %d", (int)getpid());
    assert_i64(ptrace(PTRACE_SEIZE, subject.pid, NULL, NULL), 0);

    assert_refused(subject.pid, BRISK_ERR_PERMISSION, words);

    subject_stop(&subject);
}

static void options_and_structs_of_another_size_are_refused(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);
    struct brisk_dump_options options = brisk_dump_options_default();
    struct brisk_dump_info info = {0};
    struct brisk_dump_frame frame;
    struct brisk_error error = {0};

    options.timeout_ms = 1000;
    struct brisk_dump *dump = brisk_dump_new(subject.pid, &options, &error);
    assert_non_null(dump);
    assert_status(brisk_dump_get_info(dump, &info), BRISK_ERR_INVALID);
    assert_status(brisk_dump_get_frame(dump, 1, 0, &frame), BRISK_MISS);
    assert_status(brisk_dump_get_frame(dump, 0, 100000, &frame), BRISK_MISS);
    brisk_dump_free(dump);
    options.size = 1;
    assert_null(brisk_dump_new(subject.pid, &options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
    brisk_dump_free(NULL);
    subject_stop(&subject);
}

static void step_dump(bool is_failing, void *ctx)
{
    const struct subject *subject = ctx;
    struct brisk_error error = {0};
    struct brisk_dump *dump = brisk_dump_new(subject->pid, NULL, &error);
    assert_true(dump != NULL || (is_failing && error.status == BRISK_ERR_NOMEM));
    if (dump != NULL)
        assert_chain(dump, 0, CHAIN("wait_here", "recurse", "recurse", "recurse", "main"));
    brisk_dump_free(dump);
}

static void a_dump_without_memory_says_so(void **state)
{
    (void)state;
    struct subject subject = subject_start(SUBJECT_PLAIN, "deep", 2, 1);

    for_each_allocation_failure(step_dump, &subject);

    assert_true(subject_wait_for_state(&subject, "S"));
    subject_stop(&subject);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(calls_of_an_optimised_program_are_shown_in_their_order),
    cmocka_unit_test(builds_with_frame_pointers_static_and_not_relocatable_give_the_same),
    cmocka_unit_test(a_stack_of_megabytes_is_complete),
    cmocka_unit_test(what_a_signal_interrupted_is_below_its_handler),
    cmocka_unit_test(a_handler_on_its_own_stack_leads_back_to_the_thread_s),
    cmocka_unit_test(a_coroutine_s_stack_ends_where_it_began),
    cmocka_unit_test(code_of_a_jit_is_named_by_its_map_and_unwound_by_its_frame_pointer),
    cmocka_unit_test(functions_of_a_stripped_program_are_addresses_in_its_file),
    cmocka_unit_test(names_are_found_in_the_file_of_debug_information),
    cmocka_unit_test(a_program_that_was_deleted_is_unwound_and_named_all_the_same),
    cmocka_unit_test(every_one_of_many_threads_is_there_in_the_order_of_their_ids),
    cmocka_unit_test(threads_that_live_for_microseconds_do_no_harm),
    cmocka_unit_test(a_thread_that_computes_is_stopped_and_goes_on),
    cmocka_unit_test(a_read_that_is_waiting_is_not_interrupted),
    cmocka_unit_test(a_process_that_was_stopped_stays_stopped),
    cmocka_unit_test(what_cannot_be_dumped_is_told_apart),
    cmocka_unit_test(the_process_of_another_user_is_refused_with_what_would_help),
    cmocka_unit_test(a_process_that_a_debugger_has_is_refused_with_the_debugger_s_number),
    cmocka_unit_test(options_and_structs_of_another_size_are_refused),
    cmocka_unit_test(a_dump_without_memory_says_so))
