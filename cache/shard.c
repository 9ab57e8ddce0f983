/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/shard.h"

enum {
    /* Address space per shard; handles reach 16 GiB, see wheel.c for their top bit. */
    ARENA_GIB = 8,
    INDEX_GIB = 1,
};

static uint64_t hash_of(void *ctx, uint32_t handle)
{
    struct bk_shard *shard = ctx;
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    const uint8_t *key = bk_words_bytes(bk_entry_key(entry, meta));
    return bk_shard_hash(shard, key, bk_meta_key_length(meta));
}

uint64_t bk_shard_entry_bytes(const struct bk_shard *shard, uint32_t handle)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    uint64_t bytes = bk_arena_block_bytes(bk_meta_block_bytes(meta));
    if ((meta & BK_META_EXTERNAL) == 0)
        return bytes;
    struct brisk_view view = bk_entry_view(entry, meta);
    return bytes + bk_view_held_bytes(&view);
}

static uint64_t cost_in_bytes(void *ctx, uint32_t handle)
{
    return bk_shard_entry_bytes(ctx, handle);
}

uint64_t bk_shard_entry_weight(const struct bk_shard *shard, uint32_t handle)
{
    if (shard->settings->weigh == NULL)
        return 0;
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    return bk_load64(bk_shard_weight_word(shard, entry, bk_load32(&entry->meta)));
}

static uint64_t cost_in_weight(void *ctx, uint32_t handle)
{
    return bk_shard_entry_weight(ctx, handle);
}

/* The policy thinks in the unit of the first limit there is. */
static void choose_cost(struct bk_shard *shard, struct bk_policy_host *host)
{
    if (shard->limits.entries != UINT64_MAX)
        host->cost_of = NULL;
    else if (shard->limits.weight != UINT64_MAX)
        host->cost_of = cost_in_weight;
    else
        host->cost_of = cost_in_bytes;
}

/* A limit on entries up to this is prepared for at once: a policy's memory of them is small. */
enum {
    SMALL_LIMIT_ENTRIES = 64 * 1024
};

/* How many entries to prepare for; under a high limit or one in bytes, what the index takes. */
static uint64_t likely_entries(const struct bk_shard *shard)
{
    uint64_t limit = shard->limits.entries;
    uint64_t entries = (uint64_t)bk_table_bucket_count(&shard->table) * BK_ENTRIES_PER_100_BUCKETS /
                       100;
    bool is_small = limit <= SMALL_LIMIT_ENTRIES && shard->limits.bytes == UINT64_MAX;
    return is_small || limit < entries ? limit : entries;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool bk_shard_init(
    struct bk_shard *shard, struct bk_index *index, struct bk_settings *settings,
    const struct bk_limits *limits)
{
    *shard = (struct bk_shard){.settings = settings, .limits = *limits};
    shard->pins = settings->idle_ttl != 0 ? 1 : 0;
    shard->wheel.grace = settings->stale;
    size_t share = settings->shard_address_space / 8;
    if (!bk_arena_init(&shard->arena, least((size_t)ARENA_GIB << 30, share * 6)))
        return false;
    if (!bk_table_init(
            &shard->table, index, shard->arena.region.base, least((size_t)INDEX_GIB << 30, share),
            hash_of, shard)) {
        bk_arena_free(&shard->arena);
        return false;
    }
    struct bk_policy_host host = {.ctx = shard, .hash_of = hash_of, .table = &shard->table};
    choose_cost(shard, &host);
    if (!bk_policy_init(&shard->policy, settings->policy, &host, likely_entries(shard))) {
        bk_table_free(&shard->table);
        bk_arena_free(&shard->arena);
        return false;
    }
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&shard->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return true;
}

void bk_shard_free(struct bk_shard *shard)
{
    pthread_mutex_destroy(&shard->lock);
    bk_wheel_free(&shard->wheel);
    bk_policy_free(&shard->policy);
    bk_table_free(&shard->table);
    bk_arena_free(&shard->arena);
}

uint64_t bk_shard_bytes(const struct bk_shard *shard)
{
    return shard->entry_bytes + bk_table_bytes(&shard->table) + bk_policy_bytes(&shard->policy);
}

enum bk_verdict bk_shard_judge(const struct bk_shard *shard, uint32_t handle, uint64_t now)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    if ((meta & BK_META_GROUP) != 0) {
        bool has_idle = shard->settings->idle_ttl != 0;
        uint64_t word = bk_load64(bk_entry_group(entry, meta, has_idle));
        if (!bk_groups_is_valid(&shard->settings->groups, bk_membership_of(word)))
            return BK_INVALIDATED;
    }
    /* The wheel is near every deadline, however far the clock has gone. */
    if ((meta & BK_META_DEADLINE) != 0 && bk_entry_deadline(entry, meta, shard->wheel.now) <= now)
        return BK_EXPIRED;
    return BK_FRESH;
}

