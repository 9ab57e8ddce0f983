/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/schedule_scene.h"

enum {
    LENGTH = 16,     /* of most values */
    SHARED = 1500,   /* a value that is shared, not copied */
    FULL = BK_SLOTS, /* entries in a full bucket */
    TTL = 100,
};

/* The writers. */
static void insert_newcomer(struct scene *scene)
{
    scene_set(scene, scene->newcomer, 1, LENGTH);
}

static void expect_newcomer(struct scene *scene)
{
    scene_learn(scene, scene->newcomer, 1, LENGTH);
}

static void delete_subject(struct scene *scene)
{
    scene_delete(scene, scene->subject);
}

static void forget_subject(struct scene *scene)
{
    scene_forget(scene, scene->subject);
}

static void ask_all(struct scene *scene)
{
    scene_ask(scene, scene->subject);
    scene_ask(scene, scene->newcomer);
    scene_ask(scene, scene->bystander);
    scene_ask(scene, scene_twin(scene, scene->subject));
}

/* The subject's home is bucket 0, and it is a guest in bucket 1, which is full. */
static void put_a_guest(struct scene *scene)
{
    uint64_t leaver = scene_fill(scene, 0, 2, FULL);
    scene->subject = scene_key(scene, 0, 1);
    scene_put(scene, scene->subject, LENGTH);
    scene_drop(scene, leaver);
    scene->bystander = scene_fill(scene, 1, 3, FULL - 1);
    scene->newcomer = scene_key(scene, 1, 3);
    assert_true(scene_is_guest(scene, scene->subject));
    ask_all(scene);
}

static void expect_guest_at_home(struct scene *scene)
{
    assert_false(scene_is_guest(scene, scene->subject));
    expect_newcomer(scene);
}

static void get_of_a_guest_that_is_sent_home_finds_it(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_a_guest, .act = insert_newcomer, .expect = expect_guest_at_home});
}

static void get_of_a_guest_that_is_deleted_finds_all_of_it_or_nothing(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_a_guest, .act = delete_subject, .expect = forget_subject});
}

/* The subject is in its home, bucket 0, which is full; its other bucket is not. */
static void put_one_that_must_leave(struct scene *scene)
{
    scene->subject = scene_fill(scene, 0, 2, 1);
    scene->bystander = scene_fill(scene, 0, 1, FULL - 1);
    scene_fill(scene, 1, 3, FULL);
    scene->newcomer = scene_key(scene, 0, 1);
    assert_false(scene_is_guest(scene, scene->subject));
    ask_all(scene);
}

static void expect_subject_abroad(struct scene *scene)
{
    assert_true(scene_is_guest(scene, scene->subject));
    expect_newcomer(scene);
}

static void get_of_an_entry_that_goes_abroad_finds_it(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_one_that_must_leave,
        .act = insert_newcomer,
        .expect = expect_subject_abroad});
}

/* The newcomer's home is full, its other bucket has room. */
static void put_a_full_bucket(struct scene *scene)
{
    scene->subject = scene->bystander = scene_fill(scene, 0, 1, FULL);
    scene->newcomer = scene_key(scene, 0, 1);
    scene_ask(scene, scene->newcomer);
    scene_ask(scene, scene->bystander);
    scene_ask(scene, scene_twin(scene, scene->newcomer));
}

static void expect_newcomer_abroad(struct scene *scene)
{
    assert_true(scene_is_guest(scene, scene->newcomer));
    expect_newcomer(scene);
}

static void get_beside_the_arrival_of_a_guest_finds_what_is_there(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_a_full_bucket, .act = insert_newcomer, .expect = expect_newcomer_abroad});
}

/* Both buckets of the newcomer are full: the subject leaves the second for a third. */
static void put_two_full_buckets(struct scene *scene)
{
    scene_fill(scene, 0, 1, FULL);
    scene->subject = scene_fill(scene, 1, 3, 1);
    scene->bystander = scene_fill(scene, 1, 3, FULL - 1);
    scene->newcomer = scene_key(scene, 0, 1);
    ask_all(scene);
}

static void expect_both_abroad(struct scene *scene)
{
    assert_true(scene_is_guest(scene, scene->subject));
    expect_newcomer_abroad(scene);
}

static void get_of_an_entry_that_makes_room_for_a_guest_finds_it(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_two_full_buckets, .act = insert_newcomer, .expect = expect_both_abroad});
}

