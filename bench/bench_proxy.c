/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a proxy without faults costs: replies through it, through a relay of poll, read and write
 * as one writes it in an hour, and without any. Server, relay and client share the machine.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <brisk/fixture.h>

#include "bench/measure.h"
#include "bench/runner.h"
#include "harness/proxy.h"

enum {
    LARGE_REPLY = 1 << 20,
    SMALL_REPLY = 100,
    ROUNDS = 15,
    RELAY_BUFFER = 64 * 1024,
    REQUEST = 40
};

static void must(bool is_ok, const char *what)
{
    if (!is_ok)
        bench_fail("%s failed", what);
}

static void receive(int fd, char *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t part = recv(fd, bytes + done, length - done, 0);
        must(part > 0, "recv");
        done += (size_t)part;
    }
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t part = send(fd, bytes + done, length - done, MSG_NOSIGNAL);
        if (part <= 0)
            return false;
        done += (size_t)part;
    }
    return true;
}

static void no_delay(int fd)
{
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static int listen_anywhere(unsigned int *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(
        fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 16) == 0,
        "listen");
    getsockname(fd, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return fd;
}

static int connect_to(unsigned int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    no_delay(fd);
    return fd;
}

/* A request is 40 bytes, of which the first four are the length of the reply. */
static void *serve_client(void *ctx)
{
    int fd = (int)(intptr_t)ctx;
    char request[REQUEST];
    char *reply = calloc(1, LARGE_REPLY);
    must(reply != NULL, "calloc");
    uint32_t length = 0;
    do {
        ssize_t part = recv(fd, request, sizeof request, MSG_WAITALL);
        if (part != (ssize_t)sizeof request)
            break;
        memcpy(&length, request, sizeof length);
    } while (send_all(fd, reply, length));
    free(reply);
    close(fd);
    return NULL;
}

static void start_thread(void *(*run)(void *), void *ctx)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, run, ctx) == 0, "pthread_create");
    pthread_detach(thread);
}

static void *serve(void *ctx)
{
    int listener = (int)(intptr_t)ctx;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        must(fd >= 0, "accept");
        no_delay(fd);
        start_thread(serve_client, (void *)(intptr_t)fd);
    }
    return NULL;
}

struct naive {
    int listener;
    unsigned int server_port;
};

/* One connection, both directions, 64 KiB at a time. */
static void *relay_naively(void *ctx)
{
    const struct naive *naive = ctx;
    char *buffer = malloc(RELAY_BUFFER);
    int client = accept(naive->listener, NULL, NULL);
    must(client >= 0 && buffer != NULL, "accept");
    no_delay(client);
    struct pollfd fds[2] = {
        {.fd = client, .events = POLLIN}, {.fd = connect_to(naive->server_port), .events = POLLIN}};
    while (poll(fds, 2, -1) > 0)
        for (int i = 0; i < 2; i++) {
            ssize_t length = fds[i].revents != 0 ? read(fds[i].fd, buffer, RELAY_BUFFER) : 0;
            if ((fds[i].revents != 0 && length <= 0) ||
                !send_all(fds[!i].fd, buffer, (size_t)(length > 0 ? length : 0)))
                return NULL;
        }
    return NULL;
}

enum {
    DIRECT,
    PROXIED,
    NAIVE,
    WAYS
};

struct way {
    int fd;
    char request[REQUEST];
    size_t request_length;
    uint32_t reply_length;
    char *buffer;
};

static uint64_t fetch(void *ctx, size_t thread, size_t first, size_t count)
{
    (void)thread;
    (void)first;
    struct way *way = ctx;
    for (size_t i = 0; i < count; i++) {
        must(send_all(way->fd, way->request, way->request_length), "send");
        receive(way->fd, way->buffer, way->reply_length);
    }
    return count;
}

struct course {
    struct bk_proxy *proxy;
    struct naive naive;
    struct way ways[WAYS];
};

static void lay_course(struct course *course, uint32_t reply_length)
{
    unsigned int server_port, naive_port;
    int listener = listen_anywhere(&server_port);
    start_thread(serve, (void *)(intptr_t)listener);

    char server[64];
    struct brisk_error error;
    snprintf(server, sizeof server, "127.0.0.1:%u", server_port);
    struct bk_proxy_options options = {.listen = "127.0.0.1:0", .server = server};
    course->proxy = bk_proxy_open(&options, &error);
    must(course->proxy != NULL && bk_proxy_start(course->proxy, &error) == BRISK_OK, "the proxy");
    course->naive = (struct naive){
        .listener = listen_anywhere(&naive_port), .server_port = server_port};
    start_thread(relay_naively, &course->naive);

    unsigned int ports[WAYS] = {server_port, bk_proxy_port(course->proxy), naive_port};
    for (int i = 0; i < WAYS; i++) {
        course->ways[i] = (struct way){
            .fd = connect_to(ports[i]),
            .request_length = REQUEST,
            .reply_length = reply_length,
            .buffer = malloc(reply_length)};
        must(course->ways[i].buffer != NULL, "malloc");
        memcpy(course->ways[i].request, &reply_length, sizeof reply_length);
    }
}

