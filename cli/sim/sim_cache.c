/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/sim_cache.h"

enum {
    ARENA_GIB = 8,
    INDEX_GIB = 1,
    SMALL_CAPACITY = 64 * 1024, /* up to here a policy's memory is made at once */
    AHEAD = 8, /* requests for which memory is fetched: a seventh off the time of S3-FIFO */
};

/* Words of an entry: those of its time and of its policy, then the hash and the size. */
static uint64_t hash_of(void *ctx, uint32_t handle)
{
    const struct sim_cache *cache = ctx;
    struct bk_entry *entry = bk_entry_at(cache->index.arena, handle);
    return bk_load64(bk_entry_key(entry, bk_load32(&entry->meta)));
}

static uint64_t size_of(void *ctx, uint32_t handle)
{
    const struct sim_cache *cache = ctx;
    struct bk_entry *entry = bk_entry_at(cache->index.arena, handle);
    return bk_load64(bk_entry_value(entry, bk_load32(&entry->meta)));
}

/* How many entries the policy is to prepare for. */
static uint64_t likely_entries(const struct sim_cache *cache)
{
    uint64_t room = (uint64_t)bk_table_bucket_count(&cache->table) * BK_ENTRIES_PER_100_BUCKETS /
                    100;
    if (cache->options.is_in_bytes)
        return room;
    uint64_t capacity = cache->options.capacity;
    return capacity <= SMALL_CAPACITY || capacity < room ? capacity : room;
}

bool sim_cache_init(struct sim_cache *cache, const struct sim_cache_options *options)
{
    *cache = (struct sim_cache){.options = *options};
    if (!bk_arena_init(&cache->arena, (size_t)ARENA_GIB << 30))
        return false;
    if (!bk_table_init(
            &cache->table, &cache->index, cache->arena.region.base, (size_t)INDEX_GIB << 30,
            hash_of, cache)) {
        bk_arena_free(&cache->arena);
        return false;
    }
    struct bk_policy_host host = {
        .ctx = cache,
        .hash_of = hash_of,
        .cost_of = options->is_in_bytes ? size_of : NULL,
        .table = &cache->table};
    if (!bk_policy_init(&cache->policy, options->policy, &host, likely_entries(cache))) {
        bk_table_free(&cache->table);
        bk_arena_free(&cache->arena);
        return false;
    }
    return true;
}

void sim_cache_free(struct sim_cache *cache)
{
    bk_wheel_free(&cache->wheel);
    bk_policy_free(&cache->policy);
    bk_table_free(&cache->table);
    bk_arena_free(&cache->arena);
}

static uint64_t cost_of(const struct sim_cache *cache, uint64_t size)
{
    return cache->options.is_in_bytes ? size : 1;
}

static void remove_entry(struct sim_cache *cache, uint32_t handle, bool is_evicted)
{
    struct bk_entry *entry = bk_entry_at(cache->index.arena, handle);
    uint64_t hash = hash_of(cache, handle);
    cache->used -= cost_of(cache, size_of(cache, handle));
    cache->entries--;
    bk_table_remove(&cache->table, hash, bk_table_locate(&cache->table, hash, handle), false);
    bk_policy_remove(&cache->policy, handle, hash, is_evicted);
    if ((bk_load32(&entry->meta) & BK_META_DEADLINE) != 0)
        bk_wheel_remove(&cache->wheel, cache->index.arena, handle);
    bk_arena_release(&cache->arena, handle);
}

/* The time is the number of requests so far. */
static void expire(struct sim_cache *cache)
{
    uint32_t handle;
    while ((handle = bk_wheel_next_due(&cache->wheel, cache->index.arena, cache->requests)) != 0)
        remove_entry(cache, handle, false);
}

static bool grow_index(struct sim_cache *cache)
{
    uint32_t buckets = bk_table_bucket_count(&cache->table);
    if (!bk_table_rebuild(&cache->table, buckets + buckets / 2, false))
        return false;
    bk_policy_set_entries(&cache->policy, likely_entries(cache));
    return true;
}