/* The newcomer gets the subject's block, its slot, and has its tag. */
static void put_a_victim(struct scene *scene)
{
    scene->subject = scene_fill(scene, 0, 1, 1);
    scene->bystander = scene_fill(scene, 0, 1, 3);
    scene->newcomer = scene_twin(scene, scene->subject);
    ask_all(scene);
}

static void expect_succession(struct scene *scene)
{
    assert_ptr_equal(scene_place(scene, scene->newcomer).bucket, scene_home(scene, scene->subject));
    assert_u64(scene_place(scene, scene->newcomer).slot, 0);
    forget_subject(scene);
    expect_newcomer(scene);
}

static void get_of_an_evicted_entry_does_not_see_who_has_its_block(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .policy = BRISK_POLICY_FIFO,
        .max_entries = 4,
        .arrange = put_a_victim,
        .act = insert_newcomer,
        .expect = expect_succession});
}

static void put_some(struct scene *scene)
{
    scene_fill(scene, 0, 1, 2);
    scene->subject = scene_fill(scene, 0, 1, 1);
    scene->bystander = scene_fill(scene, 0, 1, 2);
    scene_ask(scene, scene->subject);
    scene_ask(scene, scene->bystander);
    scene_ask(scene, scene_twin(scene, scene->subject));
}

static void get_of_a_deleted_entry_finds_all_of_it_or_nothing(void **state)
{
    (void)state;
    scene_explore(
        &(struct scenario){.arrange = put_some, .act = delete_subject, .expect = forget_subject});
}

static void overwrite_subject(struct scene *scene)
{
    scene_set(scene, scene->subject, 2, LENGTH);
}

static void expect_second_version(struct scene *scene)
{
    scene_learn(scene, scene->subject, 2, LENGTH);
}

static void delete_and_set_subject(struct scene *scene)
{
    scene_delete(scene, scene->subject);
    scene_set(scene, scene->subject, 2, LENGTH);
}

static void get_of_an_entry_that_is_deleted_and_comes_back_finds_one_of_both(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .has_gap = true,
        .arrange = put_some,
        .act = delete_and_set_subject,
        .expect = expect_second_version});
}

static void get_of_an_overwritten_value_finds_the_old_or_the_new_one(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_some, .act = overwrite_subject, .expect = expect_second_version});
}

static void overwrite_with_less(struct scene *scene)
{
    scene_set(scene, scene->subject, 2, LENGTH - 7); /* in the same block */
}

static void expect_less(struct scene *scene)
{
    scene_learn(scene, scene->subject, 2, LENGTH - 7);
}

static void get_of_a_value_overwritten_by_a_shorter_one_finds_either(void **state)
{
    (void)state;
    scene_explore(
        &(struct scenario){.arrange = put_some, .act = overwrite_with_less, .expect = expect_less});
}

static void replace_by_more(struct scene *scene)
{
    scene_set(scene, scene->subject, 2, 3 * LENGTH);
    scene_set(scene, scene->newcomer, 1, LENGTH); /* in the old block */
}

static void expect_more(struct scene *scene)
{
    scene_learn(scene, scene->subject, 2, 3 * LENGTH);
    expect_newcomer(scene);
}

static void put_some_and_keep_a_twin(struct scene *scene)
{
    put_some(scene);
    scene->newcomer = scene_twin(scene, scene->subject);
}

static void get_of_a_replaced_value_finds_the_old_or_the_new_one(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_some_and_keep_a_twin, .act = replace_by_more, .expect = expect_more});
}

/* As many as the index takes: the next one makes it grow. */
static void put_as_many_as_fit(struct scene *scene)
{
    scene->subject = scene_fill(scene, 0, 1, 1);
    scene_fill(scene, 0, 1, 9);
    scene_fill(scene, 1, 2, 10);
    scene_fill(scene, 2, 3, 10);
    scene->bystander = scene_fill(scene, 3, 3, 10);
    scene->newcomer = scene_key(scene, 2, 1);
    assert_u64(bk_table_bucket_count(&scene->shard->table), BK_TABLE_FIRST_BUCKETS);
    scene_ask(scene, scene->bystander);
    scene_ask(scene, scene_twin(scene, scene->subject));
}

