/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ghost_sketch.h"
#include "cache/hash.h"

#include "tests/support/brisk_test.h"

/* splitmix64: what a good hash of a number is like. */
static uint64_t hash_of(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static struct bk_ghost_sketch sketch_of(uint64_t capacity)
{
    struct bk_ghost_sketch sketch;
    assert_true(bk_ghost_sketch_init(&sketch, capacity));
    return sketch;
}

static enum bk_origin take(struct bk_ghost_sketch *sketch, uint64_t hash)
{
    bool is_late;
    return bk_ghost_sketch_take(sketch, hash, &is_late);
}

static void a_key_is_found_once_with_its_origin(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(1000);

    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, hash_of(2), BK_ORIGIN_MAIN);

    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_SMALL);
    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_NONE);
    assert_i64(take(&sketch, hash_of(2)), BK_ORIGIN_MAIN);
    assert_i64(take(&sketch, hash_of(2)), BK_ORIGIN_NONE);
    bk_ghost_sketch_free(&sketch);
}

static void it_counts_its_keys_by_origin(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(1); /* one bucket of two */

    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, hash_of(2), BK_ORIGIN_MAIN);
    assert_u64(sketch.small_count, 1);
    assert_u64(sketch.main_count, 1);

    bk_ghost_sketch_add(&sketch, hash_of(3), BK_ORIGIN_MAIN);
    assert_u64(sketch.small_count, 0);
    assert_u64(sketch.main_count, 2);

    assert_i64(take(&sketch, hash_of(2)), BK_ORIGIN_MAIN);
    assert_u64(sketch.main_count, 1);
    bk_ghost_sketch_clear(&sketch);
    assert_u64(sketch.main_count, 0);
    assert_i64(take(&sketch, hash_of(3)), BK_ORIGIN_NONE);
    bk_ghost_sketch_free(&sketch);
}

static void the_newer_of_two_alike_is_found_first(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(2);

    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_MAIN);

    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_MAIN);
    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_SMALL);
    bk_ghost_sketch_free(&sketch);
}

static void the_older_one_of_a_bucket_is_late(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(2); /* one bucket */
    bool is_late;

    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, hash_of(2), BK_ORIGIN_SMALL);

    assert_i64(bk_ghost_sketch_take(&sketch, hash_of(1), &is_late), BK_ORIGIN_SMALL);
    assert_true(is_late);
    assert_i64(bk_ghost_sketch_take(&sketch, hash_of(2), &is_late), BK_ORIGIN_SMALL);
    assert_false(is_late);
    bk_ghost_sketch_free(&sketch);
}

static void it_takes_a_byte_per_key(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 3, 1000, 1001};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct bk_ghost_sketch sketch = sketch_of(capacities[i]);
        assert_u64(bk_ghost_sketch_bytes(&sketch), (capacities[i] + 1) / 2 * 2);
        bk_ghost_sketch_free(&sketch);
    }
}

static void one_for_no_keys_knows_none(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(0);

    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);

    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_NONE);
    assert_u64(bk_ghost_sketch_bytes(&sketch), 0);
    bk_ghost_sketch_clear(&sketch);
    bk_ghost_sketch_free(&sketch);
}

static void another_size_starts_anew_and_the_same_one_keeps_the_keys(void **state)
{
    (void)state;
    struct bk_ghost_sketch sketch = sketch_of(100);
    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, hash_of(2), BK_ORIGIN_SMALL);

    bk_ghost_sketch_resize(&sketch, 100);
    assert_i64(take(&sketch, hash_of(1)), BK_ORIGIN_SMALL);

    bk_ghost_sketch_resize(&sketch, 200);
    assert_u64(bk_ghost_sketch_bytes(&sketch), 200);
    assert_u64(sketch.small_count, 0);
    assert_i64(take(&sketch, hash_of(2)), BK_ORIGIN_NONE);
    bk_ghost_sketch_free(&sketch);
}

static void resize_once(bool is_failing, void *ctx)
{
    (void)ctx;
    struct bk_ghost_sketch sketch;
    if (!bk_ghost_sketch_init(&sketch, 100)) {
        assert_true(is_failing);
        assert_u64(bk_ghost_sketch_bytes(&sketch), 0);
        return;
    }
    bk_ghost_sketch_add(&sketch, hash_of(1), BK_ORIGIN_MAIN);

    bk_ghost_sketch_resize(&sketch, 200);

    bool is_resized = bk_ghost_sketch_bytes(&sketch) == 200;
    assert_true(is_resized || is_failing);
    enum bk_origin want = is_resized ? BK_ORIGIN_NONE : BK_ORIGIN_MAIN;
    assert_i64(take(&sketch, hash_of(1)), want);
    bk_ghost_sketch_free(&sketch);
}

static void without_memory_for_another_size_it_stays_as_it_is(void **state)
{
    (void)state;
    for_each_allocation_failure(resize_once, NULL);
}

/*
 * The same with lists: a key is where it is until two others that share its
 * bucket came after it. Which keys share a bucket and a fingerprint is asked of
 * a sketch of its own, so that the model knows nothing of hashes.
 */
enum {
    KEYS = 300,
    CAPACITY = 64,
    STEPS = 200000,
};

struct model_key {
    unsigned int key;
    enum bk_origin origin;
};

struct model {
    struct model_key keys[STEPS]; /* oldest first; origin NONE: taken or pushed out */
    unsigned int count;
    unsigned char shares_bucket[KEYS][KEYS], looks_alike[KEYS][KEYS];
};

