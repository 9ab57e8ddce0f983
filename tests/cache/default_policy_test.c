/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ghost_sketch.h"
#include "cache/hash.h"
#include "tests/cache/cache_support.h"

enum {
    SEED = 7,
    MODEL_MOST = 2000, /* entries */
};

/*
 * The policy once more, with arrays, on a capacity counted in entries. It shares
 * the ghosts with the cache: their errors depend on hashes, and they have a test
 * of their own.
 */
struct model_entry {
    uint64_t key;
    unsigned int count;
};

struct model_queue {
    struct model_entry entries[2 * MODEL_MOST]; /* oldest first */
    size_t length;
};

struct model {
    struct bk_hash_key hash_key;
    struct bk_ghost_sketch ghosts;
    struct model_queue small, main;
    size_t capacity;
    uint64_t small_share; /* 2^32: all */
    uint64_t ageing;
    uint64_t halved, lost; /* of the main queue, lately */
};

static const uint64_t whole = UINT64_C(1) << 32;

static struct model *new_model(size_t capacity)
{
    struct model *model = calloc(1, sizeof *model);
    bk_hash_key_init(&model->hash_key, SEED);
    assert_true(bk_ghost_sketch_init(&model->ghosts, capacity));
    model->capacity = capacity;
    model->small_share = whole / 4;
    return model;
}

static void free_model(struct model *model)
{
    bk_ghost_sketch_free(&model->ghosts);
    free(model);
}

static uint64_t model_hash(const struct model *model, uint64_t key)
{
    return bk_hash(&model->hash_key, &key, sizeof key);
}

static size_t model_size(const struct model *model)
{
    return model->small.length + model->main.length;
}

static struct model_entry take_at(struct model_queue *queue, size_t index)
{
    struct model_entry entry = queue->entries[index];
    memmove(
        &queue->entries[index], &queue->entries[index + 1],
        (queue->length - index - 1) * sizeof entry);
    queue->length--;
    return entry;
}

static void append(struct model_queue *queue, uint64_t key, unsigned int count)
{
    queue->entries[queue->length++] = (struct model_entry){key, count};
}

static struct model_entry *find_in(struct model_queue *queue, uint64_t key)
{
    for (size_t i = 0; i < queue->length; i++)
        if (queue->entries[i].key == key)
            return &queue->entries[i];
    return NULL;
}

static bool model_hit(struct model *model, uint64_t key)
{
    struct model_entry *entry = find_in(&model->small, key);
    if (entry == NULL)
        entry = find_in(&model->main, key);
    if (entry == NULL)
        return false;
    if (entry->count < 3)
        entry->count++;
    return true;
}

static void model_delete(struct model *model, uint64_t key)
{
    struct model_queue *queues[] = {&model->small, &model->main};
    for (size_t i = 0; i < 2; i++) {
        struct model_entry *entry = find_in(queues[i], key);
        if (entry != NULL)
            take_at(queues[i], (size_t)(entry - queues[i]->entries));
    }
}

static void drop_oldest(struct model *model, struct model_queue *queue)
{
    struct model_entry entry = take_at(queue, 0);
    enum bk_origin origin = queue == &model->main ? BK_ORIGIN_MAIN : BK_ORIGIN_SMALL;
    bk_ghost_sketch_add(&model->ghosts, model_hash(model, entry.key), origin);
}

/* Fewer than 64 entries: all in one queue, sorted by the hits since the last miss. */
static void evict_tiny(struct model *model)
{
    while (model->main.length != 0) {
        struct model_entry entry = take_at(&model->main, 0);
        append(&model->small, entry.key, entry.count);
    }
    struct model_queue sorted = {.length = 0};
    for (unsigned int count = 0; count <= 3; count++)
        for (size_t i = 0; i < model->small.length; i++)
            if (model->small.entries[i].count == count)
                append(&sorted, model->small.entries[i].key, 0);
    model->small = sorted;
    drop_oldest(model, &model->small);
}

/* A main queue that loses entries without a hit does not pay. */
static bool model_main_pays(const struct model *model)
{
    return model->halved >= model->lost;
}

