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
        BK_WORD_STEP(&bucket->state, 1);
        if (atomic_compare_exchange_weak_explicit(
                &bucket->state, &state, state | BK_STATE_LOCKED, memory_order_acquire,
                memory_order_acquire))
            return state;
        bk_pause(tries);
    }
}

static bool has_key(const struct bk_entry *entry, const void *key, size_t length)
{
    uint32_t meta = bk_load32(&entry->meta);
    return bk_meta_key_length(meta) == length &&
           bk_words_equal(entry->words + bk_meta_extra_words(meta), key, length);
}

static inline unsigned int slots_with(const struct bk_bucket *bucket, uint8_t tag)
{
    return bk_match_tags(bk_load64(&bucket->tags), bk_load64(&bucket->state), tag);
}

/* Among the slots of one bucket that have the tag. */
static inline bool find_in(
    const struct bk_table *table, struct bk_place *place, uint8_t tag, const void *key,
    size_t length)
{
    for (unsigned int slots = slots_with(place->bucket, tag); slots != 0; slots &= slots - 1) {
        place->slot = (unsigned int)__builtin_ctz(slots);
        if (has_key(bk_entry_at(table->index->arena, bk_place_handle(*place)), key, length))
            return true;
    }
    return false;
}

struct bk_place
bk_table_find(const struct bk_table *table, uint64_t hash, const void *key, size_t length)
{
    struct bk_buckets buckets = bk_index_buckets(table->index);
    struct bk_bucket *home = bk_home_of(buckets, hash);
    uint8_t tag = bk_hash_tag(hash);
    struct bk_place place = {home, 0};
    if (find_in(table, &place, tag, key, length))
        return place;
    place.bucket = bk_other_of(buckets, home, tag);
    if (bk_state_has_abroad(bk_load64(&home->state)) && find_in(table, &place, tag, key, length))
        return place;
    return (struct bk_place){NULL, 0};
}

static inline bool locate_in(struct bk_place *place, uint8_t tag, uint32_t handle)
{
    for (unsigned int slots = slots_with(place->bucket, tag); slots != 0; slots &= slots - 1) {
        place->slot = (unsigned int)__builtin_ctz(slots);
        if (bk_place_handle(*place) == handle)
            return true;
    }
    return false;
}

struct bk_place bk_table_locate(const struct bk_table *table, uint64_t hash, uint32_t handle)
{
    struct bk_buckets buckets = bk_index_buckets(table->index);
    struct bk_place place = {bk_home_of(buckets, hash), 0};
    uint8_t tag = bk_hash_tag(hash);
    if (locate_in(&place, tag, handle))
        return place;
    place.bucket = bk_other_of(buckets, place.bucket, tag);
    locate_in(&place, tag, handle);
    return place;
}

static uint8_t tag_of(struct bk_place place)
{
    bool is_high = place.slot >= 8;
    uint64_t tags = bk_load64(is_high ? &place.bucket->state : &place.bucket->tags);
    return (uint8_t)(tags >> 8 * (place.slot & 7));
}

/* The steps of a change to a bucket: on its locked state, which they return anew. */
/* Without a branch, which could not be predicted. */
static inline uint64_t set_tag(struct bk_place place, uint64_t state, uint8_t tag)
{
    uint64_t byte = UINT64_C(0xff) << 8 * (place.slot & 7);
    uint64_t in_tags = place.slot < 8 ? byte : 0;
    uint64_t in_state = place.slot < 8 ? 0 : byte;
    uint64_t repeated = UINT64_C(0x0101010101010101) * tag;
    uint64_t tags = bk_load64(&place.bucket->tags);
    bk_store64(&place.bucket->tags, (tags & ~in_tags) | (repeated & in_tags));
    return (state & ~in_state) | (repeated & in_state);
}

static uint64_t guest_bit(struct bk_place place)
{
    return UINT64_C(1) << (BK_STATE_GUESTS_SHIFT + place.slot);
}

static uint64_t
fill(struct bk_place place, uint64_t state, uint8_t tag, uint32_t handle, unsigned int frequency)
{
    bk_store32(&place.bucket->handles[place.slot], handle);
    bk_place_set_frequency(place, frequency);
    return set_tag(place, state, tag);
}

static uint64_t empty(struct bk_place place, uint64_t state)
{
    bk_store32(&place.bucket->handles[place.slot], 0);
    return set_tag(place, state & ~guest_bit(place), 0);
}

/* A count that has reached its maximum stays there: lookups then always go on. */
static uint64_t one_more_abroad(uint64_t state)
{
    bool is_full = (state & BK_STATE_ABROAD_MASK) == BK_STATE_ABROAD_MASK;
    return is_full ? state : state + BK_STATE_ABROAD_ONE;
}

static uint64_t one_less_abroad(uint64_t state)
{
    bool is_full = (state & BK_STATE_ABROAD_MASK) == BK_STATE_ABROAD_MASK;
    return is_full ? state : state - BK_STATE_ABROAD_ONE;
}

