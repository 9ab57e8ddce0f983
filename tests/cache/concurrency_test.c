/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers and writers of the same few keys, all in one shard or a few buckets.
 *
 * Each key has one writer, which numbers its values. A value names its key, its
 * number and its length, and its bytes follow from those, so a mixed one shows.
 * `floors` is the lowest number that a reader may still see, `heads` the highest:
 * what a reader gets lies between the floor before its call and the head after
 * it, and never goes back. Where readers load what is missing, the head is what the
 * loader finds: writers change it first, and what the cache has of it then.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/cache/cache_support.h"

enum {
    KEYS = 64,
    LOADED_KEYS = 4, /* so few that readers meet in a load */
    WRITERS = 2,
    READERS = 3,
    THREADS = WRITERS + READERS + 1,
    VALUE_MAX = 2500,
    HELD_VIEWS = 4,
    BATCH = 12,
    OPERATIONS = 12000
};

/* What happens beside reading and writing. */
enum trouble {
    NONE = 0,
    DELETES = 1,
    VIEWS = 2, /* set_view in place of set */
    CLEARS = 4,
    RESIZES = 8,
    TIME = 16, /* the clock goes on */
    GROUPS = 32,
    TOUCHES = 64,
    CHURN = 128, /* other keys come and go */
    LISTENER = 256,
    SWARM = 512, /* a few other keys come and go, where there is room for all */
    LOADS = 1024 /* readers load what is missing; now and then that fails */
};

struct scene {
    enum brisk_policy policy;
    unsigned int trouble;
    size_t shortest, longest;
    size_t max_entries, max_bytes;
    uint64_t ttl, idle_ttl, stale, refresh_ahead;
    unsigned int shards;
};

struct stage {
    const struct scene *scene;
    struct brisk_cache *cache;
    struct fake_clock clock;
    _Atomic uint64_t floors[KEYS], heads[KEYS];
    _Atomic uint64_t complete[KEYS], stored_at[KEYS]; /* the last set that returned, and when */
    _Atomic unsigned int writers_done;
    _Atomic uint64_t told, told_wrong, loads;
};

struct header {
    uint64_t key, number, length;
};

struct name {
    char bytes[24];
};

/* Numbers and texts in turn. */
static struct brisk_bytes name_of(uint64_t key, struct name *out)
{
    memset(out->bytes, 'n', sizeof out->bytes);
    memcpy(out->bytes, &key, sizeof key);
    return brisk_bytes_of(out->bytes, key % 2 == 0 ? 8 : 21);
}

static uint64_t word_at(const struct header *header, size_t at)
{
    return (header->key * 31 + header->number) * UINT64_C(0x9e3779b97f4a7c15) + at;
}

static size_t compose(uint8_t *value, uint64_t key, uint64_t number, size_t length)
{
    struct header header = {key, number, length};
    memcpy(value, &header, sizeof header);
    for (size_t at = sizeof header; at < length; at += 8) {
        uint64_t word = word_at(&header, at);
        memcpy(value + at, &word, length - at < 8 ? length - at : 8);
    }
    return length;
}

static bool is_whole(struct brisk_bytes value, struct header *header)
{
    const uint8_t *bytes = value.data;
    if (value.length < sizeof *header)
        return false;
    memcpy(header, bytes, sizeof *header);
    if (header->length != value.length)
        return false;
    for (size_t at = sizeof *header; at < value.length; at += 8) {
        uint64_t word = word_at(header, at);
        if (memcmp(bytes + at, &word, value.length - at < 8 ? value.length - at : 8) != 0)
            return false;
    }
    return true;
}

static void listen(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    struct stage *stage = ctx;
    struct header header;
    struct name name;
    (void)reason;
    atomic_fetch_add(&stage->told, 1);
    bool is_right = is_whole(brisk_view_bytes(value), &header);
    if (is_right) {
        struct brisk_bytes own = name_of(header.key, &name);
        is_right = own.length == key.length && memcmp(own.data, key.data, key.length) == 0;
    }
    if (!is_right)
        atomic_fetch_add(&stage->told_wrong, 1);
}