static void model_note(struct model *model, uint64_t *event)
{
    ++*event;
    if (model->halved + model->lost >= model_size(model) / 2) {
        model->halved /= 2;
        model->lost /= 2;
    }
}

static void evict_main(struct model *model)
{
    uint64_t share = whole - model->small_share;
    bool is_long = share >= whole / 3 * 2;
    for (int sweep = 0; sweep < 64; sweep++) {
        if (model->main.entries[0].count == 0) {
            model_note(model, &model->lost);
            break;
        }
        if (!is_long)
            model->ageing += share + share / 2;
        if (is_long || model->ageing >= whole) {
            model->main.entries[0].count /= 2;
            model_note(model, &model->halved);
        }
        model->ageing %= whole;
        struct model_entry entry = take_at(&model->main, 0);
        append(&model->main, entry.key, entry.count);
    }
    drop_oldest(model, &model->main);
}

static void evict(struct model *model)
{
    if (model_size(model) < 64) {
        evict_tiny(model);
        return;
    }
    size_t capacity = model_size(model);
    size_t small_target = (size_t)(capacity * model->small_share >> 32);
    unsigned int promoted_from = model->small_share > whole / 3 * 2 ? 1 : 2;
    bool had_second_round = false;
    for (;;) {
        if (model->small.length == 0 || model->main.length > capacity - small_target) {
            evict_main(model);
            return;
        }
        unsigned int count = model->small.entries[0].count;
        uint64_t key = model->small.entries[0].key;
        if (count < promoted_from && (count == 0 || had_second_round)) {
            drop_oldest(model, &model->small);
            return;
        }
        take_at(&model->small, 0);
        append(count >= promoted_from ? &model->main : &model->small, key, 0);
        had_second_round = had_second_round || count < promoted_from;
    }
}

static void adapt(struct model *model, enum bk_origin origin)
{
    uint64_t small = model->ghosts.small_count + UINT64_C(1);
    uint64_t main = model->ghosts.main_count + UINT64_C(1);
    uint64_t size = model_size(model), four = 4 * whole / size;
    int64_t share = (int64_t)model->small_share;
    if (origin == BK_ORIGIN_SMALL) {
        share += (int64_t)(four * main / (small + main));
    } else {
        uint64_t back = four * small / (small + main);
        uint64_t least = whole / 4 / size;
        share -= (int64_t)(back > least ? back : least);
    }
    int64_t low = (int64_t)(whole / 10), high = (int64_t)(whole - 1);
    model->small_share = (uint64_t)(share < low ? low : share > high ? high : share);
}

static void model_insert(struct model *model, uint64_t key)
{
    enum bk_origin origin = BK_ORIGIN_NONE;
    bool is_late = false, pays = model_main_pays(model);
    if (model_size(model) >= 64)
        origin = bk_ghost_sketch_take(&model->ghosts, model_hash(model, key), &is_late);
    if (origin == BK_ORIGIN_MAIN && is_late && !pays)
        origin = BK_ORIGIN_NONE;
    if (origin != BK_ORIGIN_NONE)
        adapt(model, origin);
    while (model_size(model) >= model->capacity)
        evict(model);
    bool to_main = origin == BK_ORIGIN_SMALL || (origin == BK_ORIGIN_MAIN && pays);
    append(to_main ? &model->main : &model->small, key, origin == BK_ORIGIN_MAIN);
}

static void model_resize(struct model *model, size_t capacity)
{
    model->capacity = capacity;
    while (model_size(model) > capacity)
        evict(model);
    bk_ghost_sketch_resize(&model->ghosts, capacity);
}

static struct brisk_cache *new_default_cache(size_t capacity)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_entries = capacity;
    options.shards = 1;
    options.hash_seed = SEED;
    return new_cache(&options);
}

static void request_both(struct model *model, struct brisk_cache *cache, uint64_t key)
{
    bool is_hit = model_hit(model, key);
    if (!is_hit)
        model_insert(model, key);
    assert_that(request(cache, key) == is_hit, "key %llu", (unsigned long long)key);
}

