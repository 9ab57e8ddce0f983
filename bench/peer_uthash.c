/* SPDX-License-Identifier: Apache-2.0 */
#include <uthash.h>
#include <utlist.h>

#include "bench/peer.h"

/* LRU by uthash and a list of utlist behind one mutex, key and value inside the entry. */
struct entry {
    UT_hash_handle hh;
    struct entry *prev;
    struct entry *next;
    char value[SUBJECT_VALUE_SIZE];
    char key[];
};

struct cache {
    struct peer peer;
    struct entry *table;
    struct entry *list; /* most recent first */
};

static void *open_cache(const struct subject_options *options)
{
    return peer_new(options, sizeof(struct cache));
}

static void drop(struct cache *cache, struct entry *entry)
{
    HASH_DEL(cache->table, entry);
    DL_DELETE(cache->list, entry);
    free(entry);
}

static void close_cache(void *store)
{
    struct cache *cache = store;

    while (cache->list != NULL)
        drop(cache, cache->list);
    peer_free(cache);
}

static size_t entries(void *store)
{
    const struct cache *cache = store;

    return HASH_COUNT(cache->table);
}

static char *find(void *store, const void *key, size_t length)
{
    struct cache *cache = store;
    struct entry *entry;

    HASH_FIND(hh, cache->table, key, length, entry);
    if (entry == NULL)
        return NULL;
    if (entry != cache->list) {
        DL_DELETE(cache->list, entry);
        DL_PREPEND(cache->list, entry);
    }
    return entry->value;
}

static char *add(void *store, const void *key, size_t length)
{
    struct cache *cache = store;
    struct entry *entry;

    if (HASH_COUNT(cache->table) >= cache->peer.capacity)
        drop(cache, cache->list->prev);
    entry = malloc(sizeof *entry + length);
    if (entry == NULL)
        bench_fail("no memory for an entry");
    memcpy(entry->key, key, length);
    HASH_ADD_KEYPTR(hh, cache->table, entry->key, length, entry);
    DL_PREPEND(cache->list, entry);
    return entry->value;
}

PEER_SUBJECT(uthash);
