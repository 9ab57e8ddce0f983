/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MEMORY_H
#define BK_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include <brisk/hooks.h>

/*
 * All heap memory of the library comes from here, so that brisk_set_allocator
 * sees it. Inline, because a cache hit allocates: without a hook the price over
 * malloc is one load and a branch that is never taken.
 */
extern struct brisk_allocator bk_allocator_hook __attribute__((visibility("hidden")));

static inline bool bk_has_allocator_hook(void)
{
    return __builtin_expect(bk_allocator_hook.allocate != NULL, false);
}

static inline void *bk_malloc(size_t length)
{
    if (bk_has_allocator_hook())
        return bk_allocator_hook.allocate(length, bk_allocator_hook.ctx);
    return malloc(length);
}

static inline void *bk_realloc(void *memory, size_t length)
{
    if (bk_has_allocator_hook())
        return bk_allocator_hook.reallocate(memory, length, bk_allocator_hook.ctx);
    return realloc(memory, length);
}

static inline void bk_free(void *memory)
{
    if (bk_has_allocator_hook())
        bk_allocator_hook.release(memory, bk_allocator_hook.ctx);
    else
        free(memory);
}

/* Zeroed; NULL also if count * length does not fit a size_t. */
void *bk_calloc(size_t count, size_t length);

/* At a multiple of `alignment`, a power of two; zeroed. Only for bk_aligned_free. */
void *bk_aligned_calloc(size_t alignment, size_t length);
void bk_aligned_free(void *memory);

/* NULL if there is no memory. To be freed with bk_free. */
char *bk_strdup(const char *text);

#endif
