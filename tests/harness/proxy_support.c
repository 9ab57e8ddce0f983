/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/proxy_support.h"

#include <errno.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "harness/proxy_address.h"

enum {
    PATIENCE_S = 30
};

static void limit_waiting(int fd)
{
    struct timeval limit = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int socket_of(const struct bk_address *address)
{
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_that(fd >= 0, "socket: %s", strerror(errno));
    limit_waiting(fd);
    return fd;
}

static void listen_at(struct stage *stage, const char *text)
{
    struct bk_address address;
    assert_ok(bk_address_read(&address, text, NULL));
    stage->server_fd = socket_of(&address);
    struct sockaddr *socket = (struct sockaddr *)&address.socket;
    socklen_t length = address.length;
    assert_that(
        bind(stage->server_fd, socket, length) == 0 && listen(stage->server_fd, 1024) == 0,
        "listen at %s: %s", text, strerror(errno));
    if (!bk_address_is_unix(&address))
        getsockname(stage->server_fd, socket, &length);
    char printed[BK_ADDRESS_TEXT];
    bk_address_print(&address, printed);
    snprintf(stage->server, sizeof stage->server, "%s", printed);
}

struct stage stage_begin(enum stage_kind kind, const char *faults)
{
    struct stage stage = {.folder = P_tmpdir "/brisk-proxy-XXXXXX"};
    struct brisk_error error = {.message = ""};
    char server[128] = "127.0.0.1:0", front[128] = "127.0.0.1:0", control[128];
    assert_non_null(mkdtemp(stage.folder));
    if (kind == STAGE_UNIX) {
        snprintf(server, sizeof server, "%s/server", stage.folder);
        snprintf(front, sizeof front, "%s/front", stage.folder);
    }
    snprintf(control, sizeof control, "%s/control", stage.folder);
    listen_at(&stage, server);
    struct bk_proxy_options options = {
        .listen = front, .server = stage.server, .control = control, .faults = faults, .seed = 1};
    stage.proxy = bk_proxy_open(&options, &error);
    assert_that(stage.proxy != NULL, "%s", error.message);
    assert_ok(bk_proxy_start(stage.proxy, &error));
    return stage;
}

void stage_end(struct stage *stage)
{
    char server[128];
    bk_proxy_close(stage->proxy);
    if (stage->server_fd >= 0)
        close(stage->server_fd);
    snprintf(server, sizeof server, "%s/server", stage->folder);
    unlink(server);
    assert_that(rmdir(stage->folder) == 0, "the proxy has left files in %s", stage->folder);
}

void stage_fault(struct stage *stage, const char *specification)
{
    struct brisk_error error = {.message = ""};
    enum brisk_status status = bk_proxy_fault(stage->proxy, specification, &error);
    assert_that(status == BRISK_OK, "%s", error.message);
}

struct bk_proxy_status stage_status(struct stage *stage)
{
    struct bk_proxy_status status;
    assert_ok(bk_proxy_read_status(stage->proxy, &status, NULL));
    return status;
}

void stage_await_connections(struct stage *stage, uint64_t count)
{
    uint64_t deadline_ns = now_ns() + PATIENCE_S * UINT64_C(1000000000);
    while (stage_status(stage).connections != count)
        assert_that(
            now_ns() < deadline_ns, "%u connections are open",
            (unsigned int)stage_status(stage).connections);
}

int stage_try_connect(struct stage *stage)
{
    struct bk_address address;
    assert_ok(bk_address_read(&address, bk_proxy_address(stage->proxy), NULL));
    int fd = socket_of(&address);
    if (connect(fd, (struct sockaddr *)&address.socket, address.length) == 0)
        return fd;
    assert_that(errno == ECONNREFUSED, "connect: %s", strerror(errno));
    close(fd);
    return -1;
}

int stage_accept(struct stage *stage)
{
    limit_waiting(stage->server_fd);
    int fd = accept4(stage->server_fd, NULL, NULL, SOCK_CLOEXEC);
    assert_that(fd >= 0, "accept: %s", strerror(errno));
    limit_waiting(fd);
    return fd;
}

struct pair stage_connect(struct stage *stage)
{
    struct pair pair = {.client = stage_try_connect(stage)};
    assert_that(pair.client >= 0, "the proxy has refused");
    pair.server = stage_accept(stage);
    return pair;
}

void pair_close(struct pair *pair)
{
    close(pair->client);
    close(pair->server);
}

void send_text(int fd, const char *text)
{
    size_t length = strlen(text);
    ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
    assert_that(sent == (ssize_t)length, "send: %s", strerror(errno));
}

void read_exactly(int fd, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t part = recv(fd, (char *)bytes + done, length - done, 0);
        assert_that(
            part > 0, "%zu of %zu bytes came, then %s", done, length,
            part == 0 ? "the end" : strerror(errno));
        done += (size_t)part;
    }
}

void expect_text(int fd, const char *text)
{
    char got[4096];
    size_t length = strlen(text);
    assert_that(length < sizeof got, "text is too long");
    read_exactly(fd, got, length);
    got[length] = '\0';
    assert_string_equal(got, text);
}

void expect_end(int fd)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, 0);
    assert_that(length == 0, "no end: %s", length > 0 ? "a byte" : strerror(errno));
}

void expect_reset(int fd)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, 0);
    assert_that(
        length < 0 && errno == ECONNRESET, "no reset: %s",
        length > 0    ? "a byte"
        : length == 0 ? "the end"
                      : strerror(errno));
}

void expect_silence(int fd)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, MSG_DONTWAIT);
    assert_that(
        length < 0 && errno == EAGAIN, "no silence: %s",
        length > 0    ? "a byte"
        : length == 0 ? "the end"
                      : strerror(errno));
}

size_t read_all(int fd, void *bytes, size_t capacity, int *sys_errno)
{
    size_t done = 0;
    ssize_t part = 1;
    while (part > 0 && done < capacity) {
        part = recv(fd, (char *)bytes + done, capacity - done, 0);
        done += part > 0 ? (size_t)part : 0;
    }
    *sys_errno = part < 0 ? errno : 0;
    return done;
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
