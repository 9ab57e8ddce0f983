/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/store.h"

#include "base/options.h"
#include "cache/deadline.h"
#include "cache/load.h"

/* What one store has worked out under way. */
struct plan {
    struct bk_shard *shard;
    struct bk_store *store;
    uint32_t meta;
    uint64_t now;
    struct bk_deadline deadline;
    enum bk_verdict verdict; /* of the entry that was there */
    uint64_t weight;
    struct bk_membership membership;
    struct bk_limits needs; /* one entry, its bytes, its weight */
    bool was_recalled;      /* its key left not long ago */
    struct bk_departed departed;
};

/* Beside the statuses: somebody had to leave for want of space; try again. */
enum {
    MADE_SPACE = 1000
};

static unsigned int extra_words(const struct plan *plan)
{
    const struct bk_settings *settings = plan->shard->settings;
    unsigned int extra = settings->entry_words + (plan->store->group != 0);
    extra += bk_settings_samples(settings, plan->store->hash); /* a spare one: cache/sampler.h */
    if ((plan->meta & BK_META_DEADLINE) != 0)
        extra += 1U + ((plan->meta & BK_META_WIDE) != 0) + (settings->idle_ttl != 0);
    return extra;
}

static void plan_layout(struct plan *plan)
{
    const struct bk_store *store = plan->store;
    plan->meta |= extra_words(plan) << BK_META_EXTRA_SHIFT;
    plan->meta |= (uint32_t)store->key.length << BK_META_KEY_SHIFT;
    if (store->group != 0)
        plan->meta |= BK_META_GROUP;
    if (store->is_negative)
        plan->meta |= BK_META_NEGATIVE;
    plan->meta |= store->is_shared ? BK_META_EXTERNAL : (uint32_t)store->value.length;

    uint64_t bytes = bk_arena_block_bytes(bk_meta_block_bytes(plan->meta));
    if (store->is_shared &&
        __builtin_add_overflow(bytes, bk_view_held_bytes(&store->value), &bytes))
        bytes = UINT64_MAX;
    plan->needs = (struct bk_limits){.entries = 1, .bytes = bytes, .weight = plan->weight};
}

/* What an empty shard takes, whatever it held before. */
static uint64_t least_bytes(const struct bk_shard *shard)
{
    uint64_t entries = BK_TABLE_FIRST_BUCKETS * BK_ENTRIES_PER_100_BUCKETS / 100;
    if (entries > shard->limits.entries)
        entries = shard->limits.entries;
    return bk_policy_least_bytes(&shard->policy, entries) +
           BK_TABLE_FIRST_BUCKETS * sizeof(struct bk_bucket);
}

/* Whether it could be stored in an empty shard. */
static inline bool could_fit(const struct plan *plan)
{
    const struct bk_shard *shard = plan->shard;
    if (plan->needs.weight > shard->limits.weight || plan->needs.bytes > PTRDIFF_MAX)
        return false;
    if (shard->limits.bytes == UINT64_MAX)
        return true;
    uint64_t fixed = least_bytes(shard);
    return fixed <= shard->limits.bytes && plan->needs.bytes <= shard->limits.bytes - fixed;
}

static struct bk_place find_key(const struct plan *plan)
{
    const struct bk_store *store = plan->store;
    return bk_table_find(&plan->shard->table, store->hash, store->key.data, store->key.length);
}

static void write_extra_words(struct plan *plan, struct bk_entry *entry)
{
    const struct bk_settings *settings = plan->shard->settings;
    bool has_idle = settings->idle_ttl != 0;
    if ((plan->meta & BK_META_DEADLINE) != 0)
        bk_entry_set_deadline(entry, plan->meta, plan->deadline.time);
    if (has_idle)
        bk_store64(&entry->words[2], plan->deadline.idle_limit);
    if ((plan->meta & BK_META_GROUP) != 0)
        bk_store64(
            bk_entry_group(entry, plan->meta, has_idle), bk_membership_word(plan->membership));
    if (settings->weigh != NULL)
        bk_store64(bk_shard_weight_word(plan->shard, entry, plan->meta), plan->weight);
}