static bool finds(uint64_t added, uint64_t taken)
{
    struct bk_ghost_sketch sketch = sketch_of(CAPACITY);
    bk_ghost_sketch_add(&sketch, added, BK_ORIGIN_SMALL);
    bool is_found = take(&sketch, taken) != BK_ORIGIN_NONE;
    bk_ghost_sketch_free(&sketch);
    return is_found;
}

static bool pushes_out(uint64_t added, uint64_t kept)
{
    struct bk_ghost_sketch sketch = sketch_of(CAPACITY);
    bk_ghost_sketch_add(&sketch, kept, BK_ORIGIN_SMALL);
    bk_ghost_sketch_add(&sketch, added, BK_ORIGIN_MAIN);
    bk_ghost_sketch_add(&sketch, added, BK_ORIGIN_MAIN);
    bool is_out = sketch.small_count == 0;
    bk_ghost_sketch_free(&sketch);
    return is_out;
}

static struct model *new_model(void)
{
    struct model *model = calloc(1, sizeof *model);
    for (unsigned int i = 0; i < KEYS; i++)
        for (unsigned int j = 0; j < KEYS; j++) {
            model->looks_alike[i][j] = finds(hash_of(i), hash_of(j));
            model->shares_bucket[i][j] = pushes_out(hash_of(i), hash_of(j));
        }
    return model;
}

static void model_add(struct model *model, unsigned int key, enum bk_origin origin)
{
    unsigned int sharing = 0;
    for (unsigned int i = model->count; i-- > 0;) {
        struct model_key *other = &model->keys[i];
        if (other->origin != BK_ORIGIN_NONE && model->shares_bucket[key][other->key] &&
            ++sharing == 2)
            other->origin = BK_ORIGIN_NONE;
    }
    model->keys[model->count++] = (struct model_key){key, origin};
}

static enum bk_origin model_take(struct model *model, unsigned int key)
{
    for (unsigned int i = model->count; i-- > 0;) {
        struct model_key *other = &model->keys[i];
        enum bk_origin origin = other->origin;
        if (origin == BK_ORIGIN_NONE || !model->looks_alike[other->key][key])
            continue;
        other->origin = BK_ORIGIN_NONE;
        return origin;
    }
    return BK_ORIGIN_NONE;
}

static void model_tidy(struct model *model)
{
    unsigned int kept = 0;
    for (unsigned int i = 0; i < model->count; i++)
        if (model->keys[i].origin != BK_ORIGIN_NONE)
            model->keys[kept++] = model->keys[i];
    model->count = kept;
}

static void it_does_what_a_model_of_lists_does(void **state)
{
    (void)state;
    struct model *model = new_model();
    struct bk_ghost_sketch sketch = sketch_of(CAPACITY);
    unsigned int found = 0;
    for (unsigned int step = 0; step < STEPS; step++) {
        uint64_t dice = hash_of(step + UINT64_C(1000000));
        unsigned int key = (unsigned int)(dice >> 8) % KEYS;
        if (dice % 3 == 0) {
            enum bk_origin want = model_take(model, key);
            assert_i64(take(&sketch, hash_of(key)), want);
            found += want != BK_ORIGIN_NONE;
        } else {
            enum bk_origin origin = dice % 3 == 1 ? BK_ORIGIN_SMALL : BK_ORIGIN_MAIN;
            model_add(model, key, origin);
            bk_ghost_sketch_add(&sketch, hash_of(key), origin);
        }
        model_tidy(model);
        assert_u64((uint64_t)sketch.small_count + sketch.main_count, model->count);
    }
    assert_true(found > STEPS / 30); /* or it compared nothing */
    bk_ghost_sketch_free(&sketch);
    free(model);
}

/*
 * The hashes of numbers in sequence are no more alike than others: of 127
 * fingerprints up to 2 are in a bucket, so that at most 157 of 10,000 strangers
 * are found.
 */
static void numbers_in_a_pattern_do_not_collide_more_than_others(void **state)
{
    (void)state;
    static const uint64_t strides[] = {1,
                                       4096,
                                       UINT64_C(1) << 32,
                                       UINT64_C(1) << 49,
                                       UINT64_C(0x100000001),
                                       UINT64_C(0x5555555555555555)};
    struct bk_hash_key key;
    bk_hash_key_init(&key, 1);
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        struct bk_ghost_sketch sketch = sketch_of(10000);
        unsigned int found = 0;
        for (uint64_t n = 0; n < 20000; n++) {
            uint64_t number = n * strides[i], hash = bk_hash(&key, &number, sizeof number);
            if (n < 10000)
                bk_ghost_sketch_add(&sketch, hash, BK_ORIGIN_SMALL);
            else
                found += take(&sketch, hash) != BK_ORIGIN_NONE;
        }
        assert_that(found > 50 && found < 200, "%u of 10000 with stride %zu", found, i);
        bk_ghost_sketch_free(&sketch);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_key_is_found_once_with_its_origin),
    cmocka_unit_test(it_counts_its_keys_by_origin),
    cmocka_unit_test(the_newer_of_two_alike_is_found_first),
    cmocka_unit_test(the_older_one_of_a_bucket_is_late), cmocka_unit_test(it_takes_a_byte_per_key),
    cmocka_unit_test(one_for_no_keys_knows_none),
    cmocka_unit_test(another_size_starts_anew_and_the_same_one_keeps_the_keys),
    cmocka_unit_test(without_memory_for_another_size_it_stays_as_it_is),
    cmocka_unit_test(it_does_what_a_model_of_lists_does),
    cmocka_unit_test(numbers_in_a_pattern_do_not_collide_more_than_others))
