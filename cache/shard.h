/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_SHARD_H
#define BK_CACHE_SHARD_H

#include <pthread.h>

#include "cache/arena.h"
#include "cache/group.h"
#include "cache/policy.h"
#include "cache/table.h"
#include "cache/wheel.h"
#include "zerocopy/buffer.h"

struct bk_load;

/* What entries have that the shard must give back one by one. */
#define BK_META_TIED (BK_META_EXTERNAL | BK_META_GROUP)

/* What every shard of a cache shares. What is set once, but for groups, uses_time and sample_below.
 */
struct bk_settings {
    struct bk_hash_key hash_key;
    enum brisk_policy policy;
    bool has_lock_free_hits;
    unsigned int entry_words; /* extra words of every entry: the policy's and the weight */
    uint64_t ttl, idle_ttl, negative_ttl, stale, refresh_ahead;
    unsigned int ttl_jitter_percent;
    unsigned int load_timeout_ms;
    brisk_clock_fn *clock;
    void *clock_ctx;
    brisk_weigh_fn *weigh;
    void *weigh_ctx;
    brisk_evict_fn *on_evict;
    void *on_evict_ctx;
    struct bk_groups groups;
    struct bk_account *account; /* of values that outlive their entry */
    size_t shard_address_space; /* what a shard reserves at most, in bytes */
    bk_word32 uses_time;        /* some entry has had a deadline */
    bk_word32 sample_below;     /* see bk_settings_samples; only falls */
};

/* Stores ask the clock before they take a lock, but only where deadlines are known. */
static inline bool bk_settings_uses_time(const struct bk_settings *settings)
{
    return bk_load32(&settings->uses_time) != 0;
}

static inline void bk_settings_use_time(struct bk_settings *settings)
{
    if (!bk_settings_uses_time(settings))
        bk_store32(&settings->uses_time, 1);
}

/* Whether a key's lookups are followed: never in a cache without a curve. */
static inline bool bk_settings_samples(const struct bk_settings *settings, uint64_t hash)
{
    return (uint32_t)hash < atomic_load_explicit(&settings->sample_below, memory_order_relaxed);
}

struct bk_limits {
    uint64_t entries, bytes, weight; /* UINT64_MAX: none */
};

/* Guarded by the shard's lock. */
struct bk_shard_counts {
    uint64_t evicted_capacity_bytes;
    uint64_t evicted[BRISK_EVICT_INVALIDATED + 1]; /* by enum brisk_evict_reason */
    uint64_t ghost_hits;
    uint64_t rejected;
};

/*
 * A part of the cache, with a lock of its own. What every store changes is in two
 * places, here and where the arena ends and the policy begins: of a shard's
 * lines, those have to move when another core takes the lock.
 */
struct bk_shard {
    alignas(64) pthread_mutex_t lock;
    uint64_t entries;
    uint64_t entry_bytes; /* blocks and shared values */
    struct bk_shard_counts counts;
    alignas(64) struct bk_arena arena;
    struct bk_policy policy;
    alignas(64) struct bk_settings *settings;
    struct bk_table table;
    struct bk_wheel wheel;
    struct bk_limits limits;
    uint64_t pins; /* entries whose readers take the bucket's lock */
    uint64_t weight;
    uint64_t tied;         /* entries with a shared value or a group, which must be told to go */
    uint64_t departing;    /* entries between bk_shard_remove and bk_shard_settle */
    struct bk_load *loads; /* in progress */
};

bool bk_shard_init(
    struct bk_shard *shard, struct bk_index *index, struct bk_settings *settings,
    const struct bk_limits *limits);
/* After bk_shard_clear. */
void bk_shard_free(struct bk_shard *shard);

static inline void bk_shard_lock(struct bk_shard *shard)
{
    pthread_mutex_lock(&shard->lock);
}

static inline void bk_shard_unlock(struct bk_shard *shard)
{
    pthread_mutex_unlock(&shard->lock);
}

/* The cache's clock, which never goes back behind what this shard has seen. */
static inline uint64_t bk_shard_now(const struct bk_shard *shard)
{
    uint64_t now = shard->settings->clock(shard->settings->clock_ctx);
    uint64_t turned = bk_load64(&shard->table.index->turned);
    now = now < turned ? turned : now;
    return now == UINT64_MAX ? UINT64_MAX - 1 : now;
}

static inline uint64_t bk_shard_hash(const struct bk_shard *shard, const void *key, size_t length)
{
    return bk_hash_small(&shard->settings->hash_key, key, length);
}

static inline struct bk_entry *bk_shard_entry(const struct bk_shard *shard, uint32_t handle)
{
    return bk_entry_at(shard->table.index->arena, handle);
}