/* Now skewed, now in a loop, now new: so that the boundary wanders. */
static uint64_t next_key(struct test_random *random, size_t capacity, unsigned int step)
{
    uint64_t phase = step / (10 * capacity + 100) % 4;
    double unit = test_random_unit(random);
    switch (phase) {
    case 0:
        return (uint64_t)(unit * unit * unit * 6 * (double)capacity);
    case 1:
        return step % (capacity + capacity / 3 + 1);
    case 2:
        return 1000000 + step - test_random_below(random, capacity + 1);
    default:
        return unit < 0.3 ? test_random_below(random, capacity / 4 + 1)
                          : 2000000 + (step / 3) % (2 * capacity + 1);
    }
}

static const size_t capacities[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 100, 1000};

enum {
    CAPACITIES = sizeof capacities / sizeof capacities[0],
    STEPS = 60000,
};

static void it_hits_and_misses_as_the_model_does(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (size_t i = 0; i < CAPACITIES; i++) {
        struct model *model = new_model(capacities[i]);
        struct brisk_cache *cache = new_default_cache(capacities[i]);
        for (unsigned int step = 0; step < scaled(STEPS); step++)
            request_both(model, cache, next_key(&random, capacities[i], step));
        assert_u64(stats_of(cache).entries, model_size(model));
        brisk_cache_free(cache);
        free_model(model);
    }
}

static void delete_both(struct model *model, struct brisk_cache *cache, uint64_t key)
{
    bool was_there = find_in(&model->small, key) != NULL || find_in(&model->main, key) != NULL;
    model_delete(model, key);
    enum brisk_status status = brisk_cache_delete(cache, number_key(&key));
    assert_status(status, was_there ? BRISK_OK : BRISK_MISS);
}

static void store_both(struct model *model, struct brisk_cache *cache, uint64_t key)
{
    if (!model_hit(model, key))
        model_insert(model, key);
    set_number(cache, key);
}

static void resize_both(struct model *model, struct brisk_cache *cache, size_t capacity)
{
    model_resize(model, capacity);
    assert_ok(brisk_cache_resize(cache, capacity, 0, 0));
}

static void it_does_so_with_deletes_stores_and_resizes_in_between(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (size_t i = 0; i < CAPACITIES; i++) {
        size_t capacity = capacities[i];
        struct model *model = new_model(capacity);
        struct brisk_cache *cache = new_default_cache(capacity);
        for (unsigned int step = 0; step < scaled(STEPS); step++) {
            uint64_t key = next_key(&random, capacities[i], step),
                     dice = test_random_below(&random, 1000);
            if (dice < 100)
                delete_both(model, cache, key);
            else if (dice < 200)
                store_both(model, cache, key);
            else if (dice == 200 && step % 16 == 0)
                resize_both(model, cache, 1 + test_random_below(&random, 2 * capacities[i]));
            else
                request_both(model, cache, key);
        }
        assert_u64(stats_of(cache).entries, model_size(model));
        brisk_cache_free(cache);
        free_model(model);
    }
}

static void a_cache_that_was_cleared_behaves_like_a_new_one(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct brisk_cache *used = new_default_cache(100), *fresh = new_default_cache(100);
    for (unsigned int step = 0; step < 5000; step++)
        request(used, next_key(&random, 100, step));

    brisk_cache_clear(used);

    for (unsigned int step = 0; step < 5000; step++) {
        uint64_t key = next_key(&random, 100, step);
        assert_int_equal(request(used, key), request(fresh, key));
    }
    brisk_cache_free(used);
    brisk_cache_free(fresh);
}

static void memory_for_ghosts_is_taken_only_as_entries_come(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_default_cache((size_t)1 << 30);

    assert_true(stats_of(cache).bytes < 4096);
    brisk_cache_free(cache);
}

static void its_ghosts_count_as_memory_a_byte_for_each_entry(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_default_cache(100000);
    struct brisk_cache *fifo = new_cache_of(BRISK_POLICY_FIFO, 100000);
    for (uint64_t key = 0; key < 100000; key++) {
        request(cache, key);
        request(fifo, key);
    }

    assert_u64(stats_of(cache).bytes - stats_of(fifo).bytes, 100000);
    brisk_cache_free(cache);
    brisk_cache_free(fifo);
}

