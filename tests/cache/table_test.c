/* SPDX-License-Identifier: Apache-2.0 */
/* The index of cache/table.h against an array of what is in it, with hashes of any kind. */
#include "cache/table.h"
#include "tests/support/brisk_test.h"

enum {
    HANDLES = 4000, /* 1 and up; an entry is nothing but its hash here */
    INDEX_BYTES = 64 << 20,
    MOST_ABROAD = 31,
};

struct shelf {
    struct bk_index index;
    struct bk_table table;
    uint64_t hashes[HANDLES + 1];
    bool is_in[HANDLES + 1];
    unsigned int frequencies[HANDLES + 1];
    uint64_t entries;
    struct test_random random;
};

static uint64_t hash_of(void *ctx, uint32_t handle)
{
    const struct shelf *shelf = ctx;
    return shelf->hashes[handle];
}

static struct shelf *open_shelf(void)
{
    static struct shelf shelf;
    memset(&shelf, 0, sizeof shelf);
    shelf.random = test_random_new();
    for (uint32_t i = 1; i <= HANDLES; i++)
        shelf.hashes[i] = test_random_next(&shelf.random);
    assert_true(bk_table_init(&shelf.table, &shelf.index, NULL, INDEX_BYTES, hash_of, &shelf));
    return &shelf;
}

static void close_shelf(struct shelf *shelf)
{
    bk_table_free(&shelf->table);
}

static void grow(struct shelf *shelf)
{
    uint32_t buckets = bk_table_bucket_count(&shelf->table);
    assert_true(bk_table_rebuild(&shelf->table, buckets + buckets / 8 + 1, false));
}

static void put(struct shelf *shelf, uint32_t handle)
{
    if (!bk_table_has_room(&shelf->table, shelf->entries))
        grow(shelf);
    struct bk_place place;
    while ((place = bk_table_slot(&shelf->table, shelf->hashes[handle], false)).bucket == NULL)
        grow(shelf);
    bk_table_insert(&shelf->table, place, shelf->hashes[handle], handle, false);
    shelf->frequencies[handle] = (unsigned int)test_random_below(&shelf->random, 4);
    bk_place_set_frequency(place, shelf->frequencies[handle]);
    shelf->is_in[handle] = true;
    shelf->entries++;
}

static void take(struct shelf *shelf, uint32_t handle)
{
    struct bk_place place = bk_table_locate(&shelf->table, shelf->hashes[handle], handle);
    bk_table_remove(&shelf->table, shelf->hashes[handle], place, false);
    shelf->is_in[handle] = false;
    shelf->entries--;
}

/* Entry by entry: it is where it may be, as a guest or not, with its frequency. */
static void assert_found(struct shelf *shelf, uint32_t handle, uint8_t *abroad)
{
    struct bk_buckets buckets = bk_index_buckets(&shelf->index);
    uint64_t hash = shelf->hashes[handle];
    struct bk_bucket *home = bk_home_of(buckets, hash);
    struct bk_place place = bk_table_locate(&shelf->table, hash, handle);
    assert_u64(bk_place_handle(place), handle);
    bool is_guest = place.bucket != home;
    uint64_t state = bk_load64(&place.bucket->state);
    assert_true(!is_guest || place.bucket == bk_other_of(buckets, home, bk_hash_tag(hash)));
    assert_int_equal(state >> (BK_STATE_GUESTS_SHIFT + place.slot) & 1, is_guest);
    assert_u64(bk_place_frequency(place), shelf->frequencies[handle]);
    abroad[home - buckets.first] += is_guest;
}

/* Bucket by bucket: as many abroad as it says, and nothing that is not in the table. */
static void assert_sound(struct shelf *shelf)
{
    static uint8_t abroad[INDEX_BYTES / sizeof(struct bk_bucket)];
    struct bk_buckets buckets = bk_index_buckets(&shelf->index);
    memset(abroad, 0, buckets.count);
    for (uint32_t handle = 1; handle <= HANDLES; handle++)
        if (shelf->is_in[handle])
            assert_found(shelf, handle, abroad);
    uint64_t used = 0;
    for (uint64_t i = 0; i < buckets.count; i++) {
        uint64_t state = bk_load64(&buckets.first[i].state);
        uint64_t count = (state & BK_STATE_ABROAD_MASK) >> BK_STATE_ABROAD_SHIFT;
        assert_true(count == abroad[i] || count == MOST_ABROAD); /* which it stays */
        assert_true((state & BK_STATE_LOCKED) == 0);
        for (unsigned int slot = 0; slot < BK_SLOTS; slot++)
            used += bk_load32(&buckets.first[i].handles[slot]) != 0;
    }
    assert_u64(used, shelf->entries);
}