/* The time to judge entries by, before the lock is taken: 0 as long as none has had a deadline. */
static inline uint64_t bk_shard_time(const struct bk_shard *shard)
{
    return bk_settings_uses_time(shard->settings) ? bk_shard_now(shard) : 0;
}

/* What is wrong with an entry that was found. */
enum bk_verdict {
    BK_FRESH,
    BK_EXPIRED,     /* its deadline has come; it may still serve as stale */
    BK_INVALIDATED, /* its group was invalidated */
};

/*
 * Entries that have left and wait for what must not happen under the lock: the
 * listener's call, and giving back shared values.
 */
struct bk_departed {
    uint32_t first; /* linked by `next`; the reason is in `prev` */
};

enum {
    /* How many entries that are due one call removes: more than one store adds. */
    BK_EXPIRY_BUDGET = 16,
};

/* The rest needs the shard's lock, unless it says otherwise. */

/* What a shared value keeps alive. */
static inline uint64_t bk_view_held_bytes(const struct brisk_view *view)
{
    return view->buffer != NULL ? view->buffer->held_bytes : view->length;
}

/* An entry that only says that there is no value. */
static inline bool bk_shard_is_negative(const struct bk_shard *shard, uint32_t handle)
{
    return (bk_load32(&bk_shard_entry(shard, handle)->meta) & BK_META_NEGATIVE) != 0;
}

uint64_t bk_shard_bytes(const struct bk_shard *shard);
enum bk_verdict bk_shard_judge(const struct bk_shard *shard, uint32_t handle, uint64_t now);
uint64_t bk_shard_entry_bytes(const struct bk_shard *shard, uint32_t handle);
/* 0 if the cache does not weigh. */
uint64_t bk_shard_entry_weight(const struct bk_shard *shard, uint32_t handle);

/* Of an entry in a cache that weighs. */
static inline bk_word64 *
bk_shard_weight_word(const struct bk_shard *shard, struct bk_entry *entry, uint32_t meta)
{
    return entry->words + bk_meta_extra_words(meta) - shard->settings->entry_words;
}

/*
 * The entry of this key that a reader may have, 0 if there is none; removes one
 * that is past its time. `verdict` is what was wrong. Counts as a read for the
 * idle time.
 */
uint32_t bk_shard_find_good(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    enum bk_verdict *verdict, struct bk_departed *departed);
/* The same for those who do not read. */
uint32_t bk_shard_find_valid(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    enum bk_verdict *verdict, struct bk_departed *departed);
/* Likewise, and not a negative one. */
uint32_t bk_shard_find_fresh(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    struct bk_departed *departed);
/* The entry of this key in whatever state; 0 if there is none. */
uint32_t bk_shard_find(const struct bk_shard *shard, uint64_t hash, struct brisk_bytes key);
/* The deadline that reading an entry at `now` leads to; of a cache with an idle time. */
uint64_t bk_shard_idle_deadline(const struct bk_shard *shard, struct bk_entry *entry, uint64_t now);

/* Copies or shares the value of an entry. False: no memory. */
bool bk_shard_read_value(struct bk_shard *shard, uint32_t handle, struct brisk_view *out);

/* Takes an entry out of everything. */
void bk_shard_remove(
    struct bk_shard *shard, uint32_t handle, enum brisk_evict_reason reason,
    struct bk_departed *departed);
/* `fresh` takes the place of the entry there in index and policy; that one leaves. */
void bk_shard_swap(
    struct bk_shard *shard, struct bk_place place, uint32_t fresh, struct bk_departed *departed);
/* `fresh`, the same entry in another block, takes its place everywhere. */
void bk_shard_rehouse(struct bk_shard *shard, struct bk_place place, uint32_t fresh);
/* Removes what is due; at most `budget` entries unless the wheel is too far behind. */
size_t
bk_shard_expire(struct bk_shard *shard, uint64_t now, size_t budget, struct bk_departed *departed);
/* Evicts until so much more fits. False: the shard is empty and it still does not. */
bool bk_shard_make_room(
    struct bk_shard *shard, const struct bk_limits *more, struct bk_departed *departed);
/* Makes room by one entry; false if there is none. */
bool bk_shard_evict(struct bk_shard *shard, struct bk_departed *departed);
/* Whether it has used its address space, so that memory comes only from entries that leave. */
bool bk_shard_is_out_of_space(const struct bk_shard *shard);
/* Makes the index larger. False: no memory. */
bool bk_shard_grow_index(struct bk_shard *shard);
void bk_shard_clear(struct bk_shard *shard, struct bk_departed *departed);
void bk_shard_set_limits(
    struct bk_shard *shard, const struct bk_limits *limits, struct bk_departed *departed);

/*
 * Without the lock: tells the listener, gives back shared values, frees the
 * blocks. To be called after every function that fills `departed`.
 */
void bk_shard_settle(struct bk_shard *shard, struct bk_departed *departed);

#endif
