/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/schedule_scene.h"

#include <sys/mman.h>

#include "base/memory.h"

enum {
    SEED = 1,
    USUAL_ENTRIES = 1000,
    USUAL_SAMPLES = 200,
    POISON = 0xdb,
    MOST_FREED = 4096,
};

static char problem[200];

#define wrong(...) (snprintf(problem, sizeof problem, __VA_ARGS__), problem)

/*
 * Memory of the library: counted, and spoilt when it is freed. AddressSanitizer
 * sees by itself who uses it then; elsewhere it stays until the schedule has
 * ended, so that nobody gets it anew.
 */
struct block {
    size_t length;
    size_t unused; /* aligns what follows */
};

static struct heap {
    uint64_t live;
    struct block *freed[MOST_FREED];
    size_t freed_count;
} heap;

static void *heap_allocate(size_t length, void *ctx)
{
    (void)ctx;
    struct block *block = malloc(sizeof *block + length);
    if (block == NULL)
        return NULL;
    heap.live++;
    block->length = length;
    return block + 1;
}

static void heap_release(void *memory, void *ctx)
{
    (void)ctx;
    if (memory == NULL)
        return;
    struct block *block = (struct block *)memory - 1;
    heap.live--;
    memset(memory, POISON, block->length);
#ifdef TEST_ADDRESS_SANITIZER
    free(block);
#else
    if (heap.freed_count < MOST_FREED)
        heap.freed[heap.freed_count++] = block;
#endif
}

static void *heap_reallocate(void *memory, size_t length, void *ctx)
{
    void *grown = heap_allocate(length, ctx);
    if (grown == NULL || memory == NULL)
        return grown;
    struct block *block = (struct block *)memory - 1;
    memcpy(grown, memory, block->length < length ? block->length : length);
    heap_release(memory, ctx);
    return grown;
}

/* False if somebody has written to the first word of freed memory, where a buffer counts. */
static bool heap_empty(void)
{
    bool is_untouched = true;
    while (heap.freed_count != 0) {
        struct block *block = heap.freed[--heap.freed_count];
        uint32_t first = UINT32_C(0x01010101) * POISON;
        if (block->length >= sizeof first)
            memcpy(&first, block + 1, sizeof first);
        is_untouched &= first == UINT32_C(0x01010101) * POISON;
        free(block);
    }
    return is_untouched;
}

/*
 * Address space is kept for the next cache, and pages are filled with zeros rather
 * than given back: the kernel would take most of the test's time.
 */
enum {
    MOST_REGIONS = 8
};
static struct bk_region kept_regions[MOST_REGIONS];
static size_t kept_region_count;
static bool is_closing; /* nobody reads any more what is to be zero in the end */

bool __real_bk_region_reserve(
    struct bk_region *region, size_t wanted_bytes, size_t needed_bytes, size_t lead_bytes);
bool __wrap_bk_region_reserve(
    struct bk_region *region, size_t wanted_bytes, size_t needed_bytes, size_t lead_bytes);
void __real_bk_region_free(struct bk_region *region);
void __wrap_bk_region_free(struct bk_region *region);
int __real_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice);

static void wipe(const struct bk_region *region)
{
    for (size_t i = 0; i < region->usable_bytes; i += SCHEDULE_PAGE_BYTES)
        if (schedule_has_stored(region->base + i))
            memset(region->base + i, 0, SCHEDULE_PAGE_BYTES);
}

int __wrap_madvise(void *address, size_t length, int advice)
{
    schedule_step(address, true);
    if (advice != MADV_DONTNEED)
        return __real_madvise(address, length, advice);
    if (!is_closing)
        memset(address, 0, length);
    return 0;
}

bool __wrap_bk_region_reserve(
    struct bk_region *region, size_t wanted_bytes, size_t needed_bytes, size_t lead_bytes)
{
    for (size_t i = 0; i < kept_region_count; i++) {
        if (kept_regions[i].reserved_bytes != wanted_bytes)
            continue;
        *region = kept_regions[i];
        kept_regions[i] = kept_regions[--kept_region_count];
        return true;
    }
    return __real_bk_region_reserve(region, wanted_bytes, needed_bytes, lead_bytes);
}

