/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_fault.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "harness/proxy_quantity.h"

enum {
    MOST_OF_A_WORD_SHOWN = 40
};

/* The largest amounts: nobody waits longer, and sums of them fit 64 bits. */
#define MAX_NS UINT64_C(3600000000000) /* an hour */
#define MAX_BYTES (UINT64_C(1) << 40)

enum kind {
    DURATION,
    SIZE,
    SLICE,
    FLAG,
    ENDING,
    DOWN,
    SEED,
    CLEAR,
    DIRECTION
};

struct key {
    const char *name;
    enum kind kind;
    size_t member;          /* in struct bk_fault */
    enum bk_fault_end end;  /* of an ENDING */
    bool is_counted;        /* begins to count bytes anew */
    const char *suggestion; /* a right word */
};

#define MEMBER(name) offsetof(struct bk_fault, name)

static const struct key keys[] = {
    {"latency", DURATION, MEMBER(latency_ns), BK_END_NONE, false, "latency=50ms"},
    {"jitter", DURATION, MEMBER(jitter_ns), BK_END_NONE, true, "jitter=10ms"},
    {"bandwidth", SIZE, MEMBER(bandwidth_bytes_per_s), BK_END_NONE, false, "bandwidth=64K"},
    {"slice", SLICE, 0, BK_END_NONE, true, "slice=100 or slice=1-16"},
    {"drip", DURATION, MEMBER(drip_ns), BK_END_NONE, false, "drip=5ms"},
    {"corrupt", SIZE, MEMBER(corrupt_bytes), BK_END_NONE, true, "corrupt=1K"},
    {"cut", ENDING, 0, BK_END_CUT, true, "cut=100"},
    {"reset", ENDING, 0, BK_END_RESET, true, "reset or reset=100"},
    {"slow_close", DURATION, MEMBER(slow_close_ns), BK_END_NONE, false, "slow_close=1s"},
    {"blackhole", FLAG, MEMBER(is_black_hole), BK_END_NONE, false, "blackhole"},
    {"swap", FLAG, MEMBER(is_swapped), BK_END_NONE, true, "swap"},
    {"down", DOWN, 0, BK_END_NONE, false, "down"},
    {"seed", SEED, 0, BK_END_NONE, false, "seed=7"},
    {"clear", CLEAR, 0, BK_END_NONE, false, "clear"},
    {"direction", DIRECTION, 0, BK_END_NONE, false, "direction=up, =down or =both"},
};

enum {
    KEYS = sizeof keys / sizeof keys[0]
};

/* "name=value" or "name". */
struct word {
    const char *name;
    size_t name_length;
    const char *value; /* NULL: none */
    size_t value_length;
    size_t length; /* of the whole; 0 at the end */
};

/* The words up to the next ';'. */
struct clause {
    struct bk_faults *faults;
    bool is_of[2];
    bool has_direction;
};

static bool is_separator(char character)
{
    return character == ',' || character == ' ' || character == '\t';
}

static struct word read_word(const char *at)
{
    size_t length = strcspn(at, ", \t;");
    const char *equals = memchr(at, '=', length);
    struct word word = {.name = at, .name_length = length, .length = length};
    if (equals != NULL) {
        word.name_length = (size_t)(equals - at);
        word.value = equals + 1;
        word.value_length = length - word.name_length - 1;
    }
    return word;
}

static bool is_equal(const char *text, size_t length, const char *want)
{
    return strlen(want) == length && memcmp(text, want, length) == 0;
}

static bool value_is(const struct word *word, const char *want)
{
    return word->value != NULL && is_equal(word->value, word->value_length, want);
}

static int shown(const struct word *word)
{
    return word->length < MOST_OF_A_WORD_SHOWN ? (int)word->length : MOST_OF_A_WORD_SHOWN;
}

static enum brisk_status refuse_name(const struct word *word, struct brisk_error *error)
{
    if (is_equal(word->name, word->name_length, "up"))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "'up' is no fault; write down=off to accept connections again, or direction=up");
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0,
        "'%.*s' is no fault; there are latency, jitter, bandwidth, slice, drip, corrupt, cut, "
        "reset, slow_close, blackhole, swap, down, and seed, direction, clear",
        shown(word), word->name);
}

static enum brisk_status
refuse_value(const struct word *word, const struct key *key, struct brisk_error *error)
{
    const char *why = "has a value that it cannot have";
    if (word->value == NULL)
        why = "has no value";
    else if (key->kind == DURATION)
        why = "is no time of at most an hour with its unit (us, ms, s, m)";
    else if (key->kind == SIZE || key->kind == ENDING || key->kind == SLICE)
        why = "is no number of bytes, with or without K, M, G";
    else if (key->kind == CLEAR)
        why = "takes no value";
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0, "'%.*s' %s; write %s", shown(word), word->name, why,
        key->suggestion);
}

