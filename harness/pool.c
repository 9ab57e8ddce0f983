/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    BLOCK_BYTES = 4096,
};

struct bk_pool_block {
    struct bk_pool_block *before;
    size_t capacity;
    size_t used;
    alignas(max_align_t) char bytes[];
};

void *bk_pool_take(struct bk_pool *pool, size_t length)
{
    size_t rounded = (length + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct bk_pool_block *block = pool->last;
    if (block == NULL || rounded > block->capacity - block->used) {
        size_t capacity = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = bk_calloc(1, sizeof *block + capacity);
        if (block == NULL)
            return NULL;
        block->capacity = capacity;
        block->before = pool->last;
        pool->last = block;
    }
    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

char *bk_pool_copy(struct bk_pool *pool, const char *text, size_t length)
{
    char *copy = bk_pool_take(pool, length + 1);
    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}

char *bk_pool_format(struct bk_pool *pool, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = bk_pool_take(pool, (size_t)length + 1);
    if (text == NULL)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void bk_pool_free(struct bk_pool *pool)
{
    while (pool->last != NULL) {
        struct bk_pool_block *before = pool->last->before;
        bk_free(pool->last);
        pool->last = before;
    }
}
