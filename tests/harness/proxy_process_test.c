/* SPDX-License-Identifier: Apache-2.0 */
/* A loop in a child process, forked processes that hold its sockets, and too few descriptors. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/proxy_support.h"

/* As stage_begin, but the loop is a child's with at most `descriptors` (0: no limit). */
static pid_t begin_in_child(struct stage *stage, rlim_t descriptors)
{
    *stage = stage_begin(STAGE_TCP, NULL);
    bk_proxy_close(stage->proxy);
    struct bk_proxy_options options = {.listen = "127.0.0.1:0", .server = stage->server};
    stage->proxy = bk_proxy_open(&options, NULL);
    assert_non_null(stage->proxy);

    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};
        close(stage->server_fd);
        if (descriptors > 0)
            setrlimit(RLIMIT_NOFILE, &limit);
        bk_proxy_run(stage->proxy);
        _exit(0);
    }
    bk_proxy_forked(stage->proxy);
    return child;
}

static void expect_exit(pid_t child)
{
    int status;
    assert_i64(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_child_relays_and_obeys_until_it_is_closed(void **state)
{
    (void)state;
    struct stage stage;
    pid_t child = begin_in_child(&stage, 0);
    struct pair pair = stage_connect(&stage);

    send_text(pair.client, "through a child");
    expect_text(pair.server, "through a child");
    stage_fault(&stage, "cut=2 direction=down");
    send_text(pair.server, "xyz");
    expect_text(pair.client, "xy");
    expect_end(pair.client);
    stage_fault(&stage, "down");
    assert_i64(stage_try_connect(&stage), -1);

    pair_close(&pair);
    stage_end(&stage);
    expect_exit(child);
}

static void the_loop_ends_when_its_owner_dies(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_i64(pipe(pipe_fds), 0);
    pid_t owner = fork();
    if (owner == 0) {
        struct bk_proxy_options options = {.listen = "127.0.0.1:0", .server = "127.0.0.1:1"};
        struct bk_proxy *proxy = bk_proxy_open(&options, NULL);
        if (proxy != NULL && fork() == 0) {
            bk_proxy_run(proxy); /* holds the end of the pipe as long as it runs */
            _exit(0);
        }
        if (proxy != NULL)
            bk_proxy_forked(proxy);
        _exit(write(pipe_fds[1], "x", 1) == 1 ? 0 : 1); /* without a word to the loop */
    }
    close(pipe_fds[1]);

    char bytes[2];
    assert_i64(read(pipe_fds[0], bytes, 1), 1);
    assert_i64(read(pipe_fds[0], bytes, 1), 0);

    close(pipe_fds[0]);
    expect_exit(owner);
}

static void a_child_that_died_is_unreachable(void **state)
{
    (void)state;
    struct stage stage;
    pid_t child = begin_in_child(&stage, 0);
    struct brisk_error error;
    int status;

    kill(child, SIGKILL);
    waitpid(child, &status, 0);

    assert_status(bk_proxy_clear(stage.proxy, &error), BRISK_ERR_UNREACHABLE);
    assert_memory_equal(error.message, "the proxy is gone", 17);
    stage_end(&stage);
}

/* A process that holds a copy of all descriptors, until it is told to go. */
static pid_t hold_everything(int *goodbye)
{
    int pipe_fds[2];
    char byte;
    assert_i64(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipe_fds[1]);
        _exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(pipe_fds[0]);
    *goodbye = pipe_fds[1];
    return child;
}

static void a_forked_test_that_holds_the_sockets_changes_nothing(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct pair cut = stage_connect(&stage), reset = stage_connect(&stage);
    struct pair down = stage_connect(&stage);
    send_text(down.client, "x");
    expect_text(down.server, "x");
    int goodbye;
    pid_t holder = hold_everything(&goodbye);

    stage_fault(&stage, "cut=1 direction=down");
    send_text(cut.server, "12");
    expect_text(cut.client, "1");
    expect_end(cut.client);
    stage_fault(&stage, "reset=1 direction=down");
    send_text(reset.server, "12");
    expect_text(reset.client, "1");
    expect_reset(reset.client);
    stage_fault(&stage, "clear; down");
    expect_end(down.client);
    assert_i64(stage_try_connect(&stage), -1);
    struct pair none = {.client = -1, .server = -1};
    stage_fault(&stage, "clear");
    none = stage_connect(&stage);
    bk_proxy_close(stage.proxy);
    stage.proxy = NULL;
    expect_end(none.client);

    close(goodbye);
    expect_exit(holder);
    pair_close(&cut);
    pair_close(&reset);
    pair_close(&down);
    pair_close(&none);
    stage_end(&stage);
}

static void without_descriptors_clients_wait_for_their_turn(void **state)
{
    (void)state;
    enum {
        CLIENTS = 40
    };
    struct stage stage;
    pid_t child = begin_in_child(&stage, 40); /* room for about 12 connections */
    int clients[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = stage_try_connect(&stage);
        assert_true(clients[i] >= 0);
        send_text(clients[i], "turn");
    }
    for (int i = 0; i < CLIENTS; i++) { /* in order, as each that ends makes room */
        int server = stage_accept(&stage);
        expect_text(server, "turn");
        close(server);
        expect_end(clients[i]);
        close(clients[i]);
    }

    assert_u64(stage_status(&stage).accepted, CLIENTS);
    stage_end(&stage);
    expect_exit(child);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_child_relays_and_obeys_until_it_is_closed),
    cmocka_unit_test(the_loop_ends_when_its_owner_dies),
    cmocka_unit_test(a_child_that_died_is_unreachable),
    cmocka_unit_test(a_forked_test_that_holds_the_sockets_changes_nothing),
    cmocka_unit_test(without_descriptors_clients_wait_for_their_turn))
