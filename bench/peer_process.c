/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer_process.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/runner.h"

enum {
    READ_BYTES = 256 << 10
};

struct order {
    uint64_t count;
    uint64_t length;
};

static void set_nodelay(int fd)
{
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        bench_fail("cannot set TCP_NODELAY");
}

static void set_segments(int fd, int bytes)
{
    if (bytes > 0 && setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes) != 0)
        bench_fail("cannot set TCP_MAXSEG");
}

static void connect_tcp(int segment_bytes, int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_segments(listener, segment_bytes);
    set_segments(ends[0], segment_bytes);
    if (listener < 0 || ends[0] < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        connect(ends[0], (struct sockaddr *)&address, sizeof address) != 0)
        bench_fail("cannot connect over the loopback");
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (ends[1] < 0)
        bench_fail("cannot accept over the loopback");
    close(listener);
    set_nodelay(ends[0]);
    set_nodelay(ends[1]);
}

void peer_connect(enum peer_kind kind, int segment_bytes, int ends[2])
{
    if (kind == PEER_TCP)
        connect_tcp(segment_bytes, ends);
    else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        bench_fail("cannot make a pair of sockets");
}

static void read_message(int fd, uint8_t *buffer, uint64_t length)
{
    while (length > 0) {
        ssize_t count = recv(fd, buffer, length < READ_BYTES ? length : READ_BYTES, 0);
        if (count <= 0)
            _exit(1);
        length -= (uint64_t)count;
    }
}

/* An order begins a series; the end of the connection ends the process. */
static _Noreturn void serve(int fd)
{
    uint8_t *buffer = malloc(READ_BYTES);
    struct order order;
    while (buffer != NULL && recv(fd, &order, sizeof order, MSG_WAITALL) == sizeof order) {
        for (uint64_t i = 0; i < order.count; i++) {
            read_message(fd, buffer, order.length);
            if (send(fd, "a", 1, MSG_NOSIGNAL) != 1)
                _exit(1);
        }
    }
    _exit(0);
}

struct peer_process peer_process_start(enum peer_kind kind)
{
    int ends[2];
    peer_connect(kind, 0, ends);
    measure_pin(0);
    pid_t pid = fork();
    if (pid < 0)
        bench_fail("cannot start a process");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        serve(ends[1]);
    }
    close(ends[1]);
    return (struct peer_process){ends[0], pid};
}

void peer_process_end(struct peer_process *peer)
{
    int status;
    close(peer->fd);
    if (waitpid(peer->pid, &status, 0) != peer->pid || status != 0)
        bench_fail("the other end has failed");
}

void peer_process_expect(const struct peer_process *peer, uint64_t count, uint64_t length)
{
    struct order order = {count, length};
    if (send(peer->fd, &order, sizeof order, MSG_NOSIGNAL) != sizeof order)
        bench_fail("cannot tell the other end what comes");
}

void peer_process_wait(const struct peer_process *peer)
{
    char answer;
    if (recv(peer->fd, &answer, 1, 0) != 1)
        bench_fail("the other end is gone");
}