void __wrap_bk_region_free(struct bk_region *region)
{
    if (region->base == NULL || kept_region_count == MOST_REGIONS) {
        __real_bk_region_free(region);
        return;
    }
    wipe(region);
    region->usable_bytes = 0;
    kept_regions[kept_region_count++] = *region;
    *region = (struct bk_region){0};
}

/* 8 bytes of a value. */
static uint64_t word_of(uint64_t key, unsigned int version, size_t number)
{
    uint64_t mixed = (key * 64 + version) * 4096 + number + 1;
    return mixed * UINT64_C(0x9e3779b97f4a7c15);
}

static struct brisk_bytes value_of(uint64_t key, struct scene_value value, uint8_t *buffer)
{
    for (size_t i = 0; i < bk_words_of(value.length); i++) {
        uint64_t word = word_of(key, value.version, i);
        memcpy(buffer + 8 * i, &word, sizeof word);
    }
    return brisk_bytes_of(buffer, value.length);
}

uint64_t scene_hash(const struct scene *scene, uint64_t key)
{
    return bk_cache_hash(scene->cache, number_key(&key));
}

struct bk_bucket *scene_home(const struct scene *scene, uint64_t key)
{
    return bk_index_home(scene->index, scene_hash(scene, key));
}

struct bk_place scene_place(const struct scene *scene, uint64_t key)
{
    return bk_table_find(&scene->shard->table, scene_hash(scene, key), &key, sizeof key);
}

bool scene_is_guest(const struct scene *scene, uint64_t key)
{
    struct bk_place place = scene_place(scene, key);
    assert_that(place.bucket != NULL, "key %llu is not there", (unsigned long long)key);
    return place.bucket != scene_home(scene, key);
}

static bool has_buckets(const struct scene *scene, uint64_t hash, size_t home, size_t other)
{
    struct bk_buckets first_four = {bk_index_buckets(scene->index).first, BK_TABLE_FIRST_BUCKETS};
    struct bk_bucket *bucket = bk_home_of(first_four, hash);
    return bucket == first_four.first + home &&
           bk_other_of(first_four, bucket, bk_hash_tag(hash)) == first_four.first + other;
}

uint64_t scene_key(struct scene *scene, size_t home, size_t other)
{
    do
        scene->last_key++;
    while (!has_buckets(scene, scene_hash(scene, scene->last_key), home, other));
    return scene->last_key;
}

static bool are_twins(const struct scene *scene, uint64_t a, uint64_t b)
{
    uint64_t hashes[2] = {scene_hash(scene, a), scene_hash(scene, b)};
    return bk_hash_tag(hashes[0]) == bk_hash_tag(hashes[1]) &&
           bk_hash_bucket(hashes[0], BK_TABLE_FIRST_BUCKETS) ==
               bk_hash_bucket(hashes[1], BK_TABLE_FIRST_BUCKETS);
}

uint64_t scene_twin(struct scene *scene, uint64_t key)
{
    static struct {
        uint64_t key, after, twin;
    } known_twins[SCENE_QUESTIONS]; /* the search is long, and the same in each schedule */
    static unsigned int next;
    for (unsigned int i = 0; i < SCENE_QUESTIONS; i++)
        if (known_twins[i].key == key && known_twins[i].after == scene->last_key)
            return scene->last_key = known_twins[i].twin;

    uint64_t after = scene->last_key;
    do
        scene->last_key++;
    while (!are_twins(scene, key, scene->last_key));
    known_twins[next].key = key;
    known_twins[next].after = after;
    known_twins[next].twin = scene->last_key;
    next = (next + 1) % SCENE_QUESTIONS;
    return scene->last_key;
}

void scene_set_with_ttl(
    struct scene *scene, uint64_t key, unsigned int version, unsigned int length, uint64_t ttl)
{
    uint8_t buffer[SCENE_VALUE_MAX];
    struct brisk_bytes value = value_of(key, (struct scene_value){version, length}, buffer);
    struct brisk_entry_options options = brisk_entry_options_default();
    options.ttl = ttl;
    scene->answer = brisk_cache_set(scene->cache, number_key(&key), value, &options);
}

