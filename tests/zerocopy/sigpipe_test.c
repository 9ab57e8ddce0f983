/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/zerocopy/wire.h"

/* Each way to a closed peer that has no flag against SIGPIPE. */
static void send_to_closed(enum wire_kind kind)
{
    struct wire wire = wire_open(kind, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(70000, 0));
    message.header = brisk_bytes_text(kind == WIRE_PIPE ? "header" : "");
    close(wire.in);
    wire.in = -1;

    enum brisk_status status = brisk_send_file(wire.out, &message, NULL, NULL, NULL);
    if (status == BRISK_OK) /* TCP notices with the second call */
        status = brisk_send_file(wire.out, &message, NULL, NULL, NULL);
    for (int i = 0; status == BRISK_OK && i < 100; i++) {
        message = (struct brisk_file_message){.fd = message.fd, .length = BRISK_TO_END};
        status = brisk_send_file(wire.out, &message, NULL, NULL, NULL);
    }

    assert_status(status, BRISK_ERR_UNREACHABLE);
    close(message.fd);
    wire_close(&wire);
}

static bool is_pending(void)
{
    sigset_t set;
    assert_i64(sigpending(&set), 0);
    return sigismember(&set, SIGPIPE) == 1;
}

static bool is_blocked(void)
{
    sigset_t set;
    assert_i64(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    return sigismember(&set, SIGPIPE) == 1;
}

static void set_blocked(bool wants_block)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(wants_block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void the_handler_of_the_program_is_not_called(void **state)
{
    (void)state;
    wire_watch_sigpipe();

    for (int kind = 0; kind < WIRE_FILE; kind++)
        send_to_closed((enum wire_kind)kind);

    assert_u64(wire_sigpipe_count(), 0);
    assert_false(is_blocked());
    assert_false(is_pending());
}

static void a_program_that_blocks_the_signal_finds_none_pending(void **state)
{
    (void)state;
    wire_watch_sigpipe();
    set_blocked(true);

    for (int kind = 0; kind < WIRE_FILE; kind++)
        send_to_closed((enum wire_kind)kind);

    assert_false(is_pending());
    assert_true(is_blocked());
    set_blocked(false);
    assert_u64(wire_sigpipe_count(), 0);
}

static void a_signal_that_was_pending_before_is_left_to_the_program(void **state)
{
    (void)state;
    wire_watch_sigpipe();
    set_blocked(true);
    pthread_kill(pthread_self(), SIGPIPE);

    for (int kind = 0; kind < WIRE_FILE; kind++)
        send_to_closed((enum wire_kind)kind);

    assert_true(is_pending());
    set_blocked(false);
    assert_u64(wire_sigpipe_count(), 1);
}

static enum brisk_status send_to_closed_pipes(unsigned int index, void *ctx)
{
    (void)ctx;
    for (unsigned int i = 0; i < 50; i++) {
        int ends[2];
        struct brisk_file_message message = brisk_file_message_whole(0);
        message.header = brisk_bytes_text("abc");
        message.length = 0;
        thread_expect(pipe2(ends, O_CLOEXEC) == 0);
        close(ends[0]);
        thread_expect(
            brisk_send_file(ends[1], &message, NULL, NULL, NULL) == BRISK_ERR_UNREACHABLE);
        close(ends[1]);
        thread_expect(!is_blocked() && !is_pending());
    }
    (void)index;
    return BRISK_OK;
}

static void threads_that_send_at_once_see_no_signal(void **state)
{
    (void)state;
    wire_watch_sigpipe();

    run_threads(4, send_to_closed_pipes, NULL);

    assert_u64(wire_sigpipe_count(), 0);
}

static int relay_to_closed(const void *argument)
{
    int a[2], b[2];
    (void)argument;
    child_expect(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0);
    child_expect(socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0);
    child_expect(write(a[0], "abc", 3) == 3);
    close(b[0]);
    close(a[0]);
    child_expect(brisk_relay(a[1], b[1], NULL, NULL, NULL, NULL) == BRISK_ERR_UNREACHABLE);
    return 0;
}

static void a_program_that_does_nothing_about_the_signal_survives(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);

    for (int kind = 0; kind < WIRE_FILE; kind++)
        send_to_closed((enum wire_kind)kind);
    run_in_child(relay_to_closed, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_handler_of_the_program_is_not_called),
    cmocka_unit_test(a_program_that_blocks_the_signal_finds_none_pending),
    cmocka_unit_test(a_signal_that_was_pending_before_is_left_to_the_program),
    cmocka_unit_test(threads_that_send_at_once_see_no_signal),
    cmocka_unit_test(a_program_that_does_nothing_about_the_signal_survives))
