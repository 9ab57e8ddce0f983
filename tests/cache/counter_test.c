/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of brisk_cache_read_stats. */
#include <limits.h>
#include <pthread.h>

#include "base/thread_slot.h"
#include "cache/cache.h"
#include "tests/cache/cache_support.h"

static void every_lookup_is_a_hit_or_a_miss(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes keys[] = {text("a"), text("b"), text("c")}, values[3];
    struct brisk_view views[3];
    enum brisk_status statuses[3];
    char buffer[64];
    size_t length;
    set_text(cache, "a", "1");
    assert_ok(probe(cache, "a"));
    assert_status(probe(cache, "b"), BRISK_MISS);
    assert_ok(brisk_cache_get_into(cache, keys[0], buffer, sizeof buffer, &length));
    assert_status(brisk_cache_get_into(cache, keys[1], buffer, sizeof buffer, &length), BRISK_MISS);
    assert_size(brisk_cache_get_many(cache, keys, 3, views, statuses), 1);
    brisk_view_release(&views[0]);
    assert_size(
        brisk_cache_get_many_into(cache, keys, 3, buffer, sizeof buffer, values, statuses), 1);
    struct brisk_cache_stats stats = stats_of(cache);
    assert_u64(stats.hits, 4);
    assert_u64(stats.misses, 6);
    brisk_cache_free(cache);
}

static pthread_key_t exit_key;

/* Atomic since ThreadSanitizer's own exit handler, after which it orders nothing, may run first. */
struct late {
    struct brisk_cache *cache;
    _Atomic int rounds;
    _Atomic bool has_no_slot, remembers_one;
};

/* As another library's exit handler, which may run after the cache's own. */
static void look_up_late(void *ctx)
{
    struct late *late = ctx;
    late->has_no_slot = bk_thread_slot() == BK_THREAD_SLOT_NONE;
    late->remembers_one = bk_last_counters.cache_id != 0;
    assert_status(probe(late->cache, "none"), BRISK_MISS);
    if (++late->rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
        pthread_setspecific(exit_key, late);
}

static void *look_up_and_end(void *ctx)
{
    struct late *late = ctx;
    pthread_setspecific(exit_key, late);
    assert_status(probe(late->cache, "none"), BRISK_MISS);
    return NULL;
}

static void a_thread_that_ends_does_not_count_where_its_slots_next_owner_does(void **state)
{
    (void)state;
    struct late late = {.cache = new_cache(NULL)};
    pthread_t thread;
    assert_int_equal(pthread_key_create(&exit_key, look_up_late), 0);
    assert_int_equal(pthread_create(&thread, NULL, look_up_and_end, &late), 0);
    pthread_join(thread, NULL);
    assert_int_equal(late.rounds, PTHREAD_DESTRUCTOR_ITERATIONS);
    assert_true(late.has_no_slot);
    assert_false(late.remembers_one);
    assert_u64(stats_of(late.cache).misses, 1 + PTHREAD_DESTRUCTOR_ITERATIONS);
    pthread_key_delete(exit_key);
    brisk_cache_free(late.cache);
}

static void a_key_that_comes_back_soon_after_its_eviction_is_a_ghost_hit(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_S3FIFO, 10);
    for (uint64_t key = 0; key < 15; key++)
        set_number(cache, key);
    assert_u64(stats_of(cache).ghost_hits, 0);
    uint64_t evicted = 4, fresh = 99;
    set_number(cache, fresh);
    assert_u64(stats_of(cache).ghost_hits, 0);
    set_number(cache, evicted);
    assert_u64(stats_of(cache).ghost_hits, 1);
    brisk_cache_free(cache);
}

static void statistics_fill_only_the_size_that_the_caller_knows(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_cache_stats stats;
    memset(&stats, 0xee, sizeof stats);
    stats.size = offsetof(struct brisk_cache_stats, misses);
    assert_ok(brisk_cache_set(cache, text("a"), text("b"), NULL));
    assert_ok(probe(cache, "a"));
    brisk_cache_read_stats(cache, &stats);
    assert_u64(stats.hits, 1);
    assert_u64(stats.misses, UINT64_C(0xeeeeeeeeeeeeeeee));
    brisk_cache_free(cache);
}