static void entries_that_come_and_go_stay_where_lookups_find_them(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    for (uint32_t step = 0; step < 200000; step++) {
        uint32_t handle = 1 + (uint32_t)test_random_below(&shelf->random, HANDLES);
        if (shelf->is_in[handle])
            take(shelf, handle);
        else
            put(shelf, handle);
        if (step % 5000 == 0)
            assert_sound(shelf);
    }
    assert_sound(shelf);
    close_shelf(shelf);
}

/* As a cache does: the oldest leaves for every newcomer. */
static void a_full_index_stays_sound_and_does_not_grow(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    uint32_t buckets = bk_table_buckets_for(HANDLES / 2);
    assert_true(bk_table_rebuild(&shelf->table, buckets, false));
    for (uint32_t step = 0; step < 100000; step++) {
        uint32_t handle = 1 + step % HANDLES;
        if (step >= HANDLES / 2)
            take(shelf, 1 + (step - HANDLES / 2) % HANDLES);
        shelf->hashes[handle] = test_random_next(&shelf->random);
        put(shelf, handle);
    }
    assert_sound(shelf);
    assert_true(bk_table_bucket_count(&shelf->table) <= buckets + buckets / 4);
    close_shelf(shelf);
}

/* With one tag there is one other bucket for each: nothing to choose from. */
static void keys_of_one_tag_are_all_found(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    for (uint32_t handle = 1; handle <= HANDLES; handle++) {
        shelf->hashes[handle] &= ~(UINT64_C(0xff) << 32);
        put(shelf, handle);
    }
    assert_sound(shelf);
    for (uint32_t handle = 1; handle <= HANDLES; handle += 2)
        take(shelf, handle);
    assert_sound(shelf);
    close_shelf(shelf);
}

static void a_home_with_more_abroad_than_it_can_count_is_looked_beyond_for_good(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    assert_true(bk_table_rebuild(&shelf->table, 1000, false));
    for (uint32_t handle = 1; handle <= 60; handle++) {
        shelf->hashes[handle] = UINT64_C(0x12345678) | (uint64_t)handle << 32;
        put(shelf, handle);
    }
    assert_sound(shelf);
    assert_u64(bk_table_bucket_count(&shelf->table), 1000);
    for (uint32_t handle = 1; handle <= 60; handle += 3)
        take(shelf, handle);
    assert_sound(shelf);
    struct bk_bucket *home = bk_index_home(&shelf->index, shelf->hashes[2]);
    assert_true(bk_state_has_abroad(bk_load64(&home->state)));
    close_shelf(shelf);
}

static void keys_of_the_very_same_hash_fill_two_buckets_and_no_more(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    assert_true(bk_table_rebuild(&shelf->table, 100, false));
    for (uint32_t handle = 1; handle <= 2 * BK_SLOTS; handle++) {
        shelf->hashes[handle] = UINT64_C(0x1234567812345678);
        put(shelf, handle);
    }
    assert_sound(shelf);
    assert_u64(bk_table_bucket_count(&shelf->table), 100);
    assert_null(bk_table_slot(&shelf->table, shelf->hashes[1], false).bucket);
    assert_false(bk_table_may_grow(&shelf->table, shelf->entries));
    for (uint32_t handle = 1; handle <= 2 * BK_SLOTS; handle++)
        take(shelf, handle);
    assert_sound(shelf);
    close_shelf(shelf);
}

static void a_smaller_index_takes_what_there_is(void **state)
{
    (void)state;
    struct shelf *shelf = open_shelf();
    for (uint32_t handle = 1; handle <= HANDLES; handle++)
        put(shelf, handle);
    for (uint32_t handle = 200; handle <= HANDLES; handle++)
        take(shelf, handle);
    assert_true(bk_table_rebuild(&shelf->table, bk_table_buckets_for(199), false));
    assert_sound(shelf);
    bk_table_clear(&shelf->table, false);
    memset(shelf->is_in, 0, sizeof shelf->is_in);
    shelf->entries = 0;
    assert_sound(shelf);
    close_shelf(shelf);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(entries_that_come_and_go_stay_where_lookups_find_them),
    cmocka_unit_test(a_full_index_stays_sound_and_does_not_grow),
    cmocka_unit_test(keys_of_one_tag_are_all_found),
    cmocka_unit_test(a_home_with_more_abroad_than_it_can_count_is_looked_beyond_for_good),
    cmocka_unit_test(keys_of_the_very_same_hash_fill_two_buckets_and_no_more),
    cmocka_unit_test(a_smaller_index_takes_what_there_is))
