/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/model_world.h"

#include <stdarg.h>
#include <stdlib.h>

#include "zerocopy/buffer.h"

enum {
    INLINE_MAX = 1023,
    VALUE_MAX = 1100,
    KEY_MAX = 112,
    /* By bytes: so few entries that the index stays as it was made, with four buckets. */
    BYTES_CAPACITY = 3000,
    BYTES_OF_INDEX = 256,
    LEAST_VALUE_BY_BYTES = 64,
    /* Expired entries that one store removes. */
    EXPIRY_BUDGET = 16,
};

static bool fail(struct world *world, const char *format, ...) BRISK_PRINTF(2, 3);

static bool fail(struct world *world, const char *format, ...)
{
    int length = snprintf(world->problem, sizeof world->problem, "step %lu: ", world->step);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->problem + length, sizeof world->problem - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

struct key_bytes {
    char bytes[KEY_MAX];
};

/* Numbers of eight bytes, short and long texts. */
static struct brisk_bytes key_of(unsigned int key, struct key_bytes *out)
{
    static const int lengths[] = {8, 3, 21, 104};
    int length = lengths[key % 4];
    memset(out->bytes, 'k', sizeof out->bytes);
    out->bytes[0] = (char)key;
    out->bytes[1] = (char)(key >> 8);
    return brisk_bytes_of(out->bytes, (size_t)length);
}

static size_t key_length(unsigned int key)
{
    struct key_bytes bytes;
    return key_of(key, &bytes).length;
}

static void fill(uint8_t *value, size_t length, uint8_t seed)
{
    for (size_t i = 0; i < length; i++)
        value[i] = (uint8_t)(seed + i * 13);
}

static bool is_value(const struct model_entry *entry, struct brisk_bytes got)
{
    uint8_t value[VALUE_MAX];
    fill(value, entry->length, entry->seed);
    return got.length == entry->length &&
           (got.length == 0 || memcmp(got.data, value, got.length) == 0);
}

static uint64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->clock;
}

/* The last tick of all is no time: it means never. */
static uint64_t now_of(const struct world *world)
{
    uint64_t now = world->clock > world->turned ? world->clock : world->turned;
    return now < UINT64_MAX ? now : UINT64_MAX - 1;
}

/* The first byte of a value is its weight. */
static uint64_t weigh(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)ctx;
    return value.length == 0 ? 0 : *(const uint8_t *)value.data;
}

/* Blocks come in steps of 8 bytes up to 256, then in eight steps per doubling. */
static uint64_t block_bytes(uint64_t bytes)
{
    uint64_t step = 8, end = 256;
    while (bytes > end) {
        end *= 2;
        step = end / 16;
    }
    return (bytes + step - 1) / step * step;
}