/* The last cache of a thread must not be taken for another one at the same address. */
static void caches_that_follow_each_other_count_for_themselves(void **state)
{
    (void)state;
    struct brisk_cache *other = new_cache(NULL);
    for (uint64_t i = 0; i < 20; i++) {
        struct brisk_cache *cache = new_cache(NULL);
        for (uint64_t k = 0; k <= i; k++) {
            assert_status(probe(cache, "x"), BRISK_MISS);
            assert_status(probe(other, "x"), BRISK_MISS);
        }
        assert_u64(stats_of(cache).misses, i + 1);
        brisk_cache_free(cache);
    }
    assert_u64(stats_of(other).misses, 20 * 21 / 2);
    brisk_cache_free(other);
}

static void statistics_that_are_not_known_yet_are_zero(void **state)
{
    (void)state;
    struct {
        struct brisk_cache_stats known;
        uint64_t of_a_later_release;
    } stats;
    struct brisk_cache *cache = new_cache(NULL);
    memset(&stats, 0xee, sizeof stats);
    stats.known.size = sizeof stats;
    brisk_cache_read_stats(cache, &stats.known);
    assert_u64(stats.known.max_weight, 0);
    assert_size(stats.known.size, sizeof stats);
    assert_u64(stats.of_a_later_release, 0);

    memset(&stats, 0xee, sizeof stats);
    stats.known.size = 0;
    brisk_cache_read_stats(cache, &stats.known);
    assert_u64(stats.known.hits, UINT64_C(0xeeeeeeeeeeeeeeee));
    brisk_cache_free(cache);
}

static void only_stores_that_failed_are_rejected(void **state)
{
    (void)state;
    static uint8_t large[20000];
    struct brisk_bytes value = brisk_bytes_of(large, sizeof large);
    struct brisk_view view = brisk_view_borrow(value);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 10000;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "key", "value");
    assert_status(brisk_cache_add(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
    assert_status(brisk_cache_replace(cache, text("none"), text("x"), NULL), BRISK_NOT_STORED);
    assert_status(brisk_cache_set(cache, text(""), text("x"), NULL), BRISK_ERR_INVALID);
    assert_u64(stats_of(cache).rejected, 0);
    assert_status(brisk_cache_set(cache, text("key"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(brisk_cache_set_view(cache, text("key"), &view, NULL), BRISK_ERR_TOO_BIG);
    assert_u64(stats_of(cache).rejected, 2);
    assert_u64(stats_of(cache).evicted_deleted, 1); /* the old value, once */
    brisk_cache_free(cache);
}

static void evicted_bytes_are_those_of_the_entries_that_left(void **state)
{
    (void)state;
    static uint8_t bytes[3000];
    static const size_t lengths[] = {0, 40, INLINE_MAX, INLINE_MAX + 1, sizeof bytes};
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_FIFO, 1);
    const uint64_t empty = stats_of(cache).bytes;
    for (uint64_t key = 0; key < 5; key++) {
        struct brisk_bytes value = brisk_bytes_of(bytes, lengths[key]);
        assert_ok(brisk_cache_set(cache, number_key(&key), value, NULL));
        uint64_t before = stats_of(cache).evicted_capacity_bytes;
        uint64_t used = stats_of(cache).bytes - empty;

        set_number(cache, 99);

        assert_u64(stats_of(cache).evicted_capacity_bytes - before, used);
    }
    assert_u64(stats_of(cache).evicted_capacity, 9);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_thread_that_ends_does_not_count_where_its_slots_next_owner_does),
    cmocka_unit_test(every_lookup_is_a_hit_or_a_miss),
    cmocka_unit_test(a_key_that_comes_back_soon_after_its_eviction_is_a_ghost_hit),
    cmocka_unit_test(statistics_fill_only_the_size_that_the_caller_knows),
    cmocka_unit_test(caches_that_follow_each_other_count_for_themselves),
    cmocka_unit_test(statistics_that_are_not_known_yet_are_zero),
    cmocka_unit_test(only_stores_that_failed_are_rejected),
    cmocka_unit_test(evicted_bytes_are_those_of_the_entries_that_left))
