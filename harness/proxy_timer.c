/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_timer.h"

#include "base/memory.h"

/* heap[0] is not used: the children of i are 2i and 2i + 1. */

void bk_timers_free(struct bk_timers *timers)
{
    bk_free(timers->heap);
    *timers = (struct bk_timers){.heap = NULL};
}

bool bk_timers_reserve(struct bk_timers *timers, size_t count)
{
    if (count < timers->capacity)
        return true;
    size_t capacity = count < 32 ? 64 : 2 * count;
    struct bk_timer **heap = bk_realloc(timers->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void put(struct bk_timers *timers, struct bk_timer *timer, size_t place)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void move_up(struct bk_timers *timers, struct bk_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2]->due_ns > timer->due_ns) {
        put(timers, timers->heap[place / 2], place);
        place /= 2;
    }
    put(timers, timer, place);
}

static void move_down(struct bk_timers *timers, struct bk_timer *timer, size_t place)
{
    for (size_t child = 2 * place; child <= timers->count; child = 2 * place) {
        if (child < timers->count && timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (timers->heap[child]->due_ns >= timer->due_ns)
            break;
        put(timers, timers->heap[child], place);
        place = child;
    }
    put(timers, timer, place);
}

static void settle(struct bk_timers *timers, struct bk_timer *timer, size_t place)
{
    move_up(timers, timer, place);
    move_down(timers, timer, timer->place);
}

void bk_timer_set(struct bk_timers *timers, struct bk_timer *timer, uint64_t due_ns)
{
    timer->due_ns = due_ns;
    settle(timers, timer, timer->place != 0 ? timer->place : ++timers->count);
}

void bk_timer_unset(struct bk_timers *timers, struct bk_timer *timer)
{
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct bk_timer *last = timers->heap[timers->count--];
    if (last != timer)
        settle(timers, last, place);
}

uint64_t bk_timers_next_ns(const struct bk_timers *timers)
{
    return timers->count > 0 ? timers->heap[1]->due_ns : BK_TIMER_NEVER;
}

struct bk_timer *bk_timers_take_due(struct bk_timers *timers, uint64_t now_ns)
{
    if (bk_timers_next_ns(timers) > now_ns || timers->count == 0)
        return NULL;
    struct bk_timer *due = timers->heap[1];
    bk_timer_unset(timers, due);
    return due;
}
