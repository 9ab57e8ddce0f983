/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_READ_H
#define BK_CACHE_READ_H

#include "cache/cache.h"

/*
 * brisk_cache_get of a valid key whose hash is known. *remaining are the ticks
 * until the entry expires, UINT64_MAX if it does not; 0 with
 * BRISK_MISS if it has.
 */
enum brisk_status bk_read_view(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, struct brisk_view *out,
    uint64_t *remaining);

/*
 * Likewise, for a lookup that may go on: counts it only if it is a hit that has more
 * than `least` ticks left.
 */
enum brisk_status bk_try_view(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, uint64_t least,
    struct brisk_view *out, uint64_t *remaining);

/* As bk_read_view, of brisk_cache_get_into. */
enum brisk_status bk_read_into(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length);

#endif
