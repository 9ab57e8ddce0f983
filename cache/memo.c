/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/memo.h>

#include <pthread.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "cache/load.h"

enum {
    DEFAULT_MAX_ENTRIES = 128
};

struct brisk_memo {
    struct brisk_cache *cache;
    brisk_load_fn *function;
    bool is_count_only;
    pthread_mutex_t lock;             /* of `cleared` */
    struct brisk_cache_stats cleared; /* what the cache had counted when the memo was cleared */
};

static struct brisk_cache_options cache_options_of(const struct brisk_memo_options *options)
{
    struct brisk_cache_options cache = brisk_cache_options_default();
    cache.name = options->name != NULL ? options->name : "memo";
    cache.max_entries = options->max_entries != 0 ? options->max_entries : DEFAULT_MAX_ENTRIES;
    cache.max_bytes = options->max_bytes;
    cache.policy = options->policy != BRISK_POLICY_DEFAULT ? options->policy : BRISK_POLICY_LRU;
    cache.clock = options->clock;
    cache.clock_ctx = options->clock_ctx;
    cache.ttl = options->ttl;
    cache.negative_ttl = options->negative_ttl;
    cache.load_timeout_ms = options->load_timeout_ms;
    return cache;
}

/* A limit that is never reached. Where none leaves, who leaves first need not be known. */
static void unbind(struct brisk_cache_options *cache)
{
    cache->max_entries = 0;
    if (cache->max_bytes != 0)
        return;
    cache->max_bytes = SIZE_MAX;
    cache->policy = BRISK_POLICY_DEFAULT;
}

static struct brisk_memo *new_memo(
    brisk_load_fn *function, const struct brisk_cache_options *cache, bool is_count_only,
    struct brisk_error *error)
{
    struct brisk_memo *memo = bk_calloc(1, sizeof *memo);
    if (memo == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a memo");
        return NULL;
    }
    memo->cache = brisk_cache_new(cache, error);
    if (memo->cache == NULL) {
        bk_free(memo);
        return NULL;
    }
    memo->function = function;
    memo->is_count_only = is_count_only;
    pthread_mutex_init(&memo->lock, NULL);
    return memo;
}

