/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/curve.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"

enum {
    DEFAULT_MAX_KEYS = 8192,
    LEAST_MAX_KEYS = 16,
    MOST_MAX_KEYS = 1 << 20,
    FEW_KEYS = 200, /* so few the curve of a real load was seen to leave [0, 1] before it is cut */

    /*
     * Distances below EXACT have a bucket each; above, every power of two has PER_OCTAVE,
     * up to 2^MOST_BITS: a size is off by less than two percent.
     */
    EXACT_BITS = 7,
    EXACT = 1 << EXACT_BITS,
    PER_OCTAVE = EXACT / 2,
    MOST_BITS = 40,
    BUCKETS = EXACT + (MOST_BITS - EXACT_BITS) * PER_OCTAVE,
};

/*
 * Keys whose hash is below `threshold` are followed, each by the position of its last
 * lookup in `log`. Positions whose key was looked up again since are VACANT; `tree`
 * counts those that are not, so that the different keys since a position are a
 * difference of two sums. When the log is full, what is left in it moves together.
 */
struct brisk_curve {
    uint64_t *log;       /* hashes in the order of their last lookup */
    uint32_t *tree;      /* of Fenwick, over the log */
    uint32_t *slots;     /* open addressing by hash: position + 1, or 0 */
    uint32_t log_length; /* that may be used */
    uint32_t slot_mask;
    uint32_t next; /* position of the next lookup */
    uint32_t keys, max_keys;
    uint64_t threshold;
    double keys_per_sample; /* 1 / rate */
    uint64_t requests, sampled_requests;
    double weight; /* of all sampled requests: each stands for the keys_per_sample of its time */
    double weights[BUCKETS];
};

#define VACANT UINT64_MAX /* no threshold is above it */
#define TWO_TO_64 18446744073709551616.0

static double rate_of(const struct brisk_curve *curve)
{
    return (double)curve->threshold / TWO_TO_64;
}

static void set_threshold(struct brisk_curve *curve, uint64_t threshold)
{
    curve->threshold = threshold;
    curve->keys_per_sample = 1 / rate_of(curve);
}

static unsigned int bucket_of(double distance)
{
    if (distance >= (double)(UINT64_C(1) << MOST_BITS))
        return BUCKETS - 1;
    uint64_t whole = (uint64_t)distance;
    if (whole < EXACT)
        return (unsigned int)whole;
    unsigned int top_bit = 63 - (unsigned int)__builtin_clzll(whole);
    unsigned int octave = top_bit - EXACT_BITS;
    unsigned int part = (unsigned int)(whole >> (octave + 1)) & (PER_OCTAVE - 1);
    return EXACT + octave * PER_OCTAVE + part;
}

static uint64_t bucket_begin(unsigned int bucket)
{
    if (bucket < EXACT)
        return bucket;
    unsigned int octave = (bucket - EXACT) / PER_OCTAVE;
    return (uint64_t)(PER_OCTAVE + (bucket - EXACT) % PER_OCTAVE) << (octave + 1);
}

static void tree_add(struct brisk_curve *curve, uint32_t position, uint32_t amount)
{
    for (uint32_t i = position + 1; i <= curve->log_length; i += i & -i)
        curve->tree[i - 1] += amount;
}

/* One key each at the positions below `count`. */
static void fill_tree(struct brisk_curve *curve, uint32_t count)
{
    for (uint32_t i = 1; i <= curve->log_length; i++) {
        uint32_t begin = i - (i & -i); /* tree[i - 1] counts the positions from here below i */
        uint32_t end = i < count ? i : count;
        curve->tree[i - 1] = end > begin ? end - begin : 0;
    }
}

/* How many keys stand at `position` or before. */
static uint32_t tree_sum(const struct brisk_curve *curve, uint32_t position)
{
    uint32_t sum = 0;
    for (uint32_t i = position + 1; i != 0; i &= i - 1)
        sum += curve->tree[i - 1];
    return sum;
}

/* Where a hash is or belongs. Low bits: the high ones of all that are followed are alike. */
static uint32_t *find_slot(const struct brisk_curve *curve, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & curve->slot_mask;
    while (curve->slots[at] != 0 && curve->log[curve->slots[at] - 1] != hash)
        at = (at + 1) & curve->slot_mask;
    return &curve->slots[at];
}

/* Takes what is vacant, or not below the threshold any more, out of the log. */
static void compact(struct brisk_curve *curve)
{
    uint32_t kept = 0;
    memset(curve->slots, 0, ((size_t)curve->slot_mask + 1) * sizeof *curve->slots);
    for (uint32_t i = 0; i < curve->next; i++) {
        uint64_t hash = curve->log[i];
        if (hash >= curve->threshold)
            continue;
        curve->log[kept] = hash;
        *find_slot(curve, hash) = ++kept;
    }
    fill_tree(curve, kept);
    curve->next = kept;
    curve->keys = kept;
}

/*
 * An eighth at a time: as good as dropping the one key with the largest hash, by measure,
 * and neither that key need be known nor where each stands among the others.
 */