static enum brisk_status store(struct stage *stage, uint64_t key, uint64_t number, size_t length)
{
    const struct scene *scene = stage->scene;
    struct brisk_entry_options options = brisk_entry_options_default();
    uint8_t value[VALUE_MAX];
    struct name name;
    struct brisk_bytes bytes = brisk_bytes_of(value, compose(value, key, number, length));
    if ((scene->trouble & GROUPS) != 0)
        options.group = key + 1;
    if ((scene->trouble & VIEWS) == 0)
        return brisk_cache_set(stage->cache, name_of(key, &name), bytes, &options);
    struct brisk_view view;
    if (brisk_view_copy(&view, bytes) != BRISK_OK)
        return BRISK_ERR_NOMEM;
    enum brisk_status status = brisk_cache_set_view(
        stage->cache, name_of(key, &name), &view, &options);
    brisk_view_release(&view);
    return status;
}

/* From here on readers may see value `number`, and nothing older than the floor. */
static enum brisk_status write_one(struct stage *stage, struct test_random *random, uint64_t key)
{
    const struct scene *scene = stage->scene;
    uint64_t number = atomic_load(&stage->heads[key]) + 1;
    size_t length = scene->shortest +
                    test_random_below(random, scene->longest - scene->shortest + 1);
    atomic_store(&stage->heads[key], number);
    thread_expect(store(stage, key, number, length) == BRISK_OK);
    atomic_store(&stage->stored_at[key], fake_clock_now(&stage->clock));
    atomic_store(&stage->complete[key], number);
    atomic_store(&stage->floors[key], number);

    struct name name;
    unsigned int chance = (unsigned int)test_random_below(random, 8);
    if ((scene->trouble & TOUCHES) != 0 && chance < 3)
        (void)!brisk_cache_touch(
            stage->cache, name_of(key, &name), chance == 0 ? BRISK_TTL_FOREVER : 1U << 20);
    bool deletes = (scene->trouble & DELETES) != 0 && chance == 3;
    bool invalidates = (scene->trouble & GROUPS) != 0 && chance == 4;
    if (deletes)
        brisk_cache_delete(stage->cache, name_of(key, &name));
    if (invalidates)
        brisk_cache_invalidate_group(stage->cache, key + 1);
    if (deletes || invalidates)
        atomic_store(&stage->floors[key], number + 1);
    return BRISK_OK;
}

/* The loader finds the next value from here on; then the old one is stored over or removed. */
static enum brisk_status change_one(struct stage *stage, struct test_random *random, uint64_t key)
{
    uint64_t number = atomic_fetch_add(&stage->heads[key], 1) + 1;
    unsigned int chance = (unsigned int)test_random_below(random, 4);
    struct name name;
    sched_yield();
    if (chance == 0)
        thread_expect(store(stage, key, number, stage->scene->shortest) == BRISK_OK);
    else if (chance == 1 && (stage->scene->trouble & GROUPS) != 0)
        brisk_cache_invalidate_group(stage->cache, key + 1);
    else
        brisk_cache_delete(stage->cache, name_of(key, &name));
    atomic_store(&stage->floors[key], number);
    sched_yield();
    return BRISK_OK;
}

static unsigned int keys_of(const struct scene *scene)
{
    return (scene->trouble & LOADS) != 0 ? LOADED_KEYS : KEYS;
}

static enum brisk_status write_keys(struct stage *stage, unsigned int writer)
{
    bool has_loads = (stage->scene->trouble & LOADS) != 0;
    unsigned int keys = keys_of(stage->scene);
    struct test_random random = test_random_seeded(writer);
    enum brisk_status status = BRISK_OK;
    unsigned int operations = scaled(has_loads ? OPERATIONS / 4 : OPERATIONS);
    for (unsigned int i = 0; i < operations && status == BRISK_OK; i++) {
        uint64_t key = test_random_below(&random, keys / WRITERS) * WRITERS + writer;
        status = has_loads ? change_one(stage, &random, key) : write_one(stage, &random, key);
    }
    atomic_fetch_add(&stage->writers_done, 1);
    return status;
}