static const struct key *find_key(const struct word *word)
{
    for (size_t i = 0; i < KEYS; i++)
        if (is_equal(word->name, word->name_length, keys[i].name))
            return &keys[i];
    return NULL;
}

static void *member_of(struct bk_fault *fault, const struct key *key)
{
    return (char *)fault + key->member;
}

static bool set_duration(struct bk_fault *fault, const struct key *key, const struct word *word)
{
    uint64_t ns = 0;
    if (!value_is(word, "off") &&
        (word->value == NULL || !bk_duration_read(&ns, word->value, word->value_length)))
        return false;
    *(uint64_t *)member_of(fault, key) = ns;
    return ns <= MAX_NS;
}

/* Of at least 1. */
static bool read_bytes(uint64_t *bytes, const char *text, size_t length)
{
    return bk_size_read(bytes, text, length) && *bytes > 0 && *bytes <= MAX_BYTES;
}

static bool set_size(struct bk_fault *fault, const struct key *key, const struct word *word)
{
    uint64_t bytes = 0;
    if (!value_is(word, "off") &&
        (word->value == NULL || !read_bytes(&bytes, word->value, word->value_length)))
        return false;
    *(uint64_t *)member_of(fault, key) = bytes;
    return true;
}

static bool set_slice(struct bk_fault *fault, const struct word *word)
{
    uint64_t min = 0, max = 0;
    if (word->value == NULL)
        return false;
    if (!value_is(word, "off")) {
        const char *dash = memchr(word->value, '-', word->value_length);
        size_t min_length = dash != NULL ? (size_t)(dash - word->value) : word->value_length;
        if (!read_bytes(&min, word->value, min_length))
            return false;
        max = min;
        if (dash != NULL && !read_bytes(&max, dash + 1, word->value_length - min_length - 1))
            return false;
    }
    fault->slice_min_bytes = min;
    fault->slice_max_bytes = max;
    return min <= max;
}

static bool read_flag(bool *flag, const struct word *word)
{
    *flag = word->value == NULL || value_is(word, "on");
    return *flag || value_is(word, "off");
}

/* cut=N, reset=N, reset: a connection ends once, so that the later replaces the other. */
static bool set_ending(struct bk_fault *fault, const struct key *key, const struct word *word)
{
    if (value_is(word, "off")) {
        if (fault->end == key->end) {
            fault->end = BK_END_NONE;
            fault->end_bytes = 0;
        }
        return true;
    }
    uint64_t bytes = 0;
    if (word->value == NULL && key->end == BK_END_CUT)
        return false;
    if (word->value != NULL &&
        (!bk_size_read(&bytes, word->value, word->value_length) || bytes > MAX_BYTES))
        return false;
    fault->end = key->end;
    fault->end_bytes = bytes;
    return true;
}

static bool set_in_direction(
    struct bk_fault *fault, enum bk_direction direction, const struct key *key,
    const struct word *word)
{
    if (key->is_counted)
        fault->generation++;
    switch (key->kind) {
    case DURATION:
        return set_duration(fault, key, word);
    case SIZE:
        return set_size(fault, key, word);
    case SLICE:
        return set_slice(fault, word);
    case ENDING:
        return set_ending(fault, key, word);
    default:
        if (key->member == MEMBER(is_swapped) && direction == BK_UP)
            return true; /* replies are what can be swapped */
        return read_flag(member_of(fault, key), word);
    }
}

static void clear(struct clause *clause)
{
    for (int i = 0; i < 2; i++)
        if (clause->is_of[i])
            clause->faults->of[i] = (struct bk_fault){
                .generation = clause->faults->of[i].generation + 1};
    if (clause->is_of[BK_UP] && clause->is_of[BK_DOWN])
        clause->faults->is_down = false;
}

static bool set_seed(struct bk_faults *faults, const struct word *word)
{
    if (word->value == NULL || !bk_number_read(&faults->seed, word->value, word->value_length))
        return false;
    faults->of[BK_UP].generation++;
    faults->of[BK_DOWN].generation++;
    return true;
}

static bool set(struct clause *clause, const struct key *key, const struct word *word)
{
    switch (key->kind) {
    case DIRECTION:
        return true; /* read before */
    case CLEAR:
        clear(clause);
        return word->value == NULL;
    case SEED:
        return set_seed(clause->faults, word);
    case DOWN:
        return read_flag(&clause->faults->is_down, word);
    default:
        for (int i = 0; i < 2; i++)
            if (clause->is_of[i] &&
                !set_in_direction(&clause->faults->of[i], (enum bk_direction)i, key, word))
                return false;
        return true;
    }
}

