/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_POOL_H
#define BK_POOL_H

#include <stddef.h>

#include <brisk/export.h>

/* Small strings and tables that are freed together. All zero is an empty pool. */
struct bk_pool {
    struct bk_pool_block *last;
};

/* NULL if there is no memory, as of all that follow. Zeroed, aligned for any type. */
void *bk_pool_take(struct bk_pool *pool, size_t length);
char *bk_pool_copy(struct bk_pool *pool, const char *text, size_t length);
char *bk_pool_format(struct bk_pool *pool, const char *format, ...) BRISK_PRINTF(2, 3);
void bk_pool_free(struct bk_pool *pool);

#endif