struct brisk_memo *brisk_memo_new(
    brisk_load_fn *function, const struct brisk_memo_options *options, struct brisk_error *error)
{
    struct brisk_memo_options known = {0};
    if (options != NULL &&
        bk_options_read(&known, sizeof known, options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (function == NULL) {
        bk_error_set(error, BRISK_ERR_INVALID, 0, "a memo needs a function");
        return NULL;
    }
    struct brisk_cache_options cache = cache_options_of(&known);
    bool is_count_only = known.max_entries == BRISK_MEMO_COUNT_ONLY;
    if (known.max_entries == BRISK_MEMO_UNBOUNDED)
        unbind(&cache);
    if (is_count_only)
        cache.max_entries = 1;
    return new_memo(function, &cache, is_count_only, error);
}

void brisk_memo_free(struct brisk_memo *memo)
{
    if (memo == NULL)
        return;
    brisk_cache_free(memo->cache);
    pthread_mutex_destroy(&memo->lock);
    bk_free(memo);
}

enum brisk_status
brisk_memo_call(struct brisk_memo *memo, struct brisk_bytes key, void *ctx, struct brisk_view *out)
{
    if (memo->is_count_only)
        return bk_load_apart(memo->cache, key, out, memo->function, ctx);
    return brisk_cache_get_or_load(memo->cache, key, out, memo->function, ctx);
}

static enum brisk_status
deliver(struct brisk_view *view, void *buffer, size_t capacity, size_t *length)
{
    *length = view->length;
    bool fits = view->length <= capacity;
    if (fits && view->length != 0)
        memcpy(buffer, view->data, view->length);
    brisk_view_release(view);
    return fits ? BRISK_OK : BRISK_ERR_SHORT_BUFFER;
}

/* Apart, so that a hit need not make room for what only this needs. */
static __attribute__((noinline)) enum brisk_status compute_into(
    struct brisk_memo *memo, struct brisk_bytes key, void *ctx, void *buffer, size_t capacity,
    size_t *length)
{
    struct brisk_view view;
    enum brisk_status status = memo->is_count_only
                                   ? bk_load_apart(memo->cache, key, &view, memo->function, ctx)
                                   : bk_load_missed(memo->cache, key, &view, memo->function, ctx);
    *length = 0;
    if (status != BRISK_OK && status != BRISK_STALE)
        return status;
    enum brisk_status delivered = deliver(&view, buffer, capacity, length);
    return delivered == BRISK_OK ? status : delivered;
}

static inline enum brisk_status call_into(
    struct brisk_memo *memo, struct brisk_bytes key, void *ctx, void *buffer, size_t capacity,
    size_t *length)
{
    if (!memo->is_count_only) {
        enum brisk_status status = brisk_cache_get_into(memo->cache, key, buffer, capacity, length);
        if (status != BRISK_MISS)
            return status;
    }
    return compute_into(memo, key, ctx, buffer, capacity, length);
}

enum brisk_status brisk_memo_call_into(
    struct brisk_memo *memo, struct brisk_bytes key, void *ctx, void *buffer, size_t capacity,
    size_t *length)
{
    return call_into(memo, key, ctx, buffer, capacity, length);
}

enum brisk_status brisk_memo_forget(struct brisk_memo *memo, struct brisk_bytes key)
{
    return brisk_cache_delete(memo->cache, key);
}

static struct brisk_cache_stats count(struct brisk_memo *memo)
{
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(memo->cache, &stats);
    return stats;
}

/* The counters of the cache go on: each thread has its own, which nobody else may write. */
void brisk_memo_clear(struct brisk_memo *memo)
{
    brisk_cache_clear(memo->cache);
    struct brisk_cache_stats cleared = count(memo);
    pthread_mutex_lock(&memo->lock);
    memo->cleared = cleared;
    pthread_mutex_unlock(&memo->lock);
}

static uint64_t limit_of(const struct brisk_memo *memo, const struct brisk_cache_stats *stats)
{
    if (memo->is_count_only)
        return 0;
    return stats->max_entries != 0 ? stats->max_entries : BRISK_MEMO_UNBOUNDED;
}

void brisk_memo_read_info(struct brisk_memo *memo, struct brisk_memo_info *out)
{
    pthread_mutex_lock(&memo->lock);
    struct brisk_cache_stats cleared = memo->cleared; /* first: what is counted later is not less */
    pthread_mutex_unlock(&memo->lock);
    struct brisk_cache_stats stats = count(memo);
    struct brisk_memo_info info = {
        .size = out->size,
        .hits = stats.hits - cleared.hits,
        .misses = stats.misses - cleared.misses,
        .max_entries = limit_of(memo, &stats),
        .entries = stats.entries,
        .bytes = stats.bytes,
        .runs = stats.loads - cleared.loads,
        .failures = stats.load_failures - cleared.load_failures,
        .waits = stats.load_waits - cleared.load_waits,
    };
    if (info.runs != 0)
        info.saved_ns =
            (uint64_t)((double)(stats.load_ns - cleared.load_ns) / (double)info.runs * (double)info.hits);

    size_t known = out->size < sizeof info ? out->size : sizeof info;
    memset((char *)out + known, 0, out->size - known);
    memcpy(out, &info, known);
}

struct brisk_cache *brisk_memo_cache(struct brisk_memo *memo)
{
    return memo->cache;
}

/* In the first call, or the next one if there was no memory for it. */
static __attribute__((noinline)) struct brisk_memo *
make_at(struct brisk_memo_site *site, struct brisk_error *error)
{
    struct brisk_memo_options known = brisk_memo_options_default();
    if (site->options != NULL &&
        bk_options_read(&known, sizeof known, site->options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (known.name == NULL)
        known.name = site->name;
    struct brisk_memo *memo = brisk_memo_new(site->function, &known, error), *there = NULL;
    if (memo == NULL || __atomic_compare_exchange_n(
                            &site->memo, &there, memo, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return memo;
    brisk_memo_free(memo); /* another thread was faster */
    return there;
}

static inline struct brisk_memo *memo_at(struct brisk_memo_site *site, struct brisk_error *error)
{
    struct brisk_memo *memo = __atomic_load_n(&site->memo, __ATOMIC_ACQUIRE);
    return __builtin_expect(memo != NULL, 1) ? memo : make_at(site, error);
}

struct brisk_memo *brisk_memo_at(struct brisk_memo_site *site, struct brisk_error *error)
{
    return memo_at(site, error);
}

bool brisk_memo_call_at(
    struct brisk_memo_site *site, struct brisk_bytes key, void *arguments, void *result,
    size_t size)
{
    struct brisk_memo *memo = memo_at(site, NULL);
    size_t length;
    return memo != NULL && call_into(memo, key, arguments, result, size, &length) == BRISK_OK &&
           length == size;
}
