/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PUMP_H
#define BK_PUMP_H

#include "zerocopy/transfer.h"

/*
 * One direction of a stream: takes bytes from `in`, holds them, gives them to the sink of its
 * transfer. By splice they are held in a pipe of the kernel's, else in a block of memory.
 */
struct bk_pump {
    struct bk_transfer *transfer;
    int in;
    int64_t out_offset; /* of a file; or BRISK_OFFSET_CURRENT */
    uint64_t left;      /* to be taken; or BRISK_TO_END */
    int pipe[2];        /* -1: it copies */
    size_t pipe_bytes;
    size_t held_bytes;
    size_t held_offset; /* in the block */
    bool has_ended;     /* `in` has no more */
    bool is_in_nonblocking;
    int wait_fd; /* what it waits for after BRISK_AGAIN */
    short wait_events;
};

/* Copies at once where no large pipe can be had. */
enum brisk_status bk_pump_begin(
    struct bk_pump *pump, struct bk_transfer *transfer, int in, int64_t out_offset,
    uint64_t length);
void bk_pump_end(struct bk_pump *pump);

/* Nothing more will come, and all that came is out. */
static inline bool bk_pump_is_done(const struct bk_pump *pump)
{
    return pump->held_bytes == 0 && (pump->has_ended || pump->left == 0);
}

/*
 * Takes and gives once, without waiting. BRISK_OK: something has changed. BRISK_AGAIN: nothing will
 * until wait_fd is ready.
 */
enum brisk_status bk_pump_step(struct bk_pump *pump);

#endif