static void follow_fewer(struct brisk_curve *curve)
{
    while (curve->keys > curve->max_keys) {
        set_threshold(curve, curve->threshold - curve->threshold / 8);
        compact(curve);
    }
}

/*
 * Of `distance` different keys that are followed, each of which stands for several: half
 * of them more than the distance is what to expect.
 */
static void count_reuse(struct brisk_curve *curve, uint32_t distance)
{
    curve->weights[bucket_of((distance + 0.5) * curve->keys_per_sample)] += curve->keys_per_sample;
}

void brisk_curve_add_hash(struct brisk_curve *curve, uint64_t hash)
{
    curve->requests++;
    if (hash >= curve->threshold)
        return;
    curve->sampled_requests++;
    curve->weight += curve->keys_per_sample;
    if (curve->next == curve->log_length)
        compact(curve);
    uint32_t *slot = find_slot(curve, hash);
    if (*slot != 0) {
        uint32_t last = *slot - 1;
        count_reuse(curve, curve->keys - tree_sum(curve, last));
        tree_add(curve, last, UINT32_MAX); /* less one */
        curve->log[last] = VACANT;
    } else {
        curve->keys++;
    }
    curve->log[curve->next] = hash;
    tree_add(curve, curve->next, 1);
    *slot = ++curve->next;
    follow_fewer(curve);
}

uint64_t bk_curve_threshold(const struct brisk_curve *curve)
{
    return curve->threshold;
}

void bk_curve_set_requests(struct brisk_curve *curve, uint64_t requests)
{
    curve->requests = requests;
}

void brisk_curve_add(struct brisk_curve *curve, struct brisk_bytes key)
{
    brisk_curve_add_hash(curve, XXH3_64bits(key.data, key.length));
}

/* Never 0: the rate divides. */
static uint64_t threshold_of(double rate)
{
    if (rate == 1)
        return UINT64_MAX;
    uint64_t threshold = (uint64_t)(rate * TWO_TO_64);
    return threshold == 0 ? 1 : threshold;
}

static enum brisk_status check(const struct brisk_curve_options *options, struct brisk_error *error)
{
    if (options->max_keys < LEAST_MAX_KEYS || options->max_keys > MOST_MAX_KEYS)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "max_keys is %u, not %d to %d", options->max_keys,
            LEAST_MAX_KEYS, MOST_MAX_KEYS);
    if (!(options->sample_rate > 0 && options->sample_rate <= 1))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "sample_rate is %g, not above 0 and at most 1",
            options->sample_rate);
    return BRISK_OK;
}

static size_t table_bytes(const struct brisk_curve *curve)
{
    return curve->log_length * (sizeof *curve->log + sizeof *curve->tree) +
           ((size_t)curve->slot_mask + 1) * sizeof *curve->slots;
}

static bool make_tables(struct brisk_curve *curve)
{
    curve->log_length = 2 * curve->max_keys;
    curve->slot_mask = LEAST_MAX_KEYS - 1;
    while (curve->slot_mask < curve->log_length - 1)
        curve->slot_mask = 2 * curve->slot_mask + 1;
    curve->log = bk_calloc(1, table_bytes(curve));
    if (curve->log == NULL)
        return false;
    curve->tree = (uint32_t *)(void *)(curve->log + curve->log_length);
    curve->slots = curve->tree + curve->log_length;
    return true;
}