/*
 * Where the sizes differ the boundary is a share of the bytes; there is no model
 * of that, so only what must hold: it stays within its limit, it is full, and what
 * is asked for all the time stays through a scan.
 */
static void with_sizes_a_hot_set_survives_a_scan(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 1 << 20;
    options.shards = 1;
    options.hash_seed = SEED;
    struct brisk_cache *cache = new_cache(&options);
    static const uint8_t value[2000];
    struct test_random random = test_random_new();
    uint64_t hits = 0;
    for (uint64_t step = 0; step < 60000; step++) {
        uint64_t hot = test_random_below(&random, 200), cold = 1000 + step;
        struct brisk_view view = {0};
        hits += brisk_cache_get(cache, number_key(&hot), &view) == BRISK_OK;
        if (view.length == 0)
            assert_ok(
                brisk_cache_set(cache, number_key(&hot), brisk_bytes_of(value, 1 + hot * 8), NULL));
        brisk_view_release(&view);
        size_t length = (size_t)test_random_below(&random, sizeof value);
        assert_ok(brisk_cache_set(cache, number_key(&cold), brisk_bytes_of(value, length), NULL));
        assert_true(stats_of(cache).bytes <= options.max_bytes);
    }
    assert_true(stats_of(cache).bytes > options.max_bytes / 10 * 9);
    assert_that(hits > 57000, "%llu hits", (unsigned long long)hits);
    brisk_cache_free(cache);
}

/*
 * Loads of many kinds against exact LRU.
 *
 * At most 3 % more misses, beyond as many as the capacity: the boundary has to be
 * learnt once. Not covered, because they are not within 3 % for good:
 * - A skewed load that takes turns with a loop over nine tenths of the capacity: up
 *   to 7 % above LRU in long turns, 3 to 26 % and in the worst case seen 50 % in
 *   short ones, since each turn has to be learnt.
 * - Two bursts of four fifths of the capacity and more that take turns, two passes
 *   each: up to 9 % above; in caches of 64 and 100 entries also smaller ones that
 *   come again after two to four capacities, up to 8 %.
 * - Keys of a window of about the capacity that moves on slowly: 4 to 13 % above.
 * - In caches of 64 to 100 entries, keys that come back after a random time, 3 to
 *   6 % above, and popularity that changes all at once, 5 %.
 * - Bursts with a hot set in two entries, a key of each: hits are counted, so that
 *   which of two keys with as many was hit last is not known. The wrong one may
 *   leave each time, up to twice the misses of LRU.
 */
struct stream {
    struct brisk_cache *cache, *lru;
    uint64_t length, requests, misses, lru_misses;
    struct test_random random;
};

static void ask(struct stream *stream, uint64_t key)
{
    stream->requests++;
    stream->misses += !request(stream->cache, key);
    stream->lru_misses += !request(stream->lru, key);
}

static bool has_more(const struct stream *stream)
{
    return stream->requests < stream->length;
}

static uint64_t part_of(size_t capacity, unsigned int percent)
{
    uint64_t part = (uint64_t)capacity * percent / 100;
    return part == 0 ? 1 : part;
}

struct pattern {
    const char *name;
    void (*run)(struct stream *stream, size_t capacity, const struct pattern *pattern);
    unsigned int percent; /* of the capacity: length of a burst, a loop, a scan */
    unsigned int hot_percent;
    unsigned int times; /* passes over a burst; hot requests for one that is not */
};

/* New keys, the whole batch several times, then never again; with a hot set if there is one. */
static void run_bursts(struct stream *stream, size_t capacity, const struct pattern *pattern)
{
    uint64_t batch = part_of(capacity, pattern->percent);
    uint64_t hot = part_of(capacity, pattern->hot_percent);
    for (uint64_t first = hot; has_more(stream); first += batch)
        for (uint64_t i = 0; i < batch * pattern->times; i++) {
            ask(stream, first + i % batch);
            if (pattern->hot_percent != 0 && i % 2 == 0)
                ask(stream, test_random_below(&stream->random, hot));
        }
}

