/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_CACHE_H
#define BRISK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/clock.h>
#include <brisk/curve.h>
#include <brisk/registry.h>
#include <brisk/view.h>

BRISK_BEGIN

/*
 * A bounded cache in this process, from byte keys to byte values.
 *
 * Thread safety: every function may be called from any thread, except that
 * brisk_cache_free must be the last call.
 * Signal safety: none of it may be called from a signal handler.
 * After fork: the child of a process with several threads must leave the cache
 * alone; views that it holds stay readable.
 * Callbacks (loader, listener, weigher, clock) run with no lock held. Loader and
 * listener may call back into the same cache.
 *
 * A key is 1 to BRISK_CACHE_KEY_MAX bytes; an empty one is BRISK_ERR_INVALID, a
 * longer one BRISK_ERR_TOO_BIG, from every function that takes one.
 */
struct brisk_cache;

#define BRISK_CACHE_KEY_MAX 8191

/* As a time to live: the entry does not expire. */
#define BRISK_TTL_FOREVER UINT64_MAX

/* What leaves first when the cache is full. */
enum brisk_policy {
    BRISK_POLICY_DEFAULT = 0, /* the best known for mixed loads; may change between releases */
    BRISK_POLICY_LRU = 1,     /* exact: least recently read or written */
    BRISK_POLICY_LFU = 2,     /* exact: least often read, then least recently; no ageing */
    BRISK_POLICY_FIFO = 3,    /* exact: oldest */
    BRISK_POLICY_SIEVE = 4,   /* exact: Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024 */
    BRISK_POLICY_S3FIFO = 5   /* Yang et al., "FIFO queues are all you need", SOSP 2023 */
};

/* Why an entry left the cache. */
enum brisk_evict_reason {
    BRISK_EVICT_CAPACITY = 1,
    BRISK_EVICT_EXPIRED = 2,
    BRISK_EVICT_REPLACED = 3,
    BRISK_EVICT_DELETED = 4,
    BRISK_EVICT_CLEARED = 5,    /* by brisk_cache_clear or brisk_cache_free */
    BRISK_EVICT_INVALIDATED = 6 /* its group was invalidated; told when its memory is reused */
};

/*
 * Told exactly once of each entry that leaves, after it has left, on the thread
 * whose call removed it. `key` and `value` are valid for the call; copy the
 * value with brisk_view_copy to keep it. A cached negative answer has an empty value.
 */
typedef void brisk_evict_fn(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx);

/* The cost of an entry in the caller's own unit, asked once, when it is stored. */
typedef uint64_t brisk_weigh_fn(struct brisk_bytes key, struct brisk_bytes value, void *ctx);

/* Zero in a field means the default, which may improve between releases. */
struct brisk_cache_options {
    size_t size; /* set by brisk_cache_options_default */

    const char *name; /* copied; what statistics and labels call it; default "cache" */

    /* Capacity. The limits are never exceeded when a call returns. */
    size_t max_entries;    /* default: no limit */
    size_t max_bytes;      /* keys, values and overhead, at least 1,536 per shard; 64 MiB if no
                              capacity is given */
    uint64_t max_weight;   /* sum of `weigh` over all entries; needs `weigh` */
    brisk_weigh_fn *weigh; /* needs max_weight */
    void *weigh_ctx;

    enum brisk_policy policy;
    /*
     * Parts with a lock each, rounded up to a power of two; the limits are split
     * evenly, so one entry takes at most max_bytes / shards, and max_weight / shards. Default:
     * by capacity and number of CPUs. LRU, LFU, FIFO and SIEVE have one order and so one
     * shard; another number is BRISK_ERR_INVALID.
     */
    unsigned int shards;

