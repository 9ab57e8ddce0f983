/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <string.h>

struct brisk_allocator bk_allocator_hook;

enum brisk_status brisk_set_allocator(const struct brisk_allocator *allocator)
{
    if (allocator == NULL) {
        memset(&bk_allocator_hook, 0, sizeof bk_allocator_hook);
        return BRISK_OK;
    }
    if (allocator->allocate == NULL || allocator->reallocate == NULL || allocator->release == NULL)
        return BRISK_ERR_INVALID;
    bk_allocator_hook = *allocator;
    return BRISK_OK;
}

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

char *bk_strdup(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = bk_malloc(length);
    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}
