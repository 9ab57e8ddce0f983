/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>

#include <uthash.h>
#include <utlist.h>

#include "bench/loops.h"
#include "bench/runner.h"

/* LRU by uthash and a list of utlist behind one mutex, key and value inside the entry. */
struct entry {
    UT_hash_handle hh;
    struct entry *prev;
    struct entry *next;
    char value[SUBJECT_VALUE_SIZE];
    char key[];
};

struct cache {
    pthread_mutex_t lock;
    struct entry *table;
    struct entry *list; /* most recent first */
    size_t capacity;
};

static void *open_cache(const struct subject_options *options)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        bench_fail("no memory for a cache");
    pthread_mutex_init(&cache->lock, NULL);
    cache->capacity = options->capacity;
    return cache;
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
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static size_t entries(void *store)
{
    const struct cache *cache = store;

    return HASH_COUNT(cache->table);
}

/* With the lock held. */
static struct entry *find_and_renew(struct cache *cache, const void *key, size_t length)
{
    struct entry *entry;

    HASH_FIND(hh, cache->table, key, length, entry);
    if (entry == NULL || entry == cache->list)
        return entry;
    DL_DELETE(cache->list, entry);
    DL_PREPEND(cache->list, entry);
    return entry;
}

static bool get(void *store, const void *key, size_t length, void *value)
{
    struct cache *cache = store;
    struct entry *entry;

    pthread_mutex_lock(&cache->lock);
    entry = find_and_renew(cache, key, length);
    if (entry != NULL)
        memcpy(value, entry->value, SUBJECT_VALUE_SIZE);
    pthread_mutex_unlock(&cache->lock);
    return entry != NULL;
}

static void insert(struct cache *cache, const void *key, size_t length, const void *value)
{
    struct entry *entry;

    if (HASH_COUNT(cache->table) >= cache->capacity)
        drop(cache, cache->list->prev);
    entry = malloc(sizeof *entry + length);
    if (entry == NULL)
        bench_fail("no memory for an entry");
    memcpy(entry->key, key, length);
    memcpy(entry->value, value, SUBJECT_VALUE_SIZE);
    HASH_ADD_KEYPTR(hh, cache->table, entry->key, length, entry);
    DL_PREPEND(cache->list, entry);
}

static void set(void *store, const void *key, size_t length, const void *value)
{
    struct cache *cache = store;
    struct entry *entry;

    pthread_mutex_lock(&cache->lock);
    entry = find_and_renew(cache, key, length);
    if (entry != NULL)
        memcpy(entry->value, value, SUBJECT_VALUE_SIZE);
    else
        insert(cache, key, length, value);
    pthread_mutex_unlock(&cache->lock);
}

static uint64_t run_read(void *store, const struct workload *workload, size_t first, size_t count)
{
    return loop_run(store, workload, first, count, get, NULL);
}

static uint64_t run_mix(void *store, const struct workload *workload, size_t first, size_t count)
{
    return loop_run(store, workload, first, count, get, set);
}

const struct subject subject_uthash = {
    .name = "uthash",
    .open = open_cache,
    .close = close_cache,
    .entries = entries,
    .read = run_read,
    .mix = run_mix,
};
