/* SPDX-License-Identifier: Apache-2.0 */
/* A real memcached with a proxy in front of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/fixture_support.h"

static struct brisk_fixture *start_proxied(const char *parameters)
{
    need_daemon("memcached");
    return start("memcached", parameters);
}

static void fault(struct brisk_fixture *fixture, const char *specification)
{
    struct brisk_error error = {0};
    enum brisk_status status = brisk_fixture_fault(fixture, specification, &error);
    assert_that(status == BRISK_OK, "%s", error.message);
}

static struct brisk_fixture_traffic traffic_of(struct brisk_fixture *fixture)
{
    struct brisk_fixture_traffic traffic = brisk_fixture_traffic_empty();
    assert_ok(brisk_fixture_read_traffic(fixture, &traffic, NULL));
    return traffic;
}

static int connect_to(const struct brisk_fixture *fixture)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(brisk_fixture_port(fixture)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_i64(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_i64(send(fd, text, strlen(text), MSG_NOSIGNAL), (int64_t)strlen(text));
}

/* Up to `length` bytes, fewer if an end or an error comes before. */
static size_t hear(int fd, char *bytes, size_t length, int *sys_errno)
{
    size_t done = 0;
    ssize_t part = 1;
    while (part > 0 && done < length) {
        part = recv(fd, bytes + done, length - done, 0);
        done += part > 0 ? (size_t)part : 0;
    }
    *sys_errno = part < 0 ? errno : 0;
    return done;
}

static void expect(int fd, const char *text)
{
    char got[1024];
    int sys_errno;
    size_t length = hear(fd, got, strlen(text), &sys_errno);
    assert_that(length == strlen(text), "%zu bytes: %s", length, strerror(sys_errno));
    assert_memory_equal(got, text, length);
}

/* A process of that name below `parent`; 0 if there is none. */
static pid_t find_child(pid_t parent, const char *name)
{
    char path[64], text[256], own[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    read_text(path, text, sizeof text);
    char *rest = text;
    for (long pid; (pid = strtol(rest, &rest, 10)) > 0;) {
        snprintf(path, sizeof path, "/proc/%ld/comm", pid);
        read_text(path, own, sizeof own);
        own[strcspn(own, "\n")] = '\0';
        pid_t found = strcmp(own, name) == 0 ? (pid_t)pid : find_child((pid_t)pid, name);
        if (found != 0)
            return found;
    }
    return 0;
}

static void a_proxy_without_faults_is_not_noticed(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    uint16_t port = brisk_fixture_port(fixture);
    char url[64];
    snprintf(url, sizeof url, "memcached://127.0.0.1:%u", port);

    assert_string_equal(brisk_fixture_url(fixture), url);
    assert_true(ask(port, "set a 0 0 1\r\nx\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND"));
    assert_ok(brisk_fixture_reset(fixture, NULL));
    assert_true(ask(port, "get a\r\n", "END"));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, "version\r\n", "VERSION"));

    assert_u64(brisk_fixture_port(fixture), port);
    assert_u64(traffic_of(fixture).accepted, 3);
    assert_string_equal(traffic_of(fixture).faults, "");
    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_false(can_connect(port));
}

static void without_the_parameter_there_is_no_proxy(void **state)
{
    (void)state;
    struct brisk_error error;
    struct brisk_fixture_traffic traffic = brisk_fixture_traffic_empty();
    static const char *const parameters[] = {NULL, "proxy=no", "proxy="};
    for (int i = 0; i < 3; i++) {
        struct brisk_fixture *fixture = start_proxied(parameters[i]);

        assert_status(brisk_fixture_fault(fixture, "down", &error), BRISK_ERR_INVALID);
        assert_string_equal(
            error.message, "memcached has no proxy; start it with one: memcached=proxy");
        assert_status(brisk_fixture_read_traffic(fixture, &traffic, &error), BRISK_ERR_INVALID);

        assert_i64(find_child(getpid(), "brisk-proxy"), 0);
        assert_ok(brisk_fixture_stop(fixture, NULL));
    }
}