void scene_set(struct scene *scene, uint64_t key, unsigned int version, unsigned int length)
{
    scene_set_with_ttl(scene, key, version, length, 0);
}

void scene_delete(struct scene *scene, uint64_t key)
{
    scene->answer = brisk_cache_delete(scene->cache, number_key(&key));
}

static struct scene_entry *known(struct scene *scene, uint64_t key)
{
    for (size_t i = 0; i < scene->entry_count; i++)
        if (scene->entries[i].key == key)
            return &scene->entries[i];
    return NULL;
}

void scene_learn(struct scene *scene, uint64_t key, unsigned int version, unsigned int length)
{
    struct scene_entry *entry = known(scene, key);
    if (entry == NULL) {
        assert_true(scene->entry_count < SCENE_ENTRIES);
        entry = &scene->entries[scene->entry_count++];
    }
    *entry = (struct scene_entry){key, {version, length}};
}

void scene_forget(struct scene *scene, uint64_t key)
{
    struct scene_entry *entry = known(scene, key);
    assert_non_null(entry);
    memmove(
        entry, entry + 1, (size_t)(scene->entries + --scene->entry_count - entry) * sizeof *entry);
}

void scene_forget_all(struct scene *scene)
{
    scene->entry_count = 0;
}

void scene_put(struct scene *scene, uint64_t key, unsigned int length)
{
    scene_set(scene, key, 1, length);
    assert_ok(scene->answer);
    scene_learn(scene, key, 1, length);
}

void scene_drop(struct scene *scene, uint64_t key)
{
    scene_delete(scene, key);
    assert_ok(scene->answer);
    scene_forget(scene, key);
}

uint64_t scene_fill(struct scene *scene, size_t home, size_t other, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scene_put(scene, scene_key(scene, home, other), 16);
    return scene->last_key;
}

void scene_ask(struct scene *scene, uint64_t key)
{
    assert_true(scene->question_count < SCENE_QUESTIONS);
    scene->questions[scene->question_count++].key = key;
}

static struct scene_value value_in_model(struct scene *scene, uint64_t key)
{
    struct scene_entry *entry = known(scene, key);
    return entry == NULL ? (struct scene_value){0, 0} : entry->value;
}

static void open_cache(struct scene *scene)
{
    const struct scenario *scenario = scene->scenario;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.shards = 1;
    options.hash_seed = SEED;
    options.policy = scenario->policy;
    options.max_entries = scenario->max_entries != 0 ? scenario->max_entries : USUAL_ENTRIES;
    options.idle_ttl = scenario->idle_ttl;
    options.clock = fake_clock_now;
    options.clock_ctx = &scene->clock;
    scene->cache = new_cache(&options);
    scene->shard = scene->cache->shards;
    scene->index = scene->cache->indexes;
}

static void close_cache(struct scene *scene)
{
    is_closing = true;
    brisk_cache_free(scene->cache);
    is_closing = false;
    schedule_forget_stores();
}

/* Makes this the thread's last cache, or another one. */
static void prepare_thread(struct scene *scene)
{
    uint64_t nobodys = 0;
    size_t length;
    bk_last_counters = (struct bk_last_counters){0};
    if (scene->call == CALL_GET_INTO_ANEW)
        return;
    assert_status(
        brisk_cache_get_into(scene->cache, number_key(&nobodys), NULL, 0, &length), BRISK_MISS);
    scene->lookups++;
}

static void begin(void *ctx)
{
    struct scene *scene = ctx;
    scene->entry_count = scene->question_count = 0;
    scene->last_key = scene->lookups = 0;
    scene->clock.now = 1000;
    scene->allocations = heap.live;
    open_cache(scene);
    scene->scenario->arrange(scene);
    for (unsigned int i = 0; i < scene->question_count; i++) {
        struct scene_question *question = &scene->questions[i];
        question->before = value_in_model(scene, question->key);
        question->length = 0;
        question->status = BRISK_ERR_CANCELLED;
    }
    prepare_thread(scene);
}