/* Everything but what belongs to the policy and the wheel. */
static void write_entry(struct plan *plan, struct bk_entry *entry)
{
    const struct bk_store *store = plan->store;
    bk_store32(&entry->aux, 0);
    if ((plan->meta & BK_META_EXTRA_MASK) != 0)
        write_extra_words(plan, entry);
    bk_words_write(bk_entry_key(entry, plan->meta), store->key.data, store->key.length);
    if (store->is_shared)
        bk_entry_set_view(entry, plan->meta, &store->value);
    else
        bk_words_write(bk_entry_value(entry, plan->meta), store->value.data, store->value.length);
    bk_store32(&entry->meta, plan->meta);
}

static void count_in(struct plan *plan)
{
    struct bk_shard *shard = plan->shard;
    shard->entries++;
    shard->entry_bytes += plan->needs.bytes;
    shard->weight += plan->weight;
    shard->tied += (plan->meta & BK_META_TIED) != 0;
}

/* Before readers see a shared value: from here on they may hold the lock of its bucket. */
static void share_value(struct plan *plan)
{
    if ((plan->meta & BK_META_EXTERNAL) == 0)
        return;
    plan->shard->pins++;
    if (plan->store->value.buffer != NULL)
        bk_buffer_retain(plan->store->value.buffer);
}

/* The new entry enters wheel and counts; the index and the policy know it already. */
static void finish_entry(struct plan *plan, uint32_t handle)
{
    if ((plan->meta & BK_META_DEADLINE) != 0)
        bk_wheel_add(&plan->shard->wheel, plan->shard->table.index->arena, handle);
    count_in(plan);
}

/* A block and a slot; false: no memory. A larger index may cost entries their room. */
static bool take_block(struct plan *plan, struct bk_place *place, uint32_t *handle)
{
    struct bk_shard *shard = plan->shard;
    *handle = bk_arena_allocate(&shard->arena, bk_meta_block_bytes(plan->meta));
    if (*handle == 0)
        return false;
    for (;;) {
        *place = bk_table_slot(&shard->table, plan->store->hash, shard->pins != 0);
        if (place->bucket != NULL)
            return true;
        if (!bk_shard_grow_index(shard) ||
            !bk_shard_make_room(shard, &plan->needs, &plan->departed))
            break;
    }
    bk_arena_release(&shard->arena, *handle);
    return false;
}

static enum brisk_status insert_entry(struct plan *plan)
{
    struct bk_shard *shard = plan->shard;
    /* Without memory the index may fill up nearly completely, which is slower but right. */
    if (!bk_table_has_room(&shard->table, shard->entries))
        bk_shard_grow_index(shard);
    plan->was_recalled |= bk_policy_recall(&shard->policy, plan->store->hash);
    if (!bk_shard_make_room(shard, &plan->needs, &plan->departed))
        return BRISK_ERR_TOO_BIG;
    struct bk_place place;
    uint32_t handle;
    if (!take_block(plan, &place, &handle))
        return BRISK_ERR_NOMEM;

    share_value(plan);
    write_entry(plan, bk_shard_entry(shard, handle));
    bk_table_insert(&shard->table, place, plan->store->hash, handle, shard->pins != 0);
    bk_policy_insert(&shard->policy, handle, plan->was_recalled);
    finish_entry(plan, handle);
    shard->counts.ghost_hits += plan->was_recalled;
    bk_policy_look_ahead(&shard->policy);
    return BRISK_OK;
}

/* The same block can hold the new value, and nobody must see the old one go. */
static bool can_overwrite(const struct plan *plan, uint32_t old_meta)
{
    uint32_t layout = ~(BK_META_MAIN | (uint32_t)BK_ENTRY_INLINE_MAX);
    return plan->shard->settings->on_evict == NULL &&
           ((plan->meta | old_meta) & (BK_META_EXTERNAL | BK_META_GROUP)) == 0 &&
           (plan->meta & layout) == (old_meta & layout) &&
           bk_arena_block_bytes(bk_meta_block_bytes(plan->meta)) ==
               bk_arena_block_bytes(bk_meta_block_bytes(old_meta));
}