struct load {
    uint32_t reply_length;
    size_t replies;
    double goal; /* of the proxy's speed in that of a direct connection; 0: none */
};

/* Speeds, so that more is better: ratio is baseline's time / ours. */
static void report(
    struct bench *bench, const struct measure_side *sides, int of, int to, size_t rounds,
    const struct load *load)
{
    bool is_large = load->reply_length == LARGE_REPLY;
    double ns = measure_median(sides[of].ns, rounds);
    double ratio = measure_median_ratio(sides[to].ns, sides[of].ns, rounds);
    double value = is_large ? (double)load->reply_length * 1e3 / ns : 1e9 / ns;
    bench_report(
        bench, &(struct bench_row){
                   .suffix = of == NAIVE ? "-naive" : NULL,
                   .value = value,
                   .unit = is_large ? "MB/s" : "replies/s",
                   .baseline = "direct",
                   .baseline_value = value / ratio,
                   .goal = of == NAIVE ? 0 : load->goal,
                   .sense = BENCH_AT_LEAST,
                   .rounds = rounds});
}

static void run_load(struct bench *bench, const void *argument)
{
    const struct load *load = argument;
    struct course course;
    struct measure_side sides[WAYS];
    size_t rounds = bench_rounds(bench, ROUNDS), count = bench_scaled(bench, load->replies);
    lay_course(&course, load->reply_length);
    for (int i = 0; i < WAYS; i++)
        sides[i] = (struct measure_side){
            .work = fetch, .ctx = &course.ways[i], .threads = 1, .count = count};
    measure_interleaved(sides, WAYS, rounds, count);
    report(bench, sides, PROXIED, DIRECT, rounds, load);
    report(bench, sides, NAIVE, DIRECT, rounds, load);
    bk_proxy_close(course.proxy);
}

static const struct load large = {.reply_length = LARGE_REPLY, .replies = 200, .goal = 0.6};
static const struct load bare = {.reply_length = LARGE_REPLY, .replies = 200};
static const struct load small = {.reply_length = SMALL_REPLY, .replies = 2000};

/* The same with a real server: one without a proxy, one with. */
static struct way way_to_redis(struct brisk_fixture **redis, const char *parameters)
{
    static const char get[] = "GET value\r\n", head[] = "$1048576\r\n", tail[] = "\r\n";
    static const char set[] = "*3\r\n$3\r\nSET\r\n$5\r\nvalue\r\n$1048576\r\n";
    struct brisk_error error;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = parameters;
    *redis = brisk_fixture_start("redis", &options, &error);
    if (*redis == NULL)
        bench_fail("%s", error.message);
    struct way way = {
        .fd = connect_to(brisk_fixture_port(*redis)),
        .request_length = sizeof get - 1,
        .reply_length = sizeof head - 1 + LARGE_REPLY + sizeof tail - 1,
        .buffer = calloc(1, LARGE_REPLY + 64)};
    must(way.buffer != NULL, "calloc");
    memcpy(way.request, get, sizeof get - 1);
    must(
        send_all(way.fd, set, sizeof set - 1) && send_all(way.fd, way.buffer, LARGE_REPLY) &&
            send_all(way.fd, tail, sizeof tail - 1),
        "SET");
    receive(way.fd, way.buffer, strlen("+OK\r\n"));
    return way;
}

static bool is_installed(const char *name)
{
    struct brisk_error error;
    struct brisk_fixture *fixture = brisk_fixture_start(name, NULL, &error);
    brisk_fixture_stop(fixture, NULL);
    return fixture != NULL || error.status != BRISK_ERR_UNSUPPORTED;
}

static void run_redis(struct bench *bench, const void *argument)
{
    const struct load *load = argument;
    struct brisk_fixture *fixtures[2];
    struct way ways[2];
    struct measure_side sides[2];
    size_t rounds = bench_rounds(bench, ROUNDS), count = bench_scaled(bench, load->replies);
    setenv("BRISK_EXEC_PATH", BENCH_GUARD_FOLDER, 0);
    setenv("BRISK_FIXTURE_PATH", BENCH_FIXTURES, 0);
    if (!is_installed("redis")) {
        bench_report_absent(bench, "redis is not installed");
        return;
    }
    ways[DIRECT] = way_to_redis(&fixtures[DIRECT], NULL);
    ways[PROXIED] = way_to_redis(&fixtures[PROXIED], "proxy");
    for (int i = 0; i < 2; i++)
        sides[i] = (struct measure_side){
            .work = fetch, .ctx = &ways[i], .threads = 1, .count = count};
    measure_interleaved(sides, 2, rounds, count);
    report(bench, sides, PROXIED, DIRECT, rounds, load);
    for (int i = 0; i < 2; i++)
        brisk_fixture_stop(fixtures[i], NULL);
}

static const struct bench_case cases[] = {
    {"redis-1m", "GET of 1 MiB from redis through a proxy without faults", run_redis, &large},
    {"replies-1m", "replies of 1 MiB from a server that does nothing else", run_load, &bare},
    {"replies-100", "replies of 100 bytes, one at a time", run_load, &small},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "proxy", cases, sizeof cases / sizeof cases[0]);
}
