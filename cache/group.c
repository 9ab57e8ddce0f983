/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/group.h"

#include "base/memory.h"

enum {
    MOST_GROUPS = 1 << 24
};

static struct bk_group *record(struct bk_groups *groups, uint32_t number)
{
    return (struct bk_group *)(void *)groups->region.base + number;
}

bool bk_groups_init(struct bk_groups *groups, size_t most_bytes)
{
    size_t bytes = MOST_GROUPS * sizeof(struct bk_group);
    *groups = (struct bk_groups){.carved = 1};
    if (pthread_mutex_init(&groups->lock, NULL) != 0)
        return false;
    if (bytes > most_bytes)
        bytes = most_bytes;
    if (bk_region_reserve(&groups->region, bytes, sizeof(struct bk_group), 0))
        return true;
    pthread_mutex_destroy(&groups->lock);
    return false;
}

void bk_groups_free(struct bk_groups *groups)
{
    bk_region_free(&groups->region);
    bk_free(groups->chains);
    pthread_mutex_destroy(&groups->lock);
}

/* Fibonacci hashing: spreads ids that are small or in steps. */
static uint32_t spread(uint64_t id)
{
    return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static uint32_t *chain_of(struct bk_groups *groups, uint64_t id)
{
    return &groups->chains[spread(id) & (groups->chain_count - 1)];
}

/* Where the number of this group stands; NULL or 0 there: unknown. */
static uint32_t *find_link(struct bk_groups *groups, uint64_t id)
{
    if (groups->chain_count == 0)
        return NULL;
    uint32_t *link = chain_of(groups, id);
    while (*link != 0 && record(groups, *link)->id != id)
        link = &record(groups, *link)->following;
    return link;
}

static bool grow_chains(struct bk_groups *groups)
{
    uint32_t old_count = groups->chain_count;
    uint32_t *old = groups->chains;
    uint32_t *fresh = bk_calloc(old_count == 0 ? 16 : (size_t)old_count * 2, sizeof *fresh);
    if (fresh == NULL)
        return old_count != 0; /* longer chains, then */
    groups->chains = fresh;
    groups->chain_count = old_count == 0 ? 16 : old_count * 2;
    for (uint32_t i = 0; i < old_count; i++) {
        for (uint32_t number = old[i], next; number != 0; number = next) {
            next = record(groups, number)->following;
            uint32_t *chain = chain_of(groups, record(groups, number)->id);
            record(groups, number)->following = *chain;
            *chain = number;
        }
    }
    bk_free(old);
    return true;
}

/* The number of a record for `id`, which is not known yet; 0 if there is no memory. */
static uint32_t add_record(struct bk_groups *groups, uint64_t id)
{
    if (groups->count >= groups->chain_count && !grow_chains(groups))
        return 0;
    uint32_t number = groups->unused;
    if (number != 0) {
        groups->unused = record(groups, number)->following;
    } else {
        size_t end = ((size_t)groups->carved + 1) * sizeof(struct bk_group);
        if (!bk_region_grow(&groups->region, end))
            return 0;
        number = groups->carved++;
    }
    uint32_t *chain = chain_of(groups, id);
    record(groups, number)->id = id;
    record(groups, number)->entries = 0;
    record(groups, number)->following = *chain;
    *chain = number;
    groups->count++;
    return number;
}

bool bk_groups_join(struct bk_groups *groups, uint64_t id, struct bk_membership *out)
{
    pthread_mutex_lock(&groups->lock);
    uint32_t *link = find_link(groups, id);
    uint32_t number = link != NULL && *link != 0 ? *link : add_record(groups, id);
    if (number != 0) {
        record(groups, number)->entries++;
        *out = (struct bk_membership){number, bk_load32(&record(groups, number)->generation)};
    }
    pthread_mutex_unlock(&groups->lock);
    return number != 0;
}

void bk_groups_leave(struct bk_groups *groups, uint32_t group)
{
    pthread_mutex_lock(&groups->lock);
    if (--record(groups, group)->entries == 0) {
        uint32_t *link = find_link(groups, record(groups, group)->id);
        *link = record(groups, group)->following;
        record(groups, group)->following = groups->unused;
        groups->unused = group;
        groups->count--;
    }
    pthread_mutex_unlock(&groups->lock);
}

void bk_groups_invalidate(struct bk_groups *groups, uint64_t id)
{
    pthread_mutex_lock(&groups->lock);
    groups->dates[spread(id) % BK_GROUP_DATES] = ++groups->invalidations;
    uint32_t *link = find_link(groups, id);
    if (link != NULL && *link != 0) {
        bk_word32 *generation = &record(groups, *link)->generation;
        bk_store32(generation, bk_load32(generation) + 1);
    }
    pthread_mutex_unlock(&groups->lock);
}

uint64_t bk_groups_date(struct bk_groups *groups)
{
    pthread_mutex_lock(&groups->lock);
    uint64_t date = groups->invalidations;
    pthread_mutex_unlock(&groups->lock);
    return date;
}

bool bk_groups_was_invalidated_after(struct bk_groups *groups, uint64_t id, uint64_t date)
{
    pthread_mutex_lock(&groups->lock);
    bool is_later = groups->dates[spread(id) % BK_GROUP_DATES] > date;
    pthread_mutex_unlock(&groups->lock);
    return is_later;
}