static unsigned int guests_of(const struct bk_bucket *bucket)
{
    return (unsigned int)(bk_load64(&bucket->state) >> BK_STATE_GUESTS_SHIFT) & BK_SLOTS_MASK;
}

/* An empty slot, BK_SLOTS if there is none: they have the tag 0, but so may others. */
static inline unsigned int empty_slot(const struct bk_bucket *bucket)
{
    for (unsigned int slots = slots_with(bucket, 0); slots != 0; slots &= slots - 1) {
        unsigned int slot = (unsigned int)__builtin_ctz(slots);
        if (bk_load32(&bucket->handles[slot]) == 0)
            return slot;
    }
    return BK_SLOTS;
}

/*
 * Moves an entry from one of its buckets to the other. It is in its new place
 * before it is gone from the old one, and its home changes in one step, so that a
 * reader finds it or sees that its home has changed.
 */
static void move_guest_home(struct bk_place from, struct bk_place home, bool has_pins)
{
    uint64_t state = bk_bucket_lock(home.bucket, has_pins);
    state = fill(home, state, tag_of(from), bk_place_handle(from), bk_place_frequency(from));
    bk_bucket_unlock(home.bucket, one_less_abroad(state));
    state = bk_bucket_lock(from.bucket, has_pins);
    bk_bucket_unlock(from.bucket, empty(from, state));
}

static void move_abroad(struct bk_place home, struct bk_place to, bool has_pins)
{
    uint64_t state = bk_bucket_lock(to.bucket, has_pins);
    state = fill(to, state, tag_of(home), bk_place_handle(home), bk_place_frequency(home));
    bk_bucket_unlock(to.bucket, state | guest_bit(to));
    state = bk_bucket_lock(home.bucket, has_pins);
    bk_bucket_unlock(home.bucket, one_more_abroad(empty(home, state)));
}

/*
 * Frees one of the slots by moving its entry to its other bucket; BK_SLOTS if none
 * can. `depth` is how many others may have to move for that.
 */
static unsigned int free_one_of(
    struct bk_buckets buckets, struct bk_bucket *bucket, unsigned int slots, bool has_pins,
    unsigned int depth)
{
    for (; slots != 0; slots &= slots - 1) {
        struct bk_place from = {bucket, (unsigned int)__builtin_ctz(slots)};
        struct bk_place to = {bk_other_of(buckets, bucket, tag_of(from)), 0};
        if (to.bucket == bucket)
            continue;
        to.slot = empty_slot(to.bucket);
        if (to.slot == BK_SLOTS && depth != 0)
            to.slot = free_one_of(buckets, to.bucket, BK_SLOTS_MASK, has_pins, depth - 1);
        if (to.slot == BK_SLOTS)
            continue;
        if ((guests_of(bucket) >> from.slot & 1) != 0)
            move_guest_home(from, to, has_pins);
        else
            move_abroad(from, to, has_pins);
        return from.slot;
    }
    return BK_SLOTS;
}

/*
 * Guests are sent home even if the newcomer could go abroad instead: in a cache
 * that is always full, 53 % of the buckets then have entries abroad and not 72 %.
 */
static __attribute__((noinline)) struct bk_place
make_slot(struct bk_buckets buckets, struct bk_bucket *home, uint8_t tag, bool has_pins)
{
    unsigned int guests = guests_of(home);
    struct bk_place place = {home, free_one_of(buckets, home, guests, has_pins, 0)};
    if (place.slot != BK_SLOTS)
        return place;
    struct bk_bucket *other = bk_other_of(buckets, home, tag);
    unsigned int slot = empty_slot(other);
    if (slot != BK_SLOTS)
        return (struct bk_place){other, slot};
    for (unsigned int depth = 0; depth < 2; depth++) {
        place.slot = free_one_of(buckets, home, BK_SLOTS_MASK, has_pins, depth);
        if (place.slot != BK_SLOTS)
            return place;
        slot = free_one_of(buckets, other, BK_SLOTS_MASK, has_pins, depth);
        if (slot != BK_SLOTS)
            return (struct bk_place){other, slot};
    }
    return (struct bk_place){NULL, 0};
}

struct bk_place bk_table_slot(const struct bk_table *table, uint64_t hash, bool has_pins)
{
    struct bk_buckets buckets = bk_index_buckets(table->index);
    struct bk_bucket *home = bk_home_of(buckets, hash);
    unsigned int slot = empty_slot(home);
    if (__builtin_expect(slot != BK_SLOTS, 1))
        return (struct bk_place){home, slot};
    return make_slot(buckets, home, bk_hash_tag(hash), has_pins);
}

