/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of typed values: which are equal, where they are kept, and how they fail. */
#include <brisk/cache.h>
#include <brisk/key.h>

#include <float.h>
#include <math.h>

#include "tests/support/brisk_test.h"

/* What a row of a table adds. */
struct value {
    enum {
        I64,
        U64,
        F64,
        NUMBER,
        TEXT,
        BYTES
    } kind;
    int64_t i64;
    uint64_t u64;
    double f64;
    const char *text;
};

static void add(struct brisk_key *key, const struct value *value)
{
    switch (value->kind) {
    case I64:
        brisk_key_add_i64(key, value->i64);
        break;
    case U64:
        brisk_key_add_u64(key, value->u64);
        break;
    case F64:
        brisk_key_add_f64(key, value->f64);
        break;
    case NUMBER:
        brisk_key_add_number(key, value->f64);
        break;
    case TEXT:
        brisk_key_add_text(key, value->text);
        break;
    case BYTES:
        brisk_key_add_bytes(key, brisk_bytes_text(value->text));
        break;
    }
}

static bool are_equal(const struct brisk_key *a, const struct brisk_key *b)
{
    struct brisk_bytes x = brisk_key_bytes(a), y = brisk_key_bytes(b);
    assert_ok(brisk_key_status(a));
    assert_ok(brisk_key_status(b));
    return x.length == y.length && memcmp(x.data, y.data, x.length) == 0;
}

static bool make_equal_keys(const struct value *a, const struct value *b)
{
    struct brisk_key x, y;
    brisk_key_start(&x);
    brisk_key_start(&y);
    add(&x, a);
    add(&y, b);
    bool are = are_equal(&x, &y);
    brisk_key_release(&x);
    brisk_key_release(&y);
    return are;
}

static double nan_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    assert_true(isnan(value));
    return value;
}