static uint32_t write_entry(struct sim_cache *cache, const struct sim_request *request)
{
    unsigned int policy_words = bk_policy_extra_words(cache->options.policy);
    uint32_t meta = 8U | 8U << BK_META_KEY_SHIFT | policy_words << BK_META_EXTRA_SHIFT;
    if (request->ttl != 0)
        meta = 8U | 8U << BK_META_KEY_SHIFT | (policy_words + 2) << BK_META_EXTRA_SHIFT |
               BK_META_DEADLINE | BK_META_WIDE;
    uint32_t handle = bk_arena_allocate(&cache->arena, bk_meta_block_bytes(meta));
    if (handle == 0)
        return 0;
    struct bk_entry *entry = bk_entry_at(cache->index.arena, handle);
    bk_store32(&entry->aux, 0);
    if (request->ttl != 0)
        bk_entry_set_deadline(entry, meta, cache->requests + request->ttl);
    bk_store64(bk_entry_key(entry, meta), request->hash);
    bk_store64(bk_entry_value(entry, meta), request->size);
    bk_store32(&entry->meta, meta);
    return handle;
}

/* Room first, so that a newcomer is never its own victim. */
static void make_room(struct sim_cache *cache, uint64_t cost)
{
    while (cache->used > cache->options.capacity - cost) {
        uint32_t victim = bk_policy_victim(&cache->policy);
        if (victim == 0)
            return;
        remove_entry(cache, victim, true);
    }
}

static bool store(struct sim_cache *cache, const struct sim_request *request)
{
    bool was_recalled = bk_policy_recall(&cache->policy, request->hash);
    uint64_t cost = cost_of(cache, request->size);
    make_room(cache, cost);
    if (!bk_table_has_room(&cache->table, cache->entries) && !grow_index(cache))
        return false;
    struct bk_place place;
    while ((place = bk_table_slot(&cache->table, request->hash, false)).bucket == NULL)
        if (!grow_index(cache))
            return false;
    uint32_t handle = write_entry(cache, request);
    if (handle == 0)
        return false;
    bk_table_insert(&cache->table, place, request->hash, handle, false);
    bk_policy_insert(&cache->policy, handle, was_recalled);
    if (request->ttl != 0)
        bk_wheel_add(&cache->wheel, cache->index.arena, handle);
    cache->used += cost;
    cache->entries++;
    bk_policy_look_ahead(&cache->policy);
    return true;
}

static void hit(struct sim_cache *cache, struct bk_place place)
{
    if (bk_policy_hits_are_lock_free(cache->options.policy))
        bk_place_count_hit(place);
    else
        bk_policy_hit(&cache->policy, bk_place_handle(place));
}

bool sim_cache_request(struct sim_cache *cache, const struct sim_request *request)
{
    if (request->ttl != 0 && !bk_wheel_prepare(&cache->wheel))
        return false;
    if (cache->wheel.count != 0)
        expire(cache);
    cache->requests++;
    cache->bytes_requested += request->size;
    struct bk_place place = bk_table_find(
        &cache->table, request->hash, &request->hash, sizeof request->hash);
    if (place.bucket != NULL) {
        hit(cache, place);
        return true;
    }
    cache->misses++;
    cache->bytes_missed += request->size;
    if (cost_of(cache, request->size) > cache->options.capacity)
        return true;
    return store(cache, request);
}

/* What a request will need, once its bucket is here: most likely the entry, else its ghost. */
static void fetch_rest(const struct sim_cache *cache, uint64_t hash)
{
    const struct bk_bucket *bucket = bk_index_home(&cache->index, hash);
    unsigned int slots = bk_match_tags(
        bk_load64(&bucket->tags), bk_load64(&bucket->state), bk_hash_tag(hash));
    if (slots == 0) {
        bk_policy_fetch_ghost(&cache->policy, hash);
        return;
    }
    uint32_t handle = bk_load32(&bucket->handles[(size_t)__builtin_ctz(slots)]);
    __builtin_prefetch(bk_entry_at(cache->index.arena, handle), 1);
}

bool sim_cache_replay(struct sim_cache *cache, const struct sim_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + 2 * AHEAD < count) {
            __builtin_prefetch(bk_index_home(&cache->index, requests[i + 2 * AHEAD].hash), 1);
            fetch_rest(cache, requests[i + AHEAD].hash);
        }
        if (!sim_cache_request(cache, &requests[i]))
            return false;
    }
    return true;
}
