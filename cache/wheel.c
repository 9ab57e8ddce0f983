/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/wheel.h"

#include "base/memory.h"

/* The first entry of a slot has the slot's number, marked, in place of a neighbour. */
#define SLOT_MARK (UINT32_C(1) << 31)

enum {
    ALL_SLOTS = BK_WHEEL_LEVELS * BK_WHEEL_SLOTS
};

struct links {
    uint32_t before, after;
};

static struct links read_links(uint8_t *arena, uint32_t handle)
{
    uint64_t word = bk_load64(&bk_entry_at(arena, handle)->words[0]);
    return (struct links){(uint32_t)word, (uint32_t)(word >> 32)};
}

static void write_links(uint8_t *arena, uint32_t handle, struct links links)
{
    bk_store64(&bk_entry_at(arena, handle)->words[0], links.before | (uint64_t)links.after << 32);
}

bool bk_wheel_prepare(struct bk_wheel *wheel)
{
    if (wheel->slots == NULL)
        wheel->slots = bk_calloc(ALL_SLOTS, sizeof *wheel->slots);
    return wheel->slots != NULL;
}

void bk_wheel_free(struct bk_wheel *wheel)
{
    bk_free(wheel->slots);
    wheel->slots = NULL;
}

void bk_wheel_clear(struct bk_wheel *wheel)
{
    if (wheel->slots != NULL)
        memset(wheel->slots, 0, (ALL_SLOTS) * sizeof *wheel->slots);
    memset(wheel->used, 0, sizeof wheel->used);
    wheel->count = 0;
}

static void link_entry(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle, uint32_t slot)
{
    uint32_t after = wheel->slots[slot];
    write_links(arena, handle, (struct links){slot | SLOT_MARK, after});
    if (after != 0) {
        struct links links = read_links(arena, after);
        links.before = handle;
        write_links(arena, after, links);
    }
    wheel->slots[slot] = handle;
    wheel->used[slot / BK_WHEEL_SLOTS] |= UINT64_C(1) << slot % BK_WHEEL_SLOTS;
}

static void link_after(struct bk_wheel *wheel, uint8_t *arena, struct links links, uint32_t after)
{
    if ((links.before & SLOT_MARK) != 0) {
        uint32_t slot = links.before & ~SLOT_MARK;
        wheel->slots[slot] = after;
        if (after == 0)
            wheel->used[slot / BK_WHEEL_SLOTS] &= ~(UINT64_C(1) << slot % BK_WHEEL_SLOTS);
        return;
    }
    struct links before = read_links(arena, links.before);
    before.after = after;
    write_links(arena, links.before, before);
}

static void link_before(uint8_t *arena, struct links links, uint32_t before)
{
    if (links.after == 0)
        return;
    struct links after = read_links(arena, links.after);
    after.before = before;
    write_links(arena, links.after, after);
}

static void unlink_entry(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle)
{
    struct links links = read_links(arena, handle);
    link_after(wheel, arena, links, links.after);
    link_before(arena, links, links.before);
}

static uint64_t removal_time(const struct bk_wheel *wheel, uint8_t *arena, uint32_t handle)
{
    struct bk_entry *entry = bk_entry_at(arena, handle);
    uint64_t deadline = bk_entry_deadline(entry, bk_load32(&entry->meta), wheel->now);
    return deadline > UINT64_MAX - wheel->grace ? UINT64_MAX : deadline + wheel->grace;
}

/* The lowest level whose 64 slots reach that far. */
static uint32_t slot_for(const struct bk_wheel *wheel, uint64_t time)
{
    if (time < wheel->now)
        time = wheel->now;
    for (unsigned int level = 0;; level++) {
        uint64_t here = wheel->now >> 6 * level;
        uint64_t there = time >> 6 * level;
        if (there - here < BK_WHEEL_SLOTS)
            return level * BK_WHEEL_SLOTS + (uint32_t)(there % BK_WHEEL_SLOTS);
    }
}

