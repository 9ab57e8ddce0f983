/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>

#include <glib.h>

#include "bench/loops.h"
#include "bench/runner.h"

/*
 * LRU by GHashTable and GQueue behind one mutex. Key, value and list link are
 * inside the entry: one allocation, and a lookup leads to the link at once.
 */
struct key {
    const void *data;
    size_t length;
};

struct entry {
    struct key key; /* what the table points to */
    GList link;     /* its data is the entry */
    char value[SUBJECT_VALUE_SIZE];
    char bytes[];
};

struct cache {
    pthread_mutex_t lock;
    GHashTable *table;
    GQueue list; /* most recent first */
    size_t capacity;
};

/* As g_int64_hash and g_bytes_hash. */
static guint hash_key(gconstpointer pointer)
{
    const struct key *key = pointer;
    const unsigned char *bytes = key->data;
    guint hash = 5381;

    if (key->length == sizeof(gint64))
        return g_int64_hash(key->data);
    for (size_t i = 0; i < key->length; i++)
        hash = hash * 33 + bytes[i];
    return hash;
}

static gboolean is_equal(gconstpointer a, gconstpointer b)
{
    const struct key *left = a;
    const struct key *right = b;

    return left->length == right->length && memcmp(left->data, right->data, left->length) == 0;
}

static void *open_cache(const struct subject_options *options)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        bench_fail("no memory for a cache");
    pthread_mutex_init(&cache->lock, NULL);
    cache->table = g_hash_table_new(hash_key, is_equal);
    cache->capacity = options->capacity;
    return cache;
}

static void drop(struct cache *cache, struct entry *entry)
{
    g_hash_table_remove(cache->table, &entry->key);
    g_queue_unlink(&cache->list, &entry->link);
    free(entry);
}

static void close_cache(void *store)
{
    struct cache *cache = store;

    while (cache->list.head != NULL)
        drop(cache, cache->list.head->data);
    g_hash_table_destroy(cache->table);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static size_t entries(void *store)
{
    const struct cache *cache = store;

    return g_hash_table_size(cache->table);
}

/* With the lock held. */
static struct entry *find_and_renew(struct cache *cache, const void *data, size_t length)
{
    struct key key = {data, length};
    struct entry *entry = g_hash_table_lookup(cache->table, &key);

    if (entry == NULL || &entry->link == cache->list.head)
        return entry;
    g_queue_unlink(&cache->list, &entry->link);
    g_queue_push_head_link(&cache->list, &entry->link);
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

    if (cache->list.length >= cache->capacity)
        drop(cache, cache->list.tail->data);
    entry = malloc(sizeof *entry + length);
    if (entry == NULL)
        bench_fail("no memory for an entry");
    memcpy(entry->bytes, key, length);
    memcpy(entry->value, value, SUBJECT_VALUE_SIZE);
    entry->key = (struct key){entry->bytes, length};
    entry->link = (GList){.data = entry};
    g_hash_table_insert(cache->table, &entry->key, entry);
    g_queue_push_head_link(&cache->list, &entry->link);
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

const struct subject subject_glib = {
    .name = "glib",
    .open = open_cache,
    .close = close_cache,
    .entries = entries,
    .read = run_read,
    .mix = run_mix,
};
