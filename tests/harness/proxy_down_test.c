/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting connections: refusing them, many of them, and more than there is room for. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/harness/proxy_support.h"

static void down_refuses_and_ends_connections_until_it_is_off(void **state)
{
    (void)state;
    for (enum stage_kind kind = STAGE_TCP; kind <= STAGE_UNIX; kind++) {
        struct stage stage = stage_begin(kind, NULL);
        struct pair pair = stage_connect(&stage);

        for (int i = 0; i < 3; i++) {
            stage_fault(&stage, "down");
            expect_end(pair.client);
            expect_end(pair.server);
            assert_i64(stage_try_connect(&stage), -1);
            assert_i64(stage_try_connect(&stage), -1);
            pair_close(&pair);

            stage_fault(&stage, "down=off");
            pair = stage_connect(&stage);
            send_text(pair.client, "up again");
            expect_text(pair.server, "up again");
        }

        pair_close(&pair);
        stage_end(&stage);
    }
}

static void a_proxy_may_be_down_from_the_start(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "down");

    assert_i64(stage_try_connect(&stage), -1);
    stage_fault(&stage, "clear");
    struct pair pair = stage_connect(&stage);

    pair_close(&pair);
    stage_end(&stage);
}

/* Without SO_REUSEADDR, as any stranger. */
static int bind_to_port(unsigned int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void nobody_else_gets_the_port_while_it_is_down(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "down");

    int stranger = bind_to_port(bk_proxy_port(stage.proxy));

    assert_i64(stranger, -1);
    stage_end(&stage);
}

static void a_port_of_somebody_else_is_an_error(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct bk_proxy_options options = {.listen = stage.server, .server = stage.server};
    struct brisk_error error = {.message = ""};

    struct bk_proxy *proxy = bk_proxy_open(&options, &error);

    assert_null(proxy);
    assert_status(error.status, BRISK_ERR_SYSTEM);
    assert_i64(error.sys_errno, EADDRINUSE);
    assert_non_null(strstr(error.message, stage.server));
    assert_non_null(strstr(error.message, "port 0 takes a free one"));
    stage_end(&stage);
}

static void a_port_that_is_held_by_a_bound_socket_can_be_used(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    int yes = 1;
    int hold = bind_to_port(0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(hold, (struct sockaddr *)&address, &length);
    setsockopt(hold, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    char front[64];
    snprintf(front, sizeof front, "127.0.0.1:%u", ntohs(address.sin_port));

    struct bk_proxy_options options = {.listen = front, .server = stage.server};
    struct bk_proxy *proxy = bk_proxy_open(&options, NULL);

    assert_non_null(proxy);
    assert_string_equal(bk_proxy_address(proxy), front);
    bk_proxy_close(proxy);
    close(hold);
    stage_end(&stage);
}

static unsigned int raise_descriptor_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1000000 ? 1000000 : (unsigned int)limit.rlim_cur;
}

static void many_connections_are_relayed_side_by_side(void **state)
{
    (void)state;
    unsigned int count = scaled(3000);
    if (count > raise_descriptor_limit() / 4 - 50) /* 4 descriptors each, all of this process */
        count = raise_descriptor_limit() / 4 - 50;
    struct stage stage = stage_begin(STAGE_TCP, "latency=1ms jitter=1ms direction=down");
    struct pair *pairs = calloc(count, sizeof *pairs);

    for (unsigned int i = 0; i < count; i++)
        pairs[i] = stage_connect(&stage);
    for (unsigned int i = 0; i < count; i++)
        send_text(pairs[i].client, "abc");
    for (unsigned int i = 0; i < count; i++) {
        expect_text(pairs[i].server, "abc");
        send_text(pairs[i].server, "defg");
    }
    for (unsigned int i = 0; i < count; i++)
        expect_text(pairs[i].client, "defg");

    assert_u64(stage_status(&stage).connections, count);
    assert_u64(stage_status(&stage).bytes_down, 4 * count);
    for (unsigned int i = 0; i < count; i++)
        pair_close(&pairs[i]);
    stage_await_connections(&stage, 0);
    free(pairs);
    stage_end(&stage);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(down_refuses_and_ends_connections_until_it_is_off),
    cmocka_unit_test(a_proxy_may_be_down_from_the_start),
    cmocka_unit_test(nobody_else_gets_the_port_while_it_is_down),
    cmocka_unit_test(a_port_of_somebody_else_is_an_error),
    cmocka_unit_test(a_port_that_is_held_by_a_bound_socket_can_be_used),
    cmocka_unit_test(many_connections_are_relayed_side_by_side))
