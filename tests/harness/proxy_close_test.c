/* SPDX-License-Identifier: Apache-2.0 */
/* How connections end: by whom, after how many bytes, and what the other side sees. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/proxy_support.h"

static const char text[] = "0123456789abcdef";

static void abort_connection(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* Sends all of the text one way; exactly `count` bytes of it and then that end must arrive. */
static void
expect_end_after(enum stage_kind kind, const char *fault, bool is_up, size_t count, int sys_errno)
{
    char faults[64], got[64];
    int got_errno;
    snprintf(faults, sizeof faults, "%s=%zu direction=%s", fault, count, is_up ? "up" : "down");
    struct stage stage = stage_begin(kind, faults);
    struct pair pair = stage_connect(&stage);
    int from = is_up ? pair.client : pair.server, to = is_up ? pair.server : pair.client;

    /* It may come after a reset, and then is what is told of it. */
    bool is_told = send(from, text, sizeof text - 1, MSG_NOSIGNAL) < 0;
    size_t length = read_all(to, got, sizeof got, &got_errno);

    assert_that(length == count, "%s: %zu bytes have come", faults, length);
    assert_memory_equal(got, text, count);
    assert_that(got_errno == sys_errno, "%s: %s", faults, strerror(got_errno));
    length = read_all(from, got, sizeof got, &got_errno);
    assert_that(
        length == 0 && (is_told || got_errno == sys_errno), "%s: %s", faults, strerror(got_errno));
    pair_close(&pair);
    stage_await_connections(&stage, 0);
    stage_end(&stage);
}

static void a_cut_comes_after_exactly_so_many_bytes_at_every_byte(void **state)
{
    (void)state;
    for (size_t count = 0; count < sizeof text; count++)
        for (int direction = 0; direction < 2; direction++) {
            expect_end_after(STAGE_TCP, "cut", direction, count, 0);
            expect_end_after(STAGE_UNIX, "cut", direction, count, 0);
        }
}

static void a_reset_comes_after_exactly_so_many_bytes_at_every_byte(void **state)
{
    (void)state;
    for (size_t count = 0; count < sizeof text; count++)
        for (int direction = 0; direction < 2; direction++)
            expect_end_after(STAGE_TCP, "reset", direction, count, ECONNRESET);
}

static void a_cut_far_behind_is_as_exact_as_a_near_one(void **state)
{
    (void)state;
    static char bytes[3 << 20];
    struct stage stage = stage_begin(STAGE_TCP, "cut=1234567 direction=down");
    struct pair pair = stage_connect(&stage);
    size_t received = 0;
    int sys_errno;

    /* Reader and writer are one thread: no more is under way than sockets hold. */
    ssize_t sent = 1;
    while (received < 1234567 && sent > 0) {
        sent = send(pair.server, bytes, 50000, MSG_NOSIGNAL);
        ssize_t length = recv(pair.client, bytes, 40000, 0);
        assert_true(length > 0);
        received += (size_t)length;
    }
    received += read_all(pair.client, bytes, sizeof bytes, &sys_errno);

    assert_size(received, 1234567);
    assert_i64(sys_errno, 0);
    pair_close(&pair);
    stage_end(&stage);
}

static void a_reset_ends_open_and_new_connections_at_once(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct pair pair = stage_connect(&stage);

    stage_fault(&stage, "reset");
    expect_reset(pair.client);
    expect_reset(pair.server);
    struct pair next = stage_connect(&stage);
    expect_reset(next.client);
    expect_reset(next.server);
    stage_fault(&stage, "reset=off");
    struct pair well = stage_connect(&stage);
    send_text(well.client, "well");
    expect_text(well.server, "well");

    pair_close(&pair);
    pair_close(&next);
    pair_close(&well);
    stage_end(&stage);
}

static void an_rst_of_either_side_reaches_the_other_after_its_bytes(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    for (int by_server = 0; by_server < 2; by_server++) {
        struct pair pair = stage_connect(&stage);
        int from = by_server ? pair.server : pair.client;
        int to = by_server ? pair.client : pair.server;
        send_text(pair.client, "ready");
        expect_text(pair.server, "ready"); /* both connections are there */

        send_text(from, "sent before");
        abort_connection(from);

        char got[64];
        int sys_errno;
        size_t length = read_all(to, got, sizeof got, &sys_errno);
        assert_i64(sys_errno, ECONNRESET);
        assert_true(length == 0 || length == 11); /* the kernel drops what the proxy has not read */
        close(to);
    }
    stage_await_connections(&stage, 0);
    stage_end(&stage);
}