void bk_wheel_add(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle)
{
    link_entry(wheel, arena, handle, slot_for(wheel, removal_time(wheel, arena, handle)));
    wheel->count++;
}

void bk_wheel_remove(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle)
{
    unlink_entry(wheel, arena, handle);
    wheel->count--;
}

void bk_wheel_replace(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle, uint32_t fresh)
{
    struct links links = read_links(arena, handle);
    write_links(arena, fresh, links);
    link_after(wheel, arena, links, fresh);
    link_before(arena, links, fresh);
}

/*
 * When the wheel must next do something on this level: come to a slot of entries
 * that are due (level 0) or that belong to lower levels from then on.
 */
static uint64_t next_stop(const struct bk_wheel *wheel, unsigned int level)
{
    uint64_t here = wheel->now >> 6 * level;
    uint64_t first = level == 0 ? here : here + 1;
    unsigned int turn = (unsigned int)(first % BK_WHEEL_SLOTS);
    uint64_t used = wheel->used[level];
    if (used == 0)
        return UINT64_MAX;
    uint64_t ahead = turn == 0 ? used : used >> turn | used << (BK_WHEEL_SLOTS - turn);
    uint64_t stop = first + (unsigned int)__builtin_ctzll(ahead);
    return stop > UINT64_MAX >> 6 * level ? UINT64_MAX : stop << 6 * level;
}

static uint64_t first_stop(const struct bk_wheel *wheel)
{
    uint64_t first = UINT64_MAX;
    for (unsigned int level = 0; level < BK_WHEEL_LEVELS; level++) {
        uint64_t stop = next_stop(wheel, level);
        first = stop < first ? stop : first;
    }
    return first;
}

static void sort_slot(struct bk_wheel *wheel, uint8_t *arena, uint32_t slot)
{
    uint32_t handle = wheel->slots[slot];
    wheel->slots[slot] = 0;
    wheel->used[slot / BK_WHEEL_SLOTS] &= ~(UINT64_C(1) << slot % BK_WHEEL_SLOTS);
    while (handle != 0) {
        uint32_t after = read_links(arena, handle).after;
        link_entry(wheel, arena, handle, slot_for(wheel, removal_time(wheel, arena, handle)));
        handle = after;
    }
}

/* Goes on to `time`. On every level whose slot begins there, entries belong to lower ones now. */
static void turn_to(struct bk_wheel *wheel, uint8_t *arena, uint64_t time)
{
    wheel->now = time;
    for (unsigned int level = BK_WHEEL_LEVELS - 1; level > 0; level--) {
        uint64_t turn = time >> 6 * level;
        if (turn << 6 * level == time)
            sort_slot(wheel, arena, level * BK_WHEEL_SLOTS + (uint32_t)(turn % BK_WHEEL_SLOTS));
    }
}

/* The first entry that is due at wheel->now; sorts those whose deadline has moved. */
static uint32_t take_due(struct bk_wheel *wheel, uint8_t *arena)
{
    uint32_t slot = (uint32_t)(wheel->now % BK_WHEEL_SLOTS);
    while (wheel->slots[slot] != 0) {
        uint32_t handle = wheel->slots[slot];
        uint64_t time = removal_time(wheel, arena, handle);
        if (time <= wheel->now)
            return handle;
        unlink_entry(wheel, arena, handle);
        link_entry(wheel, arena, handle, slot_for(wheel, time));
    }
    return 0;
}

uint32_t bk_wheel_next_due(struct bk_wheel *wheel, uint8_t *arena, uint64_t now)
{
    while (wheel->count != 0) {
        uint64_t stop = first_stop(wheel);
        if (stop > now)
            break;
        if (stop != wheel->now)
            turn_to(wheel, arena, stop);
        uint32_t handle = take_due(wheel, arena);
        if (handle != 0)
            return handle;
    }
    if (now > wheel->now)
        wheel->now = now;
    return 0;
}