static uint64_t pad(uint64_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

static uint64_t cost_in_bytes(unsigned int key, size_t length, bool has_deadline)
{
    uint64_t bytes = 16 + 8 * (uint64_t)has_deadline + pad(key_length(key));
    if (length <= INLINE_MAX)
        return block_bytes(bytes + pad(length));
    return block_bytes(bytes + 24) + sizeof(struct brisk_buffer) + length;
}

static uint64_t
cost_of(const struct world *world, unsigned int key, size_t length, uint8_t seed, bool has_deadline)
{
    switch (world->unit) {
    case WORLD_BYTES:
        return cost_in_bytes(key, length, has_deadline);
    case WORLD_WEIGHT:
        return length == 0 ? 0 : seed;
    default:
        return 1;
    }
}

enum brisk_policy world_policy(uint8_t byte)
{
    static const enum brisk_policy policies[] = {
        BRISK_POLICY_LRU,   BRISK_POLICY_LFU,    BRISK_POLICY_FIFO,
        BRISK_POLICY_SIEVE, BRISK_POLICY_S3FIFO, BRISK_POLICY_DEFAULT,
    };
    return policies[byte % 6];
}

uint64_t world_capacity(uint8_t byte)
{
    static const uint64_t capacities[] = {1, 2, 7, 19, 20, 99, 100, 38};
    return capacities[byte & 7];
}

/* The default policy has no model: what has left is whatever is not there any more. */
static bool find_departed(const struct model *model, unsigned int *key, void *ctx)
{
    struct world *world = ctx;
    struct key_bytes bytes;
    for (size_t i = 0; i < model->small.length; i++) {
        *key = model->small.items[i].key;
        if (brisk_cache_contains(world->cache, key_of(*key, &bytes)) == BRISK_MISS)
            return true;
    }
    return false;
}

static void choose_limits(struct world *world, struct brisk_cache_options *options, uint8_t byte)
{
    uint64_t capacity = world_capacity(byte);
    bool is_flat = options->policy == BRISK_POLICY_LRU || options->policy == BRISK_POLICY_FIFO;
    world->unit = is_flat ? (enum world_unit)((byte >> 3 & 3) % 3) : WORLD_ENTRIES;
    if (world->unit == WORLD_BYTES) {
        capacity = BYTES_CAPACITY;
        options->max_bytes = BYTES_CAPACITY + BYTES_OF_INDEX;
    } else if (world->unit == WORLD_WEIGHT) {
        capacity *= 100;
        options->max_weight = capacity;
        options->weigh = weigh;
    } else {
        options->max_entries = capacity;
    }
    world->keys = world->unit == WORLD_ENTRIES ? (unsigned int)(capacity * 5 / 2 + 3) : 90;
    model_init(&world->model, options->policy, capacity);
}

bool world_open(struct world *world, const uint8_t *setup)
{
    static const uint64_t starts[] = {
        0, (UINT64_C(1) << 31) - 50, UINT64_C(5000000000123), UINT64_MAX - (UINT64_C(1) << 36)};
    static const uint64_t ttls[] = {0, 0, 30, 500};
    memset(world, 0, sizeof *world);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = world_policy(setup[0]);
    options.shards = 1;
    options.hash_seed = 1 + setup[0];
    options.clock = world_now;
    options.clock_ctx = world;
    choose_limits(world, &options, setup[1]);
    world->model.victim = find_departed;
    world->model.victim_ctx = world;
    world->clock = world->turned = starts[setup[2] & 3];
    world->ttl = options.ttl = ttls[setup[2] >> 2 & 3];
    if (world->unit != WORLD_BYTES &&
        (setup[2] & 16) != 0) { /* sampled entries take 8 bytes more */
        options.has_curve = true;
        options.curve_sample_rate = 0.5;
    }
    world->cache = brisk_cache_new(&options, NULL);
    if (world->cache == NULL)
        return false;
    /* From here on the cache asks its clock. */
    struct brisk_entry_options entry = brisk_entry_options_default();
    entry.ttl = 1;
    struct key_bytes bytes;
    if (brisk_cache_add(world->cache, key_of(0, &bytes), brisk_bytes_of(NULL, 0), &entry) < 0)
        return false;
    brisk_cache_clear(world->cache);
    return true;
}

void world_close(struct world *world)
{
    brisk_cache_free(world->cache);
}

/* Every fourth time without copying, in turn. */
static enum brisk_status
read_somehow(struct world *world, unsigned int key, int how, bool *is_right)
{
    struct key_bytes bytes;
    struct brisk_bytes name = key_of(key, &bytes), many;
    struct brisk_view view = {0};
    enum brisk_status status;
    uint8_t buffer[VALUE_MAX + 4];
    size_t length = 0;
    switch (how) {
    case 0:
        status = brisk_cache_get(world->cache, name, &view);
        many = brisk_view_bytes(&view);
        break;
    case 1:
        status = brisk_cache_get_into(world->cache, name, buffer, sizeof buffer, &length);
        many = brisk_bytes_of(buffer, length);
        break;
    case 2:
        brisk_cache_get_many(world->cache, &name, 1, &view, &status);
        many = brisk_view_bytes(&view);
        break;
    default:
        brisk_cache_get_many_into(world->cache, &name, 1, buffer, sizeof buffer, &many, &status);
        break;
    }
    struct model_entry *entry = model_find(&world->model, key);
    *is_right = status != BRISK_OK || (entry != NULL && is_value(entry, many));
    brisk_view_release(&view);
    return status;
}

static bool do_get(struct world *world, unsigned int key, uint8_t how)
{
    bool is_right;
    enum brisk_status status = read_somehow(world, key, how & 3, &is_right);
    bool is_there = model_find(&world->model, key) != NULL;
    if (status != (is_there ? BRISK_OK : BRISK_MISS))
        return fail(world, "get %u: %s, model: %d", key, brisk_status_name(status), is_there);
    if (!is_right)
        return fail(world, "get %u: a wrong value", key);
    if (is_there)
        model_hit(&world->model, key);
    return true;
}

enum store_verb {
    SET,
    SET_VIEW,
    ADD,
    REPLACE
};

static enum brisk_status store(
    struct world *world, enum store_verb verb, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_entry_options *options)
{
    struct brisk_view view;
    enum brisk_status status;
    switch (verb) {
    case SET:
        return brisk_cache_set(world->cache, key, value, options);
    case ADD:
        return brisk_cache_add(world->cache, key, value, options);
    case REPLACE:
        return brisk_cache_replace(world->cache, key, value, options);
    default:
        if (brisk_view_copy(&view, value) != BRISK_OK)
            return BRISK_ERR_NOMEM;
        status = brisk_cache_set_view(world->cache, key, &view, options);
        brisk_view_release(&view);
        return status;
    }
}

static uint64_t choose_ttl(uint8_t byte)
{
    switch (byte & 3) {
    case 0:
        return 0;
    case 1:
        return 1U + (byte >> 2);
    case 2:
        return UINT64_C(1) << (byte >> 2);
    default:
        return BRISK_TTL_FOREVER;
    }
}

static uint64_t deadline_of(const struct world *world, uint64_t ttl)
{
    uint64_t now = now_of(world);
    if (ttl == 0)
        ttl = world->ttl != 0 ? world->ttl : BRISK_TTL_FOREVER;
    return ttl >= UINT64_MAX - 1 - now ? UINT64_MAX : now + ttl;
}

static bool is_timed(const struct world *world, uint64_t ttl)
{
    return ttl == 0 ? world->ttl != 0 : ttl != BRISK_TTL_FOREVER;
}

/* Mostly short values, some around the limit for values beside their key. */
static size_t choose_length(const struct world *world, enum store_verb verb, uint8_t byte)
{
    size_t length = byte < 200 ? byte : (size_t)INLINE_MAX - 27 + (byte - 200);
    if (byte >= 250)
        length = VALUE_MAX - (size_t)(255 - byte);
    if (world->unit == WORLD_BYTES && length < LEAST_VALUE_BY_BYTES)
        length = LEAST_VALUE_BY_BYTES;
    if (verb == SET_VIEW && length <= INLINE_MAX)
        length = INLINE_MAX + 1; /* shorter ones cost as views, which the model does not know */
    return length;
}

static bool
do_store(struct world *world, enum store_verb verb, unsigned int key, uint8_t size, uint8_t time)
{
    struct brisk_entry_options options = brisk_entry_options_default();
    options.ttl = choose_ttl(time);
    if (world->unit == WORLD_BYTES && options.ttl != BRISK_TTL_FOREVER && options.ttl > 1U << 28)
        options.ttl = 1U << 28; /* more would take another word */
    struct model_entry entry = {.key = key, .seed = (uint8_t)(size * 7 + time)};
    entry.length = choose_length(world, verb, size);
    entry.deadline = deadline_of(world, options.ttl);
    entry.cost = cost_of(world, key, entry.length, entry.seed, is_timed(world, options.ttl));
    uint8_t value[VALUE_MAX];
    fill(value, entry.length, entry.seed);
    struct key_bytes bytes;
    bool is_there = model_find(&world->model, key) != NULL;
    enum brisk_status status = store(
        world, verb, key_of(key, &bytes), brisk_bytes_of(value, entry.length), &options);
    enum brisk_status wanted = BRISK_NOT_STORED;
    if (!(verb == ADD && is_there) && !(verb == REPLACE && !is_there))
        wanted = model_set(&world->model, &entry);
    if (status != wanted)
        return fail(
            world, "store %u (verb %d, %zu bytes): %s, not %s", key, (int)verb, entry.length,
            brisk_status_name(status), brisk_status_name(wanted));
    world->unswept = 0;
    return true;
}

static bool do_delete(struct world *world, unsigned int key)
{
    struct key_bytes bytes;
    enum brisk_status status = brisk_cache_delete(world->cache, key_of(key, &bytes));
    bool was_there = model_delete(&world->model, key);
    return status == (was_there ? BRISK_OK : BRISK_MISS) ||
           fail(world, "delete %u: %s, model: %d", key, brisk_status_name(status), was_there);
}

/* Not by bytes: other words of time make another block. */
static bool do_touch(struct world *world, unsigned int key, uint8_t time)
{
    if (world->unit == WORLD_BYTES)
        return true;
    struct key_bytes bytes;
    uint64_t ttl = choose_ttl(time);
    struct model_entry *entry = model_find(&world->model, key);
    enum brisk_status status = brisk_cache_touch(world->cache, key_of(key, &bytes), ttl);
    if (status != (entry != NULL ? BRISK_OK : BRISK_MISS))
        return fail(
            world, "touch %u: %s, model: %d", key, brisk_status_name(status), entry != NULL);
    if (entry != NULL)
        entry->deadline = deadline_of(world, ttl);
    return true;
}

static void tick(struct world *world)
{
    brisk_cache_tick(world->cache);
    world->turned = now_of(world);
    world->unswept = 0;
}

static void advance(struct world *world, uint64_t ticks)
{
    world->clock = ticks < UINT64_MAX - world->clock ? world->clock + ticks : UINT64_MAX;
}

static void do_clock(struct world *world, uint8_t how, uint8_t amount)
{
    if (how < 40) {
        tick(world);
        world->clock -= world->clock < amount ? world->clock : amount;
    } else if (how < 44) {
        advance(world, UINT64_C(1) << (28 + amount % 8));
    } else {
        advance(world, amount % 24);
    }
    world->unswept += model_expire(&world->model, now_of(world));
    if (world->unswept > EXPIRY_BUDGET)
        tick(world);
}

/* Statistics, which also remove what has expired. */
static bool check_totals(struct world *world)
{
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(world->cache, &stats);
    world->turned = now_of(world);
    world->unswept = 0;
    uint64_t total = model_total(&world->model);
    bool is_right = stats.entries == model_entries(&world->model);
    if (world->unit == WORLD_WEIGHT)
        is_right = is_right && stats.weight == total;
    if (world->unit == WORLD_BYTES)
        is_right = is_right && stats.bytes == total + BYTES_OF_INDEX;
    return is_right || fail(
                           world, "%llu entries, %llu bytes, weight %llu; model: %zu, total %llu",
                           (unsigned long long)stats.entries, (unsigned long long)stats.bytes,
                           (unsigned long long)stats.weight, model_entries(&world->model),
                           (unsigned long long)total);
}

static bool do_resize(struct world *world, uint8_t how)
{
    if (world->unit != WORLD_ENTRIES)
        return true;
    uint64_t capacity = how < 128 ? world_capacity(how) : 1U + how % 100;
    tick(world); /* expired entries are no candidates */
    if (brisk_cache_resize(world->cache, (size_t)capacity, 0, 0) != BRISK_OK)
        return fail(world, "resize to %llu", (unsigned long long)capacity);
    if (model_resize(&world->model, capacity) != BRISK_OK)
        return fail(world, "resize to %llu evicts too little", (unsigned long long)capacity);
    return true;
}

static bool check_keys(struct world *world)
{
    struct key_bytes bytes;
    for (unsigned int key = 0; key < world->keys; key++) {
        bool is_there = brisk_cache_contains(world->cache, key_of(key, &bytes)) == BRISK_OK;
        if (is_there != (model_find(&world->model, key) != NULL))
            return fail(world, "key %u is%s there", key, is_there ? "" : " not");
    }
    return true;
}

static bool do_rare(struct world *world, uint8_t what, uint8_t how)
{
    if (what < 16) {
        brisk_cache_clear(world->cache);
        model_clear(&world->model);
        return true;
    }
    if (what < 64)
        return do_resize(world, how);
    if (what < 96) {
        tick(world);
        return true;
    }
    return check_totals(world);
}

bool world_step(struct world *world, const uint8_t *bytes)
{
    unsigned int key = bytes[1] % world->keys;
    bool is_right = true;
    world->step++;
    switch (bytes[0] & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        is_right = do_get(world, key, bytes[2]);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        is_right = do_store(world, SET, key, bytes[2], bytes[3]);
        break;
    case 9:
        is_right = do_store(world, SET_VIEW, key, bytes[2], bytes[3]);
        break;
    case 10:
        is_right = do_store(world, ADD, key, bytes[2], bytes[3]);
        break;
    case 11:
        is_right = do_store(world, REPLACE, key, bytes[2], bytes[3]);
        break;
    case 12:
        is_right = do_delete(world, key);
        break;
    case 13:
        is_right = do_touch(world, key, bytes[3]);
        break;
    case 14:
        do_clock(world, bytes[2], bytes[3]);
        break;
    default:
        is_right = do_rare(world, bytes[2], bytes[3]);
        break;
    }
    return is_right && check_keys(world);
}
