/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks run with no lock held: while one runs, other threads get on. */
#include "tests/cache/cache_support.h"

enum callback {
    CLOCK,
    WEIGHER,
    LISTENER,
    LOADER,
    CALLBACKS
};

struct stage {
    struct brisk_cache *cache;
    _Atomic unsigned int rounds; /* of the other thread */
    _Atomic unsigned int is_over;
    unsigned int calls[CALLBACKS];
    bool is_held_up[CALLBACKS];
    uint64_t now;
};

/* In the thread whose callbacks wait. */
static _Thread_local bool is_watched;

static void watch(struct stage *stage, enum callback callback)
{
    if (!is_watched)
        return;
    stage->calls[callback]++;
    /* One round may have begun before, the next one has not. */
    unsigned int wanted = atomic_load(&stage->rounds) + 2;
    if (!stage->is_held_up[callback] && !wait_for_count(&stage->rounds, wanted))
        stage->is_held_up[callback] = true;
}

static uint64_t watched_now(void *ctx)
{
    struct stage *stage = ctx;
    watch(stage, CLOCK);
    return stage->now;
}

static uint64_t weigh_watched(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)value;
    watch(ctx, WEIGHER);
    return 1;
}

static void listen_watched(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value, (void)reason;
    watch(ctx, LISTENER);
}

static enum brisk_status load_watched(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    (void)entry;
    watch(ctx, LOADER);
    return brisk_view_copy(out, key);
}

static bool is_first(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    (void)key, (void)value, (void)ctx;
    return false;
}

/* Each verb once, on entries with deadlines. */
static enum brisk_status use_every_verb(struct stage *stage)
{
    struct brisk_cache *cache = stage->cache;
    struct brisk_bytes key = text("key"), value;
    struct brisk_view view = brisk_view_borrow(text("view"));
    enum brisk_status status;
    char buffer[64];
    size_t length;
    thread_expect(brisk_cache_set(cache, key, text("1"), NULL) == BRISK_OK);
    thread_expect(brisk_cache_set_view(cache, key, &view, NULL) == BRISK_OK);
    thread_expect(brisk_cache_replace(cache, key, text("2"), NULL) == BRISK_OK);
    thread_expect(brisk_cache_add(cache, key, text("3"), NULL) == BRISK_NOT_STORED);
    thread_expect(brisk_cache_touch(cache, key, 50) == BRISK_OK);
    thread_expect(brisk_cache_contains(cache, key) == BRISK_OK);
    thread_expect(probe(cache, "key") == BRISK_OK);
    thread_expect(brisk_cache_get_into(cache, key, buffer, 64, &length) == BRISK_OK);
    thread_expect(brisk_cache_get_many(cache, &key, 1, &view, &status) == 1);
    brisk_view_release(&view);
    thread_expect(brisk_cache_get_many_into(cache, &key, 1, buffer, 64, &value, &status) == 1);
    thread_expect(brisk_cache_for_each(cache, is_first, NULL) == BRISK_ERR_CANCELLED);
    thread_expect(brisk_cache_delete(cache, key) == BRISK_OK);
    thread_expect(brisk_cache_get_or_load(cache, key, &view, load_watched, stage) == BRISK_OK);
    brisk_view_release(&view);
    thread_expect(brisk_cache_resize(cache, 1, 0, 100) == BRISK_OK);
    thread_expect(brisk_cache_resize(cache, 10, 0, 100) == BRISK_OK);
    (void)stats_of(cache);
    brisk_cache_tick(cache);
    brisk_cache_clear(cache);
    return BRISK_OK;
}

static enum brisk_status use_or_go_on(unsigned int index, void *ctx)
{
    struct stage *stage = ctx;
    if (index == 0) {
        is_watched = true;
        enum brisk_status status = use_every_verb(stage);
        is_watched = false;
        atomic_store(&stage->is_over, 1);
        return status;
    }
    while (atomic_load(&stage->is_over) == 0) {
        thread_expect(brisk_cache_set(stage->cache, text("other"), text("1"), NULL) == BRISK_OK);
        (void)probe(stage->cache, "other");
        brisk_cache_delete(stage->cache, text("other"));
        atomic_fetch_add(&stage->rounds, 1);
    }
    return BRISK_OK;
}

static void no_callback_holds_up_another_thread(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct stage stage = {.now = 1000};
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_entries = 10;
        options.max_weight = 100;
        options.shards = 1;
        options.weigh = weigh_watched;
        options.clock = watched_now;
        options.on_evict = listen_watched;
        options.weigh_ctx = options.clock_ctx = options.on_evict_ctx = &stage;
        options.ttl = 100;
        stage.cache = new_cache(&options);

        run_threads(2, use_or_go_on, &stage);

        for (int callback = 0; callback < CALLBACKS; callback++) {
            assert_true(stage.calls[callback] > 0);
            assert_that(!stage.is_held_up[callback], "callback %d, policy %d", callback, i);
        }
        brisk_cache_free(stage.cache);
    }
}

BRISK_TEST_MAIN(cmocka_unit_test(no_callback_holds_up_another_thread))