uint64_t bk_shard_idle_deadline(const struct bk_shard *shard, struct bk_entry *entry, uint64_t now)
{
    uint64_t idle = shard->settings->idle_ttl;
    uint64_t limit = bk_load64(&entry->words[2]);
    uint64_t deadline = idle >= BRISK_TTL_FOREVER - now ? BRISK_TTL_FOREVER : now + idle;
    return deadline < limit ? deadline : limit;
}

/* Whether a removal is due: an expired entry may be kept to serve as stale. */
static bool is_due(const struct bk_shard *shard, uint32_t handle, uint64_t now)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint64_t deadline = bk_entry_deadline(entry, bk_load32(&entry->meta), now);
    return now - deadline >= shard->settings->stale;
}

static void prolong(struct bk_shard *shard, struct bk_place place, uint64_t now)
{
    uint32_t handle = bk_place_handle(place);
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint64_t state = bk_bucket_lock(place.bucket, true);
    bk_entry_set_deadline(
        entry, bk_load32(&entry->meta), bk_shard_idle_deadline(shard, entry, now));
    bk_bucket_unlock(place.bucket, state);
}

uint32_t bk_shard_find_valid(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    enum bk_verdict *verdict, struct bk_departed *departed)
{
    *verdict = BK_FRESH;
    if (now > shard->wheel.now + BK_WHEEL_NEAR_TICKS) /* also without entries: one may come now */
        bk_shard_expire(shard, now, BK_EXPIRY_BUDGET, departed);
    uint32_t handle = bk_shard_find(shard, hash, key);
    if (handle != 0)
        *verdict = bk_shard_judge(shard, handle, now);
    if (*verdict == BK_INVALIDATED)
        bk_shard_remove(shard, handle, BRISK_EVICT_INVALIDATED, departed);
    else if (*verdict == BK_EXPIRED && is_due(shard, handle, now))
        bk_shard_remove(shard, handle, BRISK_EVICT_EXPIRED, departed);
    if (*verdict != BK_FRESH)
        handle = 0;
    if (shard->wheel.count != 0 && bk_shard_expire(shard, now, BK_EXPIRY_BUDGET, departed) != 0 &&
        handle != 0)
        handle = bk_shard_find(shard, hash, key); /* blocks that were given back may move others */
    return handle;
}

uint32_t bk_shard_find_good(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    enum bk_verdict *verdict, struct bk_departed *departed)
{
    uint32_t handle = bk_shard_find_valid(shard, hash, key, now, verdict, departed);
    if (handle != 0 && shard->settings->idle_ttl != 0)
        prolong(shard, bk_table_locate(&shard->table, hash, handle), now);
    return handle;
}

uint32_t bk_shard_find_fresh(
    struct bk_shard *shard, uint64_t hash, struct brisk_bytes key, uint64_t now,
    struct bk_departed *departed)
{
    enum bk_verdict verdict;
    uint32_t handle = bk_shard_find_valid(shard, hash, key, now, &verdict, departed);
    return handle == 0 || bk_shard_is_negative(shard, handle) ? 0 : handle;
}

