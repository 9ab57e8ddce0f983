/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache.h"
#include "cache/deadline.h"

/* A call of brisk_cache_touch. */
struct touch {
    struct bk_shard *shard;
    struct brisk_bytes key;
    uint64_t hash;
    struct bk_deadline deadline;
    uint64_t now;
    struct bk_departed departed;
};

/* The words behind those of time: group, weight, policy, key and value. */
static size_t words_of_time(const struct bk_shard *shard, uint32_t meta)
{
    if ((meta & BK_META_DEADLINE) == 0)
        return 0;
    return 1U + ((meta & BK_META_WIDE) != 0) + (shard->settings->idle_ttl != 0);
}

static uint32_t meta_after(const struct touch *touch, uint32_t meta)
{
    uint32_t time_flags = BK_META_DEADLINE | BK_META_WIDE;
    uint32_t after = (meta & ~time_flags) | touch->deadline.flags;
    size_t extra = bk_meta_extra_words(meta) - words_of_time(touch->shard, meta) +
                   words_of_time(touch->shard, after);
    return (after & ~BK_META_EXTRA_MASK) | (uint32_t)extra << BK_META_EXTRA_SHIFT;
}

static void write_time(const struct touch *touch, struct bk_entry *entry, uint32_t meta)
{
    bk_store32(&entry->aux, 0);
    if ((meta & BK_META_DEADLINE) != 0)
        bk_entry_set_deadline(entry, meta, touch->deadline.time);
    if (touch->shard->settings->idle_ttl != 0)
        bk_store64(&entry->words[2], touch->deadline.idle_limit);
}

/* The same words have room for the new time. */
static void set_time(struct touch *touch, struct bk_place place, uint32_t handle)
{
    struct bk_shard *shard = touch->shard;
    uint8_t *arena = shard->table.index->arena;
    struct bk_entry *entry = bk_entry_at(arena, handle);
    uint32_t meta = bk_load32(&entry->meta);
    if ((meta & BK_META_DEADLINE) == 0)
        return;
    bk_wheel_remove(&shard->wheel, arena, handle);
    uint64_t state = bk_bucket_lock(place.bucket, shard->pins != 0);
    write_time(touch, entry, meta);
    bk_bucket_unlock(place.bucket, state);
    bk_wheel_add(&shard->wheel, arena, handle);
}

/* Moves the entry to a block with other words of time. */
static enum brisk_status rebuild(struct touch *touch, struct bk_place place, uint32_t handle)
{
    struct bk_shard *shard = touch->shard;
    struct bk_entry *from = bk_shard_entry(shard, handle);
    uint32_t old_meta = bk_load32(&from->meta);
    uint32_t meta = meta_after(touch, old_meta);
    uint32_t fresh = bk_arena_allocate(&shard->arena, bk_meta_block_bytes(meta));
    if (fresh == 0)
        return BRISK_ERR_NOMEM;

    struct bk_entry *to = bk_shard_entry(shard, fresh);
    bk_word64 *source = from->words + words_of_time(shard, old_meta);
    bk_word64 *target = to->words + words_of_time(shard, meta);
    size_t words = (bk_meta_block_bytes(meta) - BK_ENTRY_HEADER_BYTES) / 8 -
                   words_of_time(shard, meta);
    for (size_t i = 0; i < words; i++)
        bk_store64(&target[i], bk_load64(&source[i]));
    write_time(touch, to, meta);
    bk_store32(&to->meta, meta);
    bk_shard_rehouse(shard, place, fresh);
    return BRISK_OK;
}

/* How much larger the block is that the entry moves to. */
static struct bk_limits growth(uint32_t old_meta, uint32_t meta)
{
    size_t from = bk_arena_block_bytes(bk_meta_block_bytes(old_meta));
    size_t to = bk_arena_block_bytes(bk_meta_block_bytes(meta));
    return (struct bk_limits){.bytes = to > from ? to - from : 0};
}

static enum brisk_status touch_locked(struct touch *touch)
{
    struct bk_shard *shard = touch->shard;
    if ((touch->deadline.flags & BK_META_DEADLINE) != 0 && !bk_wheel_prepare(&shard->wheel))
        return BRISK_ERR_NOMEM;

    uint32_t handle = bk_shard_find_fresh(
        shard, touch->hash, touch->key, touch->now, &touch->departed);
    if (handle == 0)
        return BRISK_MISS;
    uint32_t meta = bk_load32(&bk_shard_entry(shard, handle)->meta);
    struct bk_place place = bk_table_locate(&shard->table, touch->hash, handle);
    if (meta_after(touch, meta) == meta) {
        set_time(touch, place, handle);
        return BRISK_OK;
    }
    struct bk_limits more = growth(meta, meta_after(touch, meta));
    bk_shard_make_room(shard, &more, &touch->departed); /* which may take this entry */
    handle = bk_shard_find(shard, touch->hash, touch->key);
    if (handle == 0)
        return BRISK_MISS;
    return rebuild(touch, bk_table_locate(&shard->table, touch->hash, handle), handle);
}

enum brisk_status brisk_cache_touch(struct brisk_cache *cache, struct brisk_bytes key, uint64_t ttl)
{
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    struct touch touch = {.key = key, .hash = bk_cache_hash(cache, key)};
    touch.shard = bk_cache_shard(cache, touch.hash);
    touch.now = bk_shard_time(touch.shard);
    touch.deadline = bk_deadline_of(touch.shard, touch.hash, ttl, &touch.now);

    bk_shard_lock(touch.shard);
    status = touch_locked(&touch);
    bk_shard_unlock(touch.shard);
    bk_shard_settle(touch.shard, &touch.departed);
    return status;
}
