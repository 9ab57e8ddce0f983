/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/table.h"

#include "cache/pause.h"

static struct bk_bucket *array_of(const struct bk_table *table, unsigned int which)
{
    return (struct bk_bucket *)(void *)table->regions[which].base;
}

bool bk_table_init(
    struct bk_table *table, struct bk_index *index, uint8_t *arena, size_t wanted_bytes,
    bk_rehash_fn *rehash, void *rehash_ctx)
{
    *index = (struct bk_index){.bucket_count = BK_TABLE_FIRST_BUCKETS, .arena = arena};
    *table = (struct bk_table){.index = index, .rehash = rehash, .rehash_ctx = rehash_ctx};
    for (int i = 0; i < 2; i++) {
        if (!bk_region_reserve(&table->regions[i], wanted_bytes, 64 * 1024, 0) ||
            !bk_region_grow(&table->regions[i], sizeof(struct bk_bucket[BK_TABLE_FIRST_BUCKETS]))) {
            bk_table_free(table);
            return false;
        }
    }
    atomic_init(&index->buckets, array_of(table, 0));
    for (int i = 0; i < BK_TABLE_FIRST_BUCKETS; i++)
        bk_store64(&array_of(table, 0)[i].state, BK_STATE_VERSION_ONE);
    return true;
}

void bk_table_free(struct bk_table *table)
{
    bk_region_free(&table->regions[0]);
    bk_region_free(&table->regions[1]);
}

uint32_t bk_table_buckets_for(size_t entries)
{
    size_t buckets = entries / BK_ENTRIES_PER_100_BUCKETS * 100 +
                     entries % BK_ENTRIES_PER_100_BUCKETS * 100 / BK_ENTRIES_PER_100_BUCKETS + 1;
    return buckets > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)buckets;
}

uint64_t bk_bucket_wait_and_lock(struct bk_bucket *bucket)
{
    uint64_t state = bk_load64(&bucket->state);
    for (unsigned int tries = 0;; tries++) {
        state &= ~BK_STATE_LOCKED;
        if (atomic_compare_exchange_weak_explicit(
                &bucket->state, &state, state | BK_STATE_LOCKED, memory_order_acquire,
                memory_order_acquire))
            return state;
        bk_pause(tries);
    }
}

static unsigned int overflow_of(uint64_t state)
{
    return (unsigned int)((state & BK_STATE_OVERFLOW_MASK) >> BK_STATE_OVERFLOW_SHIFT);
}

static bool has_key(const struct bk_entry *entry, const void *key, size_t length)
{
    uint32_t meta = bk_load32(&entry->meta);
    return bk_meta_key_length(meta) == length &&
           bk_words_equal(entry->words + bk_meta_extra_words(meta), key, length);
}

struct bk_place
bk_table_find(const struct bk_table *table, uint64_t hash, const void *key, size_t length)
{
    struct bk_bucket *bucket = bk_index_home(table->index, hash);
    for (uint32_t i = 0; i < bk_table_bucket_count(table); i++) {
        uint64_t state = bk_load64(&bucket->state);
        unsigned int matches = bk_match_tags(bk_load64(&bucket->tags), state, bk_hash_tag(hash));
        for (; matches != 0; matches &= matches - 1) {
            unsigned int slot = (unsigned int)__builtin_ctz(matches);
            if (has_key(
                    bk_entry_at(table->index->arena, bk_load32(&bucket->handles[slot])), key,
                    length))
                return (struct bk_place){bucket, slot};
        }
        if (overflow_of(state) == 0)
            break;
        bucket = bk_index_following(table->index, bucket);
    }
    return (struct bk_place){NULL, 0};
}

struct bk_place bk_table_locate(const struct bk_table *table, uint64_t hash, uint32_t handle)
{
    struct bk_bucket *bucket = bk_index_home(table->index, hash);
    for (;;) {
        unsigned int matches = bk_match_tags(
            bk_load64(&bucket->tags), bk_load64(&bucket->state), bk_hash_tag(hash));
        for (; matches != 0; matches &= matches - 1) {
            unsigned int slot = (unsigned int)__builtin_ctz(matches);
            if (bk_load32(&bucket->handles[slot]) == handle)
                return (struct bk_place){bucket, slot};
        }
        bucket = bk_index_following(table->index, bucket);
    }
}