static void equal_values_of_a_kind_make_equal_keys(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct value a, b;
    } rows[] = {
        {"signed and unsigned 3", {.kind = I64, .i64 = 3}, {.kind = U64, .u64 = 3}},
        {"signed and unsigned 2^63 - 1",
         {.kind = I64, .i64 = INT64_MAX},
         {.kind = U64, .u64 = INT64_MAX}},
        {"-0.0 and 0.0", {.kind = F64, .f64 = -0.0}, {.kind = F64, .f64 = 0.0}},
        {"NaNs",
         {.kind = F64, .f64 = nan_of(UINT64_C(0x7ff8000000000000))},
         {.kind = F64, .f64 = nan_of(UINT64_C(0xfff8000000000123))}},
        {"a signalling NaN",
         {.kind = F64, .f64 = nan_of(UINT64_C(0x7ff8000000000000))},
         {.kind = F64, .f64 = nan_of(UINT64_C(0x7ff0000000000001))}},
        {"the number 3.0 and 3", {.kind = NUMBER, .f64 = 3}, {.kind = I64, .i64 = 3}},
        {"the number -3.0 and -3", {.kind = NUMBER, .f64 = -3}, {.kind = I64, .i64 = -3}},
        {"the number -0.0 and 0", {.kind = NUMBER, .f64 = -0.0}, {.kind = U64, .u64 = 0}},
        {"the number 0.5 and 0.5", {.kind = NUMBER, .f64 = 0.5}, {.kind = F64, .f64 = 0.5}},
        {"the number -2^63", {.kind = NUMBER, .f64 = -0x1p63}, {.kind = I64, .i64 = INT64_MIN}},
        {"the number 2^64", {.kind = NUMBER, .f64 = 0x1p64}, {.kind = F64, .f64 = 0x1p64}},
        {"an infinite number", {.kind = NUMBER, .f64 = -INFINITY}, {.kind = F64, .f64 = -INFINITY}},
        {"a number that is none", {.kind = NUMBER, .f64 = NAN}, {.kind = F64, .f64 = -NAN}},
        {"texts", {.kind = TEXT, .text = "text"}, {.kind = TEXT, .text = (char[]){"text"}}},
        {"no texts", {.kind = TEXT, .text = NULL}, {.kind = TEXT, .text = NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_that(make_equal_keys(&rows[i].a, &rows[i].b), "%s: not equal", rows[i].what);
}

/* Around each border of the encoding, and what would look like its marks. */
static const struct value different[] = {
    {.kind = I64, .i64 = 0},
    {.kind = I64, .i64 = 1},
    {.kind = I64, .i64 = -1},
    {.kind = I64, .i64 = 3},
    {.kind = I64, .i64 = -3},
    {.kind = U64, .u64 = (UINT64_C(1) << 47) - 1},
    {.kind = U64, .u64 = UINT64_C(1) << 47},
    {.kind = U64, .u64 = UINT64_C(1) << 48},
    {.kind = I64, .i64 = -(INT64_C(1) << 47)},
    {.kind = I64, .i64 = -(INT64_C(1) << 47) - 1},
    {.kind = I64, .i64 = -(INT64_C(1) << 48)},
    {.kind = I64, .i64 = INT64_MAX},
    {.kind = I64, .i64 = INT64_MIN},
    {.kind = U64, .u64 = UINT64_C(1) << 63},
    {.kind = U64, .u64 = UINT64_MAX},
    {.kind = U64, .u64 = (uint64_t)INT64_C(-3)},
    {.kind = U64, .u64 = (uint64_t)BRISK_KEY_INTEGER << 48},
    {.kind = U64, .u64 = (uint64_t)BRISK_KEY_TEXT << 48},
    {.kind = F64, .f64 = 0},
    {.kind = F64, .f64 = 3},
    {.kind = F64, .f64 = -3},
    {.kind = F64, .f64 = INFINITY},
    {.kind = F64, .f64 = -INFINITY},
    {.kind = F64, .f64 = NAN},
    {.kind = F64, .f64 = DBL_MAX},
    {.kind = F64, .f64 = DBL_TRUE_MIN},
    {.kind = F64, .f64 = -DBL_TRUE_MIN},
    {.kind = TEXT, .text = NULL},
    {.kind = TEXT, .text = ""},
    {.kind = TEXT, .text = "a"},
    {.kind = TEXT, .text = "ab"},
    {.kind = TEXT, .text = "abc"},
    {.kind = TEXT, .text = "bc"},
    {.kind = TEXT, .text = "c"},
    {.kind = TEXT, .text = "3"},
    {.kind = BYTES, .text = ""},
    {.kind = BYTES, .text = "abc"},
};

enum {
    DIFFERENT = sizeof different / sizeof different[0]
};

/* One or two of them. */
static void add_pair(struct brisk_key *key, size_t pair)
{
    brisk_key_start(key);
    add(key, &different[pair / (DIFFERENT + 1)]);
    if (pair % (DIFFERENT + 1) != DIFFERENT)
        add(key, &different[pair % (DIFFERENT + 1)]);
}

static void different_values_make_different_keys(void **state)
{
    (void)state;
    size_t pairs = (size_t)DIFFERENT * (DIFFERENT + 1);
    struct brisk_key *keys = calloc(pairs, sizeof *keys);
    assert_non_null(keys);
    for (size_t i = 0; i < pairs; i++)
        add_pair(&keys[i], i);
    for (size_t i = 0; i < pairs; i++)
        for (size_t j = 0; j < i; j++)
            assert_that(!are_equal(&keys[i], &keys[j]), "pairs %zu and %zu are equal", i, j);
    for (size_t i = 0; i < pairs; i++) {
        struct brisk_key again;
        add_pair(&again, i);
        assert_true(are_equal(&keys[i], &again));
    }
    free(keys);
}

#define ASSERT_SAME_AS(value, add_as, as)                                                          \
    do {                                                                                           \
        struct brisk_key got, want;                                                                \
        brisk_key_start(&got);                                                                     \
        brisk_key_start(&want);                                                                    \
        brisk_key_add(&got, value);                                                                \
        add_as(&want, as);                                                                         \
        assert_true(are_equal(&got, &want));                                                       \
    } while (0)

static void the_type_of_a_value_chooses_its_kind(void **state)
{
    (void)state;
    char array[] = "array";
    ASSERT_SAME_AS((short)-3, brisk_key_add_i64, -3);
    ASSERT_SAME_AS('c', brisk_key_add_i64, 'c');
    ASSERT_SAME_AS((signed char)-1, brisk_key_add_i64, -1);
    ASSERT_SAME_AS(-3, brisk_key_add_i64, -3);
    ASSERT_SAME_AS(-3L, brisk_key_add_i64, -3);
    ASSERT_SAME_AS(INT64_MIN, brisk_key_add_i64, INT64_MIN);
    ASSERT_SAME_AS(true, brisk_key_add_u64, 1);
    ASSERT_SAME_AS((unsigned char)255, brisk_key_add_u64, 255);
    ASSERT_SAME_AS(UINT32_MAX, brisk_key_add_u64, UINT32_MAX);
    ASSERT_SAME_AS(UINT64_MAX, brisk_key_add_u64, UINT64_MAX);
    ASSERT_SAME_AS(1ULL, brisk_key_add_u64, 1);
    ASSERT_SAME_AS(0.5F, brisk_key_add_f64, 0.5);
    ASSERT_SAME_AS(0.1, brisk_key_add_f64, 0.1);
    ASSERT_SAME_AS("text", brisk_key_add_text, "text");
    ASSERT_SAME_AS(array, brisk_key_add_text, "array");
    ASSERT_SAME_AS((const char *)array, brisk_key_add_text, "array");
}

/* Bytes whose key has `length` bytes: a word says that they are bytes, and how many. */
static struct brisk_bytes bytes_for(const char *from, size_t length)
{
    return brisk_bytes_of(from, length - 8);
}

static void a_key_goes_to_the_heap_when_it_gets_long_and_stays_the_same(void **state)
{
    (void)state;
    static char many[BRISK_CACHE_KEY_MAX];
    memset(many, 'm', sizeof many);
    for (size_t length = 9; length <= BRISK_CACHE_KEY_MAX; length += length < 500 ? 1 : 263) {
        struct brisk_key at_once, bit_by_bit;
        brisk_key_start(&at_once);
        brisk_key_add_bytes(&at_once, bytes_for(many, length));
        assert_u64(brisk_key_bytes(&at_once).length, length);
        assert_true((at_once.heap != NULL) == (length > BRISK_KEY_INLINE));

        struct brisk_bytes bytes = brisk_key_bytes(&at_once);
        brisk_key_start(&bit_by_bit);
        for (size_t i = 0; i < length; i++)
            brisk_key_append(&bit_by_bit, (const char *)bytes.data + i, 1);
        assert_bytes(brisk_key_bytes(&bit_by_bit), bytes);
        brisk_key_release(&at_once);
        brisk_key_release(&bit_by_bit);
        brisk_key_release(&bit_by_bit); /* once more does nothing */
        assert_u64(brisk_key_bytes(&bit_by_bit).length, 0);
    }
}

static void numbers_too_go_to_the_heap(void **state)
{
    (void)state;
    struct brisk_key key;
    brisk_key_start(&key);
    for (unsigned int i = 0; i < 100; i++)
        brisk_key_add(&key, i / 4.0);
    struct brisk_bytes bytes = brisk_key_bytes(&key);
    assert_u64(bytes.length, 100 * sizeof(double));
    for (unsigned int i = 0; i < 100; i++) {
        double number;
        memcpy(&number, (const char *)bytes.data + i * sizeof number, sizeof number);
        assert_true(number == i / 4.0);
    }
    brisk_key_release(&key);
}

static void a_key_that_is_too_long_is_none(void **state)
{
    (void)state;
    static char many[BRISK_CACHE_KEY_MAX];
    struct brisk_key key;
    brisk_key_start(&key);
    brisk_key_add_bytes(&key, bytes_for(many, BRISK_CACHE_KEY_MAX));
    assert_ok(brisk_key_status(&key));
    brisk_key_add(&key, 1);
    assert_status(brisk_key_status(&key), BRISK_ERR_TOO_BIG);
    brisk_key_add(&key, "more"); /* changes nothing */
    assert_status(brisk_key_status(&key), BRISK_ERR_TOO_BIG);
    assert_u64(brisk_key_bytes(&key).length, 0);
    brisk_key_release(&key);
    assert_ok(brisk_key_status(&key));

    brisk_key_add_bytes(&key, brisk_bytes_of(many, SIZE_MAX)); /* is not looked at */
    assert_status(brisk_key_status(&key), BRISK_ERR_TOO_BIG);
    brisk_key_release(&key);
}

static void build_long_key(bool is_failing, void *ctx)
{
    static char many[3000];
    struct brisk_key key;
    (void)ctx;
    brisk_key_start(&key);
    brisk_key_add(&key, 7);
    brisk_key_add_bytes(&key, brisk_bytes_of(many, 300));
    brisk_key_add_bytes(&key, brisk_bytes_of(many, sizeof many));
    if (is_failing && brisk_key_status(&key) != BRISK_OK) {
        assert_status(brisk_key_status(&key), BRISK_ERR_NOMEM);
        assert_u64(brisk_key_bytes(&key).length, 0);
    } else {
        assert_u64(brisk_key_bytes(&key).length, 8 + 308 + 8 + sizeof many);
    }
    brisk_key_release(&key);
}

static void a_key_without_memory_is_none(void **state)
{
    (void)state;
    for_each_allocation_failure(build_long_key, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(equal_values_of_a_kind_make_equal_keys),
    cmocka_unit_test(different_values_make_different_keys),
    cmocka_unit_test(the_type_of_a_value_chooses_its_kind),
    cmocka_unit_test(a_key_goes_to_the_heap_when_it_gets_long_and_stays_the_same),
    cmocka_unit_test(numbers_too_go_to_the_heap), cmocka_unit_test(a_key_that_is_too_long_is_none),
    cmocka_unit_test(a_key_without_memory_is_none))
