/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/region.h"

#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1, newer than the headers of Debian 12 */
#endif

enum {
    SMALLEST_STEP_BYTES = 64 * 1024,
    LARGEST_STEP_BYTES = 4 * 1024 * 1024,
};

/* Cuts a huge page's worth from both ends, so that the rest begins where it should. */
static uint8_t *align(uint8_t *base, size_t bytes, size_t lead_bytes)
{
    size_t before = -((uintptr_t)base + lead_bytes) % BK_HUGE_PAGE_BYTES;
    if (before != 0)
        munmap(base, before);
    munmap(base + before + bytes, BK_HUGE_PAGE_BYTES - before);
    return base + before;
}

static size_t in_steps(size_t bytes)
{
    return bytes / SMALLEST_STEP_BYTES * SMALLEST_STEP_BYTES;
}

bool bk_region_reserve(
    struct bk_region *region, size_t wanted_bytes, size_t needed_bytes, size_t lead_bytes)
{
    size_t first = wanted_bytes > needed_bytes ? wanted_bytes : needed_bytes;
    for (size_t bytes = in_steps(first); bytes >= needed_bytes; bytes = in_steps(bytes / 2)) {
        void *base = mmap(
            NULL, bytes + BK_HUGE_PAGE_BYTES, PROT_NONE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base != MAP_FAILED) {
            *region = (struct bk_region){
                .base = align(base, bytes, lead_bytes), .reserved_bytes = bytes};
            return true;
        }
    }
    *region = (struct bk_region){0};
    return false;
}

void bk_region_free(struct bk_region *region)
{
    if (region->base != NULL)
        munmap(region->base, region->reserved_bytes);
    *region = (struct bk_region){0};
}

/* In growing steps, so that a large cache does not call the kernel for each chunk. */
bool bk_region_grow(struct bk_region *region, size_t bytes)
{
    if (bytes <= region->usable_bytes)
        return true;
    if (bytes > region->reserved_bytes)
        return false;

    size_t step = region->usable_bytes;
    if (step < SMALLEST_STEP_BYTES)
        step = SMALLEST_STEP_BYTES;
    if (step > LARGEST_STEP_BYTES)
        step = LARGEST_STEP_BYTES;
    size_t usable = (bytes + step - 1) / step * step;
    if (usable > region->reserved_bytes)
        usable = region->reserved_bytes;
    if (mprotect(region->base, usable, PROT_READ | PROT_WRITE) != 0)
        return false;
    region->usable_bytes = usable;
    return true;
}

void bk_region_collapse(struct bk_region *region, size_t offset)
{
    madvise(region->base + offset, BK_HUGE_PAGE_BYTES, MADV_COLLAPSE);
}

void bk_region_discard(struct bk_region *region, size_t offset, size_t bytes)
{
    if (madvise(region->base + offset, bytes, MADV_DONTNEED) != 0)
        memset(region->base + offset, 0, bytes); /* locked in memory, by mlockall */
}