    /* Time, in ticks of `clock`. */
    brisk_clock_fn *clock; /* default: brisk_clock_ms */
    void *clock_ctx;
    uint64_t ttl;          /* since it was written; default: entries do not expire */
    uint64_t idle_ttl;     /* since it was last read or written; default: no limit */
    uint64_t negative_ttl; /* of a BRISK_MISS from a loader; default: such answers are not kept */
    /*
     * For so long after its deadline an entry still serves brisk_cache_get_or_load:
     * while one thread reloads it, the others get it with BRISK_STALE, and so does
     * everybody whose reload failed. Other reads never see it. Needs `ttl`. Default: 0.
     */
    uint64_t stale;
    /*
     * So long before its deadline the first brisk_cache_get_or_load reloads the
     * entry while other threads go on reading it; one whose time to live is not
     * longer is reloaded by every call. Default: 0, reload when expired.
     */
    uint64_t refresh_ahead;
    /* Shortens each time to live by a random share of up to so many percent, at most 100. */
    unsigned int ttl_jitter_percent;
    /*
     * How long a call waits for other threads' loads, in real milliseconds. Default: 30,000.
     */
    unsigned int load_timeout_ms;
    /*
     * If set, a thread of the cache's own calls brisk_cache_tick every so many real
     * milliseconds. Default: none; expired entries leave when they are looked up,
     * when something is stored beside them, and in brisk_cache_tick.
     */
    unsigned int tick_interval_ms;

    brisk_evict_fn *on_evict; /* default: none */
    void *on_evict_ctx;

    uint64_t hash_seed; /* default: random per cache; fix it for repeatable tests only */

    bool has_curve; /* brisk_cache_read_curve is wanted; takes 320 KB, and 512 bytes per thread */
    /*
     * The share of keys that the curve begins with, at most 1. A sampled key's lookup
     * costs some 100 ns more. Default: 1/512; raise it for caches of fewer than 100,000 entries.
     */
    double curve_sample_rate;
};