static void keep_view(struct scene_question *question, struct brisk_view *view)
{
    question->length = view->length;
    if (question->status == BRISK_OK && view->length <= sizeof question->bytes)
        memcpy(question->bytes, view->data, view->length);
    brisk_view_release(view);
}

static void read_one(struct scene *scene, struct scene_question *question)
{
    struct brisk_bytes key = number_key(&question->key);
    scene->lookups++;
    if (scene->call == CALL_GET)
        question->status = brisk_cache_get(
            scene->cache, key, &scene->views[question - scene->questions]);
    else
        question->status = brisk_cache_get_into(
            scene->cache, key, question->bytes, sizeof question->bytes, &question->length);
}

static void read_many(struct scene *scene)
{
    struct brisk_bytes keys[SCENE_QUESTIONS];
    enum brisk_status statuses[SCENE_QUESTIONS];
    struct brisk_bytes values[SCENE_QUESTIONS];
    static uint8_t buffer[SCENE_QUESTIONS * SCENE_VALUE_MAX];
    unsigned int count = scene->question_count;
    for (unsigned int i = 0; i < count; i++)
        keys[i] = number_key(&scene->questions[i].key);
    if (scene->call == CALL_GET_MANY)
        brisk_cache_get_many(scene->cache, keys, count, scene->views, statuses);
    else
        brisk_cache_get_many_into(
            scene->cache, keys, count, buffer, sizeof buffer, values, statuses);
    scene->lookups += count;
    for (unsigned int i = 0; i < count; i++) {
        struct scene_question *question = &scene->questions[i];
        question->status = statuses[i];
        if (scene->call == CALL_GET_MANY)
            continue;
        question->length = values[i].length;
        if (statuses[i] == BRISK_OK && values[i].length <= sizeof question->bytes)
            memcpy(question->bytes, values[i].data, values[i].length);
    }
}

static void act_reader(void *ctx)
{
    struct scene *scene = ctx;
    if (scene->call >= CALL_GET_MANY)
        read_many(scene);
    else
        for (unsigned int i = scene->first_question; i < scene->last_question; i++)
            read_one(scene, &scene->questions[i]);
}

static void act_writer(void *ctx)
{
    struct scene *scene = ctx;
    scene->scenario->act(scene);
}

static bool is_value(struct brisk_bytes got, uint64_t key, struct scene_value value)
{
    uint8_t buffer[SCENE_VALUE_MAX];
    return value.version != 0 && got.length == value.length &&
           memcmp(got.data, value_of(key, value, buffer).data, value.length) == 0;
}

static const char *check_answers(struct scene *scene)
{
    for (unsigned int i = scene->first_question; i < scene->last_question; i++) {
        struct scene_question *question = &scene->questions[i];
        struct brisk_bytes got = brisk_bytes_of(question->bytes, question->length);
        bool may_miss = question->before.version == 0 || question->after.version == 0 ||
                        scene->scenario->has_gap;
        if (question->status == BRISK_MISS && !may_miss)
            return wrong("question %u: the key is there but was missed", i);
        if (question->status == BRISK_OK && !is_value(got, question->key, question->before) &&
            !is_value(got, question->key, question->after))
            return wrong("question %u: a value that nobody stored", i);
        if (question->status != BRISK_OK && question->status != BRISK_MISS)
            return wrong("question %u: %s", i, brisk_status_name(question->status));
    }
    return NULL;
}

