/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_STREAM_H
#define BK_PROXY_STREAM_H

#include "harness/proxy_fault.h"
#include "harness/proxy_queue.h"

/*
 * One direction of one connection as its fault makes it: which bytes leave when, and how it ends.
 * No sockets and no clock here: who moves the bytes says what came and what time it is, and asks
 * what to do next.
 *
 * What is decided is decided late, when bytes are next in turn. So a fault that is changed
 * applies at once to all that has not left yet.
 */
struct bk_stream {
    const struct bk_fault *fault; /* the caller's; may change if bk_stream_refault follows */
    uint64_t seed;
    struct bk_queue queue;

    uint64_t sent_bytes;     /* left, or lost in a black hole */
    uint64_t counted_from;   /* of these when the fault began to count */
    unsigned int generation; /* of the fault that it counts for */
    size_t released_bytes;   /* of the queue: their time has come, and they are as they will be */
    size_t slice_left_bytes; /* of a slice that leaves in several pieces */
    uint64_t last_due_ns;    /* of what left last */
    uint64_t line_free_ns;   /* when a line of this bandwidth is done with what has left */
    uint64_t next_drip_ns;

    bool has_ended;  /* the sender will say no more */
    bool is_aborted; /* by an RST */
    bool is_done;    /* the end has been passed on */
    bool is_deaf;    /* the receiver is gone: bytes vanish */
    uint64_t ended_ns;
};

enum bk_step {
    BK_STEP_IDLE,  /* until more comes, or the fault is changed */
    BK_STEP_WAIT,  /* until due_ns */
    BK_STEP_SEND,  /* `length` bytes from the front of the queue; bk_stream_sent follows */
    BK_STEP_END,   /* pass the end of file on */
    BK_STEP_CUT,   /* end the connection by an end of file */
    BK_STEP_RESET, /* by an RST */
};

struct bk_stream_step {
    enum bk_step what;
    size_t length;
    uint64_t due_ns;
};

/* Streams of equal numbers and seeds of equal faults fare the same. */
void bk_stream_init(
    struct bk_stream *stream, const struct bk_fault *fault, uint64_t seed, uint64_t number);
void bk_stream_free(struct bk_stream *stream);

/* Bytes go straight through: none waits, and nothing would be done to them. */
bool bk_stream_is_open(const struct bk_stream *stream);

/* So many bytes went straight through. */
void bk_stream_passed(struct bk_stream *stream, size_t length);

/* How many more bytes it takes now; the rest waits in the sender's kernel. */
size_t bk_stream_room(const struct bk_stream *stream);

struct bk_stream_step bk_stream_next(struct bk_stream *stream, uint64_t now_ns);

/* The first `length` bytes of what was released have left. */
void bk_stream_sent(struct bk_stream *stream, size_t length);

/* The sender has closed its side, or has aborted. */
void bk_stream_end(struct bk_stream *stream, bool is_aborted, uint64_t now_ns);

/* The fault has changed, or the seed. */
void bk_stream_refault(struct bk_stream *stream, uint64_t seed, uint64_t number);

#endif
