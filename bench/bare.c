/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/loops.h"
#include "bench/runner.h"

/*
 * What a good engineer would write by hand for one job: a table of fixed size
 * with linear probing, at most 0.48 full, 16 bytes per slot, values and text keys in
 * slabs. No lock, no bound, no eviction, no expiry, one size of value.
 */
struct slot {
    uint64_t tag; /* the id, or the hash of the text */
    uint32_t index;
    uint32_t is_used;
};

struct bare {
    struct slot *slots;
    unsigned int shift; /* 64 - log2(number of slots) */
    size_t mask;
    size_t count;
    size_t capacity;
    bool is_text;
    char (*values)[SUBJECT_VALUE_SIZE];
    struct workload_text *texts;
};

static inline uint64_t hash_id(uint64_t id)
{
    return (id ^ (id >> 32)) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t load_64(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply and fold; the last 16 bytes overlap what precedes. Texts have 16 bytes or more. */
static inline uint64_t hash_text(const char *text, size_t length)
{
    const char *last = text + length - 16;
    uint64_t hash = length ^ 0xa0761d6478bd642fu;

    for (const char *at = text; at < last; at += 16)
        hash = fold(load_64(at) ^ hash, load_64(at + 8) ^ 0xe7037ed1a0b428dbu);
    return fold(load_64(last) ^ hash, load_64(last + 8) ^ 0x8ebc6af09c88c6e3u);
}

static inline size_t home_of(const struct bare *bare, uint64_t hash)
{
    return (size_t)(hash >> bare->shift);
}

static inline bool get_id(void *store, const void *key, size_t length, void *value)
{
    const struct bare *bare = store;
    uint64_t id = load_64(key);

    (void)length;
    for (size_t at = home_of(bare, hash_id(id));; at = (at + 1) & bare->mask) {
        const struct slot *slot = &bare->slots[at];

        if (slot->is_used == 0)
            return false;
        if (slot->tag != id)
            continue;
        memcpy(value, bare->values[slot->index], SUBJECT_VALUE_SIZE);
        return true;
    }
}

static inline bool
is_text_at(const struct bare *bare, uint32_t index, const void *key, size_t length)
{
    const struct workload_text *text = &bare->texts[index];

    return text->length == length && memcmp(text->text, key, length) == 0;
}

static inline bool get_text(void *store, const void *key, size_t length, void *value)
{
    const struct bare *bare = store;
    uint64_t hash = hash_text(key, length);

    for (size_t at = home_of(bare, hash);; at = (at + 1) & bare->mask) {
        const struct slot *slot = &bare->slots[at];

        if (slot->is_used == 0)
            return false;
        if (slot->tag != hash || !is_text_at(bare, slot->index, key, length))
            continue;
        memcpy(value, bare->values[slot->index], SUBJECT_VALUE_SIZE);
        return true;
    }
}

static inline bool is_key_at(
    const struct bare *bare, const struct slot *slot, uint64_t tag, const void *key, size_t length)
{
    if (slot->tag != tag)
        return false;
    return !bare->is_text || is_text_at(bare, slot->index, key, length);
}

static void
insert(struct bare *bare, struct slot *slot, uint64_t tag, const void *key, size_t length)
{
    if (bare->count == bare->capacity)
        bench_fail("the bare table is full");
    slot->tag = tag;
    slot->index = (uint32_t)bare->count++;
    slot->is_used = 1;
    if (bare->is_text) {
        bare->texts[slot->index].length = (uint8_t)length;
        memcpy(bare->texts[slot->index].text, key, length);
    }
}

static void set(void *store, const void *key, size_t length, const void *value)
{
    struct bare *bare = store;
    uint64_t tag = bare->is_text ? hash_text(key, length) : load_64(key);
    size_t at = home_of(bare, bare->is_text ? tag : hash_id(tag));

    while (bare->slots[at].is_used && !is_key_at(bare, &bare->slots[at], tag, key, length))
        at = (at + 1) & bare->mask;
    if (!bare->slots[at].is_used)
        insert(bare, &bare->slots[at], tag, key, length);
    memcpy(bare->values[bare->slots[at].index], value, SUBJECT_VALUE_SIZE);
}

/* Whole pages, so that values start on cache lines. */
static void *map(size_t count, size_t size, bool has_huge_pages)
{
    void *memory = mmap(
        NULL, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        bench_fail("no memory for the bare table");
    if (has_huge_pages)
        madvise(memory, count * size, MADV_HUGEPAGE);
    return memory;
}

static struct bare *open_pages(const struct subject_options *options, bool has_huge_pages)
{
    struct bare *bare = calloc(1, sizeof *bare);
    unsigned int bits = 4;

    if (bare == NULL)
        bench_fail("no memory for the bare table");
    while (0.48 * (double)((size_t)1 << bits) < (double)options->capacity)
        bits++;
    bare->shift = 64 - bits;
    bare->mask = ((size_t)1 << bits) - 1;
    bare->capacity = options->capacity;
    bare->is_text = options->keys == WORKLOAD_TEXTS;
    bare->slots = map(bare->mask + 1, sizeof *bare->slots, has_huge_pages);
    bare->values = map(bare->capacity, sizeof *bare->values, has_huge_pages);
    if (bare->is_text)
        bare->texts = map(bare->capacity, sizeof *bare->texts, has_huge_pages);
    return bare;
}

static void *open_plain(const struct subject_options *options)
{
    return open_pages(options, false);
}

static void *open_huge(const struct subject_options *options)
{
    return open_pages(options, true);
}

static void close_bare(void *store)
{
    struct bare *bare = store;

    munmap(bare->slots, (bare->mask + 1) * sizeof *bare->slots);
    munmap(bare->values, bare->capacity * sizeof *bare->values);
    if (bare->is_text)
        munmap(bare->texts, bare->capacity * sizeof *bare->texts);
    free(bare);
}

static size_t entries(void *store)
{
    const struct bare *bare = store;

    return bare->count;
}

LOOPS_DEFINE(get_id, get_text, set)

const struct subject subject_bare = {
    .name = "bare", .open = open_plain, .close = close_bare, .entries = entries, LOOPS};
const struct subject subject_bare_huge = {
    .name = "bare-huge", .open = open_huge, .close = close_bare, .entries = entries, LOOPS};
