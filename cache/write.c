/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"
#include "cache/load.h"
#include "cache/sampler.h"
#include "cache/store.h"

static enum brisk_status prepare(
    struct brisk_cache *cache, struct brisk_bytes key, const struct brisk_entry_options *options,
    struct bk_store *store)
{
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    if (store->value.data == NULL && store->value.length != 0)
        return BRISK_ERR_INVALID;
    struct brisk_entry_options known = {0};
    if (options != NULL) {
        status = bk_options_read(&known, sizeof known, options, sizeof known, NULL);
        if (status != BRISK_OK)
            return status;
    }
    store->key = key;
    store->hash = bk_cache_hash(cache, key);
    store->ttl = known.ttl;
    store->group = known.group;
    return BRISK_OK;
}

static enum brisk_status store_bytes(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options, enum bk_store_mode mode)
{
    struct bk_store store = {.mode = mode, .value = {.data = value.data, .length = value.length}};
    enum brisk_status status = prepare(cache, key, options, &store);
    return status == BRISK_OK ? bk_store(cache, &store) : status;
}

enum brisk_status brisk_cache_set(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options)
{
    return store_bytes(cache, key, value, options, BK_STORE_SET);
}

enum brisk_status brisk_cache_add(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options)
{
    return store_bytes(cache, key, value, options, BK_STORE_ADD);
}

enum brisk_status brisk_cache_replace(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options)
{
    return store_bytes(cache, key, value, options, BK_STORE_REPLACE);
}

enum brisk_status brisk_cache_set_view(
    struct brisk_cache *cache, struct brisk_bytes key, const struct brisk_view *value,
    const struct brisk_entry_options *options)
{
    struct bk_store store = {.mode = BK_STORE_SET, .value = *value, .is_shared = true};
    enum brisk_status status = prepare(cache, key, options, &store);
    return status == BRISK_OK ? bk_store(cache, &store) : status;
}

enum brisk_status brisk_cache_delete(struct brisk_cache *cache, struct brisk_bytes key)
{
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    uint64_t hash = bk_cache_hash(cache, key);
    struct bk_shard *shard = bk_cache_shard(cache, hash);
    uint64_t now = bk_shard_time(shard);
    struct bk_departed departed = {0};
    enum bk_verdict verdict;

    bk_shard_lock(shard);
    bk_loads_overtake(shard, hash, key);
    uint32_t handle = bk_shard_find_valid(shard, hash, key, now, &verdict, &departed);
    bool is_there = false;
    if (handle != 0)
        is_there = !bk_shard_is_negative(shard, handle);
    else if (verdict == BK_EXPIRED)
        handle = bk_shard_find(shard, hash, key);
    if (handle != 0)
        bk_shard_remove(shard, handle, BRISK_EVICT_DELETED, &departed);
    bk_shard_unlock(shard);
    bk_shard_settle(shard, &departed);
    return is_there ? BRISK_OK : BRISK_MISS;
}

void brisk_cache_invalidate_group(struct brisk_cache *cache, uint64_t group)
{
    bk_groups_invalidate(&cache->settings.groups, group);
}

void brisk_cache_clear(struct brisk_cache *cache)
{
    for (unsigned int i = 0; i < cache->shard_count; i++) {
        struct bk_shard *shard = &cache->shards[i];
        struct bk_departed departed = {0};
        bk_shard_lock(shard);
        bk_loads_overtake_all(shard);
        bk_shard_clear(shard, &departed);
        bk_shard_unlock(shard);
        bk_shard_settle(shard, &departed);
    }
}

enum {
    /* Entries that one hold of the lock removes: others wait some ten microseconds. */
    TICK_BATCH = 128
};

static size_t expire_all(struct bk_shard *shard)
{
    uint64_t now = bk_shard_now(shard);
    size_t removed = 0, batch;
    do {
        struct bk_departed departed = {0};
        bk_shard_lock(shard);
        batch = bk_shard_expire(shard, now, TICK_BATCH, &departed);
        bk_shard_unlock(shard);
        bk_shard_settle(shard, &departed);
        removed += batch;
    } while (batch >= TICK_BATCH);
    return removed;
}

size_t brisk_cache_tick(struct brisk_cache *cache)
{
    if (cache->sampler != NULL)
        bk_sampler_drain(cache);
    if (!bk_settings_uses_time(&cache->settings))
        return 0;
    size_t removed = 0;
    for (unsigned int i = 0; i < cache->shard_count; i++)
        removed += expire_all(&cache->shards[i]);
    return removed;
}

enum brisk_status brisk_cache_contains(struct brisk_cache *cache, struct brisk_bytes key)
{
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    uint64_t hash = bk_cache_hash(cache, key);
    struct bk_shard *shard = bk_cache_shard(cache, hash);
    uint64_t now = bk_shard_time(shard);
    struct bk_departed departed = {0};

    bk_shard_lock(shard);
    uint32_t handle = bk_shard_find(shard, hash, key);
    enum bk_verdict verdict = handle != 0 ? bk_shard_judge(shard, handle, now) : BK_FRESH;
    bool is_there = handle != 0 && verdict == BK_FRESH && !bk_shard_is_negative(shard, handle);
    if (verdict == BK_EXPIRED) /* what was seen to be gone must not come back with the clock */
        bk_shard_expire(shard, now, BK_EXPIRY_BUDGET, &departed);
    bk_shard_unlock(shard);
    bk_shard_settle(shard, &departed);
    return is_there ? BRISK_OK : BRISK_MISS;
}
