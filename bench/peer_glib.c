/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "bench/peer.h"

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
    struct peer peer;
    GHashTable *table;
    GQueue list; /* most recent first */
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
    struct cache *cache = peer_new(options, sizeof *cache);

    cache->table = g_hash_table_new(hash_key, is_equal);
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
    peer_free(cache);
}

static size_t entries(void *store)
{
    const struct cache *cache = store;

    return g_hash_table_size(cache->table);
}

static char *find(void *store, const void *data, size_t length)
{
    struct cache *cache = store;
    struct key key = {data, length};
    struct entry *entry = g_hash_table_lookup(cache->table, &key);

    if (entry == NULL)
        return NULL;
    if (&entry->link != cache->list.head) {
        g_queue_unlink(&cache->list, &entry->link);
        g_queue_push_head_link(&cache->list, &entry->link);
    }
    return entry->value;
}

static char *add(void *store, const void *key, size_t length)
{
    struct cache *cache = store;
    struct entry *entry;

    if (cache->list.length >= cache->peer.capacity)
        drop(cache, cache->list.tail->data);
    entry = malloc(sizeof *entry + length);
    if (entry == NULL)
        bench_fail("no memory for an entry");
    memcpy(entry->bytes, key, length);
    entry->key = (struct key){entry->bytes, length};
    entry->link = (GList){.data = entry};
    g_hash_table_insert(cache->table, &entry->key, entry);
    g_queue_push_head_link(&cache->list, &entry->link);
    return entry->value;
}

PEER_SUBJECT(glib);