static void expect_growth(struct scene *scene)
{
    assert_true(bk_table_bucket_count(&scene->shard->table) > BK_TABLE_FIRST_BUCKETS);
    expect_newcomer(scene);
}

static void get_while_the_index_grows_finds_what_is_there(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .is_costly = true,
        .arrange = put_as_many_as_fit,
        .act = insert_newcomer,
        .expect = expect_growth});
}

static void rebuild(struct scene *scene, uint32_t bucket_count)
{
    bk_table_rebuild(&scene->shard->table, bucket_count, scene->shard->pins != 0);
}

static void rebuild_twice(struct scene *scene)
{
    bk_shard_lock(scene->shard);
    rebuild(scene, 7);
    bk_shard_unlock(scene->shard);
    scene_delete(scene, scene->subject);
    scene_set(scene, scene->subject, 2, LENGTH); /* into the same block */
    bk_shard_lock(scene->shard);
    rebuild(scene, BK_TABLE_FIRST_BUCKETS);
    bk_shard_unlock(scene->shard);
}

static void get_during_two_rebuilds_finds_what_is_there(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .has_gap = true,
        .samples = 1000,
        .arrange = put_some,
        .act = rebuild_twice,
        .expect = expect_second_version});
}

/* Alone in its bucket, whose version says two when it comes and when it comes back second. */
static void put_one(struct scene *scene)
{
    scene->subject = scene_fill(scene, 0, 1, 1);
    scene->newcomer = scene_key(scene, 0, 1);
    scene_ask(scene, scene->subject);
}

static void rebuild_twice_with_newcomer(struct scene *scene)
{
    bk_shard_lock(scene->shard);
    rebuild(scene, 7);
    bk_shard_unlock(scene->shard);
    scene_delete(scene, scene->subject);
    scene_set(scene, scene->subject, 2, LENGTH);
    insert_newcomer(scene);
    bk_shard_lock(scene->shard);
    rebuild(scene, BK_TABLE_FIRST_BUCKETS);
    bk_shard_unlock(scene->shard);
}

static void expect_second_version_and_newcomer(struct scene *scene)
{
    expect_second_version(scene);
    expect_newcomer(scene);
}

static void get_does_not_trust_an_array_that_is_being_filled_again(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .has_gap = true,
        .arrange = put_one,
        .act = rebuild_twice_with_newcomer,
        .expect = expect_second_version_and_newcomer});
}

static void clear(struct scene *scene)
{
    brisk_cache_clear(scene->cache);
}

static void clear_and_set_subject(struct scene *scene)
{
    clear(scene);
    scene_set(scene, scene->newcomer, 1, LENGTH);
    scene_set(scene, scene->subject, 2, LENGTH);
}

static void expect_two_alone(struct scene *scene)
{
    scene_forget_all(scene);
    expect_newcomer(scene);
    expect_second_version(scene);
}

static void get_during_a_clear_finds_an_old_value_or_nothing(void **state)
{
    (void)state;
    scene_explore(
        &(struct scenario){.arrange = put_some, .act = clear, .expect = scene_forget_all});
    scene_explore(&(struct scenario){
        .has_gap = true,
        .arrange = put_some_and_keep_a_twin,
        .act = clear_and_set_subject,
        .expect = expect_two_alone});
}

/* Twelve entries in an index for many more. */
static void put_a_dozen(struct scene *scene)
{
    scene->subject = scene_fill(scene, 0, 1, 1);
    scene_fill(scene, 0, 1, 2);
    scene_fill(scene, 2, 1, 2);
    scene->bystander = scene_fill(scene, 0, 1, 3);
    rebuild(scene, 16);
    scene_ask(scene, scene->subject);
    scene_ask(scene, scene->bystander);
    scene_ask(scene, scene_twin(scene, scene->bystander));
}

static void shrink_to_half(struct scene *scene)
{
    scene->answer = brisk_cache_resize(scene->cache, 4, 0, 0);
}

static void expect_the_last_ones(struct scene *scene)
{
    assert_u64(bk_table_bucket_count(&scene->shard->table), BK_TABLE_FIRST_BUCKETS);
    while (scene->entry_count > 4)
        scene_forget(scene, scene->entries[0].key);
}

static void get_while_the_cache_shrinks_finds_who_stays(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .policy = BRISK_POLICY_FIFO,
        .arrange = put_a_dozen,
        .act = shrink_to_half,
        .expect = expect_the_last_ones});
}

