/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_QUEUE_H
#define BK_CACHE_QUEUE_H

#include "cache/entry.h"

/* A doubly linked list of entries, guarded by the shard's lock. */
struct bk_queue {
    uint32_t newest, oldest; /* handles; 0: empty */
    uint64_t count;
    uint64_t cost; /* sum over the entries, in the unit of the capacity */
};

/* Puts `handle` on the newer side of `older`; 0: at the oldest end. */
static inline void
bk_queue_insert(struct bk_queue *queue, uint8_t *arena, uint32_t handle, uint32_t older)
{
    uint32_t newer = older != 0 ? bk_load32(&bk_entry_at(arena, older)->next) : queue->oldest;
    struct bk_entry *entry = bk_entry_at(arena, handle);
    bk_store32(&entry->prev, older);
    bk_store32(&entry->next, newer);
    if (older != 0)
        bk_store32(&bk_entry_at(arena, older)->next, handle);
    else
        queue->oldest = handle;
    if (newer != 0)
        bk_store32(&bk_entry_at(arena, newer)->prev, handle);
    else
        queue->newest = handle;
    queue->count++;
}

static inline void bk_queue_push(struct bk_queue *queue, uint8_t *arena, uint32_t handle)
{
    bk_queue_insert(queue, arena, handle, queue->newest);
}

static inline void bk_queue_remove(struct bk_queue *queue, uint8_t *arena, uint32_t handle)
{
    struct bk_entry *entry = bk_entry_at(arena, handle);
    uint32_t older = bk_load32(&entry->prev);
    uint32_t newer = bk_load32(&entry->next);
    if (older != 0)
        bk_store32(&bk_entry_at(arena, older)->next, newer);
    else
        queue->oldest = newer;
    if (newer != 0)
        bk_store32(&bk_entry_at(arena, newer)->prev, older);
    else
        queue->newest = older;
    queue->count--;
}

/* `fresh` takes the place of `handle`. */
static inline void
bk_queue_replace(struct bk_queue *queue, uint8_t *arena, uint32_t handle, uint32_t fresh)
{
    uint32_t older = bk_load32(&bk_entry_at(arena, handle)->prev);
    bk_queue_remove(queue, arena, handle);
    bk_queue_insert(queue, arena, fresh, older);
}

/* The next entry towards the newest; 0 at the end. */
static inline uint32_t bk_queue_newer(uint8_t *arena, uint32_t handle)
{
    return bk_load32(&bk_entry_at(arena, handle)->next);
}

#endif