static void overwrite_entry(struct plan *plan, struct bk_place place, uint32_t handle)
{
    struct bk_shard *shard = plan->shard;
    struct bk_entry *entry = bk_shard_entry(shard, handle);
    plan->meta |= bk_load32(&entry->meta) & BK_META_MAIN;
    uint64_t old_cost = bk_policy_cost(&shard->policy, handle);
    shard->weight += plan->weight - bk_shard_entry_weight(shard, handle);
    if ((plan->meta & BK_META_DEADLINE) != 0)
        bk_wheel_remove(&shard->wheel, shard->table.index->arena, handle);

    uint64_t state = bk_bucket_lock(place.bucket, shard->pins != 0);
    write_entry(plan, entry);
    bk_bucket_unlock(place.bucket, state);
    bk_policy_recost(&shard->policy, handle, old_cost, bk_policy_cost(&shard->policy, handle));

    if ((plan->meta & BK_META_DEADLINE) != 0)
        bk_wheel_add(&shard->wheel, shard->table.index->arena, handle);
    bk_policy_hit(&shard->policy, handle);
    shard->counts.evicted[BRISK_EVICT_REPLACED]++;
}

/*
 * A block of its own takes the old one's place everywhere. Making room may evict
 * the old entry itself; then this is an insert.
 */
static enum brisk_status replace_entry(struct plan *plan, uint32_t handle)
{
    struct bk_shard *shard = plan->shard;
    uint64_t old_bytes = bk_shard_entry_bytes(shard, handle);
    uint64_t old_weight = bk_shard_entry_weight(shard, handle);
    struct bk_limits more = {
        .bytes = plan->needs.bytes > old_bytes ? plan->needs.bytes - old_bytes : 0,
        .weight = plan->weight > old_weight ? plan->weight - old_weight : 0,
    };
    bool has_room = bk_shard_make_room(shard, &more, &plan->departed);
    struct bk_place place = find_key(plan);
    if (!has_room || place.bucket == NULL)
        return insert_entry(plan);

    uint32_t fresh = bk_arena_allocate(&shard->arena, bk_meta_block_bytes(plan->meta));
    if (fresh == 0)
        return BRISK_ERR_NOMEM;
    handle = bk_place_handle(place);
    uint32_t main_flag = bk_load32(&bk_shard_entry(shard, handle)->meta) & BK_META_MAIN;
    share_value(plan);
    write_entry(plan, bk_shard_entry(shard, fresh));
    bk_store32(&bk_shard_entry(shard, fresh)->meta, plan->meta | main_flag);
    bk_shard_swap(shard, place, fresh, &plan->departed);
    finish_entry(plan, fresh);
    bk_policy_hit(&shard->policy, fresh);
    return BRISK_OK;
}

static inline bool mode_allows(const struct plan *plan, uint32_t handle)
{
    if (plan->store->mode == BK_STORE_SET)
        return true;
    bool is_there = handle != 0 && !bk_shard_is_negative(plan->shard, handle);
    return is_there == (plan->store->mode == BK_STORE_REPLACE);
}

/* The entry that stands in the way, 0 if none; not one that is past its time. */
static uint32_t find_good(struct plan *plan, struct bk_place *place)
{
    const struct bk_store *store = plan->store;
    struct bk_shard *shard = plan->shard;
    uint32_t handle = bk_shard_find_valid(
        shard, store->hash, store->key, plan->now, &plan->verdict, &plan->departed);
    if (handle != 0)
        *place = bk_table_locate(&shard->table, store->hash, handle);
    return handle;
}

/* One that has expired and was kept to serve as stale, once it is known to be replaced. */
static void remove_stale(struct plan *plan)
{
    if (plan->verdict != BK_EXPIRED)
        return;
    struct bk_place place = find_key(plan);
    if (place.bucket != NULL)
        bk_shard_remove(plan->shard, bk_place_handle(place), BRISK_EVICT_EXPIRED, &plan->departed);
}

static enum brisk_status put_entry(struct plan *plan, struct bk_place place, uint32_t handle)
{
    struct bk_shard *shard = plan->shard;
    if (!could_fit(plan))
        return BRISK_ERR_TOO_BIG;
    if ((plan->meta & BK_META_DEADLINE) != 0 && !bk_wheel_prepare(&shard->wheel))
        return BRISK_ERR_NOMEM;
    if (handle == 0)
        return insert_entry(plan);
    uint64_t old_weight = bk_shard_entry_weight(shard, handle);
    if (plan->weight <= old_weight &&
        can_overwrite(plan, bk_load32(&bk_shard_entry(shard, handle)->meta))) {
        overwrite_entry(plan, place, handle);
        return BRISK_OK;
    }
    return replace_entry(plan, handle);
}

