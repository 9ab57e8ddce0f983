/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/load.h"

#include <brisk/label.h>

#include "base/memory.h"
#include "cache/monotonic.h"
#include "cache/read.h"
#include "cache/sampler.h"

/* A load in progress, in its shard's list; guarded by the shard's lock. */
struct bk_load {
    struct bk_load *next;
    uint64_t hash;
    struct brisk_bytes key; /* behind the struct */
    pthread_t owner;
    unsigned int references; /* the owner and those who wait */
    uint64_t date;           /* of the groups, when it began */
    bool is_done;
    bool is_overtaken;
    uint64_t group; /* of the result */
    enum brisk_status status;
    struct brisk_view value;
    pthread_cond_t done;
};

/* What a lookup counts as. */
enum lookup {
    MISS,
    HIT,
    STALE_HIT,
};

/* One call of brisk_cache_get_or_load. */
struct request {
    struct brisk_cache *cache;
    struct bk_shard *shard;
    struct brisk_bytes key;
    uint64_t hash;
    uint64_t now; /* when it last looked */
    brisk_load_fn *load;
    void *ctx;
    struct brisk_view *out;
    enum lookup lookup; /* as far as is known */
    bool was_expired;   /* what it found */
    bool is_counted;    /* as a miss, by who looked before */
    bool has_loaded;
    bool has_waited;
    struct timespec deadline; /* of waiting; set if it has waited */
};

static struct bk_load *find_load(struct bk_shard *shard, uint64_t hash, struct brisk_bytes key)
{
    struct bk_load *load = shard->loads;
    while (load != NULL && (load->hash != hash || load->key.length != key.length ||
                            memcmp(load->key.data, key.data, key.length) != 0))
        load = load->next;
    return load;
}

void bk_loads_overtake(struct bk_shard *shard, uint64_t hash, struct brisk_bytes key)
{
    struct bk_load *load = find_load(shard, hash, key);
    if (load != NULL)
        load->is_overtaken = true;
}

void bk_loads_overtake_all(struct bk_shard *shard)
{
    for (struct bk_load *load = shard->loads; load != NULL; load = load->next)
        load->is_overtaken = true;
}

bool bk_load_is_overtaken(struct bk_shard *shard, const struct bk_store *store)
{
    if (store->load->is_overtaken || store->group == 0)
        return store->load->is_overtaken;
    struct bk_groups *groups = &shard->settings->groups;
    return bk_groups_was_invalidated_after(groups, store->group, store->load->date);
}

static struct bk_load *begin_load(const struct request *request)
{
    struct bk_load *load = bk_calloc(1, sizeof *load + request->key.length);
    if (load == NULL)
        return NULL;
    memcpy(load + 1, request->key.data, request->key.length);
    load->hash = request->hash;
    load->key = brisk_bytes_of(load + 1, request->key.length);
    load->owner = pthread_self();
    load->date = bk_groups_date(&request->shard->settings->groups);
    load->references = 1;
    bk_cond_init_monotonic(&load->done);
    load->next = request->shard->loads;
    request->shard->loads = load;
    return load;
}

static void unlink_load(struct bk_shard *shard, struct bk_load *load)
{
    struct bk_load **link = &shard->loads;
    while (*link != load)
        link = &(*link)->next;
    *link = load->next;
}

/* With the lock. Returns the load if it is to be freed, without the lock. */
static struct bk_load *drop_load(struct bk_load *load)
{
    return --load->references == 0 ? load : NULL;
}

static void free_load(struct bk_load *load)
{
    if (load == NULL)
        return;
    brisk_view_release(&load->value);
    pthread_cond_destroy(&load->done);
    bk_free(load);
}

static void keep_result(
    const struct request *request, struct bk_load *load, enum brisk_status status,
    const struct brisk_entry_options *entry)
{
    bool is_negative = status == BRISK_MISS && request->shard->settings->negative_ttl != 0;
    if (status != BRISK_OK && !is_negative)
        return;
    struct bk_store store = {
        .key = request->key,
        .hash = request->hash,
        .value = *request->out,
        .is_shared = request->out->length > BK_ENTRY_INLINE_MAX,
        .is_negative = is_negative,
        .ttl = entry->ttl,
        .group = entry->group,
        .load = load,
    };
    bk_store(request->cache, &store); /* the caller gets the value, whatever becomes of this */
}

