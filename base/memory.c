/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdint.h>
#include <string.h>

struct brisk_allocator bk_allocator_hook;

void *bk_calloc(size_t count, size_t length)
{
    if (!bk_has_allocator_hook())
        return calloc(count, length);

    size_t total;
    if (__builtin_mul_overflow(count, length, &total))
        return NULL;
    void *memory = bk_malloc(total);
    if (memory != NULL)
        memset(memory, 0, total);
    return memory;
}

/* The address to free stands right before the block. */
void *bk_aligned_calloc(size_t alignment, size_t length)
{
    size_t total;
    if (__builtin_add_overflow(length, alignment + sizeof(void *), &total))
        return NULL;
    char *memory = bk_calloc(1, total);
    if (memory == NULL)
        return NULL;
    uintptr_t first = (uintptr_t)memory + sizeof(void *);
    char *aligned = memory + sizeof(void *) + (-first & (alignment - 1));
    memcpy(aligned - sizeof(void *), &memory, sizeof memory);
    return aligned;
}

void bk_aligned_free(void *memory)
{
    if (memory == NULL)
        return;
    void *start;
    memcpy(&start, (char *)memory - sizeof(void *), sizeof start);
    bk_free(start);
}

char *bk_strdup(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = bk_malloc(length);
    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}
