/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once, also those of the loop, which runs in the test's thread here. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/proxy_loop.h"
#include "tests/harness/proxy_support.h"

static void try_to_open(bool is_failing, void *ctx)
{
    int *refusals = ctx;
    struct bk_proxy_options options = {
        .listen = "127.0.0.1:0", .server = "127.0.0.1:1", .faults = "latency=1ms"};
    struct brisk_error error = {.status = BRISK_OK};

    struct bk_proxy *proxy = bk_proxy_open(&options, &error);

    if (proxy == NULL) {
        assert_true(is_failing);
        assert_status(error.status, BRISK_ERR_NOMEM);
        ++*refusals;
    }
    bk_proxy_close(proxy);
}

static void a_proxy_opens_or_says_that_there_is_no_memory(void **state)
{
    (void)state;
    int refusals = 0;
    int before = dup(0);
    close(before);

    for_each_allocation_failure(try_to_open, &refusals);

    assert_true(refusals >= 3);
    int after = dup(0);
    close(after);
    assert_i64(after, before);
}

/* Rounds as long as something is ready. */
static void run_rounds(struct bk_loop *loop)
{
    struct pollfd ready = {.fd = loop->events.epoll_fd, .events = POLLIN};
    while (poll(&ready, 1, 0) > 0) {
        bk_events_round(&loop->events);
        bk_relay_sweep(&loop->relay);
        bk_control_sweep(&loop->control);
    }
}

struct world {
    struct bk_loop *loop;
    int server_fd;
    int lost; /* connections that were ended for want of memory */
};

/* A connection carries all of its bytes, or is reset: never some without the others. */
static void try_to_relay(bool is_failing, void *ctx)
{
    struct world *world = ctx;
    const struct bk_address *front = &world->loop->relay.address;
    static char bytes[20000], got[sizeof bytes + 1];
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(client, (const struct sockaddr *)&front->socket, front->length);
    run_rounds(world->loop);
    ssize_t sent = send(client, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(client, SHUT_WR);
    run_rounds(world->loop);

    int server = accept4(world->server_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int sys_errno = 0;
    size_t length = server >= 0 ? read_all(server, got, sizeof got, &sys_errno) : 0;
    bool is_whole = sent == sizeof bytes && length == sizeof bytes && sys_errno == 0;
    if (!is_whole) {
        char byte;
        assert_true(is_failing);
        assert_true(sent < 0 || (recv(client, &byte, 1, 0) < 0 && errno == ECONNRESET));
        world->lost++;
    }
    if (server >= 0)
        close(server);
    close(client);
    run_rounds(world->loop);
    assert_size(world->loop->relay.link_count, 0);
}

static void without_memory_a_connection_is_reset_and_the_loop_goes_on(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    int ends[2];
    assert_i64(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct bk_proxy_options options = {
        .listen = "127.0.0.1:0", .server = stage.server, .faults = "slice=1000-3000"};
    assert_i64(fcntl(stage.server_fd, F_SETFL, O_NONBLOCK), 0); /* it may be asked in vain */
    struct world world = {
        .loop = bk_loop_open(&options, ends[0], NULL), .server_fd = stage.server_fd};
    assert_non_null(world.loop);

    for_each_allocation_failure(try_to_relay, &world);

    assert_true(world.lost >= 3);
    bk_loop_close(world.loop);
    close(ends[1]);
    stage_end(&stage);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_proxy_opens_or_says_that_there_is_no_memory),
    cmocka_unit_test(without_memory_a_connection_is_reset_and_the_loop_goes_on))