/* Full buckets send entries on, and take them back as soon as a slot is free. */
static enum brisk_status swarm(struct stage *stage, uint64_t step)
{
    enum {
        AT_ONCE = 24
    };
    struct name name;
    uint64_t key = KEYS + step % 97;
    thread_expect(
        brisk_cache_set(stage->cache, name_of(key, &name), brisk_bytes_of(&step, 8), NULL) ==
        BRISK_OK);
    key = KEYS + (step + 97 - AT_ONCE) % 97;
    brisk_cache_delete(stage->cache, name_of(key, &name));
    return BRISK_OK;
}

/* Clears, resizes, turns the clock, and stores other keys, which readers do not look at. */
static enum brisk_status disturb(struct stage *stage)
{
    const struct scene *scene = stage->scene;
    struct test_random random = test_random_seeded(99);
    uint8_t value[VALUE_MAX];
    for (uint64_t i = 0; atomic_load(&stage->writers_done) < WRITERS; i++) {
        if ((scene->trouble & TIME) != 0)
            fake_clock_advance(&stage->clock, 1);
        if ((scene->trouble & CLEARS) != 0 && i % 512 == 0)
            brisk_cache_clear(stage->cache);
        if ((scene->trouble & RESIZES) != 0 && i % 64 == 0)
            thread_expect(
                brisk_cache_resize(
                    stage->cache,
                    i % 128 == 0 ? scene->max_entries / 10 + scene->shards : scene->max_entries,
                    scene->max_bytes, 0) == BRISK_OK);
        if ((scene->trouble & SWARM) != 0) {
            thread_expect(swarm(stage, i) == BRISK_OK);
            continue;
        }
        if ((scene->trouble & CHURN) == 0) {
            sched_yield();
            continue;
        }
        uint64_t key = KEYS + test_random_below(&random, 2000);
        struct name name;
        size_t length = compose(value, key, i, 24 + test_random_below(&random, 1200));
        thread_expect(
            brisk_cache_set(
                stage->cache, name_of(key, &name), brisk_bytes_of(value, length), NULL) ==
            BRISK_OK);
    }
    return BRISK_OK;
}

/* What one reader remembers. */
struct reader {
    struct stage *stage;
    uint64_t last[KEYS];
    struct brisk_view held[HELD_VIEWS];
    unsigned int turn;
};

/* What stood before a read. */
struct before {
    uint64_t floor, complete, stored_at, now;
};

static struct before look_before(struct stage *stage, uint64_t key)
{
    struct before before = {.now = fake_clock_now(&stage->clock)};
    before.floor = atomic_load(&stage->floors[key]);
    before.complete = atomic_load(&stage->complete[key]);
    before.stored_at = atomic_load(&stage->stored_at[key]);
    return before;
}

static bool may_miss(const struct scene *scene)
{
    return (scene->trouble & (DELETES | CLEARS | RESIZES | TIME | GROUPS)) != 0 ||
           (scene->max_entries != 0 && scene->max_entries < KEYS) || scene->max_bytes != 0;
}

static enum brisk_status judge(
    struct reader *reader, uint64_t key, const struct before *before, enum brisk_status status,
    struct brisk_bytes value)
{
    struct stage *stage = reader->stage;
    const struct scene *scene = stage->scene;
    if (status == BRISK_MISS) {
        thread_expect(before->floor == 0 || may_miss(scene));
        return BRISK_OK;
    }
    struct header header;
    thread_expect(status == BRISK_OK);
    thread_expect(is_whole(value, &header));
    thread_expect(header.key == key);
    thread_expect(header.number >= before->floor);
    thread_expect(header.number >= reader->last[key]);
    thread_expect(header.number <= atomic_load(&stage->heads[key]));
    /* Where nothing prolongs, the value that was complete is not served past its time. */
    if (scene->ttl != 0 && (scene->trouble & (TOUCHES | LOADS)) == 0 &&
        header.number == before->complete)
        thread_expect(before->now < before->stored_at + scene->ttl);
    reader->last[key] = header.number;
    return BRISK_OK;
}

static enum brisk_status read_into(struct reader *reader, uint64_t key)
{
    uint8_t buffer[VALUE_MAX];
    size_t length = 0;
    struct name name;
    struct before before = look_before(reader->stage, key);
    enum brisk_status status = brisk_cache_get_into(
        reader->stage->cache, name_of(key, &name), buffer, sizeof buffer, &length);
    return judge(reader, key, &before, status, brisk_bytes_of(buffer, length));
}