struct brisk_curve *
brisk_curve_new(const struct brisk_curve_options *options, struct brisk_error *error)
{
    struct brisk_curve_options known;
    if (bk_options_read(&known, sizeof known, options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (known.max_keys == 0)
        known.max_keys = DEFAULT_MAX_KEYS;
    if (known.sample_rate == 0)
        known.sample_rate = 1;
    if (check(&known, error) != BRISK_OK)
        return NULL;

    struct brisk_curve *curve = bk_calloc(1, sizeof *curve);
    if (curve != NULL) {
        curve->max_keys = known.max_keys;
        set_threshold(curve, threshold_of(known.sample_rate));
        if (make_tables(curve))
            return curve;
    }
    bk_free(curve);
    bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a curve of %u keys", known.max_keys);
    return NULL;
}

void brisk_curve_free(struct brisk_curve *curve)
{
    if (curve == NULL)
        return;
    bk_free(curve->log);
    bk_free(curve);
}

/* Weight of the sampled requests that find their key among the last `entries`. */
static double hit_weight(const struct brisk_curve *curve, uint64_t entries)
{
    double sum = 0;
    for (unsigned int i = 0; i < BUCKETS; i++) {
        uint64_t begin = bucket_begin(i), end = bucket_begin(i + 1);
        if (end > entries) {
            if (entries > begin) /* it is taken to be filled evenly */
                sum += curve->weights[i] * (double)(entries - begin) / (double)(end - begin);
            break;
        }
        sum += curve->weights[i];
    }
    return sum;
}

/*
 * The adjustment: hot keys make the sample weigh more or less than what it stands for,
 * and hot keys are hits at any size.
 */
double brisk_curve_miss_ratio(const struct brisk_curve *curve, uint64_t entries)
{
    if (entries == 0 || curve->sampled_requests == 0)
        return 1;
    double requests = (double)curve->requests;
    double hits = hit_weight(curve, entries) + (requests - curve->weight);
    double ratio = 1 - hits / requests;
    return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

static void read_points(const struct brisk_curve *curve, struct brisk_curve_reading *reading)
{
    for (int i = 0; i < BRISK_CURVE_POINTS; i++) {
        struct brisk_curve_point *point = &reading->points[i];
        point->times = (double)(1 << i) / 8;
        point->entries = i < 3 ? reading->entries >> (3 - i) : reading->entries << (i - 3);
        if (i > 3 && reading->entries > UINT64_MAX >> (i - 3))
            point->entries = UINT64_MAX;
        if (point->entries == 0)
            point->entries = 1;
        point->miss_ratio = brisk_curve_miss_ratio(curve, point->entries);
    }
}

void brisk_curve_read(
    const struct brisk_curve *curve, uint64_t entries, struct brisk_curve_reading *out)
{
    struct brisk_curve_reading reading = {
        .size = out->size,
        .entries = entries,
        .miss_ratio = brisk_curve_miss_ratio(curve, entries),
        .has_low_confidence = curve->keys <= FEW_KEYS,
        .requests = curve->requests,
        .sampled_requests = curve->sampled_requests,
        .sampled_keys = curve->keys,
        .unique_keys = (uint64_t)(curve->keys * curve->keys_per_sample + 0.5),
        .sample_rate = rate_of(curve),
        .memory_bytes = sizeof *curve + table_bytes(curve),
    };
    read_points(curve, &reading);
    size_t known = out->size < sizeof reading ? out->size : sizeof reading;
    memset((char *)out + known, 0, reading.size - known);
    memcpy(out, &reading, known);
}

/* As 3 decimals at most, without zeros at their end: 0.125, 2. */
static void put_times(struct bk_text *text, double times)
{
    unsigned int decimals = times >= 1 ? 0 : times >= 0.5 ? 1 : times >= 0.25 ? 2 : 3;
    double scale = decimals == 0 ? 1 : decimals == 1 ? 10 : decimals == 2 ? 100 : 1000;
    bk_text_decimal(text, (uint64_t)(times * scale + 0.5), decimals);
}

static void
put_point(struct bk_text *text, const struct brisk_curve_point *point, double miss_ratio)
{
    double points = 100 * (point->miss_ratio - miss_ratio);
    uint64_t rounded = (uint64_t)((points < 0 ? -points : points) + 0.5);
    put_times(text, point->times);
    bk_text_puts(text, "x the size: ");
    if (rounded != 0)
        bk_text_puts(text, points < 0 ? "-" : "+");
    bk_text_u64(text, rounded);
    bk_text_puts(text, rounded == 1 ? " point\n" : " points\n");
}

static void put_sample(struct bk_text *text, const struct brisk_curve_reading *reading)
{
    bk_text_puts(text, "as LRU, estimated from ");
    bk_text_u64(text, reading->sampled_keys);
    bk_text_puts(text, reading->sample_rate < 1 ? " of about " : " of ");
    bk_text_u64(text, reading->unique_keys);
    bk_text_puts(text, " keys in ");
    bk_text_u64(text, reading->requests);
    bk_text_puts(text, " lookups\n");
    if (reading->has_low_confidence)
        bk_text_puts(text, "low confidence: so few keys are no more than a guess\n");
}

static void put_reading(struct bk_text *text, const struct brisk_curve_reading *reading)
{
    if (reading->entries == 0) {
        bk_text_puts(text, "the size is not known yet\n");
    } else {
        bk_text_puts(text, "with ");
        bk_text_u64(text, reading->entries);
        bk_text_puts(text, " entries: ");
        bk_text_decimal(text, (uint64_t)(reading->miss_ratio * 1000 + 0.5), 1);
        bk_text_puts(text, " % of lookups miss\n");
        for (int i = 0; i < BRISK_CURVE_POINTS; i++)
            if (reading->points[i].times != 1)
                put_point(text, &reading->points[i], reading->miss_ratio);
    }
    put_sample(text, reading);
}

enum brisk_status brisk_curve_write_text(
    const struct brisk_curve_reading *reading, char *buffer, size_t capacity, size_t *length)
{
    struct brisk_curve_reading known = {0};
    size_t known_size = reading->size < sizeof known ? reading->size : sizeof known;
    memcpy(&known, reading, known_size);

    struct bk_text measure = {0};
    put_reading(&measure, &known);
    *length = measure.length;
    if (measure.length >= capacity)
        return BRISK_ERR_SHORT_BUFFER;
    struct bk_text text = {.buffer = buffer, .capacity = capacity};
    put_reading(&text, &known);
    buffer[text.length] = '\0';
    return BRISK_OK;
}