/* Labelled, timed and counted. */
static enum brisk_status run_loader(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out,
    struct brisk_entry_options *entry, brisk_load_fn *load, void *ctx)
{
    *out = (struct brisk_view){0};

    brisk_label_push(cache->name);
    uint64_t begin_ns = bk_monotonic_ns();
    enum brisk_status status = load(key, out, entry, ctx);
    uint64_t end_ns = bk_monotonic_ns();
    brisk_label_pop();

    bk_cache_count(cache, BK_LOADS, 1);
    bk_cache_count(cache, BK_LOAD_NS, end_ns - begin_ns);
    if (status < 0)
        bk_cache_count(cache, BK_LOAD_FAILURES, 1);
    if (status != BRISK_OK && status != BRISK_STALE)
        brisk_view_release(out);
    return status;
}

static enum brisk_status call_loader(const struct request *request, struct bk_load *load)
{
    struct brisk_entry_options entry = brisk_entry_options_default();
    enum brisk_status status = run_loader(
        request->cache, request->key, request->out, &entry, request->load, request->ctx);
    load->group = entry.group; /* nobody else looks before it is done */
    keep_result(request, load, status, &entry);
    return status;
}

/* What the loader says is missing must not be served from an older load. */
static void drop_old_value(const struct request *request, struct bk_departed *departed)
{
    uint32_t handle = bk_shard_find(request->shard, request->hash, request->key);
    if (handle != 0 && !bk_shard_is_negative(request->shard, handle))
        bk_shard_remove(request->shard, handle, BRISK_EVICT_DELETED, departed);
}

static void
finish_load(const struct request *request, struct bk_load *load, enum brisk_status status)
{
    struct bk_departed departed = {0};
    bk_shard_lock(request->shard);
    load->is_done = true;
    load->status = status;
    if ((status == BRISK_OK || status == BRISK_STALE) && load->references > 1)
        load->value = brisk_view_retain(request->out);
    if (status == BRISK_MISS && !load->is_overtaken)
        drop_old_value(request, &departed);
    unlink_load(request->shard, load);
    pthread_cond_broadcast(&load->done);
    struct bk_load *last = drop_load(load);
    bk_shard_unlock(request->shard);
    bk_shard_settle(request->shard, &departed);
    free_load(last);
}

/* An entry past its deadline that may still serve. With the lock. */
static enum brisk_status read_stale(const struct request *request)
{
    uint32_t handle = bk_shard_find(request->shard, request->hash, request->key);
    if (handle == 0)
        return BRISK_MISS;
    if (bk_shard_is_negative(request->shard, handle) ||
        bk_shard_judge(request->shard, handle, request->now) == BK_INVALIDATED)
        return BRISK_MISS;
    return bk_shard_read_value(request->shard, handle, request->out) ? BRISK_STALE
                                                                     : BRISK_ERR_NOMEM;
}

/* What is in the cache for this call, with the lock. BRISK_MISS: it must be loaded. */
static enum brisk_status
look(struct request *request, struct bk_departed *departed, bool *is_known_missing)
{
    enum bk_verdict verdict;
    struct bk_shard *shard = request->shard;
    uint32_t handle = bk_shard_find_good(
        shard, request->hash, request->key, request->now, &verdict, departed);
    *is_known_missing = false;
    if (verdict == BK_EXPIRED)
        request->was_expired = true;
    if (handle == 0)
        return verdict == BK_EXPIRED && shard->settings->stale != 0 ? read_stale(request)
                                                                    : BRISK_MISS;
    *is_known_missing = bk_shard_is_negative(shard, handle);
    if (*is_known_missing)
        return BRISK_MISS;
    return bk_shard_read_value(shard, handle, request->out) ? BRISK_OK : BRISK_ERR_NOMEM;
}

/* Of what `look` answers. */
static enum lookup lookup_of(enum brisk_status status)
{
    if (status == BRISK_MISS)
        return MISS;
    return status == BRISK_STALE ? STALE_HIT : HIT;
}

