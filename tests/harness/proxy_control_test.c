/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a running proxy what to do: from several threads, from outside, and wrongly. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/proxy_address.h"
#include "tests/harness/proxy_support.h"

static const char *control_of(const struct stage *stage)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/control", stage->folder);
    return path;
}

static int connect_to_control(const struct stage *stage)
{
    struct bk_address address;
    assert_ok(bk_address_read(&address, control_of(stage), NULL));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_i64(connect(fd, (struct sockaddr *)&address.socket, address.length), 0);
    return fd;
}

static const char *ask_at(const struct stage *stage, const char *request)
{
    static char buffer[4096];
    struct bk_text answer = {.buffer = buffer, .capacity = sizeof buffer - 1};
    assert_ok(bk_proxy_ask_at(control_of(stage), request, &answer, NULL));
    buffer[answer.length] = '\0';
    return buffer;
}

static void another_process_can_change_faults_and_read_them(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "seed=9");

    assert_string_equal(ask_at(&stage, "fault latency=5ms direction=up"), "");
    assert_string_equal(
        ask_at(&stage, "status"),
        "faults latency=5ms direction=up\nseed 9\nconnections 0\naccepted 0\nunreachable 0\n"
        "bytes_up 0\nbytes_down 0\n");
    assert_string_equal(ask_at(&stage, "clear"), "");
    assert_memory_equal(ask_at(&stage, "status"), "faults \n", 8);

    stage_end(&stage);
}

static void a_wrong_request_is_answered_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *request, *message;
    } table[] = {
        {"fault sloth", "'sloth' is no fault"},
        {"faults", "no such request; there are fault SPECIFICATION, clear, status"},
        {"", "no such request"},
        {"clear now", "no such request"},
        {"fault latency=1ms\nclear", "a request is one line"},
    };
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct brisk_error error = {.message = ""};
        assert_status(
            bk_proxy_ask_at(control_of(&stage), table[i].request, NULL, &error), BRISK_ERR_INVALID);
        assert_that(
            strstr(error.message, table[i].message) != NULL, "%s: %s", table[i].request,
            error.message);
    }
    struct brisk_error error;
    assert_status(bk_proxy_fault(stage.proxy, "sloth", &error), BRISK_ERR_INVALID);
    assert_memory_equal(error.message, "'sloth'", 7);
    stage_end(&stage);
}

static void requests_may_come_in_parts_and_several_at_once(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    int fd = connect_to_control(&stage);

    static const char requests[] = "fault cut=5\nclear\nfoo\n";
    for (size_t i = 0; i < sizeof requests - 1; i++) {
        assert_i64(send(fd, requests + i, 1, MSG_NOSIGNAL), 1);
        stage_status(&stage); /* the loop has seen it */
    }
    expect_text(fd, "ok\nok\nerror no such request");
    close(fd);
    fd = connect_to_control(&stage);
    send_text(fd, requests);
    expect_text(fd, "ok\nok\nerror no such request");

    close(fd);
    stage_end(&stage);
}

static void a_line_without_an_end_ends_its_connection_alone(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    int fd = connect_to_control(&stage);
    static char noise[5000];
    char byte;
    memset(noise, 'x', sizeof noise);

    send(fd, noise, sizeof noise, MSG_NOSIGNAL);

    assert_true(recv(fd, &byte, 1, 0) <= 0);
    assert_string_equal(ask_at(&stage, "clear"), "");
    close(fd);
    stage_end(&stage);
}

static void a_specification_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    char longest[2000];
    struct brisk_error error;
    memset(longest, ' ', sizeof longest);

    longest[1016] = '\0';
    assert_ok(bk_proxy_fault(stage.proxy, longest, &error));
    longest[1016] = ' ';
    longest[1017] = '\0';
    assert_status(bk_proxy_fault(stage.proxy, longest, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "1017"));
    longest[1017] = ' ';
    longest[1999] = '\0';
    assert_status(bk_proxy_ask_at(control_of(&stage), longest, NULL, &error), BRISK_ERR_INVALID);

    stage_end(&stage);
}

