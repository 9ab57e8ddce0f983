/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_SAMPLER_H
#define BK_CACHE_SAMPLER_H

#include "cache/cache.h"

/*
 * The curve of a cache. Lookups of sampled keys leave their hash in a ring of their
 * thread; who finds his ring full, ticks or asks for statistics feeds all rings to
 * the curve. Up to a ring's length the order between threads is lost.
 *
 * What a cache with a curve pays is meant to be nearly nothing: the entry of a sampled
 * key has a spare word. That is enough for it not to be plain, and so for the
 * fast paths to leave it to a slow one, which compares its hash. Only misses have a compare
 * more, with a cache that has no curve as well.
 */
struct bk_sampler;

/* NULL if there is no memory. `rate` as in brisk_cache_options. */
struct bk_sampler *bk_sampler_new(double rate);
void bk_sampler_free(struct bk_sampler *sampler);
/* The value of settings.sample_below. */
uint32_t bk_sampler_below(struct bk_sampler *sampler);

void bk_sampler_add(struct brisk_cache *cache, uint64_t hash);
/* Feeds all rings to the curve. */
void bk_sampler_drain(struct brisk_cache *cache);

/* One lookup. */
static inline void bk_cache_note(struct brisk_cache *cache, uint64_t hash)
{
    if (__builtin_expect(bk_settings_samples(&cache->settings, hash), 0))
        bk_sampler_add(cache, hash);
}

#endif