/*
 * Three chunks of 64 blocks of this size, the second with the subject alone, in
 * its first block. When one more of the blocks comes back, the subject moves, and
 * the next entry of another size gets that place.
 */
enum {
    BIG = 1000,
    BIG_PER_CHUNK = 64,
};

static void put_sparse_chunks(struct scene *scene)
{
    scene->subject = BIG_PER_CHUNK + 1;
    scene->bystander = 1;
    for (uint64_t key = 1; key <= 3 * BIG_PER_CHUNK; key++)
        scene_set(scene, key, 1, BIG);
    for (uint64_t key = scene->subject + 1; key <= 2 * BIG_PER_CHUNK + 1; key++)
        scene_delete(scene, key);
    for (uint64_t key = 1; key <= scene->subject; key++)
        scene_learn(scene, key, 1, BIG);
    for (uint64_t key = 2 * BIG_PER_CHUNK + 2; key <= 3 * BIG_PER_CHUNK; key++)
        scene_learn(scene, key, 1, BIG);
    scene->last_key = 3 * BIG_PER_CHUNK;
    scene->newcomer = scene_key(scene, 0, 1);
    scene->last_key = 3 * BIG_PER_CHUNK;
    scene_ask(scene, scene->subject);
    assert_u64(bk_place_handle(scene_place(scene, scene->subject)), 2 * BK_CHUNK_BYTES / 8);
}

static void delete_one_and_insert_newcomer(struct scene *scene)
{
    scene_delete(scene, scene->last_key);
    insert_newcomer(scene);
}

static void expect_moved_subject(struct scene *scene)
{
    assert_u64(bk_place_handle(scene_place(scene, scene->newcomer)), 2 * BK_CHUNK_BYTES / 8);
    scene_forget(scene, scene->last_key);
    expect_newcomer(scene);
}

static void get_of_an_entry_that_moves_to_another_block_finds_it(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .is_costly = true,
        .arrange = put_sparse_chunks,
        .act = delete_one_and_insert_newcomer,
        .expect = expect_moved_subject});
}

/* Shared values. */
static void put_shared(struct scene *scene)
{
    scene_fill(scene, 0, 1, 1);
    scene->subject = scene_key(scene, 0, 1);
    scene_put(scene, scene->subject, SHARED);
    scene->bystander = scene_key(scene, 0, 1);
    scene_put(scene, scene->bystander, SHARED);
    scene->newcomer = scene_twin(scene, scene->subject);
    scene_ask(scene, scene->subject);
    scene_ask(scene, scene->bystander);
}

static void get_of_a_deleted_shared_value_keeps_it_or_finds_nothing(void **state)
{
    (void)state;
    scene_explore(
        &(struct scenario){.arrange = put_shared, .act = delete_subject, .expect = forget_subject});
}

static void replace_shared(struct scene *scene)
{
    scene_set(scene, scene->subject, 2, SHARED + 100);
}

static void expect_other_shared(struct scene *scene)
{
    scene_learn(scene, scene->subject, 2, SHARED + 100);
}

static void get_of_a_replaced_shared_value_finds_the_old_or_the_new_one(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_shared, .act = replace_shared, .expect = expect_other_shared});
    scene_explore(&(struct scenario){
        .arrange = put_shared, .act = overwrite_subject, .expect = expect_second_version});
}

static void put_shared_victim(struct scene *scene)
{
    scene->subject = scene_key(scene, 0, 1);
    scene_put(scene, scene->subject, SHARED);
    scene->bystander = scene_fill(scene, 0, 1, 3);
    scene->newcomer = scene_twin(scene, scene->subject);
    ask_all(scene);
}

static void get_of_an_evicted_shared_value_keeps_it_or_finds_nothing(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .policy = BRISK_POLICY_FIFO,
        .max_entries = 4,
        .arrange = put_shared_victim,
        .act = insert_newcomer,
        .expect = expect_succession});
}

static void get_of_a_shared_value_during_a_clear_keeps_it_or_finds_nothing(void **state)
{
    (void)state;
    scene_explore(
        &(struct scenario){.arrange = put_shared, .act = clear, .expect = scene_forget_all});
}