/* Of one entry of the index: whether it is where it should be, and counted. */
static const char *
check_slot(const struct scene *scene, struct bk_place place, unsigned int *abroad)
{
    struct bk_buckets buckets = bk_index_buckets(scene->index);
    struct bk_entry *entry = bk_shard_entry(scene->shard, bk_place_handle(place));
    uint32_t meta = bk_load32(&entry->meta);
    uint64_t key;
    if (bk_meta_key_length(meta) != sizeof key)
        return wrong("a slot with no entry of this test");
    key = bk_load64(bk_entry_key(entry, meta));
    uint64_t hash = scene_hash(scene, key);
    uint64_t state = bk_load64(&place.bucket->state);
    struct bk_bucket *home = bk_home_of(buckets, hash);
    bool is_guest = (state >> (BK_STATE_GUESTS_SHIFT + place.slot) & 1) != 0;
    unsigned int same = bk_match_tags(bk_load64(&place.bucket->tags), state, bk_hash_tag(hash));
    if ((same >> place.slot & 1) == 0)
        return wrong("a tag that is not that of its entry");
    if (place.bucket != home && place.bucket != bk_other_of(buckets, home, bk_hash_tag(hash)))
        return wrong("an entry in neither of its buckets");
    if (is_guest != (place.bucket != home))
        return wrong("the bit of a guest is wrong");
    abroad[home - buckets.first] += is_guest;
    return NULL;
}

static const char *check_bucket(
    const struct scene *scene, struct bk_bucket *bucket, unsigned int *abroad, size_t *entries)
{
    uint64_t state = bk_load64(&bucket->state);
    if ((state & BK_STATE_LOCKED) != 0)
        return wrong("a bucket stays locked");
    if (state >> BK_STATE_VERSION_SHIFT == 0)
        return wrong("a bucket without version");
    for (unsigned int slot = 0; slot < BK_SLOTS; slot++) {
        struct bk_place place = {bucket, slot};
        if (bk_place_handle(place) == 0)
            continue;
        const char *problem_there = check_slot(scene, place, abroad);
        if (problem_there != NULL)
            return problem_there;
        ++*entries;
    }
    return NULL;
}

/* The array that comes next must be empty, but for hits that came too late to count. */
static const char *check_unseen(const struct scene *scene)
{
    const struct bk_region *unseen = &scene->shard->table.regions[scene->shard->table.current ^ 1];
    struct bk_bucket *buckets = (struct bk_bucket *)(void *)unseen->base;
    for (size_t i = 0; i < bk_index_buckets(scene->index).count + BK_TABLE_FIRST_BUCKETS; i++)
        if (bk_load64(&buckets[i].state) != 0 || bk_load64(&buckets[i].tags) != 0)
            return wrong("bucket %zu of the array that nobody uses has something in it", i);
    return NULL;
}

static const char *check_index(const struct scene *scene)
{
    struct bk_buckets buckets = bk_index_buckets(scene->index);
    unsigned int abroad[SCENE_ENTRIES] = {0};
    size_t entries = 0;
    for (size_t i = 0; i < buckets.count; i++) {
        const char *there = check_bucket(scene, buckets.first + i, abroad, &entries);
        if (there != NULL)
            return there;
    }
    for (size_t i = 0; i < buckets.count; i++)
        if ((bk_load64(&buckets.first[i].state) & BK_STATE_ABROAD_MASK) >> BK_STATE_ABROAD_SHIFT !=
            abroad[i])
            return wrong("bucket %zu miscounts its entries abroad", i);
    if (entries != scene->entry_count)
        return wrong("%zu entries in the index, not %zu", entries, scene->entry_count);
    return check_unseen(scene);
}

struct visited {
    struct scene *scene;
    size_t count;
    const char *problem;
};

static bool visit(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct visited *visited = ctx;
    uint64_t number = 0;
    if (key.length == sizeof number)
        memcpy(&number, key.data, sizeof number);
    visited->count++;
    if (!is_value(brisk_view_bytes(value), number, value_in_model(visited->scene, number)))
        visited->problem = wrong("for_each shows an entry that should not be there");
    return visited->problem == NULL;
}

static const char *check_visits(struct scene *scene)
{
    struct visited visited = {.scene = scene};
    brisk_cache_for_each(scene->cache, visit, &visited);
    if (visited.problem != NULL)
        return visited.problem;
    struct brisk_cache_stats stats = stats_of(scene->cache);
    if (visited.count != scene->entry_count)
        return wrong("for_each shows %zu entries, not %zu", visited.count, scene->entry_count);
    if (stats.entries != scene->entry_count)
        return wrong("stats.entries is %zu", (size_t)stats.entries);
    if (stats.hits + stats.misses != scene->lookups)
        return wrong("stats count %zu lookups", (size_t)(stats.hits + stats.misses));
    return NULL;
}