static uint64_t with_tag(struct bk_bucket *bucket, uint64_t state, unsigned int slot, uint8_t tag)
{
    if (slot >= 8) {
        unsigned int shift = 8 * (slot - 8);
        return (state & ~(UINT64_C(0xff) << shift)) | (uint64_t)tag << shift;
    }
    unsigned int shift = 8 * slot;
    uint64_t tags = bk_load64(&bucket->tags) & ~(UINT64_C(0xff) << shift);
    bk_store64(&bucket->tags, tags | (uint64_t)tag << shift);
    return state;
}

/* A count that has reached its maximum stays there: lookups then always go on. */
static void add_overflow(struct bk_bucket *bucket, bool has_pins)
{
    uint64_t state = bk_bucket_lock(bucket, has_pins);
    if (overflow_of(state) < 255)
        state += BK_STATE_OVERFLOW_ONE;
    bk_bucket_unlock(bucket, state);
}

static void drop_overflow(struct bk_bucket *bucket, bool has_pins)
{
    uint64_t state = bk_bucket_lock(bucket, has_pins);
    if (overflow_of(state) < 255)
        state -= BK_STATE_OVERFLOW_ONE;
    bk_bucket_unlock(bucket, state);
}

static unsigned int empty_slots(const struct bk_bucket *bucket)
{
    unsigned int slots = bk_match_tags(bk_load64(&bucket->tags), bk_load64(&bucket->state), 0);
    for (unsigned int rest = slots; rest != 0; rest &= rest - 1)
        if (bk_load32(&bucket->handles[__builtin_ctz(rest)]) != 0)
            slots &= ~(rest & -rest); /* it only has that tag */
    return slots;
}

enum {
    AWAY_SHIFT = 2 * BK_SLOTS,
    AWAY_SLOTS_MASK = (1 << BK_AWAY_SLOTS) - 1,
};

static unsigned int away_slots(const struct bk_bucket *bucket)
{
    return bk_load32(&bucket->frequencies) >> AWAY_SHIFT;
}

static void set_away(struct bk_place place, bool is_away)
{
    if (place.slot >= BK_AWAY_SLOTS)
        return;
    uint32_t bit = 1U << (AWAY_SHIFT + place.slot);
    uint32_t others = bk_load32(&place.bucket->frequencies) & ~bit;
    bk_store32(&place.bucket->frequencies, is_away ? others | bit : others);
}

static void fill_slot(
    struct bk_place place, uint8_t tag, uint32_t handle, unsigned int frequency, bool is_away,
    bool has_pins)
{
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    bk_store32(&place.bucket->handles[place.slot], handle);
    bk_place_set_frequency(place, frequency);
    set_away(place, is_away);
    state = with_tag(place.bucket, state, place.slot, tag);
    bk_bucket_unlock(place.bucket, state);
}

static void empty_slot(struct bk_place place, bool has_pins)
{
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    state = with_tag(place.bucket, state, place.slot, 0);
    bk_store32(&place.bucket->handles[place.slot], 0);
    set_away(place, false);
    bk_bucket_unlock(place.bucket, state);
}

/*
 * The entry is put in place before the buckets that point onwards to it are
 * told, so that a reader sees it completely or not at all.
 */
struct bk_place
bk_table_insert(struct bk_table *table, uint64_t hash, uint32_t handle, bool has_pins)
{
    struct bk_bucket *home = bk_index_home(table->index, hash);
    struct bk_bucket *bucket = home;
    unsigned int empty = empty_slots(home);
    while (empty == 0) {
        bucket = bk_index_following(table->index, bucket);
        empty = empty_slots(bucket) & AWAY_SLOTS_MASK;
    }
    struct bk_place place = {bucket, (unsigned int)__builtin_ctz(empty)};
    fill_slot(place, bk_hash_tag(hash), handle, 0, bucket != home, has_pins);
    for (struct bk_bucket *passed = home; passed != bucket;
         passed = bk_index_following(table->index, passed))
        add_overflow(passed, has_pins);
    table->used_slots++;
    return place;
}

