/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says that a cache takes, and a cache that gets less than it asks for. */
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/cache/cache_support.h"

enum {
    MANY = 1000000,
    MIB = 1 << 20
};

static uint64_t resident_bytes(void)
{
    char line[128];
    int file = open("/proc/self/statm", O_RDONLY);
    assert_true(file >= 0);
    ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    assert_true(length > 0);
    line[length] = '\0';
    unsigned long pages = 0;
    assert_int_equal(sscanf(line, "%*u %lu", &pages), 1);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct load {
    enum brisk_policy policy;
    uint64_t ttl;
    size_t key_length, value_length;
    size_t max_entries; /* and twice as many are stored; 0: no limit */
};

static struct brisk_bytes long_key(uint64_t number, char *out, size_t length)
{
    memset(out, 'k', length);
    memcpy(out, &number, sizeof number);
    return brisk_bytes_of(out, length);
}

/* In a child, whose memory nobody has used before. */
static int fill_and_measure(const void *argument)
{
    const struct load *load = argument;
    static uint8_t value[4096];
    char name[64];
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = load->policy;
    options.max_bytes = (size_t)4 << 30;
    options.max_entries = load->max_entries;
    options.ttl = load->ttl;
    uint64_t before = resident_bytes();
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    child_expect(cache != NULL);
    for (uint64_t i = 0; i < (load->max_entries == 0 ? MANY : 2 * MANY); i++) {
        struct brisk_bytes key = long_key(i, name, load->key_length);
        child_expect(
            brisk_cache_set(cache, key, brisk_bytes_of(value, load->value_length), NULL) ==
            BRISK_OK);
    }
    uint64_t grown = resident_bytes() - before, counted = stats_of(cache).bytes;
    child_expect(stats_of(cache).entries == MANY);
    print_message(
        "policy %d, %zu + %zu bytes: %.1f resident, %.1f counted\n", (int)load->policy,
        load->key_length, load->value_length, (double)grown / MANY, (double)counted / MANY);
    child_expect(grown * 100 <= counted * 105 && counted * 100 <= grown * 105);
    brisk_cache_free(cache);
    return 0;
}

static void bytes_agree_with_the_kernel_at_a_million_entries(void **state)
{
    (void)state;
    static const struct load loads[] = {
        {BRISK_POLICY_DEFAULT, 0, 8, 64, 0},       {BRISK_POLICY_DEFAULT, 60000, 8, 64, 0},
        {BRISK_POLICY_LRU, 0, 24, 64, 0},          {BRISK_POLICY_LFU, 0, 8, 100, 0},
        {BRISK_POLICY_DEFAULT, 0, 20, 1500, 0},    {BRISK_POLICY_DEFAULT, 0, 8, 64, MANY},
        {BRISK_POLICY_S3FIFO, 60000, 24, 8, MANY},
    };
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++)
        run_in_child(fill_and_measure, &loads[i]);
}

/* Values of one size after the other, many times the limit of each. */
static int change_sizes(const void *argument)
{
    static const size_t lengths[] = {100, 200, 900, 50, 1500, 100};
    static uint8_t value[2000];
    const enum brisk_policy *policy = argument;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = *policy;
    options.max_bytes = 64 * MIB;
    uint64_t before = resident_bytes(), key = 0;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    child_expect(cache != NULL);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t stored = 0; stored < 200 * (size_t)MIB; stored += lengths[i] + 50, key++)
            child_expect(
                brisk_cache_set(cache, number_key(&key), brisk_bytes_of(value, lengths[i]), NULL) ==
                BRISK_OK);
        malloc_trim(0); /* what the allocator keeps is not the cache's */
        uint64_t grown = resident_bytes() - before;
        print_message(
            "policy %d, values of %zu bytes: %llu MiB resident, limit 64\n", (int)*policy,
            lengths[i], (unsigned long long)(grown >> 20));
        child_expect(grown <= (uint64_t)64 * MIB * 14 / 10);
        child_expect(stats_of(cache).bytes <= options.max_bytes);
    }
    brisk_cache_clear(cache);
    malloc_trim(0);
    uint64_t left = resident_bytes() - before;
    print_message("policy %d, cleared: %llu KiB\n", (int)*policy, (unsigned long long)left >> 10);
    child_expect(left <= 4 * MIB);
    brisk_cache_free(cache);
    return 0;
}