uint32_t bk_shard_find(const struct bk_shard *shard, uint64_t hash, struct brisk_bytes key)
{
    struct bk_place place = bk_table_find(&shard->table, hash, key.data, key.length);
    return place.bucket == NULL ? 0 : bk_place_handle(place);
}

bool bk_shard_read_value(struct bk_shard *shard, uint32_t handle, struct brisk_view *out)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    if ((meta & BK_META_EXTERNAL) != 0) {
        *out = bk_entry_view(entry, meta);
        if (out->buffer != NULL)
            bk_buffer_retain(out->buffer);
        return true;
    }
    size_t length = bk_meta_value_length(meta);
    struct brisk_buffer *buffer = bk_buffer_new(length);
    if (buffer == NULL)
        return false;
    bk_words_read(bk_buffer_data(buffer), bk_entry_value(entry, meta), length);
    *out = bk_view_of(buffer, bk_buffer_data(buffer), length);
    return true;
}

/*
 * Moves an entry to another block of its size: everything that knows its handle
 * is told. Readers find the old block unchanged until the bucket's version says
 * that it is no longer the one.
 */
static bool move_entry(struct bk_shard *shard, uint32_t handle)
{
    struct bk_entry *from = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&from->meta);
    size_t bytes = bk_meta_block_bytes(meta);
    uint32_t fresh = bk_arena_allocate(&shard->arena, bytes);
    if (fresh == 0)
        return false;

    struct bk_entry *to = bk_shard_entry(shard, fresh);
    for (size_t i = 0; i < (bytes - BK_ENTRY_HEADER_BYTES) / 8; i++)
        bk_store64(&to->words[i], bk_load64(&from->words[i]));
    bk_store32(&to->aux, bk_load32(&from->aux));
    bk_store32(&to->meta, meta);

    uint64_t hash = hash_of(shard, handle);
    struct bk_place place = bk_table_locate(&shard->table, hash, handle);
    bk_table_replace(place, fresh, shard->pins != 0);
    bk_policy_replace(&shard->policy, handle, fresh);
    if ((meta & BK_META_DEADLINE) != 0)
        bk_wheel_replace(&shard->wheel, shard->table.index->arena, handle, fresh);
    bk_arena_release(&shard->arena, handle);
    return true;
}

/* Gives chunks back that are mostly free, so that memory follows a changing mix of sizes. */
static void release_block(struct bk_shard *shard, uint32_t handle)
{
    uint32_t meta = bk_load32(&bk_shard_entry(shard, handle)->meta);
    size_t bytes = bk_meta_block_bytes(meta);
    bk_arena_release(&shard->arena, handle);
    if (!bk_arena_may_be_sparse(&shard->arena) || shard->departing != 0)
        return; /* blocks of those that depart are live but must not move */
    uint32_t chunk = bk_arena_sparse_chunk(&shard->arena, bytes);
    if (chunk == 0)
        return;
    bk_arena_begin_emptying(&shard->arena, chunk);
    uint32_t live = 0;
    while ((live = bk_arena_next_live(&shard->arena, chunk, live)) != 0)
        if (!move_entry(shard, live))
            break;
    bk_arena_end_emptying(&shard->arena, chunk);
}

static void depart(
    struct bk_shard *shard, uint32_t handle, enum brisk_evict_reason reason,
    struct bk_departed *departed)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    if ((meta & BK_META_EXTERNAL) == 0 && shard->settings->on_evict == NULL) {
        release_block(shard, handle);
        return;
    }
    bk_store32(&entry->prev, (uint32_t)reason);
    bk_store32(&entry->next, departed->first);
    departed->first = handle;
    shard->departing++;
}

static void leave_group(struct bk_shard *shard, struct bk_entry *entry, uint32_t meta)
{
    bool has_idle = shard->settings->idle_ttl != 0;
    uint64_t word = bk_load64(bk_entry_group(entry, meta, has_idle));
    bk_groups_leave(&shard->settings->groups, bk_membership_of(word).group);
}