static void a_client_of_a_server_that_is_not_there_gets_an_rst(void **state)
{
    (void)state;
    for (enum stage_kind kind = STAGE_TCP; kind <= STAGE_UNIX; kind++) {
        struct stage stage = stage_begin(kind, NULL);
        close(stage.server_fd);
        stage.server_fd = -1;

        int client = stage_try_connect(&stage);

        assert_true(client >= 0);
        if (kind == STAGE_TCP)
            expect_reset(client);
        else
            expect_end(client);
        assert_u64(stage_status(&stage).unreachable, 1);
        close(client);
        stage_end(&stage);
    }
}

static void a_server_that_dies_ends_its_connections_and_may_come_back(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct pair pair = stage_connect(&stage);
    send_text(pair.client, "x");
    expect_text(pair.server, "x");

    close(pair.server);
    expect_end(pair.client);
    struct pair next = stage_connect(&stage);
    send_text(next.client, "y");
    expect_text(next.server, "y");

    close(pair.client);
    pair_close(&next);
    stage_end(&stage);
}

static void a_sender_learns_that_its_receiver_is_gone(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct pair pair = stage_connect(&stage);
    send_text(pair.client, "unread");
    char byte;
    assert_i64(recv(pair.server, &byte, 1, MSG_PEEK), 1);

    close(pair.server); /* with unread bytes: an RST */

    expect_reset(pair.client);
    close(pair.client);
    stage_await_connections(&stage, 0);
    stage_end(&stage);
}

static void a_slow_close_delays_the_end_alone(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "slow_close=50ms direction=down");
    struct pair pair = stage_connect(&stage);
    send_text(pair.client, "x");
    expect_text(pair.server, "x");

    uint64_t begin_ns = now_ns();
    send_text(pair.server, "bye");
    shutdown(pair.server, SHUT_WR);
    expect_text(pair.client, "bye");
    expect_end(pair.client);
    uint64_t ns = now_ns() - begin_ns;
    shutdown(pair.client, SHUT_WR);
    expect_end(pair.server);

    assert_that(
        ns >= 50 * UINT64_C(1000000), "the end came after %u us", (unsigned int)(ns / 1000));
    pair_close(&pair);
    stage_end(&stage);
}

static void a_black_hole_swallows_one_direction_and_lets_the_other_through(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "blackhole direction=up");
    struct pair pair = stage_connect(&stage);

    send_text(pair.client, "a request that is never seen");
    send_text(pair.server, "hello");
    expect_text(pair.client, "hello");
    expect_silence(pair.server);
    stage_fault(&stage, "clear");
    send_text(pair.client, "seen");
    expect_text(pair.server, "seen");

    pair_close(&pair);
    stage_end(&stage);
}

static void a_black_hole_hides_that_the_client_has_left(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "blackhole");
    struct pair pair = stage_connect(&stage);
    struct pair other = stage_connect(&stage);

    close(pair.client);
    stage_status(&stage); /* the proxy has been round its loop */
    stage_status(&stage);
    expect_silence(pair.server);
    stage_fault(&stage, "clear");
    expect_end(pair.server);

    close(pair.server);
    pair_close(&other);
    stage_end(&stage);
}

static void closing_the_proxy_ends_all_connections(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "latency=10m");
    struct pair pair = stage_connect(&stage);
    struct pair other = stage_connect(&stage);
    send_text(pair.client, "stays");

    bk_proxy_close(stage.proxy);
    stage.proxy = NULL;

    expect_end(pair.client);
    expect_end(other.client);
    expect_end(pair.server);
    pair_close(&pair);
    pair_close(&other);
    stage_end(&stage);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_cut_comes_after_exactly_so_many_bytes_at_every_byte),
    cmocka_unit_test(a_reset_comes_after_exactly_so_many_bytes_at_every_byte),
    cmocka_unit_test(a_cut_far_behind_is_as_exact_as_a_near_one),
    cmocka_unit_test(a_reset_ends_open_and_new_connections_at_once),
    cmocka_unit_test(an_rst_of_either_side_reaches_the_other_after_its_bytes),
    cmocka_unit_test(a_client_of_a_server_that_is_not_there_gets_an_rst),
    cmocka_unit_test(a_server_that_dies_ends_its_connections_and_may_come_back),
    cmocka_unit_test(a_sender_learns_that_its_receiver_is_gone),
    cmocka_unit_test(a_slow_close_delays_the_end_alone),
    cmocka_unit_test(a_black_hole_swallows_one_direction_and_lets_the_other_through),
    cmocka_unit_test(a_black_hole_hides_that_the_client_has_left),
    cmocka_unit_test(closing_the_proxy_ends_all_connections))