/* A brisk_status or MADE_SPACE. */
static int store_locked(struct plan *plan)
{
    struct bk_shard *shard = plan->shard;
    struct bk_place place = {NULL, 0};
    uint32_t handle = find_good(plan, &place);
    if (!mode_allows(plan, handle) || !bk_loads_allow(shard, plan->store))
        return BRISK_NOT_STORED;
    remove_stale(plan);
    enum brisk_status status = put_entry(plan, place, handle);
    if (status >= 0)
        return status;
    if (status == BRISK_ERR_NOMEM && bk_shard_is_out_of_space(shard) &&
        bk_shard_evict(shard, &plan->departed))
        return MADE_SPACE;

    /* The caller meant to replace the old value: better none than that one. */
    place = find_key(plan);
    if (place.bucket != NULL)
        bk_shard_remove(shard, bk_place_handle(place), BRISK_EVICT_DELETED, &plan->departed);
    shard->counts.rejected++;
    return status;
}

static enum brisk_status run(struct plan *plan)
{
    struct bk_shard *shard = plan->shard;
    int status;
    do {
        bk_shard_lock(shard);
        status = store_locked(plan);
        bk_shard_unlock(shard);
        bk_shard_settle(shard, &plan->departed);
    } while (status == MADE_SPACE);
    return (enum brisk_status)status;
}

/* What a key's old value is replaced by if there is no memory even to try. */
static enum brisk_status give_up(struct plan *plan, enum brisk_status status)
{
    struct bk_shard *shard = plan->shard;
    bk_shard_lock(shard);
    struct bk_place place;
    uint32_t handle = find_good(plan, &place);
    if (!mode_allows(plan, handle) || !bk_loads_allow(shard, plan->store)) {
        status = BRISK_NOT_STORED;
    } else {
        remove_stale(plan);
        if (handle != 0)
            bk_shard_remove(shard, handle, BRISK_EVICT_DELETED, &plan->departed);
        shard->counts.rejected++;
    }
    bk_shard_unlock(shard);
    bk_shard_settle(shard, &plan->departed);
    return status;
}

static bool limits_allow(struct plan *plan)
{
    struct bk_shard *shard = plan->shard;
    bk_shard_lock(shard);
    bool fits = could_fit(plan);
    bk_shard_unlock(shard);
    return fits;
}

/* Runs with the value as a view of its own if it is too large for a block. */
static enum brisk_status run_large(struct plan *plan)
{
    struct bk_store *store = plan->store;
    struct brisk_view bytes = store->value;
    plan->needs.bytes = bytes.length; /* before four gigabytes are copied in vain */
    plan->needs.weight = plan->weight;
    if (!limits_allow(plan))
        return give_up(plan, BRISK_ERR_TOO_BIG);
    struct brisk_buffer *buffer = bk_buffer_new(bytes.length);
    if (buffer == NULL)
        return give_up(plan, BRISK_ERR_NOMEM);
    memcpy(bk_buffer_data(buffer), bytes.data, bytes.length);
    store->value = bk_view_of(buffer, bk_buffer_data(buffer), bytes.length);
    store->is_shared = true;
    plan_layout(plan);
    enum brisk_status status = run(plan);
    store->value = bytes;
    store->is_shared = false;
    bk_buffer_release(buffer);
    return status;
}

enum brisk_status bk_store(struct brisk_cache *cache, struct bk_store *store)
{
    struct plan plan = {.shard = bk_cache_shard(cache, store->hash), .store = store};
    plan.now = bk_shard_time(plan.shard);
    struct bk_settings *settings = &cache->settings;
    if (settings->weigh != NULL)
        plan.weight = settings->weigh(
            store->key, brisk_view_bytes(&store->value), settings->weigh_ctx);
    uint64_t ttl = store->is_negative ? settings->negative_ttl : store->ttl;
    plan.deadline = bk_deadline_of(plan.shard, store->hash, ttl, &plan.now);
    plan.meta = plan.deadline.flags;
    if (store->group != 0 && !bk_groups_join(&settings->groups, store->group, &plan.membership))
        return give_up(&plan, BRISK_ERR_NOMEM);

    enum brisk_status status;
    if (!store->is_shared && store->value.length > BK_ENTRY_INLINE_MAX) {
        status = run_large(&plan);
    } else {
        plan_layout(&plan);
        status = run(&plan);
    }
    if (status != BRISK_OK && store->group != 0)
        bk_groups_leave(&settings->groups, plan.membership.group);
    return status;
}
