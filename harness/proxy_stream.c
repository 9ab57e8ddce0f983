/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_stream.h"

#include "harness/proxy_random.h"

enum {
    ROOM_BYTES = 256 * 1024,
    /* What is under way on a long line: 4 MB in 50 ms are 80 MB/s. */
    LATENT_ROOM_BYTES = 4 * 1024 * 1024,
    /* A line of some bandwidth sends pieces of at most a hundredth of a second. */
    PIECES_PER_S = 100
};

#define NS_PER_S UINT64_C(1000000000)

/* What leaves next, and when. */
struct piece {
    size_t length;
    uint64_t due_ns;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

static uint64_t seed_of(uint64_t seed, uint64_t number)
{
    return bk_random_mix(seed ^ bk_random_mix(number));
}

void bk_stream_init(
    struct bk_stream *stream, const struct bk_fault *fault, uint64_t seed, uint64_t number)
{
    *stream = (struct bk_stream){
        .fault = fault, .seed = seed_of(seed, number), .generation = fault->generation};
}

void bk_stream_free(struct bk_stream *stream)
{
    bk_queue_free(&stream->queue);
}

bool bk_stream_is_open(const struct bk_stream *stream)
{
    return stream->queue.length == 0 && !stream->is_deaf && bk_fault_is_none(stream->fault);
}

void bk_stream_passed(struct bk_stream *stream, size_t length)
{
    stream->sent_bytes += length;
    stream->queue.taken_bytes += length;
}

size_t bk_stream_room(const struct bk_stream *stream)
{
    size_t room = stream->fault->latency_ns > 0 ? LATENT_ROOM_BYTES : ROOM_BYTES;
    return stream->queue.length < room ? room - stream->queue.length : 0;
}

/* Where the next byte stands among those that the fault counts. */
static uint64_t counted(const struct bk_stream *stream)
{
    return stream->sent_bytes - stream->counted_from;
}

static uint64_t delay_of(const struct bk_stream *stream, uint64_t position)
{
    const struct bk_fault *fault = stream->fault;
    if (fault->jitter_ns == 0)
        return fault->latency_ns;
    uint64_t delay = fault->latency_ns + bk_random_below(
                                             stream->seed, BK_RANDOM_JITTER,
                                             position - stream->counted_from,
                                             2 * fault->jitter_ns + 1);
    return delay > fault->jitter_ns ? delay - fault->jitter_ns : 0;
}

/* A slice is what is left of the last one, else a new one of a random length. */
static size_t slice_of(const struct bk_stream *stream)
{
    const struct bk_fault *fault = stream->fault;
    if (stream->slice_left_bytes > 0)
        return stream->slice_left_bytes;
    uint64_t choices = fault->slice_max_bytes - fault->slice_min_bytes + 1;
    return (
        size_t)(fault->slice_min_bytes + bk_random_below(stream->seed, BK_RANDOM_SLICE, counted(stream), choices));
}

static size_t length_of_next(const struct bk_stream *stream)
{
    const struct bk_fault *fault = stream->fault;
    size_t length = bk_queue_arrival(&stream->queue)->length;
    if (fault->slice_max_bytes > 0)
        length = smaller(length, slice_of(stream));
    else if (fault->drip_ns > 0)
        length = 1;
    if (fault->bandwidth_bytes_per_s > 0)
        length = smaller(length, larger(1, fault->bandwidth_bytes_per_s / PIECES_PER_S));
    if (fault->end != BK_END_NONE)
        length = smaller(length, fault->end_bytes - counted(stream));
    return length;
}

static struct piece next_piece(const struct bk_stream *stream)
{
    const struct bk_fault *fault = stream->fault;
    const struct bk_arrival *arrival = bk_queue_arrival(&stream->queue);
    struct piece piece = {.length = length_of_next(stream)};
    piece.due_ns = arrival->ns + delay_of(stream, arrival->position);
    if (fault->bandwidth_bytes_per_s > 0)
        piece.due_ns = larger(piece.due_ns, stream->line_free_ns) +
                       piece.length * NS_PER_S / fault->bandwidth_bytes_per_s;
    /* A slice that comes in parts is one drop. */
    if (fault->drip_ns > 0 && stream->slice_left_bytes == 0)
        piece.due_ns = larger(piece.due_ns, stream->next_drip_ns);
    return piece;
}

/* In each block of corrupt_bytes one byte is another one; here in the bytes that are next. */
static void corrupt(struct bk_stream *stream, size_t length)
{
    uint64_t block_bytes = stream->fault->corrupt_bytes;
    uint64_t first = counted(stream);
    uint8_t *bytes = bk_queue_front(&stream->queue);
    for (uint64_t block = first / block_bytes; block * block_bytes < first + length; block++) {
        uint64_t place = block * block_bytes +
                         bk_random_below(stream->seed, BK_RANDOM_CORRUPT_PLACE, block, block_bytes);
        if (place >= first && place - first < length)
            bytes[place - first] ^=
                (uint8_t)(1 + bk_random_below(stream->seed, BK_RANDOM_CORRUPT_VALUE, block, 255));
    }
}

/*
 * The next time is reckoned from when this one was due, so that a loop that wakes up late does
 * not slow the stream down; but what could not leave for long does not leave in a burst.
 */
static void release(struct bk_stream *stream, const struct piece *piece, uint64_t now_ns)
{
    const struct bk_fault *fault = stream->fault;
    if (fault->corrupt_bytes > 0)
        corrupt(stream, piece->length);
    if (fault->drip_ns > 0 && stream->slice_left_bytes == 0)
        stream->next_drip_ns = larger(piece->due_ns + fault->drip_ns, now_ns);
    if (fault->slice_max_bytes > 0)
        stream->slice_left_bytes = slice_of(stream) - piece->length;
    stream->last_due_ns = piece->due_ns;
    stream->line_free_ns = larger(piece->due_ns, now_ns - smaller(NS_PER_S / PIECES_PER_S, now_ns));
    stream->released_bytes = piece->length;
}

static struct bk_stream_step step(enum bk_step what)
{
    return (struct bk_stream_step){.what = what};
}

static struct bk_stream_step wait_until(uint64_t due_ns)
{
    return (struct bk_stream_step){.what = BK_STEP_WAIT, .due_ns = due_ns};
}

/* The end is under way as long as the bytes were, and never passes one. */
static struct bk_stream_step next_end(struct bk_stream *stream, uint64_t now_ns)
{
    const struct bk_fault *fault = stream->fault;
    if (!stream->has_ended || stream->is_done)
        return step(BK_STEP_IDLE);
    uint64_t due_ns = larger(stream->ended_ns + fault->latency_ns, stream->last_due_ns);
    due_ns += fault->slow_close_ns;
    if (now_ns < due_ns)
        return wait_until(due_ns);
    stream->is_done = true;
    return step(stream->is_aborted ? BK_STEP_RESET : BK_STEP_END);
}

static void swallow(struct bk_stream *stream)
{
    stream->sent_bytes += stream->queue.length;
    stream->released_bytes = stream->slice_left_bytes = 0;
    bk_queue_drop(&stream->queue, stream->queue.length);
}

/* `end` has come, after as many bytes as it should; at once, if it is after none. */
static bool is_at_end(const struct bk_stream *stream)
{
    const struct bk_fault *fault = stream->fault;
    if (fault->end == BK_END_NONE)
        return false;
    return fault->end_bytes == 0 ||
           (stream->released_bytes == 0 && counted(stream) >= fault->end_bytes);
}

struct bk_stream_step bk_stream_next(struct bk_stream *stream, uint64_t now_ns)
{
    if (is_at_end(stream))
        return step(stream->fault->end == BK_END_CUT ? BK_STEP_CUT : BK_STEP_RESET);
    if (stream->fault->is_black_hole) {
        swallow(stream);
        return step(BK_STEP_IDLE);
    }
    if (stream->is_deaf)
        swallow(stream);
    if (stream->released_bytes == 0 && stream->queue.length > 0) {
        struct piece piece = next_piece(stream);
        if (now_ns < piece.due_ns)
            return wait_until(piece.due_ns);
        release(stream, &piece, now_ns);
    }
    if (stream->released_bytes == 0)
        return next_end(stream, now_ns);
    return (struct bk_stream_step){.what = BK_STEP_SEND, .length = stream->released_bytes};
}

void bk_stream_sent(struct bk_stream *stream, size_t length)
{
    bk_queue_drop(&stream->queue, length);
    stream->released_bytes -= length;
    stream->sent_bytes += length;
}

void bk_stream_end(struct bk_stream *stream, bool is_aborted, uint64_t now_ns)
{
    if (stream->has_ended)
        return;
    stream->has_ended = true;
    stream->is_aborted = is_aborted;
    stream->ended_ns = now_ns;
}

/*
 * What was released stays so: it may be corrupted already. It counts as sent for
 * the new fault.
 */
void bk_stream_refault(struct bk_stream *stream, uint64_t seed, uint64_t number)
{
    stream->last_due_ns = stream->line_free_ns = stream->next_drip_ns = 0;
    if (stream->generation == stream->fault->generation)
        return;
    stream->generation = stream->fault->generation;
    stream->seed = seed_of(seed, number);
    stream->slice_left_bytes = 0;
    stream->counted_from = stream->sent_bytes + stream->released_bytes;
}