/* Where a load failed: what is in the cache by now, or from before, serves. */
static enum brisk_status fall_back(struct request *request, enum brisk_status status)
{
    struct bk_departed departed = {0};
    bool is_known_missing;
    request->now = bk_shard_time(request->shard); /* the load may have taken long */
    bk_shard_lock(request->shard);
    enum brisk_status there = look(request, &departed, &is_known_missing);
    bk_shard_unlock(request->shard);
    bk_shard_settle(request->shard, &departed);
    bool serves = there == BRISK_OK || there == BRISK_STALE;
    request->lookup = serves ? lookup_of(there) : MISS;
    return serves ? there : status;
}

static enum brisk_status load_now(struct request *request, struct bk_load *load)
{
    request->has_loaded = true;
    enum brisk_status status = call_loader(request, load);
    finish_load(request, load, status);
    if (status < 0)
        return fall_back(request, status);
    bool has_value = status == BRISK_OK || status == BRISK_STALE;
    if (request->lookup != HIT || !has_value) /* a good value that was loaded early is a hit */
        request->lookup = MISS;
    return status;
}

static bool is_early(const struct request *request)
{
    struct bk_shard *shard = request->shard;
    uint32_t handle = bk_shard_find(shard, request->hash, request->key);
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    return (meta & BK_META_DEADLINE) != 0 &&
           bk_entry_deadline(entry, meta, request->now) - request->now <=
               shard->settings->refresh_ahead;
}

/* What a call found out with the lock. */
struct decision {
    enum brisk_status status; /* where nothing is to be loaded */
    struct bk_load *load;     /* to be run, or waited for */
    bool is_own;
    bool is_late;  /* the load was overtaken before this call: its result is too old */
    uint64_t date; /* of the groups */
};

static void join_load(struct decision *decision, struct bk_shard *shard, struct bk_load *load)
{
    load->references++;
    decision->load = load;
    decision->is_late = load->is_overtaken;
    decision->date = bk_groups_date(&shard->settings->groups);
}

/* What is in *out while a load runs serves those who need not wait. */
static struct decision decide(struct request *request)
{
    struct decision decision = {0};
    struct bk_shard *shard = request->shard;
    struct bk_departed departed = {0};
    bool is_known_missing;

    request->now = bk_shard_time(shard);
    bk_shard_lock(shard);
    enum brisk_status status = look(request, &departed, &is_known_missing);
    request->lookup = lookup_of(status);
    struct bk_load *other = find_load(shard, request->hash, request->key);
    bool is_missing = status == BRISK_MISS && !is_known_missing;
    bool wants_load = is_missing || status == BRISK_STALE ||
                      (status == BRISK_OK && is_early(request));
    if (wants_load && other == NULL) {
        decision.load = begin_load(request);
        decision.is_own = true;
        if (decision.load == NULL && is_missing)
            status = BRISK_ERR_NOMEM; /* else what there is serves */
    } else if (is_missing && pthread_equal(other->owner, pthread_self()) != 0) {
        status = BRISK_ERR_RECURSION;
    } else if (is_missing) {
        join_load(&decision, shard, other);
    }
    bk_shard_unlock(shard);
    bk_shard_settle(shard, &departed);
    decision.status = status;
    return decision;
}

/*
 * Whether a load that has ended is too old for who joined it: a change of the key
 * had returned before. Which group its result has was known to nobody then; of
 * several invalidations only the last one's date is known. With the lock.
 */
static bool is_too_old(
    const struct request *request, const struct bk_load *load, const struct decision *decision)
{
    if (decision->is_late)
        return true;
    if (load->group == 0 || decision->date == load->date)
        return false;
    struct bk_groups *groups = &request->shard->settings->groups;
    return bk_groups_was_invalidated_after(groups, load->group, load->date);
}

/* However many loads a call waits for: all in one time. */
static void begin_waiting(struct request *request)
{
    if (request->has_waited)
        return;
    request->has_waited = true;
    request->deadline = bk_monotonic_after_ms(request->shard->settings->load_timeout_ms);
    bk_cache_count(request->cache, BK_LOAD_WAITS, 1);
}