static void put_shared_alone(struct scene *scene)
{
    scene->subject = scene_key(scene, 0, 1);
    scene_put(scene, scene->subject, SHARED);
    scene_ask(scene, scene->subject);
}

/* As if the index had grown for somebody who then evicts the subject. */
static void rebuild_and_delete(struct scene *scene)
{
    bk_shard_lock(scene->shard);
    rebuild(scene, 7);
    bk_shard_unlock(scene->shard);
    scene_delete(scene, scene->subject);
}

static void get_of_a_shared_value_that_goes_after_a_rebuild_keeps_it_or_finds_nothing(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_shared, .act = rebuild_and_delete, .expect = forget_subject});
}

static void get_of_a_shared_value_leaves_no_trace_in_an_array_that_is_given_back(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .is_costly = true,
        .is_deep = true,
        .arrange = put_shared_alone,
        .act = rebuild_and_delete,
        .expect = forget_subject});
}

/* Time. */
static void put_mortals(struct scene *scene)
{
    scene->subject = scene_key(scene, 0, 1);
    scene->newcomer = scene_twin(scene, scene->subject);
    scene_set_with_ttl(scene, scene->subject, 1, LENGTH, TTL);
    scene_learn(scene, scene->subject, 1, LENGTH);
    scene->bystander = scene_key(scene, 0, 1);
    scene_set_with_ttl(scene, scene->bystander, 1, LENGTH, 100 * TTL);
    scene_learn(scene, scene->bystander, 1, LENGTH);
    ask_all(scene);
}

static void expire_by_tick(struct scene *scene)
{
    fake_clock_advance(&scene->clock, 2 * TTL);
    brisk_cache_tick(scene->cache);
}

static void expire_by_insertion(struct scene *scene)
{
    fake_clock_advance(&scene->clock, 2 * TTL);
    scene_set_with_ttl(scene, scene->newcomer, 1, LENGTH, TTL); /* in the subject's block */
}

static void get_of_an_expiring_entry_finds_all_of_it_or_nothing(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_mortals, .act = expire_by_tick, .expect = forget_subject});
    scene_explore(&(struct scenario){
        .arrange = put_mortals, .act = expire_by_insertion, .expect = expect_succession});
}

static void touch_in_time(struct scene *scene)
{
    scene->answer = brisk_cache_touch(scene->cache, number_key(&scene->subject), 100 * TTL);
    fake_clock_advance(&scene->clock, 2 * TTL);
}

static void touch_for_ever(struct scene *scene)
{
    scene->answer = brisk_cache_touch(scene->cache, number_key(&scene->subject), BRISK_TTL_FOREVER);
    fake_clock_advance(&scene->clock, 2 * TTL);
}

static void expect_no_change(struct scene *scene)
{
    (void)scene;
}

static void get_of_an_entry_that_is_touched_in_time_finds_it(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .arrange = put_mortals, .act = touch_in_time, .expect = expect_no_change});
    scene_explore(&(struct scenario){
        .arrange = put_mortals, .act = touch_for_ever, .expect = expect_no_change});
}

/* Readers prolong an entry, which is a write. */
static void age_some(struct scene *scene)
{
    put_some_and_keep_a_twin(scene);
    fake_clock_advance(&scene->clock, TTL / 2);
}

static void get_prolongs_an_entry_that_is_overwritten(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .idle_ttl = TTL,
        .arrange = age_some,
        .act = overwrite_subject,
        .expect = expect_second_version});
}

static void replace_for_a_moment(struct scene *scene)
{
    scene_delete(scene, scene->subject);
    scene_set_with_ttl(scene, scene->newcomer, 1, LENGTH, TTL / 10); /* in the subject's block */
}

/* A late reader of the subject has not prolonged the newcomer. */
static void expect_newcomer_to_expire(struct scene *scene)
{
    assert_ptr_equal(scene_place(scene, scene->subject).bucket, NULL);
    assert_ptr_not_equal(scene_place(scene, scene->newcomer).bucket, NULL);
    fake_clock_advance(&scene->clock, TTL / 5);
    brisk_cache_tick(scene->cache);
    forget_subject(scene);
}

static void get_prolongs_no_entry_but_the_one_that_it_found(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .idle_ttl = TTL,
        .arrange = age_some,
        .act = replace_for_a_moment,
        .expect = expect_newcomer_to_expire});
}

