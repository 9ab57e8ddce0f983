/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/read.h"
#include "cache/match.h"
#include "cache/pause.h"
#include "cache/sampler.h"

enum {
    /* Attempts without the lock. More are needed only if writers never leave a bucket alone. */
    FREE_TRIES = 16,
};

/*
 * What a lookup without the lock came to: a status for the caller, or one of
 * these.
 */
enum {
    RACED = 1000,     /* a writer was faster: try again */
    NEEDS_LOCK = 1001 /* something is to be removed, or a clock to be turned */
};

/* Where the value goes: the caller's buffer, or a view. Constant in each caller. */
enum sink_kind {
    SINK_BUFFER,
    SINK_VIEW
};

struct sink {
    void *buffer;
    size_t capacity;
    size_t length;
    struct brisk_view view;
    uint64_t remaining; /* ticks until the entry expires; UINT64_MAX: no deadline */
    bool was_expired;   /* it was there, and past its deadline */
};

static int take_inline(const struct bk_match *match, enum sink_kind kind, struct sink *sink)
{
    size_t length = bk_meta_value_length(match->meta);
    const bk_word64 *words = bk_entry_value(match->entry, match->meta);
    sink->length = length;
    if (kind == SINK_BUFFER) {
        if (length > sink->capacity)
            return BRISK_ERR_SHORT_BUFFER;
        bk_words_read(sink->buffer, words, length);
        return BRISK_OK;
    }
    struct brisk_buffer *buffer = bk_buffer_new(length);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    bk_words_read(bk_buffer_data(buffer), words, length);
    sink->view = bk_view_of(buffer, bk_buffer_data(buffer), length);
    return BRISK_OK;
}

static void drop_view(struct sink *sink)
{
    brisk_view_release(&sink->view);
}

/* Copies a shared value to a buffer if that is what the caller wants. */
static int deliver_view(enum sink_kind kind, struct sink *sink)
{
    sink->length = sink->view.length;
    if (kind == SINK_VIEW)
        return BRISK_OK;
    bool fits = sink->length <= sink->capacity;
    if (fits && sink->length != 0)
        memcpy(sink->buffer, sink->view.data, sink->length);
    drop_view(sink);
    return fits ? BRISK_OK : BRISK_ERR_SHORT_BUFFER;
}

/*
 * A pointer to a shared value may only be followed, and a deadline only be
 * written, while the entry cannot go.
 */
static bool pin(const struct bk_index *index, const struct bk_match *match, struct sink *sink)
{
    if (!bk_match_seize(index, match))
        return false;
    sink->view = bk_entry_view(match->entry, match->meta);
    if (sink->view.buffer != NULL)
        bk_buffer_retain(sink->view.buffer);
    bk_match_let_go(match);
    return true;
}

static bool prolong(struct bk_shard *shard, const struct bk_match *match, uint64_t now)
{
    uint64_t deadline = bk_shard_idle_deadline(shard, match->entry, now);
    if (deadline == bk_entry_deadline(match->entry, match->meta, now))
        return bk_match_holds(shard->table.index, match);
    if (!bk_match_seize(shard->table.index, match))
        return false;
    bk_entry_set_deadline(match->entry, match->meta, deadline);
    bk_match_let_go(match);
    return true;
}

/* BRISK_OK, BRISK_MISS for a known absence, or one of the above. */
static int
judge(struct bk_shard *shard, const struct bk_match *match, uint64_t *now, uint64_t *remaining)
{
    if ((match->meta & BK_META_DEADLINE) != 0) {
        *now = bk_shard_now(shard);
        if (*now - bk_load64(&shard->table.index->turned) >= BK_WHEEL_NEAR_TICKS)
            return NEEDS_LOCK; /* near deadlines may be ambiguous until the wheel is turned */
        uint64_t deadline = bk_entry_deadline(match->entry, match->meta, *now);
        if (deadline <= *now)
            return bk_match_holds(shard->table.index, match) ? NEEDS_LOCK : RACED;
        *remaining = deadline - *now;
    }
    if ((match->meta & BK_META_GROUP) != 0) {
        bool has_idle = shard->settings->idle_ttl != 0;
        uint64_t word = bk_load64(bk_entry_group(match->entry, match->meta, has_idle));
        if (!bk_match_holds(shard->table.index, match))
            return RACED;
        if (!bk_groups_is_valid(&shard->settings->groups, bk_membership_of(word)))
            return NEEDS_LOCK;
    }
    if ((match->meta & BK_META_NEGATIVE) != 0)
        return bk_match_holds(shard->table.index, match) ? BRISK_MISS : RACED;
    return BRISK_OK;
}

/* Entries with more to them than bytes. */
static int take_special(
    struct bk_shard *shard, const struct bk_match *match, enum sink_kind kind, struct sink *sink)
{
    uint64_t now = 0;
    int status = judge(shard, match, &now, &sink->remaining);
    if (status != BRISK_OK)
        return status;

