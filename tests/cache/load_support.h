/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_SUPPORT_H
#define LOAD_SUPPORT_H

/* A loader that a test tells what to do. */
#include <sched.h>

#include "tests/cache/cache_support.h"

/* What a loader does, and what it saw. */
struct source {
    struct brisk_cache *cache;
    enum brisk_status status; /* its answer */
    const char *value;
    uint64_t ttl, group;
    _Atomic unsigned int runs;
    _Atomic unsigned int entered; /* threads about to ask */
    unsigned int wait_until;      /* so many have entered */
    _Atomic unsigned int is_running, may_end;
    bool waits_for_end;
    void (*meanwhile)(struct source *source); /* in the loader */
    enum brisk_status inner;                  /* of what `meanwhile` called */
    struct fake_clock clock;
};

static inline enum brisk_status load_from(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct source *source = ctx;
    (void)key;
    atomic_fetch_add(&source->runs, 1);
    atomic_fetch_add(&source->is_running, 1);
    entry->ttl = source->ttl;
    entry->group = source->group;
    if (source->meanwhile != NULL)
        source->meanwhile(source);
    if (source->wait_until != 0 && !wait_for_count(&source->entered, source->wait_until))
        return BRISK_ERR_CORRUPT;
    if (source->waits_for_end && !wait_for_count(&source->may_end, 1))
        return BRISK_ERR_CORRUPT;
    if (source->status != BRISK_OK)
        return source->status;
    return brisk_view_copy(out, text(source->value));
}

static inline enum brisk_status ask(struct source *source, const char *key, struct brisk_view *out)
{
    return brisk_cache_get_or_load(source->cache, text(key), out, load_from, source);
}

static inline void
assert_asked(struct source *source, const char *key, enum brisk_status status, const char *value)
{
    struct brisk_view view;
    assert_status(ask(source, key, &view), status);
    assert_bytes(brisk_view_bytes(&view), text(value));
    brisk_view_release(&view);
}

/* Until so many calls have waited or wait for another thread's load. */
static inline bool wait_for_waits(struct source *source, uint64_t want)
{
    for (unsigned int tries = 0; tries < 30000000; tries++) {
        if (stats_of(source->cache).load_waits >= want)
            return true;
        sched_yield();
    }
    return false;
}

static inline struct brisk_cache_options timed_options(struct source *source)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.clock = fake_clock_now;
    options.clock_ctx = &source->clock;
    atomic_store(&source->clock.now, 1000);
    return options;
}

static inline void set_meanwhile(struct source *source)
{
    source->inner = brisk_cache_set(source->cache, text("key"), text("newer"), NULL);
}

#endif
