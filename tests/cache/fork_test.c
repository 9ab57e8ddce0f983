/* SPDX-License-Identifier: Apache-2.0 */
/* What a forked child may do: read its views; all else only if there was one thread. */
#include "tests/cache/cache_support.h"

enum {
    KEYS = 500
};

static struct brisk_bytes value_of(uint64_t key, uint8_t *bytes)
{
    size_t length = key % 2 == 0 ? 40 : INLINE_MAX + 1;
    memset(bytes, (int)(key & 0x7f), length);
    return brisk_bytes_of(bytes, length);
}

static bool is_value_of(uint64_t key, struct brisk_bytes got)
{
    uint8_t bytes[INLINE_MAX + 1];
    struct brisk_bytes value = value_of(key, bytes);
    return got.length == value.length && memcmp(got.data, value.data, got.length) == 0;
}

static void fill(struct brisk_cache *cache)
{
    for (uint64_t key = 0; key < KEYS; key++) {
        uint8_t bytes[INLINE_MAX + 1];
        assert_ok(brisk_cache_set(cache, number_key(&key), value_of(key, bytes), NULL));
    }
}

/* Everything there is to do, and the end of it. */
static int use_and_free(const void *argument)
{
    struct brisk_cache *const *place = argument;
    struct brisk_cache *cache = *place;
    for (uint64_t key = 0; key < KEYS; key++) {
        struct brisk_view view;
        uint64_t fresh = key + KEYS;
        child_expect(brisk_cache_get(cache, number_key(&key), &view) == BRISK_OK);
        child_expect(is_value_of(key, brisk_view_bytes(&view)));
        brisk_view_release(&view);
        child_expect(brisk_cache_delete(cache, number_key(&key)) == BRISK_OK);
        child_expect(
            brisk_cache_set(cache, number_key(&fresh), number_key(&fresh), NULL) == BRISK_OK);
    }
    child_expect(stats_of(cache).entries == KEYS);
    child_expect(stats_of(cache).hits == KEYS);
    brisk_cache_free(cache);
    return 0;
}

static void a_child_of_a_process_with_one_thread_has_a_cache_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 10 * KEYS);
        fill(cache);

        run_in_child(use_and_free, &cache);

        for (uint64_t key = 0; key < KEYS; key++) {
            uint8_t bytes[INLINE_MAX + 1];
            assert_holds(cache, number_key(&key), value_of(key, bytes));
        }
        assert_u64(stats_of(cache).entries, KEYS);
        assert_u64(stats_of(cache).evicted_deleted, 0);
        brisk_cache_free(cache);
    }
}

struct holder {
    struct brisk_cache *cache;
    struct brisk_view views[KEYS];
    _Atomic unsigned int rounds, is_over;
};

static int read_views(const void *argument)
{
    const struct holder *holder = argument;
    for (uint64_t key = 0; key < KEYS; key++)
        child_expect(is_value_of(key, brisk_view_bytes(&holder->views[key])));
    return 0;
}

static enum brisk_status fork_now_and_then(struct holder *holder)
{
    for (unsigned int i = 0; i < 10; i++) {
        thread_expect(wait_for_count(&holder->rounds, i));
        thread_expect(answer_of_child(read_views, holder) == 0);
    }
    return BRISK_OK;
}

/* Thread 1 keeps the cache busy, so that its locks are held at any time of the fork. */
static enum brisk_status fork_or_write(unsigned int index, void *ctx)
{
    struct holder *holder = ctx;
    if (index == 0) {
        enum brisk_status status = fork_now_and_then(holder);
        atomic_store(&holder->is_over, 1);
        return status;
    }
    while (atomic_load(&holder->is_over) == 0) {
        for (uint64_t key = 0; key < KEYS; key++)
            thread_expect(
                brisk_cache_set(holder->cache, number_key(&key), text("other"), NULL) == BRISK_OK);
        atomic_fetch_add(&holder->rounds, 1);
    }
    return BRISK_OK;
}

static void views_stay_readable_in_a_child_of_a_process_with_several_threads(void **state)
{
    (void)state;
    static struct holder holder;
    holder.cache = new_cache_of(BRISK_POLICY_DEFAULT, 10 * KEYS);
    fill(holder.cache);
    for (uint64_t key = 0; key < KEYS; key++)
        assert_ok(brisk_cache_get(holder.cache, number_key(&key), &holder.views[key]));

    run_threads(2, fork_or_write, &holder);

    for (uint64_t key = 0; key < KEYS; key++)
        brisk_view_release(&holder.views[key]);
    brisk_cache_free(holder.cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_child_of_a_process_with_one_thread_has_a_cache_of_its_own),
    cmocka_unit_test(views_stay_readable_in_a_child_of_a_process_with_several_threads))
