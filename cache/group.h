/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_GROUP_H
#define BK_CACHE_GROUP_H

#include <pthread.h>
#include <stdbool.h>

#include "cache/region.h"
#include "cache/word.h"

/*
 * The groups that entries belong to. Each has a generation; an entry remembers
 * the one it was stored in, and is invalid as soon as the group has another.
 * A record lives as long as entries refer to it.
 *
 * Thread safety: any thread.
 */
struct bk_group {
    bk_word32 generation; /* goes on when the record is reused */
    uint32_t entries;
    uint64_t id;
    uint32_t following; /* in its chain, or among the unused */
};

/* What an entry keeps of its group. */
struct bk_membership {
    uint32_t group; /* number of the record; 0: none */
    uint32_t generation;
};

enum {
    BK_GROUP_DATES = 256
};

struct bk_groups {
    pthread_mutex_t lock;
    struct bk_region region; /* of struct bk_group; record 0 is not used */
    uint32_t *chains;
    uint32_t chain_count; /* a power of two */
    uint32_t count;
    uint32_t carved;
    uint32_t unused;
    uint64_t invalidations;         /* so far */
    uint64_t dates[BK_GROUP_DATES]; /* by id: the number of the last one; ids may share a date */
};

/* Reserves `most_bytes` of address space at most. */
bool bk_groups_init(struct bk_groups *groups, size_t most_bytes);
void bk_groups_free(struct bk_groups *groups);

/* For one more entry. False if there is no memory. */
bool bk_groups_join(struct bk_groups *groups, uint64_t id, struct bk_membership *out);
/* For one entry less. */
void bk_groups_leave(struct bk_groups *groups, uint32_t group);
void bk_groups_invalidate(struct bk_groups *groups, uint64_t id);

/*
 * A date, and whether the group may have been invalidated after it, with or
 * without entries: rarely true for one that was not.
 */
uint64_t bk_groups_date(struct bk_groups *groups);
bool bk_groups_was_invalidated_after(struct bk_groups *groups, uint64_t id, uint64_t date);

/* Without a lock, of a membership that an entry in the table has. */
static inline bool bk_groups_is_valid(const struct bk_groups *groups, struct bk_membership member)
{
    const struct bk_group *records = (const struct bk_group *)(const void *)groups->region.base;
    return bk_load32(&records[member.group].generation) == member.generation;
}

static inline uint64_t bk_membership_word(struct bk_membership member)
{
    return member.group | (uint64_t)member.generation << 32;
}

static inline struct bk_membership bk_membership_of(uint64_t word)
{
    return (struct bk_membership){(uint32_t)word, (uint32_t)(word >> 32)};
}

#endif
