/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/zerocopy_cases.h"

/* The socket takes so much at a time. */
enum {
    PART_BYTES = 64 << 10
};

static void wait_until_writable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    poll(&entry, 1, -1);
}

/* What a program without a cursor does: the rest moves to the front. */
static void send_moving(int fd, uint8_t *data, size_t length)
{
    while (length > 0) {
        size_t part = length < PART_BYTES ? length : PART_BYTES;
        ssize_t count = send(fd, data, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count <= 0) {
            wait_until_writable(fd);
            continue;
        }
        length -= (size_t)count;
        memmove(data, data + count, length);
    }
}

static uint64_t send_chain(int fd, struct brisk_chain *chain)
{
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    uint64_t moved = 0;
    options.is_nonblocking = true;
    while (brisk_send(fd, chain, &options, &stats, NULL) == BRISK_AGAIN) {
        moved += stats.bytes_by[BRISK_MECHANISM_COPY];
        wait_until_writable(fd);
    }
    return moved;
}

void case_partial(struct bench *bench, const void *argument)
{
    size_t length = bench_scaled(bench, 102400000);
    int buffer_bytes = PART_BYTES;
    struct peer_process peer = peer_process_start(PEER_UNIX);
    struct brisk_chain *chain = brisk_chain_new();
    uint8_t *data = malloc(length);
    (void)argument;
    if (chain == NULL || data == NULL)
        bench_fail("no memory");
    memset(data, 'x', length);
    setsockopt(peer.fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    struct brisk_view view = brisk_view_borrow(brisk_bytes_of(data, length));
    peer_process_expect(&peer, 1, 1);
    struct brisk_view first = brisk_view_borrow(brisk_bytes_of(data, 1));
    if (brisk_chain_append(chain, &first) != BRISK_OK || send_chain(peer.fd, chain) != 0)
        bench_fail("cannot send a byte"); /* the code is there now */
    peer_process_wait(&peer);
    if (brisk_chain_append(chain, &view) != BRISK_OK)
        bench_fail("no memory");
    double growth = -zerocopy_faulted_kib();
    double by_chain = -zerocopy_cpu_s();
    peer_process_expect(&peer, 1, length);
    uint64_t moved = send_chain(peer.fd, chain);
    peer_process_wait(&peer);
    by_chain += zerocopy_cpu_s();
    growth += zerocopy_faulted_kib();

    double by_moving = -zerocopy_cpu_s();
    peer_process_expect(&peer, 1, length);
    send_moving(peer.fd, data, length);
    peer_process_wait(&peer);
    by_moving += zerocopy_cpu_s();

    bench_report(
        bench, &(struct bench_row){
                   .value = by_chain,
                   .unit = "CPU s",
                   .baseline = "moving",
                   .baseline_value = by_moving,
                   .goal = 0.02});
    bench_report(
        bench,
        &(struct bench_row){.suffix = "-memory", .value = growth, .unit = "KiB more", .goal = 64});
    bench_report(
        bench,
        &(struct bench_row){.suffix = "-moved", .value = (double)moved, .unit = "bytes moved"});
    free(data);
    brisk_chain_free(chain);
    peer_process_end(&peer);
}
