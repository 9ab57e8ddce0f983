/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "cache/cache.h"

/*
 * A shard's keys are copied with its lock held, then each is looked up again and
 * shown without: `visit` may change the cache, and a key that is gone by then is
 * passed over. A key has one shard and is once among its keys.
 */
struct keys {
    uint8_t *bytes; /* of each key its length, 16 bits, and then itself */
    size_t length;
};

static struct brisk_bytes key_of(const struct bk_shard *shard, uint32_t handle)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    return brisk_bytes_of(bk_words_bytes(bk_entry_key(entry, meta)), bk_meta_key_length(meta));
}

/* Where a walk through a shard's blocks has come to. */
struct walk {
    uint32_t chunk;
    uint32_t handle; /* in the chunk; 0 at its start */
};

/* Blocks whose entry has left are still there while somebody is told of it. */
static bool has_left(const struct bk_shard *shard, uint32_t handle)
{
    if (shard->departing == 0)
        return false;
    struct brisk_bytes key = key_of(shard, handle);
    return bk_shard_find(shard, bk_shard_hash(shard, key.data, key.length), key) != handle;
}

/* The next entry of the shard; 0 at the end. */
static uint32_t walk_next(const struct bk_shard *shard, struct walk *walk)
{
    while (walk->chunk < shard->arena.chunk_count) {
        bool is_empty = shard->arena.chunks[walk->chunk].live_count == 0;
        walk->handle = is_empty ? 0 : bk_arena_next_live(&shard->arena, walk->chunk, walk->handle);
        if (walk->handle == 0)
            walk->chunk++;
        else if (!has_left(shard, walk->handle))
            return walk->handle;
    }
    return 0;
}

static bool copy_keys(const struct bk_shard *shard, struct keys *keys)
{
    uint32_t handle;
    *keys = (struct keys){0};
    for (struct walk walk = {.chunk = 1}; (handle = walk_next(shard, &walk)) != 0;)
        keys->length += sizeof(uint16_t) + key_of(shard, handle).length;
    if (keys->length == 0)
        return true;
    keys->bytes = bk_malloc(keys->length);
    if (keys->bytes == NULL)
        return false;

    uint8_t *place = keys->bytes;
    for (struct walk walk = {.chunk = 1}; (handle = walk_next(shard, &walk)) != 0;) {
        struct brisk_bytes key = key_of(shard, handle);
        uint16_t length = (uint16_t)key.length;
        memcpy(place, &length, sizeof length);
        memcpy(place + sizeof length, key.data, key.length);
        place += sizeof length + key.length;
    }
    return true;
}

/* Takes one key off the front. */
static struct brisk_bytes next_key(struct keys *keys)
{
    uint16_t length;
    memcpy(&length, keys->bytes, sizeof length);
    struct brisk_bytes key = brisk_bytes_of(keys->bytes + sizeof length, length);
    keys->bytes += sizeof length + length;
    keys->length -= sizeof length + length;
    return key;
}

/* The value as it is now, without counting as a read. BRISK_MISS: there is none to be seen. */
static enum brisk_status
peek(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
{
    uint64_t hash = bk_cache_hash(cache, key);
    struct bk_shard *shard = bk_cache_shard(cache, hash);
    uint64_t now = bk_shard_time(shard);
    enum brisk_status status = BRISK_MISS;

    bk_shard_lock(shard);
    uint32_t handle = bk_shard_find(shard, hash, key);
    if (handle != 0 && bk_shard_judge(shard, handle, now) == BK_FRESH &&
        !bk_shard_is_negative(shard, handle))
        status = bk_shard_read_value(shard, handle, out) ? BRISK_OK : BRISK_ERR_NOMEM;
    bk_shard_unlock(shard);
    return status;
}

static enum brisk_status
show(struct brisk_cache *cache, struct brisk_bytes key, brisk_cache_visit_fn *visit, void *ctx)
{
    struct brisk_view value = {0};
    enum brisk_status status = peek(cache, key, &value);
    if (status != BRISK_OK)
        return status == BRISK_MISS ? BRISK_OK : status;
    bool goes_on = visit(key, &value, ctx);
    brisk_view_release(&value);
    return goes_on ? BRISK_OK : BRISK_ERR_CANCELLED;
}

static enum brisk_status visit_shard(
    struct brisk_cache *cache, struct bk_shard *shard, brisk_cache_visit_fn *visit, void *ctx)
{
    struct keys keys;
    bk_shard_lock(shard);
    bool is_copied = copy_keys(shard, &keys);
    bk_shard_unlock(shard);
    if (!is_copied)
        return BRISK_ERR_NOMEM;

    uint8_t *bytes = keys.bytes;
    enum brisk_status status = BRISK_OK;
    while (status == BRISK_OK && keys.length != 0)
        status = show(cache, next_key(&keys), visit, ctx);
    bk_free(bytes);
    return status;
}

enum brisk_status
brisk_cache_for_each(struct brisk_cache *cache, brisk_cache_visit_fn *visit, void *ctx)
{
    brisk_cache_tick(cache);
    enum brisk_status status = BRISK_OK;
    for (unsigned int i = 0; status == BRISK_OK && i < cache->shard_count; i++)
        status = visit_shard(cache, &cache->shards[i], visit, ctx);
    return status;
}