/* A view stays whole for as long as it is held. */
static enum brisk_status hold(struct reader *reader, struct brisk_view view)
{
    struct brisk_view *place = &reader->held[reader->turn++ % HELD_VIEWS];
    struct header header;
    thread_expect(place->length == 0 || is_whole(brisk_view_bytes(place), &header));
    brisk_view_release(place);
    *place = view;
    return BRISK_OK;
}

static enum brisk_status read_view(struct reader *reader, uint64_t key)
{
    struct brisk_view view;
    struct name name;
    struct before before = look_before(reader->stage, key);
    enum brisk_status status = brisk_cache_get(reader->stage->cache, name_of(key, &name), &view);
    enum brisk_status verdict = judge(reader, key, &before, status, brisk_view_bytes(&view));
    return verdict == BRISK_OK ? hold(reader, view) : verdict;
}

static enum brisk_status read_batch(struct reader *reader, uint64_t first, bool copies)
{
    static _Thread_local uint8_t buffer[BATCH * VALUE_MAX];
    struct name names[BATCH];
    struct brisk_bytes keys[BATCH], values[BATCH];
    struct brisk_view views[BATCH];
    struct before before[BATCH];
    enum brisk_status statuses[BATCH], verdict = BRISK_OK;
    for (uint64_t i = 0; i < BATCH; i++) {
        keys[i] = name_of((first + i * 5) % KEYS, &names[i]);
        before[i] = look_before(reader->stage, (first + i * 5) % KEYS);
    }
    if (copies)
        brisk_cache_get_many_into(
            reader->stage->cache, keys, BATCH, buffer, sizeof buffer, values, statuses);
    else
        brisk_cache_get_many(reader->stage->cache, keys, BATCH, views, statuses);
    for (uint64_t i = 0; i < BATCH; i++) {
        if (!copies)
            values[i] = brisk_view_bytes(&views[i]);
        if (verdict == BRISK_OK)
            verdict = judge(reader, (first + i * 5) % KEYS, &before[i], statuses[i], values[i]);
        if (!copies)
            brisk_view_release(&views[i]);
    }
    return verdict;
}

static enum brisk_status load_head(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct stage *stage = ctx;
    uint8_t value[VALUE_MAX];
    uint64_t number;
    memcpy(&number, key.data, sizeof number);
    if ((stage->scene->trouble & GROUPS) != 0)
        entry->group = number + 1;
    uint64_t head = atomic_load(&stage->heads[number]);
    size_t lengths = stage->scene->longest - stage->scene->shortest + 1;
    size_t length = compose(value, number, head, stage->scene->shortest + head % lengths);
    sched_yield();
    if (atomic_fetch_add(&stage->loads, 1) % 8 == 7)
        return BRISK_ERR_UNREACHABLE;
    return brisk_view_copy(out, brisk_bytes_of(value, length));
}

/*
 * No older than what was in the cache before. But it may be ahead of what is there
 * afterwards: a load that was overtaken by a store may have found the next value already.
 */
static enum brisk_status read_or_load(struct reader *reader, uint64_t key)
{
    struct brisk_view view;
    struct name name;
    struct before before = look_before(reader->stage, key);
    enum brisk_status status = brisk_cache_get_or_load(
        reader->stage->cache, name_of(key, &name), &view, load_head, reader->stage);
    if (status == BRISK_ERR_UNREACHABLE)
        return BRISK_OK;
    thread_expect(status != BRISK_MISS);
    thread_expect(status != BRISK_STALE || reader->stage->scene->stale != 0);
    if (status == BRISK_STALE)
        status = BRISK_OK;
    uint64_t last = reader->last[key];
    enum brisk_status verdict = judge(reader, key, &before, status, brisk_view_bytes(&view));
    reader->last[key] = last;
    brisk_view_release(&view);
    return verdict;
}