    bool is_shared = (match->meta & BK_META_EXTERNAL) != 0;
    if (is_shared && !pin(shard->table.index, match, sink))
        return RACED;
    if (!is_shared)
        status = take_inline(match, kind, sink);
    bool holds = shard->settings->idle_ttl != 0 ? prolong(shard, match, now)
                                                : bk_match_holds(shard->table.index, match);
    if (!holds) {
        drop_view(sink);
        return RACED;
    }
    return is_shared ? deliver_view(kind, sink) : status;
}

static int
take(struct bk_shard *shard, const struct bk_match *match, enum sink_kind kind, struct sink *sink)
{
    int status;
    if ((match->meta & BK_META_SPECIAL) == 0) {
        status = take_inline(match, kind, sink);
        if (!bk_match_holds(shard->table.index, match)) {
            if (kind == SINK_VIEW)
                drop_view(sink);
            return RACED;
        }
    } else {
        status = take_special(shard, match, kind, sink);
        if (status >= RACED || status == BRISK_MISS)
            return status;
    }
    bk_place_count_hit(match->place);
    return status;
}

/* With the shard's lock. */
static int take_locked(
    struct bk_shard *shard, uint32_t handle, uint64_t now, enum sink_kind kind, struct sink *sink,
    bool *is_shared)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    struct bk_match match = {.entry = entry, .meta = bk_load32(&entry->meta)};
    if ((match.meta & BK_META_NEGATIVE) != 0)
        return BRISK_MISS;
    if ((match.meta & BK_META_DEADLINE) != 0)
        sink->remaining = bk_entry_deadline(entry, match.meta, now) - now;
    bk_policy_hit(&shard->policy, handle);
    *is_shared = (match.meta & BK_META_EXTERNAL) != 0;
    if (!*is_shared)
        return take_inline(&match, kind, sink);
    sink->view = bk_entry_view(entry, match.meta);
    if (sink->view.buffer != NULL)
        bk_buffer_retain(sink->view.buffer);
    return BRISK_OK;
}

static int read_locked(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, enum sink_kind kind,
    struct sink *sink)
{
    uint64_t now = bk_shard_time(shard);
    struct bk_departed departed = {0};
    enum bk_verdict verdict;
    bool is_shared = false;
    int status = BRISK_MISS;

    bk_shard_lock(shard);
    uint32_t handle = bk_shard_find_good(shard, hash, key, now, &verdict, &departed);
    if (handle != 0)
        status = take_locked(shard, handle, now, kind, sink, &is_shared);
    bk_shard_unlock(shard);

    bk_shard_settle(shard, &departed);
    sink->was_expired = verdict == BK_EXPIRED;
    if (sink->was_expired)
        sink->remaining = 0;
    return is_shared ? deliver_view(kind, sink) : status;
}

static int read_free(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, enum sink_kind kind,
    struct sink *sink)
{
    for (unsigned int tries = 0; tries < FREE_TRIES; tries++) {
        struct bk_match match;
        enum bk_found found = bk_match_find(shard->table.index, hash, key.data, key.length, &match);
        if (found == BK_ABSENT)
            return BRISK_MISS;
        int status = found == BK_FOUND ? take(shard, &match, kind, sink) : RACED;
        if (status != RACED)
            return status;
        bk_pause(tries);
    }
    return NEEDS_LOCK;
}

/* A lookup of any kind. */
static inline __attribute__((always_inline)) enum brisk_status read_uncounted(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, enum sink_kind kind,
    struct sink *sink)
{
    struct bk_shard *shard = bk_cache_shard(cache, hash);
    int status = NEEDS_LOCK;
    if (cache->settings.has_lock_free_hits)
        status = read_free(shard, hash, key, kind, sink);
    if (status == NEEDS_LOCK)
        status = read_locked(shard, hash, key, kind, sink);
    return (enum brisk_status)status;
}

/* Likewise, and counted. */
static __attribute__((noinline)) enum brisk_status read_any(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, enum sink_kind kind,
    struct sink *sink)
{
    enum brisk_status status = read_uncounted(cache, hash, key, kind, sink);
    bk_cache_note(cache, hash);
    bk_cache_count(cache, status == BRISK_MISS ? BK_MISSES : BK_HITS, 1);
    if (sink->was_expired)
        bk_cache_count(cache, BK_EXPIRED_LOOKUPS, 1);
    return status;
}

static inline __attribute__((always_inline)) bool confirm_hit(const struct bk_match *match)
{
    if (__builtin_expect(!bk_match_plain_holds(match), 0))
        return false;
    bk_place_count_hit(match->place);
    bk_count(&bk_last_counters.counters->values[BK_HITS], 1);
    return true;
}