static void
run_shuffled_bursts(struct stream *stream, size_t capacity, const struct pattern *pattern)
{
    uint64_t batch = part_of(capacity, pattern->percent);
    for (uint64_t first = 0; has_more(stream); first += batch)
        for (uint64_t i = 0; i < batch * pattern->times; i++)
            ask(stream, first + test_random_below(&stream->random, batch));
}

static void run_loop(struct stream *stream, size_t capacity, const struct pattern *pattern)
{
    uint64_t length = part_of(capacity, pattern->percent);
    if (pattern->percent > 100 && length <= capacity)
        length = capacity + 1;
    for (uint64_t i = 0; has_more(stream); i++)
        ask(stream, i % length);
}

/* A key that never comes back for every so many of a hot set. */
static void run_scan(struct stream *stream, size_t capacity, const struct pattern *pattern)
{
    uint64_t hot = part_of(capacity, pattern->hot_percent);
    for (uint64_t cold = hot; has_more(stream); cold++) {
        ask(stream, cold);
        for (unsigned int i = 0; i < pattern->times; i++)
            ask(stream, test_random_below(&stream->random, hot));
    }
}

/* Scans between quiet times in which only the hot set is asked for. */
static void
run_scans_now_and_then(struct stream *stream, size_t capacity, const struct pattern *pattern)
{
    uint64_t hot = part_of(capacity, pattern->hot_percent), cold = hot;
    while (has_more(stream)) {
        for (uint64_t i = 0; i < pattern->times * (uint64_t)capacity; i++)
            ask(stream, test_random_below(&stream->random, hot));
        for (uint64_t i = 0; i < part_of(capacity, pattern->percent); i++)
            ask(stream, cold++);
    }
}

static const struct pattern patterns[] = {
    {"burst of 25 %, twice", run_bursts, 25, 0, 2},
    {"burst of 50 %, twice", run_bursts, 50, 0, 2},
    {"burst of 90 %, twice", run_bursts, 90, 0, 2},
    {"burst of 150 %, twice", run_bursts, 150, 0, 2},
    {"burst of 25 %, 3 times", run_bursts, 25, 0, 3},
    {"burst of 50 %, 3 times", run_bursts, 50, 0, 3},
    {"burst of 90 %, 3 times", run_bursts, 90, 0, 3},
    {"burst of 50 %, 4 times", run_bursts, 50, 0, 4},
    {"burst of 90 %, 4 times", run_bursts, 90, 0, 4},
    {"burst of 35 %, 3 times, hot 20 %", run_bursts, 35, 20, 3},
    {"burst of 50 %, 3 times, hot 20 %", run_bursts, 50, 20, 3},
    {"burst of 60 %, 3 times, hot 20 %", run_bursts, 60, 20, 3},
    {"burst of 70 %, 3 times, hot 20 %", run_bursts, 70, 20, 3},
    {"shuffled burst of 50 %", run_shuffled_bursts, 50, 0, 3},
    {"shuffled burst of 90 %", run_shuffled_bursts, 90, 0, 3},
    {"shuffled burst of 150 %", run_shuffled_bursts, 150, 0, 3},
    {"loop of 50 %", run_loop, 50, 0, 0},
    {"loop of 95 %", run_loop, 95, 0, 0},
    {"loop of 102 %", run_loop, 102, 0, 0},
    {"loop of 150 %", run_loop, 150, 0, 0},
    {"loop of 500 %", run_loop, 500, 0, 0},
    {"scan, hot 10 %, 1 to 1", run_scan, 0, 10, 1},
    {"scan, hot 50 %, 1 to 1", run_scan, 0, 50, 1},
    {"scan, hot 90 %, 1 to 1", run_scan, 0, 90, 1},
    {"scan, hot 10 %, 9 to 1", run_scan, 0, 10, 9},
    {"scan, hot 50 %, 9 to 1", run_scan, 0, 50, 9},
    {"scan, hot 90 %, 9 to 1", run_scan, 0, 90, 9},
    {"scans of 200 %, hot 70 %", run_scans_now_and_then, 200, 70, 5},
    {"scans of 500 %, hot 70 %", run_scans_now_and_then, 500, 70, 5},
};

