/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_queue.h"

#include <string.h>

#include "base/memory.h"

enum {
    MIN_BYTES = 1024,
    MIN_ARRIVALS = 8,
    MOST_KEPT_BYTES = 16 * 1024 /* by an empty queue, so that thousands may be idle */
};

void bk_queue_free(struct bk_queue *queue)
{
    bk_free(queue->bytes);
    bk_free(queue->arrivals);
    *queue = (struct bk_queue){.taken_bytes = queue->taken_bytes};
}

/*
 * Room for `more` items behind the `count` that begin at *start. They move to the front while
 * they are less than half of it, so that an item is moved a constant number of times on average.
 */
static bool
make_room(void **items, size_t *capacity, size_t *start, size_t count, size_t more, size_t size)
{
    if (*capacity - *start - count >= more)
        return true;
    size_t wanted = *capacity;
    if (wanted / 2 < count + more) {
        while (wanted / 2 < count + more)
            wanted *= 2;
        void *grown = bk_realloc(*items, wanted * size);
        if (grown == NULL)
            return false;
        *items = grown;
        *capacity = wanted;
    }
    if (count > 0)
        memmove(*items, (char *)*items + *start * size, count * size);
    *start = 0;
    return true;
}

static bool begin(void **items, size_t *capacity, size_t count, size_t size)
{
    if (*items != NULL)
        return true;
    *items = bk_malloc(count * size);
    *capacity = *items != NULL ? count : 0;
    return *items != NULL;
}

static bool make_all_room(struct bk_queue *queue, size_t length)
{
    void *bytes = queue->bytes, *arrivals = queue->arrivals;
    bool is_ok = begin(&bytes, &queue->capacity, MIN_BYTES, 1) &&
                 begin(&arrivals, &queue->arrival_capacity, MIN_ARRIVALS, sizeof *queue->arrivals);
    is_ok = is_ok && make_room(&bytes, &queue->capacity, &queue->start, queue->length, length, 1) &&
            make_room(
                &arrivals, &queue->arrival_capacity, &queue->first_arrival, queue->arrival_count, 1,
                sizeof *queue->arrivals);
    queue->bytes = bytes;
    queue->arrivals = arrivals;
    return is_ok;
}

bool bk_queue_append(struct bk_queue *queue, const void *bytes, size_t length, uint64_t now_ns)
{
    if (length == 0)
        return true;
    if (!make_all_room(queue, length))
        return false;
    memcpy(queue->bytes + queue->start + queue->length, bytes, length);
    queue->arrivals[queue->first_arrival + queue->arrival_count++] = (struct bk_arrival){
        .position = queue->taken_bytes, .length = length, .ns = now_ns};
    queue->length += length;
    queue->taken_bytes += length;
    return true;
}

static void drop_arrivals(struct bk_queue *queue, size_t length)
{
    while (length > 0) {
        struct bk_arrival *first = &queue->arrivals[queue->first_arrival];
        size_t part = length < first->length ? length : first->length;
        first->length -= part;
        length -= part;
        if (first->length == 0) {
            queue->first_arrival++;
            queue->arrival_count--;
        }
    }
}

void bk_queue_drop(struct bk_queue *queue, size_t length)
{
    drop_arrivals(queue, length);
    queue->start += length;
    queue->length -= length;
    if (queue->length > 0)
        return;
    queue->start = queue->first_arrival = 0;
    if (queue->capacity > MOST_KEPT_BYTES ||
        queue->arrival_capacity * sizeof *queue->arrivals > MOST_KEPT_BYTES)
        bk_queue_free(queue);
}