static enum brisk_status read_one(struct reader *reader, struct test_random *random)
{
    const struct scene *scene = reader->stage->scene;
    uint64_t key = test_random_below(random, keys_of(scene));
    if ((scene->trouble & LOADS) != 0 && test_random_below(random, 4) != 0)
        return read_or_load(reader, key);
    switch (test_random_below(random, 8)) {
    case 0:
        return read_batch(reader, key, true);
    case 1:
        return read_batch(reader, key, false);
    case 2:
    case 3:
    case 4:
        return read_view(reader, key);
    default:
        return read_into(reader, key);
    }
}

static enum brisk_status read_keys(struct stage *stage, unsigned int index)
{
    struct reader reader = {.stage = stage};
    struct test_random random = test_random_seeded(index + 1000);
    enum brisk_status status = BRISK_OK;
    while (status == BRISK_OK && atomic_load(&stage->writers_done) < WRITERS)
        status = read_one(&reader, &random);
    for (int i = 0; i < HELD_VIEWS; i++)
        brisk_view_release(&reader.held[i]);
    return status;
}

static enum brisk_status play_part(unsigned int index, void *ctx)
{
    if (index < WRITERS)
        return write_keys(ctx, index);
    return index < WRITERS + READERS ? read_keys(ctx, index) : disturb(ctx);
}

static void open_stage(struct stage *stage, const struct scene *scene)
{
    memset(stage, 0, sizeof *stage);
    stage->scene = scene;
    atomic_store(&stage->clock.now, UINT64_C(1) << 40);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = scene->policy;
    options.max_entries = scene->max_entries;
    options.max_bytes = scene->max_bytes;
    options.shards = scene->shards;
    options.ttl = scene->ttl;
    options.idle_ttl = scene->idle_ttl;
    options.stale = scene->stale;
    options.refresh_ahead = scene->refresh_ahead;
    options.clock = fake_clock_now;
    options.clock_ctx = &stage->clock;
    options.hash_seed = 3;
    if ((scene->trouble & LISTENER) != 0) {
        options.on_evict = listen;
        options.on_evict_ctx = stage;
    }
    stage->cache = new_cache(&options);
}

static void play(const struct scene *scene)
{
    static struct stage stage;
    open_stage(&stage, scene);
    run_threads(THREADS, play_part, &stage);

    struct brisk_cache_stats stats = stats_of(stage.cache);
    assert_balance(stage.cache);
    brisk_cache_clear(stage.cache);
    struct brisk_cache_stats after = stats_of(stage.cache);
    assert_u64(after.entries, 0);
    assert_u64(after.evicted_cleared - stats.evicted_cleared, stats.entries);
    brisk_cache_free(stage.cache);
    if ((scene->trouble & LISTENER) != 0) {
        assert_u64(atomic_load(&stage.told_wrong), 0);
        assert_u64(atomic_load(&stage.told), evicted_in_all(&after));
    }
}

static void play_with_every_policy(struct scene scene)
{
    for (int i = 0; i < POLICIES; i++) {
        scene.policy = every_policy[i];
        play(&scene);
    }
}

static void a_value_that_was_set_is_seen_by_every_thread(void **state)
{
    (void)state;
    play_with_every_policy(
        (struct scene){.shortest = 24, .longest = 300, .max_entries = 1000, .shards = 1});
}

static void values_that_cross_the_inline_limit_are_never_mixed(void **state)
{
    (void)state;
    play_with_every_policy(
        (struct scene){.shortest = 900, .longest = 1150, .max_entries = 1000, .shards = 1});
}

static void shared_views_are_never_mixed(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = VIEWS | DELETES,
        .shortest = 24,
        .longest = 1500,
        .max_entries = 1000,
        .shards = 1});
}

/* One kind of value after the other: the first shared one among inline ones, and back. */
static void what_was_deleted_is_not_seen_again(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = DELETES, .shortest = 24, .longest = 1100, .max_entries = 1000, .shards = 1});
}

static void clear_and_resize_under_traffic_lose_but_never_mix(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = CLEARS | RESIZES | CHURN,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 3000,
        .shards = 1});
}

static void an_index_that_grows_and_shrinks_is_read_right(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = RESIZES | CHURN | DELETES,
        .shortest = 24,
        .longest = 40,
        .max_entries = 3000,
        .shards = 1});
}