struct recurrence {
    const char *name;
    void (*run)(struct stream *stream, size_t capacity, const struct recurrence *recurrence);
    unsigned int percent; /* of the capacity: length of a burst or a loop, time until a return */
    unsigned int turn;    /* in percent of the capacity: all bursts; a loop, or the time without */
    unsigned int times;   /* passes over a burst; returns in 100 */
};

/* Bursts that take turns. */
static void
run_recurring_bursts(struct stream *stream, size_t capacity, const struct recurrence *recurrence)
{
    uint64_t batch = part_of(capacity, recurrence->percent) + 1;
    uint64_t bursts = part_of(capacity, recurrence->turn) / batch;
    for (uint64_t burst = 0; has_more(stream); burst++)
        for (uint64_t i = 0; i < batch * recurrence->times; i++)
            ask(stream, burst % bursts * batch + i % batch);
}

/* Some keys far more often than others, about as in Zipf's law with an exponent of 0.75. */
static uint64_t skewed_below(struct stream *stream, uint64_t keys)
{
    double unit = test_random_unit(&stream->random);
    return (uint64_t)(unit * unit * unit * unit * (double)keys);
}

static void
run_skewed_and_loop(struct stream *stream, size_t capacity, const struct recurrence *recurrence)
{
    uint64_t keys = 10 * (uint64_t)capacity, loop = part_of(capacity, recurrence->percent);
    uint64_t turn = part_of(capacity, recurrence->turn);
    for (uint64_t i = 0; has_more(stream); i++)
        ask(stream, i / turn % 2 == 0 ? skewed_below(stream, keys) : keys + i % turn % loop);
}

/* Every request takes popularity on to newer keys, by `percent` of one. */
static void run_drift(struct stream *stream, size_t capacity, const struct recurrence *recurrence)
{
    uint64_t keys = 10 * (uint64_t)capacity;
    for (uint64_t i = 0; has_more(stream); i++)
        ask(stream, keys + i * recurrence->percent / 100 - skewed_below(stream, keys));
}

/* `times` of 100 requests are followed by another one for the key, after a random time. */
static void run_returns(struct stream *stream, size_t capacity, const struct recurrence *recurrence)
{
    uint64_t longest = 2 * part_of(capacity, recurrence->percent), fresh = 0;
    uint64_t *due = calloc(stream->length, sizeof *due); /* by time: the key and 1 */
    assert_non_null(due);
    for (uint64_t now = 0; has_more(stream); now++) {
        uint64_t key = due[now] != 0 ? due[now] - 1 : fresh++;
        ask(stream, key);
        uint64_t then = now + 1 + test_random_below(&stream->random, longest);
        if (test_random_below(&stream->random, 100) >= recurrence->times)
            continue;
        while (then < stream->length && due[then] != 0)
            then++;
        if (then < stream->length)
            due[then] = key + 1;
    }
    free(due);
}