/* `key_length` is key.length, or the constant that it is known to be. RACED: try something else. */
static inline __attribute__((always_inline)) int read_into_fast(
    struct brisk_cache *cache, const void *key, size_t key_length, uint64_t hash, void *buffer,
    size_t capacity, size_t *length)
{
    const struct bk_index *index = bk_cache_index(cache, hash);
    struct bk_match match;
    enum bk_found found = bk_match_plain(index, hash, key, key_length, &match);
    size_t value_length = bk_meta_value_length(match.meta);
    if (__builtin_expect(found == BK_FOUND && value_length <= capacity, 1)) {
        bk_words_read(buffer, bk_match_plain_value(&match, key_length), value_length);
        *length = value_length;
        return confirm_hit(&match) ? BRISK_OK : RACED;
    }
    if (found != BK_ABSENT || __builtin_expect(bk_settings_samples(&cache->settings, hash), 0))
        return RACED;
    bk_count(&bk_last_counters.counters->values[BK_MISSES], 1);
    *length = 0;
    return BRISK_MISS;
}

enum brisk_status bk_read_into(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length)
{
    if (bk_cache_was_last(cache)) {
        int status = read_into_fast(cache, key.data, key.length, hash, buffer, capacity, length);
        if (status != RACED)
            return (enum brisk_status)status;
    }
    struct sink sink = {.buffer = buffer, .capacity = capacity};
    enum brisk_status status = read_any(cache, hash, key, SINK_BUFFER, &sink);
    *length = sink.length;
    return status;
}

/*
 * The ticks that a timed entry still has, 0 if that is for somebody with the lock
 * to see to. Near deadlines are ambiguous unless the wheel was turned lately.
 */
static inline uint64_t time_left(const struct bk_shard *shard, const struct bk_match *match)
{
    uint64_t now = bk_shard_now(shard);
    if (now - bk_load64(&shard->table.index->turned) >= BK_WHEEL_NEAR_TICKS)
        return 0;
    uint64_t deadline = bk_entry_deadline(match->entry, match->meta, now);
    return deadline > now ? deadline - now : 0;
}

/* As read_into_fast, of entries with a deadline. */
static int read_into_timed(
    struct brisk_cache *cache, struct brisk_bytes key, uint64_t hash, void *buffer, size_t capacity,
    size_t *length)
{
    struct bk_match match;
    if (bk_match_aim(bk_cache_index(cache, hash), hash, &match) != BK_FOUND ||
        !bk_match_is_timed(&match, key.data, key.length) ||
        bk_meta_value_length(match.meta) > capacity ||
        time_left(bk_cache_shard(cache, hash), &match) == 0)
        return RACED;
    *length = bk_meta_value_length(match.meta);
    bk_words_read(buffer, bk_match_timed_value(&match, key.length), *length);
    return confirm_hit(&match) ? BRISK_OK : RACED;
}

/* Whatever the fast path leaves. Takes its very arguments, so that it ends in a jump. */
static __attribute__((noinline)) enum brisk_status read_into_slow(
    struct brisk_cache *cache, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length)
{
    *length = 0;
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    uint64_t hash = bk_cache_hash(cache, key);
    if (bk_settings_uses_time(&cache->settings) && bk_cache_was_last(cache)) {
        int timed = read_into_timed(cache, key, hash, buffer, capacity, length);
        if (timed != RACED)
            return (enum brisk_status)timed;
    }
    struct sink sink = {.buffer = buffer, .capacity = capacity};
    status = read_any(cache, hash, key, SINK_BUFFER, &sink);
    *length = sink.length;
    return status;
}

/* Numbers are the most frequent keys: their own copy has no loops over the key. */
static __attribute__((noinline)) enum brisk_status read_into_of_number(
    struct brisk_cache *cache, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length)
{
    uint64_t hash = bk_hash_number(&cache->settings.hash_key, key.data);
    int status = read_into_fast(cache, key.data, 8, hash, buffer, capacity, length);
    return __builtin_expect(status != RACED, 1)
               ? (enum brisk_status)status
               : read_into_slow(cache, key, buffer, capacity, length);
}

static __attribute__((noinline)) enum brisk_status read_into_of_text(
    struct brisk_cache *cache, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length)
{
    uint64_t hash = bk_cache_hash(cache, key);
    int status = read_into_fast(cache, key.data, key.length, hash, buffer, capacity, length);
    return __builtin_expect(status != RACED, 1)
               ? (enum brisk_status)status
               : read_into_slow(cache, key, buffer, capacity, length);
}

