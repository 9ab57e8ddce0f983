/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_TRANSFER_H
#define BK_TRANSFER_H

#include <brisk/send.h>

#include "zerocopy/buffer.h"
#include "zerocopy/sigpipe.h"

/* What a descriptor is, as far as writing to it differs. */
enum bk_sink {
    BK_SINK_UNKNOWN, /* nobody has asked yet */
    BK_SINK_SOCKET,  /* of some type: it took a sendmsg */
    BK_SINK_STREAM,
    BK_SINK_MESSAGES,
    BK_SINK_PIPE,
    BK_SINK_FILE, /* regular */
    BK_SINK_OTHER
};

/*
 * A call of send.h under way: what it may do, what it has done. Between begin and end
 * SIGPIPE may be blocked, so every way out leads through bk_transfer_end.
 */
struct bk_transfer {
    int out;
    struct brisk_send_options options;
    struct brisk_send_stats stats;
    struct brisk_error *error;
    uint64_t deadline_ns; /* 0: none */
    uint64_t told_bytes;  /* of the last call of `progress` */
    struct bk_sigpipe sigpipe;
    enum bk_sink sink;
    signed char is_nonblocking_fd; /* -1: nobody has asked */
    bool is_held_back;             /* what was sent last may wait in the kernel for more */
    struct brisk_buffer *block;    /* of the copy path, between two blocks; NULL: none yet */
};

enum brisk_status bk_transfer_begin(
    struct bk_transfer *transfer, int out, const struct brisk_send_options *options,
    struct brisk_error *error);

/* Pushes what is held back, restores the signal mask, fills *stats; returns `status`. */
enum brisk_status bk_transfer_end(
    struct bk_transfer *transfer, enum brisk_status status, struct brisk_send_stats *stats);

/* Whether a system call may not block: there is a deadline, or no waiting at all. */
static inline bool bk_transfer_is_bounded(const struct bk_transfer *transfer)
{
    return transfer->deadline_ns != 0 || transfer->options.is_nonblocking;
}

/* Whether O_NONBLOCK is set on the sink. */
bool bk_transfer_sink_is_nonblocking(struct bk_transfer *transfer);

/* Finds out what the sink is, where it is not known. */
enum bk_sink bk_transfer_sink(struct bk_transfer *transfer);

/* The most that one call should move. */
size_t bk_transfer_clip(const struct bk_transfer *transfer, uint64_t length);

/* Counts what the kernel has accepted. */
static inline void
bk_transfer_count(struct bk_transfer *transfer, enum brisk_mechanism mechanism, uint64_t bytes)
{
    transfer->stats.bytes += bytes;
    transfer->stats.bytes_by[mechanism] += bytes;
}

/* Before a system call that may raise SIGPIPE. */
void bk_transfer_hold_sigpipe(struct bk_transfer *transfer);

/*
 * Waits until `fd` is ready for `events`. BRISK_OK, BRISK_AGAIN if the call may not
 * wait, BRISK_ERR_TIMEOUT.
 */
enum brisk_status bk_transfer_wait(struct bk_transfer *transfer, int fd, short events);

/* The same for one of several descriptors. */
struct pollfd;
enum brisk_status
bk_transfer_poll(struct bk_transfer *transfer, struct pollfd *entries, unsigned long count);

/* Whether `fd` is ready for `events` now. */
bool bk_transfer_is_ready(struct bk_transfer *transfer, int fd, short events);

/* Calls `progress` where it is due. BRISK_OK or BRISK_ERR_CANCELLED. */
enum brisk_status bk_transfer_tell(struct bk_transfer *transfer, bool is_last);

/*
 * What a failed system call means: `number` is its errno, `what` says "sending". EPIPE takes
 * its signal back.
 */
enum brisk_status bk_transfer_fail(struct bk_transfer *transfer, int number, const char *what);

enum {
    BK_BLOCK_BYTES = 256 << 10, /* more gains nothing, less costs calls */
    BK_BLOCK_ALIGNMENT = 64
};

/*
 * Memory for BK_BLOCK_BYTES that nobody else sees: that of the last block, where all views of
 * it are gone. The transfer keeps its own reference. NULL: no memory, which *error says.
 *
 * The process keeps one between calls: fresh memory would cost a tenth of a megabyte's copy.
 */
struct brisk_buffer *bk_transfer_block(struct bk_transfer *transfer);

/* Its bytes: at the start of a cache line, where the kernel copies fastest. */
static inline uint8_t *bk_block_data(struct brisk_buffer *block)
{
    uint8_t *data = bk_buffer_data(block);
    return data + (-(uintptr_t)data & (BK_BLOCK_ALIGNMENT - 1));
}

/* The mechanism of BRISK_SEND_MECHANISM. */
enum brisk_mechanism bk_mechanism_of_environment(void);

#endif