static const char *check_lookups(struct scene *scene)
{
    uint8_t buffer[SCENE_VALUE_MAX];
    for (size_t i = 0; i < scene->entry_count; i++) {
        const struct scene_entry *entry = &scene->entries[i];
        struct brisk_bytes got = brisk_bytes_of(buffer, 0);
        enum brisk_status status = brisk_cache_get_into(
            scene->cache, number_key(&entry->key), buffer, sizeof buffer, &got.length);
        if (status != BRISK_OK || !is_value(got, entry->key, entry->value))
            return wrong("entry %zu cannot be read: %s", i, brisk_status_name(status));
    }
    return NULL;
}

/* What has a deadline leaves in the end. */
static const char *check_wheel(struct scene *scene)
{
    if (scene->scenario->idle_ttl == 0)
        return NULL;
    fake_clock_advance(&scene->clock, 1000 * scene->scenario->idle_ttl);
    brisk_cache_tick(scene->cache);
    size_t entries = (size_t)stats_of(scene->cache).entries;
    return entries == 0 ? NULL : wrong("%zu entries do not expire", entries);
}

static const char *check_all(struct scene *scene)
{
    if (scene->answer != BRISK_OK)
        return wrong("the writer was answered %s", brisk_status_name(scene->answer));
    const char *there = check_answers(scene);
    if (there == NULL)
        there = check_index(scene);
    if (there == NULL)
        there = check_visits(scene);
    if (there == NULL)
        there = check_lookups(scene);
    return there != NULL ? there : check_wheel(scene);
}

static const char *end(void *ctx)
{
    struct scene *scene = ctx;
    scene->scenario->expect(scene);
    for (unsigned int i = 0; i < scene->question_count; i++) {
        struct scene_question *question = &scene->questions[i];
        question->after = value_in_model(scene, question->key);
        if (scene->call == CALL_GET || scene->call == CALL_GET_MANY)
            keep_view(question, &scene->views[i]);
    }
    const char *there = check_all(scene);
    if (there != NULL)
        return there; /* who knows what the cache would do now */
    close_cache(scene);
    if (heap.live != scene->allocations)
        there = wrong(
            "%zu blocks of memory are not freed", (size_t)(heap.live - scene->allocations));
    if (!heap_empty())
        there = wrong("memory is written to that was freed");
    return there;
}

static unsigned int explore_call(struct scene *scene)
{
    const struct scenario *scenario = scene->scenario;
    struct schedule_play play = {
        .begin = begin,
        .act = {act_reader, act_writer},
        .end = end,
        .ctx = scene,
        .samples = scenario->samples != 0 ? scenario->samples : USUAL_SAMPLES,
        .is_deep = scenario->is_deep,
    };
    return schedule_explore(&play);
}

/* The number of keys to ask for. What the process keeps after its first cache is no leak. */
static unsigned int questions_of(struct scene *scene)
{
    static const struct brisk_allocator allocator = {
        .allocate = heap_allocate, .reallocate = heap_reallocate, .release = heap_release};
    assert_ok(brisk_set_allocator(&allocator));
    begin(scene);
    close_cache(scene);
    heap_empty();
    return scene->question_count;
}

void scene_explore(const struct scenario *scenario)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    scene.scenario = scenario;
    unsigned int questions = questions_of(&scene);
    unsigned int schedules = 0;
    for (int call = 0; call < (scenario->is_costly ? CALL_GET : SCENE_CALLS); call++) {
        scene.call = (enum scene_call)call;
        bool is_one_by_one = scene.call < CALL_GET_MANY;
        unsigned int parts = !is_one_by_one || scene.call == CALL_GET ? 1 : questions;
        for (unsigned int i = 0; i < parts; i++) {
            scene.first_question = i;
            scene.last_question = is_one_by_one ? i + 1 : questions;
            schedules += explore_call(&scene);
        }
    }
    print_message("%u schedules\n", schedules);
}