/* It lives until 100 ticks from now at most, and until 80 after it is read. */
static void put_one_with_a_limit(struct scene *scene)
{
    scene->subject = scene_key(scene, 0, 1);
    scene_set_with_ttl(scene, scene->subject, 1, LENGTH, TTL);
    scene_learn(scene, scene->subject, 1, LENGTH);
    scene_ask(scene, scene->subject);
    fake_clock_advance(&scene->clock, TTL / 2);
}

static void touch_subject(struct scene *scene)
{
    scene->answer = brisk_cache_touch(scene->cache, number_key(&scene->subject), 10 * TTL);
}

/* Behind its first limit, and not yet 80 ticks after it was touched. */
static void expect_new_limit(struct scene *scene)
{
    fake_clock_advance(&scene->clock, 70);
}

static void get_does_not_shorten_the_time_that_touch_gives(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .idle_ttl = 80,
        .arrange = put_one_with_a_limit,
        .act = touch_subject,
        .expect = expect_new_limit});
}

static void read_subject(struct scene *scene)
{
    uint8_t buffer[LENGTH];
    size_t length;
    scene->answer = brisk_cache_get_into(
        scene->cache, number_key(&scene->subject), buffer, sizeof buffer, &length);
    scene->lookups++;
}

static void two_reads_prolong_the_same_entry(void **state)
{
    (void)state;
    scene_explore(&(struct scenario){
        .idle_ttl = TTL, .arrange = age_some, .act = read_subject, .expect = expect_no_change});
}

BRISK_TEST_MAIN(
    cmocka_unit_test(get_of_a_guest_that_is_sent_home_finds_it),
    cmocka_unit_test(get_of_a_guest_that_is_deleted_finds_all_of_it_or_nothing),
    cmocka_unit_test(get_of_an_entry_that_goes_abroad_finds_it),
    cmocka_unit_test(get_beside_the_arrival_of_a_guest_finds_what_is_there),
    cmocka_unit_test(get_of_an_entry_that_makes_room_for_a_guest_finds_it),
    cmocka_unit_test(get_of_an_evicted_entry_does_not_see_who_has_its_block),
    cmocka_unit_test(get_of_a_deleted_entry_finds_all_of_it_or_nothing),
    cmocka_unit_test(get_of_an_entry_that_is_deleted_and_comes_back_finds_one_of_both),
    cmocka_unit_test(get_of_an_overwritten_value_finds_the_old_or_the_new_one),
    cmocka_unit_test(get_of_a_value_overwritten_by_a_shorter_one_finds_either),
    cmocka_unit_test(get_of_a_replaced_value_finds_the_old_or_the_new_one),
    cmocka_unit_test(get_while_the_index_grows_finds_what_is_there),
    cmocka_unit_test(get_during_two_rebuilds_finds_what_is_there),
    cmocka_unit_test(get_does_not_trust_an_array_that_is_being_filled_again),
    cmocka_unit_test(get_during_a_clear_finds_an_old_value_or_nothing),
    cmocka_unit_test(get_while_the_cache_shrinks_finds_who_stays),
    cmocka_unit_test(get_of_an_entry_that_moves_to_another_block_finds_it),
    cmocka_unit_test(get_of_a_deleted_shared_value_keeps_it_or_finds_nothing),
    cmocka_unit_test(get_of_a_replaced_shared_value_finds_the_old_or_the_new_one),
    cmocka_unit_test(get_of_an_evicted_shared_value_keeps_it_or_finds_nothing),
    cmocka_unit_test(get_of_a_shared_value_during_a_clear_keeps_it_or_finds_nothing),
    cmocka_unit_test(get_of_a_shared_value_that_goes_after_a_rebuild_keeps_it_or_finds_nothing),
    cmocka_unit_test(get_of_a_shared_value_leaves_no_trace_in_an_array_that_is_given_back),
    cmocka_unit_test(get_of_an_expiring_entry_finds_all_of_it_or_nothing),
    cmocka_unit_test(get_of_an_entry_that_is_touched_in_time_finds_it),
    cmocka_unit_test(get_prolongs_an_entry_that_is_overwritten),
    cmocka_unit_test(get_prolongs_no_entry_but_the_one_that_it_found),
    cmocka_unit_test(get_does_not_shorten_the_time_that_touch_gives),
    cmocka_unit_test(two_reads_prolong_the_same_entry))
