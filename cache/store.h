/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_STORE_H
#define BK_CACHE_STORE_H

#include "cache/cache.h"

enum bk_store_mode {
    BK_STORE_SET,
    BK_STORE_ADD,
    BK_STORE_REPLACE,
};

/* An entry to be. */
struct bk_store {
    struct brisk_bytes key;
    uint64_t hash;
    enum bk_store_mode mode;
    struct brisk_view value; /* a borrowed one for bytes that are to be copied */
    bool is_shared;          /* the view itself is stored, not its bytes */
    bool is_negative;
    uint64_t ttl; /* 0: the cache's */
    uint64_t group;
    struct bk_load *load; /* the load whose result this is, if it is one */
};

/*
 * Stores, with the shard's lock taken and given back inside. A shared value
 * gets a reference of its own on BRISK_OK. BRISK_NOT_STORED also if `load` was
 * overtaken by somebody else's change.
 */
enum brisk_status bk_store(struct brisk_cache *cache, struct bk_store *store);

#endif