/* How many buckets after `from` the bucket `to` comes. */
static size_t distance(const struct bk_table *table, struct bk_bucket *from, struct bk_bucket *to)
{
    size_t count = bk_table_bucket_count(table);
    return (size_t)(to - from) < count ? (size_t)(to - from) : (size_t)(to - from) + count;
}

/*
 * An entry in `bucket` that had to pass `passed`; false if there is none. A
 * reader who counts a hit may undo a change of the bits for slots away from home,
 * so they are a hint: what counts is where the entry's home is.
 */
static bool find_passed(
    const struct bk_table *table, struct bk_bucket *passed, struct bk_bucket *bucket,
    struct bk_place *found, uint64_t *hash)
{
    for (unsigned int away = away_slots(bucket); away != 0; away &= away - 1) {
        *found = (struct bk_place){bucket, (unsigned int)__builtin_ctz(away)};
        uint32_t handle = bk_place_handle(*found);
        if (handle == 0)
            continue;
        *hash = table->rehash(table->rehash_ctx, handle);
        struct bk_bucket *home = bk_index_home(table->index, *hash);
        if (distance(table, home, bucket) >= distance(table, passed, bucket))
            return true;
    }
    return false;
}

enum {
    /*
     * How far to look for an entry that belongs in a free slot. In a full cache,
     * after many evictions, a lookup of a missing key reads 10 buckets with 1
     * here, 3.6 with 4 and 3.0 with 8; right after filling it is 3.7.
     */
    PULL_BUCKETS = 4,
};

/* The nearest entry that had to pass `passed`. */
static bool find_nearest_passed(
    const struct bk_table *table, struct bk_bucket *passed, struct bk_place *found, uint64_t *hash)
{
    struct bk_bucket *bucket = passed;
    for (int i = 0; i < PULL_BUCKETS; i++) {
        bucket = bk_index_following(table->index, bucket);
        if (find_passed(table, passed, bucket, found, hash))
            return true;
    }
    return false;
}

/*
 * Fills a free slot with an entry that had to pass this bucket, and so on with
 * the slot that becomes free there. An entry is in its new place before it is
 * gone from the old one; see bk_match_find for readers who look the other way.
 */
static void pull_back(struct bk_table *table, struct bk_place free, bool has_pins)
{
    while (overflow_of(bk_load64(&free.bucket->state)) != 0) {
        struct bk_place from;
        uint64_t hash;
        if (!find_nearest_passed(table, free.bucket, &from, &hash))
            return;
        bool is_away = bk_index_home(table->index, hash) != free.bucket;
        if (is_away && (AWAY_SLOTS_MASK >> free.slot & 1) == 0)
            return;
        uint32_t handle = bk_place_handle(from);
        fill_slot(free, bk_hash_tag(hash), handle, bk_place_frequency(from), is_away, has_pins);
        empty_slot(from, has_pins);
        for (struct bk_bucket *passed = free.bucket; passed != from.bucket;
             passed = bk_index_following(table->index, passed))
            drop_overflow(passed, has_pins);
        free = from;
    }
}

void bk_table_remove(struct bk_table *table, uint64_t hash, struct bk_place place, bool has_pins)
{
    empty_slot(place, has_pins);
    for (struct bk_bucket *passed = bk_index_home(table->index, hash); passed != place.bucket;
         passed = bk_index_following(table->index, passed))
        drop_overflow(passed, has_pins);
    table->used_slots--;
    pull_back(table, place, has_pins);
}

void bk_table_replace(struct bk_place place, uint32_t handle, bool has_pins)
{
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    bk_store32(&place.bucket->handles[place.slot], handle);
    bk_bucket_unlock(place.bucket, state);
}

