/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"

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
