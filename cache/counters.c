/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "cache/cache.h"

_Thread_local struct bk_last_counters bk_last_counters;

static struct bk_counters *new_page(struct brisk_cache *cache, unsigned int number)
{
    size_t bytes = BK_COUNTERS_PER_PAGE * sizeof(struct bk_counters);
    struct bk_counters *page = bk_aligned_calloc(alignof(struct bk_counters), bytes);
    if (page == NULL)
        return NULL;
    struct bk_counters *there = NULL;
    if (atomic_compare_exchange_strong(&cache->counter_pages[number], &there, page))
        return page;
    bk_aligned_free(page); /* a neighbour was faster */
    return there;
}

void bk_counters_forget(void)
{
    bk_last_counters = (struct bk_last_counters){0, NULL};
}

struct bk_counters *bk_cache_find_counters(struct brisk_cache *cache)
{
    unsigned int slot = bk_thread_slot();
    if (slot >= BK_THREAD_SLOTS)
        return NULL;
    unsigned int number = slot / BK_COUNTERS_PER_PAGE;
    struct bk_counters *page = atomic_load(&cache->counter_pages[number]);
    if (page == NULL && (page = new_page(cache, number)) == NULL)
        return NULL;
    struct bk_counters *counters = &page[slot % BK_COUNTERS_PER_PAGE];
    if (cache->settings.has_lock_free_hits)
        bk_last_counters = (struct bk_last_counters){cache->id, counters};
    return counters;
}
