/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first line of an input is a specification of faults, the rest are bytes that arrive under
 * them. What is accepted must be printed so that it reads as the same; bytes must leave in order,
 * and all of them, unless the faults say otherwise.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/proxy_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    MAX_SPECIFICATION = 1024,
    MAX_BYTES = 4096
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_equal(const struct bk_fault *a, const struct bk_fault *b)
{
    return a->latency_ns == b->latency_ns && a->jitter_ns == b->jitter_ns &&
           a->bandwidth_bytes_per_s == b->bandwidth_bytes_per_s &&
           a->slice_min_bytes == b->slice_min_bytes && a->slice_max_bytes == b->slice_max_bytes &&
           a->drip_ns == b->drip_ns && a->corrupt_bytes == b->corrupt_bytes &&
           a->slow_close_ns == b->slow_close_ns && a->end == b->end &&
           a->end_bytes == b->end_bytes && a->is_black_hole == b->is_black_hole &&
           a->is_swapped == b->is_swapped;
}

static void check_print(const struct bk_faults *faults)
{
    char printed[MAX_SPECIFICATION];
    struct bk_text text = {.buffer = printed, .capacity = sizeof printed - 1};
    bk_faults_print(faults, &text);
    require(text.length < sizeof printed);
    printed[text.length] = '\0';

    struct bk_faults again = bk_faults_none(faults->seed);
    require(bk_faults_change(&again, printed, NULL) == BRISK_OK);
    require(again.is_down == faults->is_down);
    require(is_equal(&again.of[BK_UP], &faults->of[BK_UP]));
    require(is_equal(&again.of[BK_DOWN], &faults->of[BK_DOWN]));
}

/* Takes all that leaves; the step that it ended with. */
static enum bk_step drain(struct bk_stream *stream, uint8_t *out, size_t *out_length)
{
    uint64_t now_ns = 1000000;
    for (;;) {
        struct bk_stream_step step = bk_stream_next(stream, now_ns);
        if (step.what == BK_STEP_WAIT) {
            require(step.due_ns > now_ns);
            now_ns = step.due_ns;
        } else if (step.what == BK_STEP_SEND) {
            size_t part = step.length / 2 + 1; /* a receiver that takes what it likes */
            require(step.length > 0 && step.length <= stream->queue.length);
            memcpy(out + *out_length, bk_queue_front(&stream->queue), part);
            *out_length += part;
            bk_stream_sent(stream, part);
        } else {
            return step.what;
        }
    }
}

static void check_stream(const struct bk_fault *fault, const uint8_t *bytes, size_t length)
{
    uint8_t out[MAX_BYTES];
    size_t out_length = 0;
    struct bk_stream stream;
    bk_stream_init(&stream, fault, 1, 2);
    require(bk_queue_append(&stream.queue, bytes, length / 3, 1000));
    require(bk_queue_append(&stream.queue, bytes + length / 3, length - length / 3, 2000));
    bk_stream_end(&stream, false, 3000);

    enum bk_step last = drain(&stream, out, &out_length);

    bool is_whole = fault->end == BK_END_NONE && !fault->is_black_hole;
    require(out_length <= length);
    if (is_whole)
        require(out_length == length && last == BK_STEP_END);
    if (fault->end != BK_END_NONE && !fault->is_black_hole)
        require(out_length == (length < fault->end_bytes ? length : (size_t)fault->end_bytes));
    if (fault->corrupt_bytes == 0 && out_length > 0)
        require(memcmp(out, bytes, out_length) == 0);
    bk_stream_free(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    char specification[MAX_SPECIFICATION];
    const uint8_t *end = length > 0 ? memchr(data, '\n', length) : NULL;
    size_t first = end != NULL ? (size_t)(end - data) : length;
    if (first >= sizeof specification || length - first > MAX_BYTES)
        return 0;
    if (first > 0)
        memcpy(specification, data, first);
    specification[first] = '\0';

    struct brisk_error error;
    struct bk_faults faults = bk_faults_none(7), before = faults;
    if (bk_faults_change(&faults, specification, &error) != BRISK_OK) {
        require(memcmp(&faults, &before, sizeof faults) == 0);
        require(error.status == BRISK_ERR_INVALID && error.message[0] != '\0');
        return 0;
    }
    check_print(&faults);
    if (end != NULL) {
        check_stream(&faults.of[BK_UP], end + 1, length - first - 1);
        check_stream(&faults.of[BK_DOWN], end + 1, length - first - 1);
    }
    return 0;
}