static void memory_follows_values_that_change_their_size(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++)
        run_in_child(change_sizes, &every_policy[i]);
}

/* Full is full, of address space too: what is stored is there, and others leave. */
static int store_many(struct brisk_cache *cache, uint64_t first, uint64_t end, size_t value_length)
{
    static uint8_t value[500];
    for (uint64_t key = first; key < end; key++) {
        enum brisk_status status = brisk_cache_set(
            cache, number_key(&key), brisk_bytes_of(value, value_length), NULL);
        child_expect(status == BRISK_OK);
        child_expect(brisk_cache_contains(cache, number_key(&key)) == BRISK_OK);
    }
    return 0;
}

static void count_told(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value;
    *(uint64_t *)ctx += reason == BRISK_EVICT_CAPACITY;
}

struct little_space {
    uint64_t bytes;
    bool has_listener;
};

/* False: one cannot say. */
static bool limit_address_space(uint64_t bytes)
{
    char line[64];
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        return false;
    fclose(file);
    if (sscanf(line, "%lu", &pages) != 1)
        return false;
    struct rlimit limit;
    limit.rlim_cur = limit.rlim_max = pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* ulimit -v: it works with less, or says that it cannot. */
static int live_on_less(const void *argument)
{
    const struct little_space *space = argument;
    uint64_t address_space = space->bytes;
    uint64_t told = 0;
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_error error = {0};
    child_expect(limit_address_space(address_space));

    options.max_bytes = (size_t)1 << 30;
    options.on_evict = space->has_listener ? count_told : NULL;
    options.on_evict_ctx = &told;
    struct brisk_cache *cache = brisk_cache_new(&options, &error);
    if (cache == NULL) {
        child_expect(error.status == BRISK_ERR_NOMEM);
        child_expect(strstr(error.message, "ulimit -v") != NULL);
        print_message("%llu MiB: too little\n", (unsigned long long)address_space >> 20);
        return 0;
    }
    child_expect(store_many(cache, 0, 300000, 500) == 0);
    child_expect(store_many(cache, 300000, 400000, 90) == 0); /* in chunks of their own */
    struct brisk_cache_stats stats = stats_of(cache);
    print_message(
        "%llu MiB: %llu entries\n", (unsigned long long)address_space >> 20,
        (unsigned long long)stats.entries);
    child_expect(stats.entries + stats.evicted_capacity == 400000);
    child_expect(options.on_evict == NULL || told == stats.evicted_capacity);
    brisk_cache_clear(cache);
    set_text(cache, "afterwards", "it works again");
    brisk_cache_free(cache);
    return 0;
}

static void with_little_address_space_it_works_or_says_so(void **state)
{
    (void)state;
    struct little_space space = {64 * 1024, false};
    for (; space.bytes <= UINT64_C(8) << 30; space.bytes *= 4)
        run_in_child(live_on_less, &space);
    space = (struct little_space){UINT64_C(128) << 20, true};
    run_in_child(live_on_less, &space);
}

/* Each of these stores finds its key's ghost, then no space, and then tries again. */
static int store_again_what_had_to_leave(const void *argument)
{
    (void)argument;
    child_expect(limit_address_space(64 * MIB));
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = BRISK_POLICY_S3FIFO;
    options.max_bytes = (size_t)1 << 30;
    options.shards = 1;
    options.hash_seed = 1;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    child_expect(cache != NULL);
    child_expect(store_many(cache, 0, 300000, 500) == 0);
    struct brisk_cache_stats stats = stats_of(cache);
    child_expect(stats.ghost_hits == 0);
    uint64_t oldest = 300000 - stats.entries; /* nothing was read */
    child_expect(stats.evicted_capacity == oldest && oldest > 1000);
    child_expect(store_many(cache, oldest - 1000, oldest, 500) == 0);
    child_expect(stats_of(cache).ghost_hits == 1000);
    brisk_cache_free(cache);
    return 0;
}

static void a_store_that_tries_again_for_want_of_space_still_knows_its_ghost(void **state)
{
    (void)state;
    run_in_child(store_again_what_had_to_leave, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_store_that_tries_again_for_want_of_space_still_knows_its_ghost),
    cmocka_unit_test(bytes_agree_with_the_kernel_at_a_million_entries),
    cmocka_unit_test(memory_follows_values_that_change_their_size),
    cmocka_unit_test(with_little_address_space_it_works_or_says_so))
