/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_LOAD_H
#define BK_CACHE_LOAD_H

#include "cache/store.h"

/*
 * A store or removal of a key overtakes a load of it that is in progress: its
 * result will not be stored. With the shard's lock.
 */
void bk_loads_overtake(struct bk_shard *shard, uint64_t hash, struct brisk_bytes key);
/* All of the shard's, because it was cleared. */
void bk_loads_overtake_all(struct bk_shard *shard);

/* Whether `store`, the result of a load, must not be stored: also if its group was invalidated. */
bool bk_load_is_overtaken(struct bk_shard *shard, const struct bk_store *store);

/*
 * brisk_cache_get_or_load of a key that was just looked up by another function,
 * which counted a miss. That this call was one stays so, also if the second look,
 * with the lock, finds what another thread has stored meanwhile.
 */
enum brisk_status bk_load_missed(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx);

/* Counts a miss and runs `load` for the caller alone; nothing is looked up or kept. */
enum brisk_status bk_load_apart(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx);

/* False if `store` is the result of a load that was overtaken itself. */
static inline bool bk_loads_allow(struct bk_shard *shard, const struct bk_store *store)
{
    if (store->load != NULL)
        return !bk_load_is_overtaken(shard, store);
    if (shard->loads != NULL)
        bk_loads_overtake(shard, store->hash, store->key);
    return true;
}

#endif