static void leave_counts(struct bk_shard *shard, uint32_t handle, enum brisk_evict_reason reason)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    uint64_t bytes = bk_shard_entry_bytes(shard, handle);
    shard->entries--;
    shard->entry_bytes -= bytes;
    if (shard->settings->weigh != NULL)
        shard->weight -= bk_shard_entry_weight(shard, handle);
    if ((meta & BK_META_TIED) != 0) {
        shard->tied--;
        shard->pins -= (meta & BK_META_EXTERNAL) != 0;
        if ((meta & BK_META_GROUP) != 0)
            leave_group(shard, entry, meta);
    }
    shard->counts.evicted[reason]++;
    if (reason == BRISK_EVICT_CAPACITY)
        shard->counts.evicted_capacity_bytes += bytes;
}

static void remove_at(
    struct bk_shard *shard, const struct bk_seen *seen, enum brisk_evict_reason reason,
    struct bk_departed *departed)
{
    uint32_t handle = seen->handle;
    bk_table_remove(&shard->table, seen->hash, seen->place, shard->pins != 0);
    bk_policy_remove(&shard->policy, handle, seen->hash, reason == BRISK_EVICT_CAPACITY);
    if ((bk_load32(&bk_shard_entry(shard, handle)->meta) & BK_META_DEADLINE) != 0)
        bk_wheel_remove(&shard->wheel, shard->table.index->arena, handle);
    leave_counts(shard, handle, reason);
    depart(shard, handle, reason, departed);
}

void bk_shard_remove(
    struct bk_shard *shard, uint32_t handle, enum brisk_evict_reason reason,
    struct bk_departed *departed)
{
    struct bk_seen seen = {.handle = handle, .hash = hash_of(shard, handle)};
    seen.place = bk_table_locate(&shard->table, seen.hash, handle);
    remove_at(shard, &seen, reason, departed);
}

void bk_shard_swap(
    struct bk_shard *shard, struct bk_place place, uint32_t fresh, struct bk_departed *departed)
{
    uint32_t handle = bk_place_handle(place);
    bk_table_replace(place, fresh, shard->pins != 0);
    bk_policy_replace(&shard->policy, handle, fresh);
    bk_policy_recost(
        &shard->policy, fresh, bk_policy_cost(&shard->policy, handle),
        bk_policy_cost(&shard->policy, fresh));
    if ((bk_load32(&bk_shard_entry(shard, handle)->meta) & BK_META_DEADLINE) != 0)
        bk_wheel_remove(&shard->wheel, shard->table.index->arena, handle);
    leave_counts(shard, handle, BRISK_EVICT_REPLACED);
    depart(shard, handle, BRISK_EVICT_REPLACED, departed);
}

void bk_shard_rehouse(struct bk_shard *shard, struct bk_place place, uint32_t fresh)
{
    uint32_t handle = bk_place_handle(place);
    uint8_t *arena = shard->table.index->arena;
    uint64_t old_bytes = bk_shard_entry_bytes(shard, handle);
    uint64_t old_cost = bk_policy_cost(&shard->policy, handle);
    if ((bk_load32(&bk_entry_at(arena, handle)->meta) & BK_META_DEADLINE) != 0)
        bk_wheel_remove(&shard->wheel, arena, handle);
    bk_table_replace(place, fresh, shard->pins != 0);
    bk_policy_replace(&shard->policy, handle, fresh);
    bk_policy_recost(&shard->policy, fresh, old_cost, bk_policy_cost(&shard->policy, fresh));
    if ((bk_load32(&bk_entry_at(arena, fresh)->meta) & BK_META_DEADLINE) != 0)
        bk_wheel_add(&shard->wheel, arena, fresh);
    shard->entry_bytes += bk_shard_entry_bytes(shard, fresh) - old_bytes;
    release_block(shard, handle);
}

