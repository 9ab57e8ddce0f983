/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/sampler.h"

#include "base/memory.h"
#include "cache/curve.h"

enum {
    RING_LENGTH = 64,
    /* So few that a lookup of a sampled key, some 100 ns more, adds half a percent to a hit. */
    KEYS_PER_SAMPLE = 512,
};

/* Written by its thread, read with the sampler's lock. */
struct ring {
    alignas(64) bk_word32 written; /* hashes so far */
    bk_word32 read;
    bk_word64 hashes[RING_LENGTH];
};

struct bk_sampler {
    pthread_mutex_t lock;
    struct brisk_curve *curve;
    unsigned int ring_count; /* the slots of threads that have a ring are below */
    struct ring *rings[BK_THREAD_SLOTS];
};

struct bk_sampler *bk_sampler_new(double rate)
{
    struct brisk_curve_options options = brisk_curve_options_default();
    options.sample_rate = rate != 0 ? rate : 1.0 / KEYS_PER_SAMPLE;
    struct bk_sampler *sampler = bk_calloc(1, sizeof *sampler);
    if (sampler == NULL)
        return NULL;
    sampler->curve = brisk_curve_new(&options, NULL);
    if (sampler->curve == NULL) {
        bk_free(sampler);
        return NULL;
    }
    pthread_mutex_init(&sampler->lock, NULL);
    return sampler;
}

void bk_sampler_free(struct bk_sampler *sampler)
{
    if (sampler == NULL)
        return;
    for (unsigned int i = 0; i < sampler->ring_count; i++)
        bk_aligned_free(sampler->rings[i]);
    brisk_curve_free(sampler->curve);
    pthread_mutex_destroy(&sampler->lock);
    bk_free(sampler);
}

/* The curve goes by the high bits of a hash, which choose the shard, the cache by the low ones. */
static uint64_t swap_halves(uint64_t hash)
{
    return hash << 32 | hash >> 32;
}

uint32_t bk_sampler_below(struct bk_sampler *sampler)
{
    return (uint32_t)(bk_curve_threshold(sampler->curve) >> 32);
}

static void drain_ring(struct bk_sampler *sampler, struct ring *ring)
{
    uint32_t written = bk_load32(&ring->written);
    uint32_t read = bk_load32(&ring->read);
    for (; read != written; read++)
        brisk_curve_add_hash(
            sampler->curve, swap_halves(bk_load64(&ring->hashes[read % RING_LENGTH])));
    bk_store32(&ring->read, read);
}

/* With the lock. */
static void drain_locked(struct brisk_cache *cache)
{
    struct bk_sampler *sampler = cache->sampler;
    for (unsigned int i = 0; i < sampler->ring_count; i++)
        if (sampler->rings[i] != NULL)
            drain_ring(sampler, sampler->rings[i]);
    atomic_store_explicit(
        &cache->settings.sample_below, bk_sampler_below(sampler), memory_order_relaxed);
}

void bk_sampler_drain(struct brisk_cache *cache)
{
    pthread_mutex_lock(&cache->sampler->lock);
    drain_locked(cache);
    pthread_mutex_unlock(&cache->sampler->lock);
}

/* False: somebody else is at it. */
static bool try_drain(struct brisk_cache *cache)
{
    if (pthread_mutex_trylock(&cache->sampler->lock) != 0)
        return false;
    drain_locked(cache);
    pthread_mutex_unlock(&cache->sampler->lock);
    return true;
}

/* Of the calling thread; what was made for a thread that has ended goes on. */
static struct ring *own_ring(struct bk_sampler *sampler)
{
    unsigned int slot = bk_thread_slot();
    if (slot >= BK_THREAD_SLOTS)
        return NULL;
    if (sampler->rings[slot] != NULL)
        return sampler->rings[slot];
    struct ring *ring = bk_aligned_calloc(alignof(struct ring), sizeof *ring);
    if (ring == NULL)
        return NULL;
    pthread_mutex_lock(&sampler->lock);
    sampler->rings[slot] = ring;
    if (slot >= sampler->ring_count)
        sampler->ring_count = slot + 1;
    pthread_mutex_unlock(&sampler->lock);
    return ring;
}

/*
 * A reader never waits: a lookup that finds neither room nor the lock is not
 * followed, and so is one of a thread without a ring.
 */
__attribute__((noinline, cold)) void bk_sampler_add(struct brisk_cache *cache, uint64_t hash)
{
    struct ring *ring = own_ring(cache->sampler);
    if (ring == NULL)
        return;
    uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - bk_load32(&ring->read) == RING_LENGTH && !try_drain(cache))
        return;
    bk_store64(&ring->hashes[written % RING_LENGTH], hash);
    bk_store32(&ring->written, written + 1);
}

static uint64_t scaled(uint64_t entries, uint64_t limit, uint64_t used)
{
    if (limit == 0 || used == 0)
        return UINT64_MAX;
    double scale = (double)entries / (double)used * (double)limit;
    return scale < 1e18 ? (uint64_t)scale : UINT64_MAX;
}

/* The entries that there is room for, if they go on to be as large as they are; 0: not known. */
static uint64_t room_for(const struct brisk_cache_stats *stats)
{
    uint64_t room = stats->max_entries != 0 ? stats->max_entries : UINT64_MAX;
    uint64_t by_bytes = scaled(stats->entries, stats->max_bytes, stats->bytes);
    uint64_t by_weight = scaled(stats->entries, stats->max_weight, stats->weight);
    room = by_bytes < room ? by_bytes : room;
    room = by_weight < room ? by_weight : room;
    return room == UINT64_MAX ? 0 : room;
}

enum brisk_status brisk_cache_read_curve(
    struct brisk_cache *cache, uint64_t entries, struct brisk_curve_reading *reading)
{
    struct bk_sampler *sampler = cache->sampler;
    if (sampler == NULL)
        return BRISK_ERR_UNSUPPORTED;
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(cache, &stats);

    pthread_mutex_lock(&sampler->lock);
    drain_locked(cache);
    bk_curve_set_requests(sampler->curve, stats.hits + stats.misses);
    brisk_curve_read(sampler->curve, entries != 0 ? entries : room_for(&stats), reading);
    pthread_mutex_unlock(&sampler->lock);
    return BRISK_OK;
}