/* Without the lock; the load has a reference for this call. False: its result is too old. */
static bool
wait_for(struct request *request, const struct decision *decision, enum brisk_status *status)
{
    struct bk_shard *shard = request->shard;
    struct bk_load *load = decision->load;
    begin_waiting(request);
    bk_shard_lock(shard);
    int result = 0;
    while (!load->is_done && result == 0)
        result = pthread_cond_timedwait(&load->done, &shard->lock, &request->deadline);

    bool is_useful = !load->is_done || !is_too_old(request, load, decision);
    *status = load->is_done ? load->status : BRISK_ERR_TIMEOUT;
    if (load->is_done && is_useful)
        *request->out = brisk_view_retain(&load->value);
    struct bk_load *last = drop_load(load);
    bk_shard_unlock(shard);
    free_load(last);
    return is_useful;
}

/* One decision, and what follows from it. False: decide again. */
static bool try_answer(struct request *request, enum brisk_status *status)
{
    struct decision decision = decide(request);
    *status = decision.status;
    if (decision.load == NULL) {
        if (*status < 0)
            brisk_view_release(request->out);
        return true;
    }
    brisk_view_release(request->out);
    if (decision.is_own)
        *status = load_now(request, decision.load);
    else if (!wait_for(request, &decision, status))
        return false;
    else if (*status < 0)
        *status = fall_back(request, *status);
    return true;
}

/* Once for a call, when its answer is known: what is counted is never taken back. */
static void count_lookup(const struct request *request)
{
    struct brisk_cache *cache = request->cache;
    if (request->is_counted)
        return;
    if (request->lookup == MISS) {
        bk_cache_count(cache, BK_MISSES, 1);
        if (request->was_expired)
            bk_cache_count(cache, BK_EXPIRED_LOOKUPS, 1);
        return;
    }
    bk_cache_count(cache, BK_HITS, 1);
    if (!request->has_loaded)
        bk_cache_count(cache, BK_LOADED_HITS, 1);
    if (request->lookup == STALE_HIT)
        bk_cache_count(cache, BK_STALE_HITS, 1);
}

/* Of a key that was just looked up, without counting, and is missing or due to be reloaded. */
static enum brisk_status load_missing(struct request *request)
{
    enum brisk_status status;
    while (!try_answer(request, &status))
        ;
    count_lookup(request);
    return status;
}

enum brisk_status brisk_cache_get_or_load(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx)
{
    *out = (struct brisk_view){0};
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    uint64_t hash = bk_cache_hash(cache, key);
    uint64_t refresh_ahead = cache->settings.refresh_ahead;
    uint64_t remaining;
    bk_cache_note(cache, hash);
    status = bk_try_view(cache, hash, key, refresh_ahead, out, &remaining);
    if (status != BRISK_MISS && remaining > refresh_ahead) {
        bk_cache_count(cache, BK_LOADED_HITS, 1);
        return status;
    }
    brisk_view_release(out);
    struct request request = {
        .cache = cache,
        .shard = bk_cache_shard(cache, hash),
        .key = key,
        .hash = hash,
        .load = load,
        .ctx = ctx,
        .out = out,
        .was_expired = status == BRISK_MISS && remaining == 0,
    };
    return load_missing(&request);
}

enum brisk_status bk_load_missed(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx)
{
    uint64_t hash = bk_cache_hash(cache, key);
    *out = (struct brisk_view){0};
    struct request request = {
        .cache = cache,
        .shard = bk_cache_shard(cache, hash),
        .key = key,
        .hash = hash,
        .load = load,
        .ctx = ctx,
        .out = out,
        .is_counted = true,
    };
    return load_missing(&request);
}

enum brisk_status bk_load_apart(
    struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out, brisk_load_fn *load,
    void *ctx)
{
    *out = (struct brisk_view){0};
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    struct brisk_entry_options entry = brisk_entry_options_default();
    bk_cache_count(cache, BK_MISSES, 1);
    return run_loader(cache, key, out, &entry, load, ctx);
}
