/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_REGION_H
#define BK_CACHE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Address space that is reserved once and filled from its start.
 *
 * It stays mapped until the cache is freed, so a reader without a lock may
 * follow a stale address into it at any time: it finds old bytes or zeros, never
 * a fault. Reserved pages cost neither memory nor commit charge.
 */
struct bk_region {
    uint8_t *base;
    size_t reserved_bytes;
    size_t usable_bytes; /* readable and writable, from the base on */
};

/*
 * Reserves `wanted_bytes`, or as much as a limit on address space leaves, but not
 * less than `needed_bytes`. What follows the first `lead_bytes` begins at a huge
 * page's address. False if even `needed_bytes` are not to be had.
 */
bool bk_region_reserve(
    struct bk_region *region, size_t wanted_bytes, size_t needed_bytes, size_t lead_bytes);
void bk_region_free(struct bk_region *region);

/* Makes the first `bytes` usable. False if the region or the memory is exhausted. */
bool bk_region_grow(struct bk_region *region, size_t bytes);

enum {
    BK_HUGE_PAGE_BYTES = 2 * 1024 * 1024
};

/*
 * Puts an aligned huge page in the place of 512 small ones that are in use, where
 * the kernel can (Linux 6.1, MADV_COLLAPSE): lookups all over a large cache spend
 * a sixth of their time on translating addresses. Takes no more memory.
 */
void bk_region_collapse(struct bk_region *region, size_t offset);

/* Gives the pages back to the kernel; they read as zeros from now on. */
void bk_region_discard(struct bk_region *region, size_t offset, size_t bytes);

#endif