static bool set_direction(struct clause *clause, const struct word *word)
{
    bool is_both = value_is(word, "both");
    clause->is_of[BK_UP] = is_both || value_is(word, "up");
    clause->is_of[BK_DOWN] = is_both || value_is(word, "down");
    return clause->is_of[BK_UP] || clause->is_of[BK_DOWN];
}

static enum brisk_status
check_word(struct clause *clause, const struct word *word, struct brisk_error *error)
{
    const struct key *key = find_key(word);
    if (key == NULL)
        return refuse_name(word, error);
    if (key->kind != DIRECTION)
        return BRISK_OK;
    if (clause->has_direction)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "two directions for the same faults; part faults of different directions by ';'");
    clause->has_direction = true;
    return set_direction(clause, word) ? BRISK_OK : refuse_value(word, key, error);
}

static enum brisk_status
set_word(struct clause *clause, const struct word *word, struct brisk_error *error)
{
    const struct key *key = find_key(word);
    return set(clause, key, word) ? BRISK_OK : refuse_value(word, key, error);
}

typedef enum brisk_status word_fn(struct clause *, const struct word *, struct brisk_error *);

/* *end is where the clause ends, at its ';' or the end of the text. */
static enum brisk_status each_word(
    struct clause *clause, const char *at, const char **end, word_fn *fn, struct brisk_error *error)
{
    enum brisk_status status = BRISK_OK;
    while (*at != '\0' && *at != ';' && status == BRISK_OK) {
        struct word word = read_word(at);
        if (word.length > 0)
            status = fn(clause, &word, error);
        at += word.length;
        at += is_separator(*at) ? 1 : 0;
    }
    *end = at;
    return status;
}

enum brisk_status
bk_faults_change(struct bk_faults *faults, const char *specification, struct brisk_error *error)
{
    struct bk_faults changed = *faults;
    const char *at = specification;
    while (true) {
        struct clause clause = {.faults = &changed, .is_of = {true, true}};
        const char *end;
        enum brisk_status status = each_word(&clause, at, &end, check_word, error);
        if (status == BRISK_OK)
            status = each_word(&clause, at, &end, set_word, error);
        if (status != BRISK_OK)
            return status;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    *faults = changed;
    return BRISK_OK;
}

struct bk_faults bk_faults_none(uint64_t seed)
{
    struct bk_faults none;
    memset(&none, 0, sizeof none);
    none.seed = seed;
    return none;
}

bool bk_fault_is_none(const struct bk_fault *fault)
{
    return (fault->latency_ns | fault->jitter_ns | fault->bandwidth_bytes_per_s |
            fault->slice_max_bytes | fault->drip_ns | fault->corrupt_bytes |
            fault->slow_close_ns) == 0 &&
           fault->end == BK_END_NONE && !fault->is_black_hole && !fault->is_swapped;
}

/* Every word ends with a blank, which the caller cuts off. */
static void print_key(struct bk_text *text, const struct key *key)
{
    bk_text_puts(text, key->name);
    if (key->kind != FLAG && key->kind != DOWN)
        bk_text_puts(text, "=");
}

static void print_value(struct bk_text *text, const struct bk_fault *fault, const struct key *key)
{
    const void *member = (const char *)fault + key->member;
    if (key->kind == DURATION)
        bk_duration_print(text, *(const uint64_t *)member);
    if (key->kind == SIZE)
        bk_size_print(text, *(const uint64_t *)member);
    if (key->kind == ENDING)
        bk_size_print(text, fault->end_bytes);
    if (key->kind == SLICE) {
        bk_size_print(text, fault->slice_min_bytes);
        bk_text_puts(text, "-");
        bk_size_print(text, fault->slice_max_bytes);
    }
}

static bool is_set(const struct bk_fault *fault, const struct key *key)
{
    const void *member = (const char *)fault + key->member;
    switch (key->kind) {
    case DURATION:
    case SIZE:
        return *(const uint64_t *)member != 0;
    case FLAG:
        return *(const bool *)member;
    case SLICE:
        return fault->slice_max_bytes != 0;
    case ENDING:
        return fault->end == key->end;
    default:
        return false;
    }
}

static void print_fault(struct bk_text *text, const struct bk_fault *fault, const char *direction)
{
    if (bk_fault_is_none(fault))
        return;
    if (text->length > 0)
        bk_text_puts(text, "; ");
    for (size_t i = 0; i < KEYS; i++) {
        if (!is_set(fault, &keys[i]))
            continue;
        print_key(text, &keys[i]);
        print_value(text, fault, &keys[i]);
        bk_text_puts(text, " ");
    }
    bk_text_puts(text, "direction=");
    bk_text_puts(text, direction);
}

void bk_faults_print(const struct bk_faults *faults, struct bk_text *text)
{
    if (faults->is_down)
        bk_text_puts(text, "down");
    print_fault(text, &faults->of[BK_UP], "up");
    print_fault(text, &faults->of[BK_DOWN], "down");
}