static void an_entry_that_moves_within_the_index_is_always_found(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = SWARM, .shortest = 24, .longest = 40, .max_entries = 1000, .shards = 1});
}

static void eviction_under_traffic_never_shows_another_key(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = CHURN, .shortest = 24, .longest = 300, .max_entries = 20, .shards = 1});
}

/* Chunks of blocks change their size class, are emptied and given back. */
static void memory_that_changes_its_use_is_read_right(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = CHURN | DELETES,
        .shortest = 24,
        .longest = 1100,
        .max_bytes = 400000,
        .shards = 1});
}

static void nothing_is_served_past_its_deadline(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = TIME | CHURN,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 3000,
        .ttl = 50,
        .shards = 1});
}

static void reading_prolongs_under_traffic(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = TIME | CHURN | DELETES,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 3000,
        .ttl = 5000,
        .idle_ttl = 30,
        .shards = 1});
}

static void touched_entries_move_and_stay_readable(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = TOUCHES, .shortest = 24, .longest = 1100, .max_entries = 1000, .shards = 1});
}

static void an_invalidated_group_is_not_seen_again(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = GROUPS, .shortest = 24, .longest = 1100, .max_entries = 1000, .shards = 1});
}

/* A load that began before a change gives its result to nobody who asks after it. */
static void what_is_loaded_is_never_from_before_a_change_that_has_returned(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = LOADS | DELETES | GROUPS,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 1000,
        .shards = 1});
    play_with_every_policy((struct scene){
        .trouble = LOADS | DELETES | CLEARS | CHURN,
        .shortest = 24,
        .longest = 300,
        .max_entries = 20,
        .shards = 1});
}

static void stale_and_early_loaded_values_are_never_from_before_a_change_either(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = LOADS | DELETES | GROUPS | TIME,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 1000,
        .ttl = 50,
        .stale = 30,
        .refresh_ahead = 20,
        .shards = 1});
}

static void a_listener_is_told_once_of_each_whole_value(void **state)
{
    (void)state;
    play_with_every_policy((struct scene){
        .trouble = LISTENER | CHURN | DELETES | CLEARS | RESIZES | TIME,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 300,
        .ttl = 200,
        .shards = 1});
}

static void everything_at_once_in_several_shards(void **state)
{
    (void)state;
    play(&(struct scene){
        .trouble = CHURN | DELETES | CLEARS | RESIZES | TIME | GROUPS | TOUCHES | VIEWS,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 1000,
        .max_bytes = 1000000,
        .ttl = 200,
        .idle_ttl = 100,
        .shards = 4});
    play(&(struct scene){
        .trouble = CHURN | DELETES | CLEARS | RESIZES | TIME | GROUPS | TOUCHES,
        .shortest = 24,
        .longest = 1100,
        .max_entries = 1000,
        .ttl = 200,
        .shards = 4});
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_value_that_was_set_is_seen_by_every_thread),
    cmocka_unit_test(values_that_cross_the_inline_limit_are_never_mixed),
    cmocka_unit_test(shared_views_are_never_mixed),
    cmocka_unit_test(what_was_deleted_is_not_seen_again),
    cmocka_unit_test(clear_and_resize_under_traffic_lose_but_never_mix),
    cmocka_unit_test(an_index_that_grows_and_shrinks_is_read_right),
    cmocka_unit_test(an_entry_that_moves_within_the_index_is_always_found),
    cmocka_unit_test(eviction_under_traffic_never_shows_another_key),
    cmocka_unit_test(memory_that_changes_its_use_is_read_right),
    cmocka_unit_test(nothing_is_served_past_its_deadline),
    cmocka_unit_test(reading_prolongs_under_traffic),
    cmocka_unit_test(touched_entries_move_and_stay_readable),
    cmocka_unit_test(an_invalidated_group_is_not_seen_again),
    cmocka_unit_test(what_is_loaded_is_never_from_before_a_change_that_has_returned),
    cmocka_unit_test(stale_and_early_loaded_values_are_never_from_before_a_change_either),
    cmocka_unit_test(a_listener_is_told_once_of_each_whole_value),
    cmocka_unit_test(everything_at_once_in_several_shards))
