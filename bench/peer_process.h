/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEER_PROCESS_H
#define BENCH_PEER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A process at the other end of a stream socket, bound to the same CPU: it reads messages
 * whose length it was told and answers each with a byte.
 */
struct peer_process {
    int fd;
    pid_t pid;
};

enum peer_kind {
    PEER_TCP, /* over the loopback, TCP_NODELAY at both ends */
    PEER_UNIX
};

struct peer_process peer_process_start(enum peer_kind kind);
void peer_process_end(struct peer_process *peer);

/* From here on `count` messages of `length` bytes are read. */
void peer_process_expect(const struct peer_process *peer, uint64_t count, uint64_t length);

/* Waits for the answer to one message. */
void peer_process_wait(const struct peer_process *peer);

/* Two connected descriptors; TCP with segments of so many bytes, or 0: as they come. */
void peer_connect(enum peer_kind kind, int segment_bytes, int ends[2]);

#endif