size_t
bk_shard_expire(struct bk_shard *shard, uint64_t now, size_t budget, struct bk_departed *departed)
{
    size_t removed = 0;
    uint32_t handle;
    while ((handle = bk_wheel_next_due(&shard->wheel, shard->table.index->arena, now)) != 0) {
        bk_shard_remove(shard, handle, BRISK_EVICT_EXPIRED, departed);
        removed++;
        if (removed >= budget && now - shard->wheel.now < BK_WHEEL_NEAR_TICKS)
            break;
    }
    if (bk_load64(&shard->table.index->turned) != shard->wheel.now)
        bk_store64(&shard->table.index->turned, shard->wheel.now);
    return removed;
}

static inline bool is_below(uint64_t limit, uint64_t used, uint64_t more)
{
    return used <= limit && limit - used >= more;
}

/* Sums without a limit are not looked at: of weights they may have overflown. */
static inline bool fits(const struct bk_shard *shard, const struct bk_limits *more)
{
    const struct bk_limits *limits = &shard->limits;
    return is_below(limits->entries, shard->entries, more->entries) &&
           (limits->weight == UINT64_MAX ||
            is_below(limits->weight, shard->weight, more->weight)) &&
           (limits->bytes == UINT64_MAX ||
            is_below(limits->bytes, bk_shard_bytes(shard), more->bytes));
}

bool bk_shard_evict(struct bk_shard *shard, struct bk_departed *departed)
{
    shard->policy.seen.handle = 0;
    uint32_t handle = bk_policy_victim(&shard->policy);
    if (handle == 0)
        return false;
    enum brisk_evict_reason reason = BRISK_EVICT_CAPACITY;
    if ((bk_load32(&bk_shard_entry(shard, handle)->meta) & BK_META_GROUP) != 0 &&
        bk_shard_judge(shard, handle, 0) == BK_INVALIDATED)
        reason = BRISK_EVICT_INVALIDATED;
    struct bk_seen seen = shard->policy.seen;
    if (seen.handle == handle)
        remove_at(shard, &seen, reason, departed);
    else
        bk_shard_remove(shard, handle, reason, departed);
    return true;
}

/* What was made for more entries than none. Without memory some of it stays. */
static void shrink_empty(struct bk_shard *shard)
{
    if (bk_table_bucket_count(&shard->table) > BK_TABLE_FIRST_BUCKETS)
        bk_table_rebuild(&shard->table, BK_TABLE_FIRST_BUCKETS, shard->pins != 0);
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
}

bool bk_shard_make_room(
    struct bk_shard *shard, const struct bk_limits *more, struct bk_departed *departed)
{
    while (!fits(shard, more)) {
        if (bk_shard_evict(shard, departed))
            continue;
        shrink_empty(shard);
        return fits(shard, more);
    }
    return true;
}

/* By half as much again, up to what the limit can ever need; by an eighth where only a slot lacks.
 */
static uint32_t larger_index(const struct bk_shard *shard)
{
    const struct bk_table *table = &shard->table;
    uint32_t buckets = bk_table_bucket_count(table);
    if (bk_table_has_room(table, shard->entries))
        return buckets + buckets / 8 + 1;
    uint32_t most = bk_table_buckets_for(
        shard->limits.entries > SIZE_MAX ? SIZE_MAX : (size_t)shard->limits.entries);
    uint32_t wanted = buckets + buckets / 2;
    return wanted > most && most > buckets ? most : wanted;
}

bool bk_shard_grow_index(struct bk_shard *shard)
{
    if (!bk_table_may_grow(&shard->table, shard->entries) ||
        !bk_table_rebuild(&shard->table, larger_index(shard), shard->pins != 0))
        return false;
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
    return true;
}

bool bk_shard_is_out_of_space(const struct bk_shard *shard)
{
    return bk_arena_is_exhausted(&shard->arena) ||
           !bk_table_may_reach(&shard->table, larger_index(shard));
}

