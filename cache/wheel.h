/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_WHEEL_H
#define BK_CACHE_WHEEL_H

#include "cache/entry.h"

/*
 * The entries of one shard that expire, by deadline: a hierarchical timer wheel
 * (Varghese and Lauck, SOSP 1987). Level 0 has a slot per tick, each higher level
 * a slot per 64 of the level below. Guarded by the shard's lock. An entry's first
 * extra word is its links.
 */
enum {
    BK_WHEEL_LEVELS = 11, /* up to the end of time: 64 bits */
    BK_WHEEL_SLOTS = 64,
};

/*
 * Times to live, and the time after a deadline for which an entry is kept, count
 * as near below this; and a wheel is never left further behind the clock. So
 * near deadlines differ from the clock by less than 2^31.
 */
#define BK_WHEEL_NEAR_TICKS (UINT64_C(1) << 29)

struct bk_wheel {
    uint64_t now;   /* everything that was due before is gone */
    uint64_t grace; /* entries are due so long after their deadline */
    uint64_t count;
    uint32_t *slots;                /* handles, by level and slot; made with the first deadline */
    uint64_t used[BK_WHEEL_LEVELS]; /* a bit per slot that holds entries */
};

/* False if there is no memory; afterwards bk_wheel_add does not fail. */
bool bk_wheel_prepare(struct bk_wheel *wheel);
void bk_wheel_free(struct bk_wheel *wheel);
void bk_wheel_clear(struct bk_wheel *wheel);
void bk_wheel_add(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle);
void bk_wheel_remove(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle);
/* `fresh`, a copy, stands where `handle` stood. */
void bk_wheel_replace(struct bk_wheel *wheel, uint8_t *arena, uint32_t handle, uint32_t fresh);

/*
 * Turns towards `now` and returns the next entry that is due, for the caller to
 * remove; 0 when the wheel has arrived. A step back is ignored. Whoever stops
 * earlier leaves the wheel behind, which is right but for BK_WHEEL_NEAR_TICKS.
 */
uint32_t bk_wheel_next_due(struct bk_wheel *wheel, uint8_t *arena, uint64_t now);

#endif