static void move_bucket(struct bk_table *into, struct bk_bucket *bucket)
{
    unsigned int used = ~empty_slots(bucket) & BK_SLOTS_MASK;
    for (; used != 0; used &= used - 1) {
        struct bk_place from = {bucket, (unsigned int)__builtin_ctz(used)};
        uint32_t handle = bk_place_handle(from);
        struct bk_place to = bk_table_insert(
            into, into->rehash(into->rehash_ctx, handle), handle, false);
        bk_place_set_frequency(to, bk_place_frequency(from));
    }
}

/*
 * Shows readers the other array, and gives back the pages of this one. Whoever
 * still reads it finds at the end that the generation has changed. Passing once
 * through each lock makes sure that no pin is under way there: whoever takes the
 * lock later sees the new generation.
 */
static void publish(struct bk_table *table, uint64_t bucket_count, bool has_pins)
{
    struct bk_index *index = table->index;
    struct bk_bucket *old = array_of(table, table->current);
    uint64_t old_count = bk_load64(&index->bucket_count);
    uint64_t generation = bk_load64(&index->generation);
    struct bk_region *left = &table->regions[table->current];
    table->current ^= 1;

    bk_store64(&index->generation, generation + 1);
    atomic_store_explicit(&index->buckets, array_of(table, table->current), memory_order_release);
    bk_store64(&index->bucket_count, bucket_count);
    bk_store64(&index->generation, generation + 2);

    for (uint64_t i = 0; has_pins && i < old_count; i++)
        bk_bucket_unlock(&old[i], bk_bucket_lock(&old[i], true));
    bk_region_discard(left, 0, left->usable_bytes);
}

/* Both arrays must be mapped as far as either count reaches, see bk_index_home. */
static bool grow_regions(struct bk_table *table, uint64_t bucket_count)
{
    uint64_t old_count = bk_load64(&table->index->bucket_count);
    size_t bytes = (old_count > bucket_count ? old_count : bucket_count) * sizeof(struct bk_bucket);
    return bk_region_grow(&table->regions[0], bytes) && bk_region_grow(&table->regions[1], bytes);
}

/*
 * Versions in the array that comes next begin where no reader can have seen them
 * when it was last in use, short of 2^15 rebuilds during one lookup; and so the
 * state of no bucket in use is zero.
 */
static void date_versions(struct bk_table *table, uint64_t bucket_count)
{
    struct bk_bucket *buckets = array_of(table, table->current ^ 1);
    uint64_t rebuilds = bk_load64(&table->index->generation) / 2 + 1;
    uint64_t version = (rebuilds << 17 | 2) & UINT32_MAX;
    for (uint64_t i = 0; i < bucket_count; i++)
        bk_store64(&buckets[i].state, bk_load64(&buckets[i].state) + (version << 32));
}

/* The new array is filled through a table of its own, which nobody sees. */
bool bk_table_rebuild(struct bk_table *table, uint32_t bucket_count, bool has_pins)
{
    if (!grow_regions(table, bucket_count))
        return false;
    struct bk_index unseen = {.bucket_count = bucket_count};
    atomic_init(&unseen.buckets, array_of(table, table->current ^ 1));
    struct bk_table fresh = {
        .index = &unseen, .rehash = table->rehash, .rehash_ctx = table->rehash_ctx};
    struct bk_bucket *old = array_of(table, table->current);
    for (uint32_t i = 0; i < bk_table_bucket_count(table); i++)
        move_bucket(&fresh, &old[i]);
    date_versions(table, bucket_count);
    publish(table, bucket_count, has_pins);
    return true;
}

/* Small enough to need no memory that is not there. */
void bk_table_clear(struct bk_table *table, bool has_pins)
{
    date_versions(table, BK_TABLE_FIRST_BUCKETS);
    publish(table, BK_TABLE_FIRST_BUCKETS, has_pins);
    table->used_slots = 0;
}
