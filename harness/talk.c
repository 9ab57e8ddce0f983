/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_unix(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int connect_tcp(int fd, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static bool wait_until_connected(struct bk_talk *talk)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    return talk->wait(talk->ctx, talk->fd, POLLOUT, talk->deadline_ns) &&
           getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &failure, &length) == 0 && failure == 0;
}

bool bk_talk_connect(struct bk_talk *talk, const char *socket_path, uint16_t port)
{
    int family = socket_path != NULL ? AF_UNIX : AF_INET;
    talk->received = 0;
    talk->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (talk->fd < 0)
        return false;
    int answer = socket_path != NULL ? connect_unix(talk->fd, socket_path)
                                     : connect_tcp(talk->fd, port);
    if (answer == 0 || (errno == EINPROGRESS && wait_until_connected(talk)))
        return true;
    bk_talk_close(talk);
    return false;
}

void bk_talk_close(struct bk_talk *talk)
{
    if (talk->fd >= 0)
        close(talk->fd);
    talk->fd = -1;
}

bool bk_talk_send(struct bk_talk *talk, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(talk->fd, bytes, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            length -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return false;
        if (!talk->wait(talk->ctx, talk->fd, POLLOUT, talk->deadline_ns))
            return false;
    }
    return true;
}

/* More bytes into the buffer. If it is full, the older half goes: who waits for a line in a
   flood still finds it. */
static bool receive(struct bk_talk *talk)
{
    if (talk->received == sizeof talk->buffer)
        bk_talk_drop(talk, sizeof talk->buffer / 2);
    for (;;) {
        ssize_t got = recv(
            talk->fd, talk->buffer + talk->received, sizeof talk->buffer - talk->received, 0);
        if (got > 0) {
            talk->received += (size_t)got;
            return true;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
        if (!talk->wait(talk->ctx, talk->fd, POLLIN, talk->deadline_ns))
            return false;
    }
}

void bk_talk_drop(struct bk_talk *talk, size_t length)
{
    talk->received -= length;
    memmove(talk->buffer, talk->buffer + length, talk->received);
}

bool bk_talk_expect(struct bk_talk *talk, const char *bytes, size_t length)
{
    for (;;) {
        const char *found = memmem(talk->buffer, talk->received, bytes, length);
        if (found != NULL) {
            bk_talk_drop(talk, (size_t)(found - talk->buffer) + length);
            return true;
        }
        if (!receive(talk))
            return false;
    }
}

bool bk_talk_need(struct bk_talk *talk, size_t length)
{
    while (talk->received < length)
        if (!receive(talk))
            return false;
    return true;
}
