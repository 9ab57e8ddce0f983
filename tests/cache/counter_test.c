/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of brisk_cache_read_stats. */
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

BRISK_TEST_MAIN(
    cmocka_unit_test(every_lookup_is_a_hit_or_a_miss),
    cmocka_unit_test(a_key_that_comes_back_soon_after_its_eviction_is_a_ghost_hit),
    cmocka_unit_test(statistics_fill_only_the_size_that_the_caller_knows),
    cmocka_unit_test(caches_that_follow_each_other_count_for_themselves))