void bk_table_insert(
    const struct bk_table *table, struct bk_place place, uint64_t hash, uint32_t handle,
    bool has_pins)
{
    struct bk_bucket *home = bk_index_home(table->index, hash);
    uint64_t guest = place.bucket == home ? 0 : guest_bit(place);
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    state = fill(place, state, bk_hash_tag(hash), handle, 0);
    bk_bucket_unlock(place.bucket, state | guest);
    if (guest != 0) { /* only now do lookups go on to it */
        state = bk_bucket_lock(home, has_pins);
        bk_bucket_unlock(home, one_more_abroad(state));
    }
}

void bk_table_remove(
    const struct bk_table *table, uint64_t hash, struct bk_place place, bool has_pins)
{
    bool is_guest = (bk_load64(&place.bucket->state) & guest_bit(place)) != 0;
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    bk_bucket_unlock(place.bucket, empty(place, state));
    if (is_guest) {
        struct bk_bucket *home = bk_index_home(table->index, hash);
        state = bk_bucket_lock(home, has_pins);
        bk_bucket_unlock(home, one_less_abroad(state));
    }
}

void bk_table_replace(struct bk_place place, uint32_t handle, bool has_pins)
{
    uint64_t state = bk_bucket_lock(place.bucket, has_pins);
    bk_store32(&place.bucket->handles[place.slot], handle);
    bk_bucket_unlock(place.bucket, state);
}

/* False if some entry finds no slot. */
static bool copy_bucket(struct bk_table *into, struct bk_bucket *bucket)
{
    for (unsigned int slot = 0; slot < BK_SLOTS; slot++) {
        struct bk_place from = {bucket, slot};
        uint32_t handle = bk_place_handle(from);
        if (handle == 0)
            continue;
        uint64_t hash = into->rehash(into->rehash_ctx, handle);
        struct bk_place to = bk_table_slot(into, hash, false);
        if (to.bucket == NULL)
            return false;
        bk_table_insert(into, to, hash, handle, false);
        bk_place_set_frequency(to, bk_place_frequency(from));
    }
    return true;
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
    BK_WORD_STEP(&index->buckets, 1);
    atomic_store_explicit(&index->buckets, array_of(table, table->current), memory_order_release);
    bk_store64(&index->bucket_count, bucket_count);
    bk_store64(&index->generation, generation + 2);

    for (uint64_t i = 0; has_pins && i < old_count; i++)
        bk_bucket_unlock(&old[i], bk_bucket_lock(&old[i], true));
    bk_region_discard(left, 0, left->usable_bytes);
}

/* Both arrays must be mapped as far as either count reaches, see bk_index_buckets. */
static bool grow_regions(struct bk_table *table, uint64_t bucket_count)
{
    uint64_t old_count = bk_load64(&table->index->bucket_count);
    size_t bytes = (old_count > bucket_count ? old_count : bucket_count) * sizeof(struct bk_bucket);
    return bk_region_grow(&table->regions[0], bytes) && bk_region_grow(&table->regions[1], bytes);
}

/*
 * Versions in the array that comes next begin where no reader can have seen them
 * when it was last in use, short of 2^12 rebuilds during one lookup; and so the
 * state of no bucket in use is zero. Before anything is in it: a reader who is that
 * late would take it for the array that it knew.
 */
static void date_versions(struct bk_table *table, uint64_t bucket_count)
{
    struct bk_bucket *buckets = array_of(table, table->current ^ 1);
    uint64_t rebuilds = bk_load64(&table->index->generation) / 2 + 1;
    uint64_t version = rebuilds << 11 | 1;
    for (uint64_t i = 0; i < bucket_count; i++)
        bk_store64(&buckets[i].state, version << BK_STATE_VERSION_SHIFT);
}

/* Fills the array that nobody sees, through a table of its own. */
static bool copy_all(struct bk_table *table, uint32_t bucket_count)
{
    struct bk_index unseen = {.bucket_count = bucket_count};
    atomic_init(&unseen.buckets, array_of(table, table->current ^ 1));
    struct bk_table fresh = {
        .index = &unseen, .rehash = table->rehash, .rehash_ctx = table->rehash_ctx};
    struct bk_bucket *old = array_of(table, table->current);
    for (uint32_t i = 0; i < bk_table_bucket_count(table); i++)
        if (!copy_bucket(&fresh, &old[i]))
            return false;
    return true;
}

bool bk_table_rebuild(struct bk_table *table, uint32_t bucket_count, bool has_pins)
{
    struct bk_region *unseen = &table->regions[table->current ^ 1];
    uint32_t most = 2 * bucket_count;
    while (bucket_count <= most && grow_regions(table, bucket_count)) {
        date_versions(table, bucket_count);
        if (copy_all(table, bucket_count)) {
            publish(table, bucket_count, has_pins);
            return true;
        }
        bk_region_discard(unseen, 0, unseen->usable_bytes);
        bucket_count += bucket_count / 8 + 1;
    }
    return false;
}

/* Small enough to need no memory that is not there. */
void bk_table_clear(struct bk_table *table, bool has_pins)
{
    date_versions(table, BK_TABLE_FIRST_BUCKETS);
    publish(table, BK_TABLE_FIRST_BUCKETS, has_pins);
}