static inline struct brisk_cache_options brisk_cache_options_default(void)
{
    struct brisk_cache_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* How one entry is kept. Zero in a field means the cache's own setting. */
struct brisk_entry_options {
    size_t size; /* set by brisk_entry_options_default */

    uint64_t ttl;   /* ticks; BRISK_TTL_FOREVER: no deadline */
    uint64_t group; /* see brisk_cache_invalidate_group; default: none */
};

static inline struct brisk_entry_options brisk_entry_options_default(void)
{
    struct brisk_entry_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/*
 * Counters since the cache was made. When no call is in progress:
 * lookups = hits + misses; inserts - (sum of all evicted_*) + evicted_replaced
 * = entries.
 */
struct brisk_cache_stats {
    size_t size; /* set by the caller to sizeof(struct brisk_cache_stats) */

    uint64_t hits;
    uint64_t misses;     /* expired entries and cached negative answers included */
    uint64_t expired;    /* misses that found an entry past its deadline */
    uint64_t stale_hits; /* BRISK_STALE answers; counted as hits too */
    uint64_t ghost_hits; /* stores of a key that was evicted not long ago */
    uint64_t inserts;    /* stores of a key that was not there */
    uint64_t replaces;   /* stores over an entry that was there */
    uint64_t rejected;   /* stores that failed: too big, no memory */
    uint64_t loads;      /* calls of a loader that have ended */
    uint64_t load_failures;
    uint64_t load_waits; /* calls that waited for another thread's load */
    uint64_t load_ns;    /* spent in loaders */
    uint64_t saved_ns;   /* estimate: hits of get_or_load without a load, times the mean load */
    uint64_t evicted_capacity;
    uint64_t evicted_capacity_bytes;
    uint64_t evicted_expired;
    uint64_t evicted_replaced;
    uint64_t evicted_deleted;
    uint64_t evicted_cleared;
    uint64_t evicted_invalidated;
    uint64_t entries;
    uint64_t bytes; /* keys, values and overhead; what max_bytes limits */
    uint64_t weight;
    uint64_t pinned_bytes; /* values that left the cache and that views still keep alive */
    uint64_t max_entries;  /* 0: no limit */
    uint64_t max_bytes;    /* 0: no limit */
    uint64_t max_weight;   /* 0: no limit */
};

/*
 * Drops every entry. Views that callers still hold stay valid. NULL is allowed.
 */
BRISK_API void brisk_cache_free(struct brisk_cache *cache);

/*
 * NULL on failure, with the reason in *error. Both arguments may be NULL.
 * Reserves address space (not memory) generously: some GiB per shard.
 */
BRISK_API struct brisk_cache *
brisk_cache_new(const struct brisk_cache_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_cache_free);

/*
 * Looks `key` up. BRISK_OK fills *out with a view that must be released and
 * that outlives the entry and the cache; BRISK_MISS leaves it empty.
 *
 * A value of up to 1,023 bytes is copied into memory of the view's own, which
 * is faster than counting a reference between threads and keeps nothing else
 * alive; a larger one is shared. BRISK_ERR_NOMEM if that copy finds no memory.
 */
BRISK_API enum brisk_status
brisk_cache_get(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/*
 * Looks `key` up and copies its value to `buffer`, without an allocation. The
 * fastest read. BRISK_OK: *length bytes were copied. BRISK_ERR_SHORT_BUFFER:
 * the value needs *length bytes; it counts as a hit. What `buffer` holds after
 * any answer but BRISK_OK is not specified. `buffer` may be NULL if capacity is 0.
 */
BRISK_API enum brisk_status brisk_cache_get_into(
    struct brisk_cache *cache, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length) BRISK_MUST_CHECK BRISK_NONNULL(1, 5);

/*
 * brisk_cache_get for `count` keys at once, faster than one by one because their
 * cache misses overlap. out[i] and statuses[i] are what get would have answered
 * for keys[i]. Returns the number of BRISK_OK among them.
 */
BRISK_API size_t brisk_cache_get_many(
    struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, struct brisk_view *out,
    enum brisk_status *statuses) BRISK_NONNULL(1);

/*
 * brisk_cache_get_into for `count` keys at once. Values are packed into `buffer`
 * from its start, each at a multiple of 8 bytes; values[i] borrows its part of
 * it. One that finds too little room left has the status BRISK_ERR_SHORT_BUFFER
 * and values[i] = { NULL, needed length }. Returns the number of BRISK_OK.
 */
BRISK_API size_t brisk_cache_get_many_into(
    struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, void *buffer,
    size_t capacity, struct brisk_bytes *values, enum brisk_status *statuses) BRISK_NONNULL(1);

/*
 * Stores a copy of `value`. `options` may be NULL. After BRISK_OK every thread
 * sees the value until it is deleted, replaced, expires, or is evicted by a
 * later store.
 *
 * BRISK_ERR_INVALID changes nothing. BRISK_ERR_TOO_BIG (the entry could never
 * fit) and BRISK_ERR_NOMEM remove the old value of this key, because the caller
 * meant to replace it; all other entries stay.
 */
BRISK_API enum brisk_status brisk_cache_set(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options) BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Stores `value` itself: the cache takes a reference of its own, copies nothing,
 * and counts all that the view keeps alive. The caller's view stays the caller's.
 * Otherwise as brisk_cache_set. The bytes of a borrowed view must outlive the cache
 * and every view it hands out, as static ones do: of others, such as a listener's
 * argument, store a copy.
 */
BRISK_API enum brisk_status brisk_cache_set_view(
    struct brisk_cache *cache, struct brisk_bytes key, const struct brisk_view *value,
    const struct brisk_entry_options *options) BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/* brisk_cache_set if the key is not there; BRISK_NOT_STORED if it is. */
BRISK_API enum brisk_status brisk_cache_add(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options) BRISK_MUST_CHECK BRISK_NONNULL(1);

/* brisk_cache_set if the key is there; BRISK_NOT_STORED if it is not. */
BRISK_API enum brisk_status brisk_cache_replace(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options) BRISK_MUST_CHECK BRISK_NONNULL(1);

/* BRISK_MISS if it was not there. */
BRISK_API enum brisk_status brisk_cache_delete(struct brisk_cache *cache, struct brisk_bytes key)
    BRISK_NONNULL(1);

/*
 * Gives an entry a new time to live, counted from now; `ttl` as in
 * brisk_entry_options. Not a read: order and statistics stay as they are.
 * BRISK_MISS if it is not there.
 */
BRISK_API enum brisk_status
brisk_cache_touch(struct brisk_cache *cache, struct brisk_bytes key, uint64_t ttl)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * BRISK_OK or BRISK_MISS, without counting as a read in statistics, policy or
 * idle time.
 */
BRISK_API enum brisk_status brisk_cache_contains(struct brisk_cache *cache, struct brisk_bytes key)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Makes every entry that was stored with this group (not 0) a miss, in constant
 * time. Their memory comes back as they are looked up, replaced or evicted;
 * until then they count in `entries` and `bytes`.
 */
BRISK_API void brisk_cache_invalidate_group(struct brisk_cache *cache, uint64_t group)
    BRISK_NONNULL(1);

/* Drops every entry. */
BRISK_API void brisk_cache_clear(struct brisk_cache *cache) BRISK_NONNULL(1);

/* Return false to stop. */
typedef bool
brisk_cache_visit_fn(struct brisk_bytes key, const struct brisk_view *value, void *ctx);

/*
 * Calls `visit` for each entry, in no order, without counting as reads. An entry
 * that is there from beginning to end is visited exactly once; one that comes or
 * goes meanwhile, at most once. `visit` may change the cache. Key and value are
 * valid for the call. Takes memory for the keys of one shard at a time.
 * BRISK_OK, BRISK_ERR_CANCELLED if `visit` stopped it, or BRISK_ERR_NOMEM.
 */
BRISK_API enum brisk_status
brisk_cache_for_each(struct brisk_cache *cache, brisk_cache_visit_fn *visit, void *ctx)
    BRISK_NONNULL(1, 2);

/*
 * Computes the value of a key that is missing. On BRISK_OK the cache takes over
 * the reference in *out; `entry` may be changed to choose the time to live and
 * group of the result. BRISK_MISS: there is no such value; it is kept for
 * negative_ttl, whatever entry->ttl says. It must return: no longjmp, no pthread_exit.
 */
typedef enum brisk_status brisk_load_fn(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx);

/*
 * Looks `key` up and, if it is missing, stores and returns what `load` gives.
 * `load` runs without locks held and once at a time for a key; other threads
 * that ask for that key wait for its result, and get its answer too if that is
 * not BRISK_OK. After a failure a value that is in the cache by then serves them all.
 * A set, delete or clear of the key meanwhile wins, and so does an invalidation
 * of the result's group: it is handed out to those who asked before, and not
 * stored; who asks afterwards waits for the load to end and has it done again.
 *
 * BRISK_MISS: the loader, or a cached negative answer, says there is none.
 * BRISK_STALE: see brisk_cache_options.stale; *out holds a view. Also if `load`,
 * which may ask another cache, answers so: its view is handed out, not stored.
 * BRISK_ERR_TIMEOUT: waiting for other threads took longer than load_timeout_ms; their
 * load goes on, and its result will be stored.
 * BRISK_ERR_RECURSION: `load` asks the same cache for the key it is loading.
 * A result that does not fit is returned all the same.
 */
BRISK_API enum brisk_status brisk_cache_get_or_load(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx) BRISK_MUST_CHECK BRISK_NONNULL(1, 3, 4);

/*
 * Changes the limits while the cache is in use; each as in brisk_cache_options,
 * 0 for no limit. Smaller limits evict at once, shard by shard; whoever needs the
 * lock of that shard waits meanwhile. BRISK_ERR_INVALID changes nothing: all are 0,
 * or one is too small to be split among the shards that the cache was made with.
 */
BRISK_API enum brisk_status brisk_cache_resize(
    struct brisk_cache *cache, size_t max_entries, size_t max_bytes, uint64_t max_weight)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Removes all entries whose deadline has come. Returns how many. */
BRISK_API size_t brisk_cache_tick(struct brisk_cache *cache) BRISK_NONNULL(1);

/*
 * Fills the first stats->size bytes, after removing what has expired. Exact when
 * no call is in progress; otherwise each counter is right at some moment of the call.
 */
BRISK_API void brisk_cache_read_stats(struct brisk_cache *cache, struct brisk_cache_stats *stats)
    BRISK_NONNULL(1, 2);

/*
 * What another size would bring, as far as the lookups so far can tell: the curve
 * around `entries`, or, if that is 0, around the number of entries that there is room for.
 * An estimate for LRU, see brisk/curve.h: the cache's own policy should do somewhat better,
 * deadlines worse. BRISK_ERR_UNSUPPORTED: the cache was made without has_curve.
 */
BRISK_API enum brisk_status brisk_cache_read_curve(
    struct brisk_cache *cache, uint64_t entries, struct brisk_curve_reading *reading)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/*
 * The statistics as text, Prometheus exposition or one line of JSON, with a
 * final '\0' that *length does not count. BRISK_ERR_SHORT_BUFFER: *length + 1
 * bytes are needed; nothing was written.
 */
BRISK_API enum brisk_status brisk_cache_write_stats(
    struct brisk_cache *cache, enum brisk_format format, char *buffer, size_t capacity,
    size_t *length) BRISK_MUST_CHECK BRISK_NONNULL(1, 5);

BRISK_END

#endif