/* All at once, where no entry is anybody's business but the shard's. */
static void forget_all(struct bk_shard *shard)
{
    shard->counts.evicted[BRISK_EVICT_CLEARED] += shard->entries;
    shard->entries = shard->entry_bytes = shard->weight = 0;
    bk_table_clear(&shard->table, shard->pins != 0);
    bk_policy_clear(&shard->policy);
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
    bk_wheel_clear(&shard->wheel);
    bk_arena_clear(&shard->arena);
}

void bk_shard_clear(struct bk_shard *shard, struct bk_departed *departed)
{
    if (shard->settings->on_evict == NULL && shard->tied == 0 && shard->departing == 0) {
        forget_all(shard);
        return;
    }
    uint32_t handle;
    while ((handle = bk_policy_victim(&shard->policy)) != 0)
        bk_shard_remove(shard, handle, BRISK_EVICT_CLEARED, departed);
    bk_table_clear(&shard->table, shard->pins != 0);
    bk_policy_clear(&shard->policy);
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
}

/* An index that was made for more entries; false if it is not much too large. */
static bool trim_index(struct bk_shard *shard)
{
    uint32_t needed = bk_table_buckets_for(shard->entries);
    if (needed < BK_TABLE_FIRST_BUCKETS)
        needed = BK_TABLE_FIRST_BUCKETS;
    uint32_t count = bk_table_bucket_count(&shard->table);
    if (needed > count / 4 * 3 || !bk_table_rebuild(&shard->table, needed, shard->pins != 0))
        return false;
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
    return bk_table_bucket_count(&shard->table) < count;
}

/* Before entries leave for want of bytes, memory goes that was made for more of them. */
static void shrink_to_fit(struct bk_shard *shard, struct bk_departed *departed)
{
    static const struct bk_limits nothing = {0, 0, 0};
    while (!fits(shard, &nothing)) {
        bool lacks_bytes = bk_shard_bytes(shard) > shard->limits.bytes;
        if (!(lacks_bytes && trim_index(shard)) && !bk_shard_evict(shard, departed))
            break;
    }
}

void bk_shard_set_limits(
    struct bk_shard *shard, const struct bk_limits *limits, struct bk_departed *departed)
{
    shard->limits = *limits;
    shrink_to_fit(shard, departed);
    trim_index(shard);
    bk_policy_set_entries(&shard->policy, likely_entries(shard));
    shrink_to_fit(shard, departed); /* to remember more takes bytes */
}

static void tell(struct bk_shard *shard, uint32_t handle)
{
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    uint32_t meta = bk_load32(&entry->meta);
    struct brisk_view value = {0};
    if ((meta & BK_META_EXTERNAL) != 0)
        value = bk_entry_view(entry, meta);
    else
        value = (struct brisk_view){
            .data = bk_words_bytes(bk_entry_value(entry, meta)),
            .length = bk_meta_value_length(meta)};

    if (shard->settings->on_evict != NULL) {
        struct brisk_bytes key = brisk_bytes_of(
            bk_words_bytes(bk_entry_key(entry, meta)), bk_meta_key_length(meta));
        enum brisk_evict_reason reason = (enum brisk_evict_reason)bk_load32(&entry->prev);
        shard->settings->on_evict(key, &value, reason, shard->settings->on_evict_ctx);
    }
    if (value.buffer != NULL) {
        if (!bk_buffer_is_unique(value.buffer))
            bk_buffer_charge(value.buffer, shard->settings->account);
        bk_buffer_release(value.buffer);
    }
}

void bk_shard_settle(struct bk_shard *shard, struct bk_departed *departed)
{
    if (departed->first == 0)
        return;
    for (uint32_t handle = departed->first; handle != 0;
         handle = bk_load32(&bk_shard_entry(shard, handle)->next))
        tell(shard, handle);

    bk_shard_lock(shard);
    while (departed->first != 0) {
        uint32_t handle = departed->first;
        departed->first = bk_load32(&bk_shard_entry(shard, handle)->next);
        shard->departing--;
        release_block(shard, handle);
    }
    bk_shard_unlock(shard);
}
