/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_QUEUE_H
#define BK_PROXY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in order, and when they came. All zero is an empty one. */
struct bk_queue {
    uint8_t *bytes; /* those from `start` on are in it */
    size_t capacity;
    size_t start;
    size_t length;

    struct bk_arrival *arrivals; /* a queue of its own, in the same way */
    size_t arrival_capacity;
    size_t first_arrival;
    size_t arrival_count;

    uint64_t taken_bytes; /* ever appended */
};

struct bk_arrival {
    uint64_t position; /* of its first byte among all that were ever appended */
    size_t length;     /* of what is left of it */
    uint64_t ns;
};

void bk_queue_free(struct bk_queue *queue);

/* False if there is no memory; the queue is as before then. */
bool bk_queue_append(struct bk_queue *queue, const void *bytes, size_t length, uint64_t now_ns);

/* The oldest bytes, all in a row. The next append moves them. */
static inline uint8_t *bk_queue_front(const struct bk_queue *queue)
{
    return queue->bytes + queue->start;
}

/* What came first, if the queue is not empty. */
static inline const struct bk_arrival *bk_queue_arrival(const struct bk_queue *queue)
{
    return &queue->arrivals[queue->first_arrival];
}

/* Takes the oldest away; an empty queue keeps little memory. */
void bk_queue_drop(struct bk_queue *queue, size_t length);

#endif