enum brisk_status brisk_cache_get_into(
    struct brisk_cache *cache, struct brisk_bytes key, void *buffer, size_t capacity,
    size_t *length)
{
    /* Where all entries have a deadline, none is plain. */
    if (!bk_cache_was_last(cache) || cache->settings.ttl != 0)
        return read_into_slow(cache, key, buffer, capacity, length);
    if (key.length == 8 && key.data != NULL)
        return read_into_of_number(cache, key, buffer, capacity, length);
    if (bk_check_key(key) != BRISK_OK)
        return read_into_slow(cache, key, buffer, capacity, length);
    return read_into_of_text(cache, key, buffer, capacity, length);
}

/* As read_into_fast. Does not count a miss. */
static inline __attribute__((always_inline)) int try_view_fast(
    struct brisk_cache *cache, const void *key, size_t key_length, uint64_t hash,
    struct brisk_view *out)
{
    const struct bk_index *index = bk_cache_index(cache, hash);
    struct bk_match match;
    enum bk_found found = bk_match_plain(index, hash, key, key_length, &match);
    if (__builtin_expect(found == BK_FOUND, 1)) {
        size_t length = bk_meta_value_length(match.meta);
        struct brisk_buffer *buffer = bk_buffer_new(length);
        if (__builtin_expect(buffer == NULL, 0))
            return RACED;
        uint8_t *data = bk_buffer_data(buffer);
        bk_words_read(data, bk_match_plain_value(&match, key_length), length);
        *out = bk_view_of(buffer, data, length);
        if (__builtin_expect(confirm_hit(&match), 1))
            return BRISK_OK;
        bk_buffer_release(buffer);
    }
    if (found != BK_ABSENT || __builtin_expect(bk_settings_samples(&cache->settings, hash), 0))
        return RACED;
    *out = (struct brisk_view){0};
    return BRISK_MISS;
}

static inline __attribute__((always_inline)) int read_view_fast(
    struct brisk_cache *cache, const void *key, size_t key_length, uint64_t hash,
    struct brisk_view *out)
{
    int status = try_view_fast(cache, key, key_length, hash, out);
    if (status == BRISK_MISS)
        bk_count(&bk_last_counters.counters->values[BK_MISSES], 1);
    return status;
}

enum brisk_status bk_read_view(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, struct brisk_view *out,
    uint64_t *remaining)
{
    *remaining = UINT64_MAX;
    if (bk_cache_was_last(cache)) {
        int status = read_view_fast(cache, key.data, key.length, hash, out);
        if (status != RACED)
            return (enum brisk_status)status;
    }
    struct sink sink = {.remaining = UINT64_MAX};
    enum brisk_status status = read_any(cache, hash, key, SINK_VIEW, &sink);
    *out = sink.view;
    *remaining = sink.remaining;
    return status;
}

enum brisk_status bk_try_view(
    struct brisk_cache *cache, uint64_t hash, struct brisk_bytes key, uint64_t least,
    struct brisk_view *out, uint64_t *remaining)
{
    *remaining = UINT64_MAX;
    if (bk_cache_was_last(cache)) {
        int status = try_view_fast(cache, key.data, key.length, hash, out);
        if (status != RACED)
            return (enum brisk_status)status;
    }
    struct sink sink = {.remaining = UINT64_MAX};
    enum brisk_status status = read_uncounted(cache, hash, key, SINK_VIEW, &sink);
    if (status != BRISK_MISS && sink.remaining > least)
        bk_cache_count(cache, BK_HITS, 1);
    *out = sink.view;
    *remaining = sink.remaining;
    return status;
}

static __attribute__((noinline)) enum brisk_status
read_view_slow(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
{
    *out = (struct brisk_view){0};
    enum brisk_status status = bk_check_key(key);
    if (status != BRISK_OK)
        return status;
    struct sink sink = {0};
    status = read_any(cache, bk_cache_hash(cache, key), key, SINK_VIEW, &sink);
    *out = sink.view;
    return status;
}

static __attribute__((noinline)) enum brisk_status
read_view_of_number(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
{
    uint64_t hash = bk_hash_number(&cache->settings.hash_key, key.data);
    int status = read_view_fast(cache, key.data, 8, hash, out);
    return __builtin_expect(status != RACED, 1) ? (enum brisk_status)status
                                                : read_view_slow(cache, key, out);
}

static __attribute__((noinline)) enum brisk_status
read_view_of_text(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
{
    uint64_t hash = bk_cache_hash(cache, key);
    int status = read_view_fast(cache, key.data, key.length, hash, out);
    return __builtin_expect(status != RACED, 1) ? (enum brisk_status)status
                                                : read_view_slow(cache, key, out);
}

enum brisk_status
brisk_cache_get(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *out)
{
    if (!bk_cache_was_last(cache))
        return read_view_slow(cache, key, out);
    if (key.length == 8 && key.data != NULL)
        return read_view_of_number(cache, key, out);
    if (bk_check_key(key) != BRISK_OK)
        return read_view_slow(cache, key, out);
    return read_view_of_text(cache, key, out);
}