static enum brisk_status change_and_ask(unsigned int index, void *ctx)
{
    struct stage *stage = ctx;
    for (unsigned int i = 0; i < scaled(300); i++) {
        struct bk_proxy_status status = {.seed = 0};
        thread_expect(
            bk_proxy_fault(stage->proxy, index % 2 == 0 ? "latency=1ms" : "clear seed=77", NULL) ==
            BRISK_OK);
        thread_expect(bk_proxy_read_status(stage->proxy, &status, NULL) == BRISK_OK);
        thread_expect(status.seed == 77);
    }
    return BRISK_OK;
}

static void threads_may_ask_at_once(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "seed=77");

    run_threads(4, change_and_ask, &stage);

    stage_end(&stage);
}

static void only_its_user_may_connect(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct stat file;

    assert_i64(stat(control_of(&stage), &file), 0);

    assert_i64(file.st_mode & 0777, 0600);
    stage_end(&stage);
}

static void a_proxy_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct brisk_error error;

    assert_status(
        bk_proxy_ask_at("/var/no-such-proxy", "clear", NULL, &error), BRISK_ERR_UNREACHABLE);
    assert_non_null(strstr(error.message, "/var/no-such-proxy"));
    assert_status(bk_proxy_ask_at("nothing", "clear", NULL, &error), BRISK_ERR_INVALID);
}

static void a_proxy_that_was_not_started_says_so(void **state)
{
    (void)state;
    struct bk_proxy_options options = {.listen = "127.0.0.1:0", .server = "127.0.0.1:1"};
    struct brisk_error error;
    struct bk_proxy *proxy = bk_proxy_open(&options, NULL);

    assert_status(bk_proxy_clear(proxy, &error), BRISK_ERR_INVALID);
    assert_string_equal(error.message, "the proxy has not been started");
    bk_proxy_close(proxy);
    bk_proxy_close(NULL);
}

static void wrong_options_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    static const struct bk_proxy_options table[] = {
        {.listen = "nowhere", .server = "127.0.0.1:1"},
        {.listen = "127.0.0.1:0", .server = "nowhere"},
        {.listen = "127.0.0.1:0", .server = "127.0.0.1:1", .control = "127.0.0.1:0"},
        {.listen = "127.0.0.1:0", .server = "127.0.0.1:1", .faults = "sloth"},
    };
    int before = dup(0);
    close(before);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct brisk_error error;
        assert_null(bk_proxy_open(&table[i], &error));
        assert_status(error.status, BRISK_ERR_INVALID);
    }
    struct bk_proxy_options no_folder = {
        .listen = "127.0.0.1:0", .server = "127.0.0.1:1", .control = "/var/no-such-folder/control"};
    struct brisk_error error;
    assert_null(bk_proxy_open(&no_folder, &error));
    assert_status(error.status, BRISK_ERR_SYSTEM);
    int after = dup(0);
    close(after);
    assert_i64(after, before); /* the lowest free descriptor */
}

BRISK_TEST_MAIN(
    cmocka_unit_test(another_process_can_change_faults_and_read_them),
    cmocka_unit_test(a_wrong_request_is_answered_with_what_is_wrong),
    cmocka_unit_test(requests_may_come_in_parts_and_several_at_once),
    cmocka_unit_test(a_line_without_an_end_ends_its_connection_alone),
    cmocka_unit_test(a_specification_that_is_too_long_is_refused),
    cmocka_unit_test(threads_may_ask_at_once), cmocka_unit_test(only_its_user_may_connect),
    cmocka_unit_test(a_proxy_that_is_not_there_is_told),
    cmocka_unit_test(a_proxy_that_was_not_started_says_so),
    cmocka_unit_test(wrong_options_are_refused_and_leave_nothing))