static void a_reply_is_cut_at_every_byte(void **state)
{
    (void)state;
    static const char reply[] = "VALUE key 0 5\r\nvalue\r\nEND\r\n";
    struct brisk_fixture *fixture = start_proxied("proxy");
    assert_true(ask(brisk_fixture_port(fixture), "set key 0 0 5\r\nvalue\r\n", "STORED"));

    for (size_t count = 0; count < sizeof reply; count++) {
        char specification[64], got[64];
        int sys_errno;
        snprintf(specification, sizeof specification, "cut=%zu direction=down", count);
        fault(fixture, specification);
        int fd = connect_to(fixture);
        send(fd, "get key\r\n", 9, MSG_NOSIGNAL);

        size_t length = hear(fd, got, count < sizeof reply - 1 ? sizeof got : count, &sys_errno);

        assert_size(length, count);
        assert_memory_equal(got, reply, count);
        assert_i64(sys_errno, 0);
        close(fd);
    }
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_dripping_reply_takes_its_time(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy=drip=2ms direction=down");
    int fd = connect_to(fixture);

    uint64_t begin_ns = now_ns();
    say(fd, "get nothing\r\n");
    expect(fd, "END\r\n");

    assert_true(now_ns() - begin_ns >= 8000000);
    close(fd);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void two_clients_get_the_replies_of_each_other(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy=swap");
    int a = connect_to(fixture), b = connect_to(fixture);
    fault(fixture, "swap=off");
    say(a, "set a 0 0 1\r\n1\r\n");
    expect(a, "STORED\r\n");
    say(b, "set b 0 0 1\r\n2\r\n");
    expect(b, "STORED\r\n");

    fault(fixture, "swap");
    say(a, "get a\r\n");
    say(b, "get b\r\n");

    expect(a, "VALUE b 0 1\r\n2\r\nEND\r\n");
    expect(b, "VALUE a 0 1\r\n1\r\nEND\r\n");
    close(a);
    close(b);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void corruption_is_the_same_for_the_same_seed(void **state)
{
    (void)state;
    char replies[3][512];
    static const char *const seeds[] = {"seed=5", "seed=5", "seed=6"};
    struct brisk_fixture *fixture;

    for (int i = 0; i < 3; i++) {
        int sys_errno;
        memset(replies[i], 0, sizeof replies[i]);
        fixture = start_proxied("proxy=corrupt=10 direction=down");
        fault(fixture, seeds[i]);
        int fd = connect_to(fixture);
        say(fd, "set k 0 0 20\r\n01234567890123456789\r\nget k\r\n");
        assert_size(hear(fd, replies[i], 49, &sys_errno), 49);
        close(fd);
        assert_ok(brisk_fixture_stop(fixture, NULL));
    }

    assert_memory_equal(replies[0], replies[1], 49);
    assert_memory_not_equal(replies[0], replies[2], 49);
}

static void down_refuses_while_the_daemon_runs_on(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    uint16_t port = brisk_fixture_port(fixture);
    assert_true(ask(port, "set a 0 0 1\r\nx\r\n", "STORED"));

    fault(fixture, "down");
    assert_false(can_connect(port));
    assert_ok(brisk_fixture_fault_clear(fixture, NULL));

    assert_true(ask(port, "get a\r\n", "VALUE a"));
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void clients_of_a_killed_daemon_are_reset_until_it_is_back(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    int fd = connect_to(fixture);
    char byte;
    say(fd, "version\r\n");
    expect(fd, "VERSION");

    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    while (recv(fd, &byte, 1, 0) > 0) /* the rest of the line, then its end */
        continue;
    close(fd);
    fd = connect_to(fixture);
    assert_true(recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET);
    close(fd);
    assert_u64(traffic_of(fixture).unreachable, 1);

    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(brisk_fixture_port(fixture), "version\r\n", "VERSION"));
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void without_isolation_the_proxy_is_none_of_the_daemons_processes(void **state)
{
    (void)state;
    need_daemon("memcached");
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = "proxy";
    options.isolation = BRISK_FIXTURE_ISOLATION_NONE;
    struct brisk_fixture *fixture = brisk_fixture_start("memcached", &options, NULL);
    assert_non_null(fixture);

    assert_ok(brisk_fixture_pause(fixture, NULL));
    fault(fixture, "latency=1ms"); /* the proxy goes on */
    assert_ok(brisk_fixture_resume(fixture, NULL));
    assert_true(ask(brisk_fixture_port(fixture), "version\r\n", "VERSION"));
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    fault(fixture, "clear");
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(brisk_fixture_port(fixture), "version\r\n", "VERSION"));

    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_wrong_fault_starts_and_changes_nothing(void **state)
{
    (void)state;
    need_daemon("memcached");
    const char *message = start_failing("memcached", "proxy=latency=50", BRISK_ERR_INVALID);
    assert_memory_equal(message, "the proxy of memcached: 'latency=50' is no time", 47);
    struct brisk_fixture *fixture = start_proxied("proxy=latency=1ms direction=up");
    struct brisk_error error;

    assert_status(brisk_fixture_fault(fixture, "cut=1 sloth", &error), BRISK_ERR_INVALID);

    assert_memory_equal(error.message, "'sloth' is no fault", 19);
    assert_string_equal(traffic_of(fixture).faults, "latency=1ms direction=up");
    assert_status(brisk_fixture_fault(fixture, NULL, &error), BRISK_ERR_INVALID);
    struct brisk_fixture_traffic traffic = {.size = 8};
    assert_status(brisk_fixture_read_traffic(fixture, &traffic, &error), BRISK_ERR_INVALID);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void the_port_that_is_asked_for_is_the_proxys(void **state)
{
    (void)state;
    need_daemon("memcached");
    uint16_t port = 0;
    char parameters[64];
    int foreign = listen_on(&port);
    snprintf(parameters, sizeof parameters, "proxy,port=%u", port);

    assert_non_null(strstr(start_failing("memcached", parameters, BRISK_ERR_SYSTEM), "in use"));
    close(foreign);
    struct brisk_fixture *fixture = start_proxied(parameters);

    assert_u64(brisk_fixture_port(fixture), port);
    assert_true(ask(port, "version\r\n", "VERSION"));
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void whoever_attaches_can_change_the_faults(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    struct brisk_fixture *other = brisk_fixture_attach("memcached", NULL);
    assert_non_null(other);

    fault(other, "cut=3 direction=down seed=9");

    struct brisk_fixture_traffic traffic = traffic_of(fixture);
    assert_string_equal(traffic.faults, "cut=3 direction=down");
    assert_u64(traffic.seed, 9);
    brisk_fixture_detach(other);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_killed_proxy_is_told_and_leaves_the_daemon_alone(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    struct brisk_error error;
    pid_t proxy = find_child(getpid(), "brisk-proxy");
    assert_true(proxy > 0);

    kill(proxy, SIGKILL);
    while (brisk_fixture_fault(fixture, "clear", &error) == BRISK_OK)
        continue; /* until the signal has arrived */

    assert_status(error.status, BRISK_ERR_UNREACHABLE);
    assert_memory_equal(error.message, "the proxy is gone", 17);
    assert_ok(brisk_fixture_reset(fixture, NULL));
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_proxy_does_not_outlive_its_guard(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_proxied("proxy");
    uint16_t port = brisk_fixture_port(fixture);

    kill(find_child(getpid(), "brisk-guard"), SIGKILL);

    uint64_t deadline_ns = now_ns() + UINT64_C(5000000000);
    while (can_connect(port) && now_ns() < deadline_ns)
        continue;
    assert_false(can_connect(port));
    assert_status(brisk_fixture_fault(fixture, "clear", NULL), BRISK_ERR_UNREACHABLE);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

BRISK_TEST_MAIN(
    on_ground(a_proxy_without_faults_is_not_noticed),
    on_ground(without_the_parameter_there_is_no_proxy), on_ground(a_reply_is_cut_at_every_byte),
    on_ground(a_dripping_reply_takes_its_time),
    on_ground(two_clients_get_the_replies_of_each_other),
    on_ground(corruption_is_the_same_for_the_same_seed),
    on_ground(down_refuses_while_the_daemon_runs_on),
    on_ground(clients_of_a_killed_daemon_are_reset_until_it_is_back),
    on_ground(without_isolation_the_proxy_is_none_of_the_daemons_processes),
    on_ground(a_wrong_fault_starts_and_changes_nothing),
    on_ground(the_port_that_is_asked_for_is_the_proxys),
    on_ground(whoever_attaches_can_change_the_faults),
    on_ground(a_killed_proxy_is_told_and_leaves_the_daemon_alone),
    on_ground(a_proxy_does_not_outlive_its_guard))
