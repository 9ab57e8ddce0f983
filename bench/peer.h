/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <pthread.h>
#include <stdlib.h>

#include "bench/loops.h"
#include "bench/runner.h"

/* What two peers have in common: LRU behind one mutex. The first member of their caches. */
struct peer {
    pthread_mutex_t lock;
    size_t capacity;
};

/* With the lock held: the place of a value. */
typedef char *peer_find_fn(void *store, const void *key, size_t length); /* renews; or NULL */
typedef char *peer_add_fn(void *store, const void *key, size_t length);  /* evicts if full */

static inline void *peer_new(const struct subject_options *options, size_t size)
{
    struct peer *peer = calloc(1, size);

    if (peer == NULL)
        bench_fail("no memory for a cache");
    pthread_mutex_init(&peer->lock, NULL);
    peer->capacity = options->capacity;
    return peer;
}

static inline void peer_free(void *store)
{
    struct peer *peer = store;

    pthread_mutex_destroy(&peer->lock);
    free(peer);
}

LOOP_INLINE bool
peer_get(void *store, const void *key, size_t length, void *value, peer_find_fn *find)
{
    struct peer *peer = store;
    const char *place;

    pthread_mutex_lock(&peer->lock);
    place = find(store, key, length);
    if (place != NULL)
        memcpy(value, place, SUBJECT_VALUE_SIZE);
    pthread_mutex_unlock(&peer->lock);
    return place != NULL;
}

LOOP_INLINE void peer_set(
    void *store, const void *key, size_t length, const void *value, peer_find_fn *find,
    peer_add_fn *add)
{
    struct peer *peer = store;
    char *place;

    pthread_mutex_lock(&peer->lock);
    place = find(store, key, length);
    if (place == NULL)
        place = add(store, key, length);
    memcpy(place, value, SUBJECT_VALUE_SIZE);
    pthread_mutex_unlock(&peer->lock);
}

/* subject_NAME, by its functions open_cache, close_cache, entries, find and add. */
#define PEER_SUBJECT(which)                                                                        \
    static bool get(void *store, const void *key, size_t length, void *value)                      \
    {                                                                                              \
        return peer_get(store, key, length, value, find);                                          \
    }                                                                                              \
    static void set(void *store, const void *key, size_t length, const void *value)                \
    {                                                                                              \
        peer_set(store, key, length, value, find, add);                                            \
    }                                                                                              \
    LOOPS_DEFINE(get, get, set)                                                                    \
    const struct subject subject_##which = {                                                       \
        .name = #which, .open = open_cache, .close = close_cache, .entries = entries, LOOPS}

#endif