static const struct recurrence recurrences[] = {
    {"bursts of 20 % of 600 %, twice", run_recurring_bursts, 20, 600, 2},
    {"bursts of 20 % of 200 %, 3 times", run_recurring_bursts, 20, 200, 3},
    {"bursts of 50 % of 300 %, twice", run_recurring_bursts, 50, 300, 2},
    {"bursts of 50 % of 600 %, twice", run_recurring_bursts, 50, 600, 2},
    {"bursts of 50 % of 200 %, 3 times", run_recurring_bursts, 50, 200, 3},
    {"bursts of 50 % of 300 %, 3 times", run_recurring_bursts, 50, 300, 3},
    {"bursts of 80 % of 300 %, twice", run_recurring_bursts, 80, 300, 2},
    {"bursts of 80 % of 200 %, 3 times", run_recurring_bursts, 80, 200, 3},
    {"bursts of 95 % of 300 %, twice", run_recurring_bursts, 95, 300, 2},
    {"bursts of 95 % of 200 %, 3 times", run_recurring_bursts, 95, 200, 3},
    {"skewed and a loop of 60 %", run_skewed_and_loop, 60, 500, 0},
    {"skewed and a loop of 120 %", run_skewed_and_loop, 120, 500, 0},
    {"skewed and a loop of 200 %", run_skewed_and_loop, 200, 500, 0},
    {"skewed and a loop of 60 %, long turns", run_skewed_and_loop, 60, 2000, 0},
    {"skewed and a loop of 90 %, long turns", run_skewed_and_loop, 90, 2000, 0},
    {"drift of 1 %", run_drift, 1, 0, 0},
    {"drift of 20 %", run_drift, 20, 0, 0},
    {"drift of 50 %", run_drift, 50, 0, 0},
    {"half returns after 25 %", run_returns, 25, 0, 50},
    {"half returns after 100 %", run_returns, 100, 0, 50},
    {"half returns after 200 %", run_returns, 200, 0, 50},
    {"nearly all returns after 50 %", run_returns, 50, 0, 90},
    {"nearly all returns after 100 %", run_returns, 100, 0, 90},
};

static struct stream new_stream(size_t capacity)
{
    size_t least = capacity < 64 ? 5000 : 20000;
    return (struct stream){
        .cache = new_default_cache(capacity),
        .lru = new_cache_of(BRISK_POLICY_LRU, capacity),
        .length = capacity < 500 ? least : 60 * capacity,
        .random = test_random_seeded(1),
    };
}

static void assert_hardly_more_misses(struct stream *stream, const char *name, size_t capacity)
{
    assert_that(
        stream->misses * 100 <= stream->lru_misses * 103 + 100 * capacity,
        "%s at %zu: %llu misses, LRU %llu", name, capacity, (unsigned long long)stream->misses,
        (unsigned long long)stream->lru_misses);
    brisk_cache_free(stream->cache);
    brisk_cache_free(stream->lru);
}

static void compare_with_lru(const struct pattern *pattern, size_t capacity)
{
    struct stream stream = new_stream(capacity);
    pattern->run(&stream, capacity, pattern);
    assert_hardly_more_misses(&stream, pattern->name, capacity);
}

static void bursts_scans_and_loops_miss_hardly_more_than_with_lru(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 10, 16, 31, 32, 50, 63, 64, 100, 300, 1000};
    size_t every = 10 / scaled(10), row = 0; /* in slow builds only some */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t j = 0; j < sizeof patterns / sizeof patterns[0]; j++) {
            bool has_hot_burst = patterns[j].run == run_bursts && patterns[j].hot_percent != 0;
            if (++row % every == 0 && (sizes[i] != 2 || !has_hot_burst))
                compare_with_lru(&patterns[j], sizes[i]);
        }
}

static void loads_that_come_back_or_change_miss_hardly_more_than_with_lru(void **state)
{
    (void)state;
    static const size_t sizes[] = {64, 100, 300, 1000};
    size_t every = 10 / scaled(10), row = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t j = 0; j < sizeof recurrences / sizeof recurrences[0]; j++) {
            if (++row % every != 0)
                continue;
            struct stream stream = new_stream(sizes[i]);
            recurrences[j].run(&stream, sizes[i], &recurrences[j]);
            assert_hardly_more_misses(&stream, recurrences[j].name, sizes[i]);
        }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(it_hits_and_misses_as_the_model_does),
    cmocka_unit_test(it_does_so_with_deletes_stores_and_resizes_in_between),
    cmocka_unit_test(a_cache_that_was_cleared_behaves_like_a_new_one),
    cmocka_unit_test(memory_for_ghosts_is_taken_only_as_entries_come),
    cmocka_unit_test(its_ghosts_count_as_memory_a_byte_for_each_entry),
    cmocka_unit_test(with_sizes_a_hot_set_survives_a_scan),
    cmocka_unit_test(bursts_scans_and_loops_miss_hardly_more_than_with_lru),
    cmocka_unit_test(loads_that_come_back_or_change_miss_hardly_more_than_with_lru))
