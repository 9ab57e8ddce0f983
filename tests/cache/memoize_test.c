/* SPDX-License-Identifier: Apache-2.0 */
/* C functions that BRISK_MEMOIZE_1 and _2 make remember: their arguments, results and failures. */
#include <math.h>

#include "tests/cache/memo_support.h"

static _Atomic unsigned int runs;
static double last_argument;

static double half(double x)
{
    runs++;
    last_argument = x;
    return x / 2;
}

static double tell_sign(double x)
{
    return copysign(1, x);
}

static int length_of(const char *word)
{
    runs++;
    return word == NULL ? -1 : (int)strlen(word);
}

static long difference(int a, unsigned char b)
{
    runs++;
    return (long)a - b;
}

struct pair {
    char letter;
    double number;
};

static struct pair pair_of(float number, bool is_upper)
{
    struct pair pair = {is_upper ? 'A' : 'a', (double)number};
    runs++;
    return pair;
}

static uint64_t fast_fib(unsigned int n);

static uint64_t fib(unsigned int n)
{
    runs++;
    return n < 2 ? n : fast_fib(n - 1) + fast_fib(n - 2);
}

static uint64_t binomial(unsigned int n, unsigned int k);

static uint64_t slow_binomial(unsigned int n, unsigned int k)
{
    runs++;
    return k == 0 || k == n ? 1 : binomial(n - 1, k - 1) + binomial(n - 1, k);
}

static const struct brisk_memo_options unbounded = {
    .size = sizeof unbounded, .name = "binomials", .max_entries = BRISK_MEMO_UNBOUNDED};
static const struct brisk_memo_options not_valid = {.size = sizeof not_valid, .max_bytes = 1};

BRISK_MEMOIZE_1(double, fast_half, half, double, NULL);
BRISK_MEMOIZE_1(double, never_kept, half, double, &not_valid);
BRISK_MEMOIZE_1(double, half_without_memory, half, double, NULL);
BRISK_MEMOIZE_1(double, half_of_many, half, double, NULL);
BRISK_MEMOIZE_1(double, remembered_sign, tell_sign, double, NULL);
BRISK_MEMOIZE_1(int, known_length, length_of, const char *, NULL);
BRISK_MEMOIZE_1(uint64_t, fast_fib, fib, unsigned int, NULL);
BRISK_MEMOIZE_2(long, known_difference, difference, int, unsigned char, NULL);
BRISK_MEMOIZE_2(struct pair, known_pair, pair_of, float, bool, NULL);
BRISK_MEMOIZE_2(uint64_t, binomial, slow_binomial, unsigned int, unsigned int, &unbounded);

static void a_function_of_a_double_remembers(void **state)
{
    (void)state;
    runs = 0;
    assert_true(fast_half(3) == 1.5);
    assert_true(fast_half(3) == 1.5);
    assert_true(fast_half(-3) == -1.5);
    assert_true(fast_half(INFINITY) == INFINITY);
    assert_u64(runs, 3);
    assert_info(fast_half_memo(NULL), 1, 3, 128, 3);
    brisk_memo_clear(fast_half_memo(NULL));
    assert_true(fast_half(3) == 1.5);
    assert_u64(runs, 4);
    brisk_memo_clear(fast_half_memo(NULL));
}

static void both_zeros_are_one_argument_and_so_are_all_nans(void **state)
{
    (void)state;
    runs = 0;
    assert_true(!signbit(fast_half(-0.0)));
    assert_true(!signbit(last_argument)); /* who asks first makes no difference */
    assert_true(!signbit(fast_half(0.0)));
    assert_u64(runs, 1);
    assert_true(isnan(fast_half(NAN)));
    assert_true(isnan(fast_half(-NAN)));
    assert_u64(runs, 2);
    assert_true(remembered_sign(-0.0) == 1);
    assert_true(remembered_sign(0.0) == 1);
    assert_true(remembered_sign(-1) == -1);
    brisk_memo_clear(fast_half_memo(NULL));
}

static void a_function_of_a_text_remembers_the_text_not_where_it_is(void **state)
{
    (void)state;
    char word[] = "foobar";
    runs = 0;
    assert_int_equal(known_length(word), 6);
    assert_int_equal(known_length("foobar"), 6);
    assert_u64(runs, 1);
    word[3] = '\0';
    assert_int_equal(known_length(word), 3);
    assert_int_equal(known_length(""), 0);
    assert_int_equal(known_length(NULL), -1);
    assert_int_equal(known_length(NULL), -1);
    assert_u64(runs, 4);
}

static void a_text_that_is_too_long_for_a_key_is_computed_each_time(void **state)
{
    (void)state;
    static char many[BRISK_CACHE_KEY_MAX + 1];
    memset(many, 'm', sizeof many - 1);
    runs = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(known_length(many), BRISK_CACHE_KEY_MAX);
    assert_u64(runs, 2);
    many[4000] = '\0';
    for (int i = 0; i < 2; i++)
        assert_int_equal(known_length(many), 4000);
    assert_u64(runs, 3);
}

static void a_function_of_two_integers_remembers(void **state)
{
    (void)state;
    runs = 0;
    assert_int_equal(known_difference(-3, 255), -258);
    assert_int_equal(known_difference(-3, 255), -258);
    assert_int_equal(known_difference(255, 3), 252);
    assert_int_equal(known_difference(0, 0), 0);
    assert_u64(runs, 3);
}

static void a_result_may_be_a_struct(void **state)
{
    (void)state;
    runs = 0;
    for (int i = 0; i < 2; i++) {
        struct pair pair = known_pair(0.5F, true);
        assert_true(pair.letter == 'A' && pair.number == 0.5);
        assert_true(known_pair(0.5F, false).letter == 'a');
    }
    assert_u64(runs, 2);
}

static void a_recursive_function_calls_what_remembers(void **state)
{
    (void)state;
    runs = 0;
    assert_u64(fast_fib(90), UINT64_C(2880067194370816120));
    assert_u64(runs, 91);
    runs = 0;
    assert_u64(binomial(60, 30), UINT64_C(118264581564861424));
    assert_true(runs < 1000);
    assert_u64(info_of(binomial_memo(NULL)).max_entries, BRISK_MEMO_UNBOUNDED);
}

static void one_argument_can_be_forgotten(void **state)
{
    (void)state;
    struct brisk_key key;
    runs = 0;
    assert_true(fast_half(7) == 3.5);
    assert_true(fast_half(8) == 4);
    brisk_key_start(&key);
    brisk_key_add(&key, 7.0);
    assert_ok(brisk_memo_forget(fast_half_memo(NULL), brisk_key_bytes(&key)));
    assert_true(fast_half(8) == 4);
    assert_u64(runs, 2);
    assert_true(fast_half(7) == 3.5);
    assert_u64(runs, 3);
    brisk_memo_clear(fast_half_memo(NULL));
}

static void options_that_are_not_valid_are_told_and_results_are_computed(void **state)
{
    (void)state;
    struct brisk_error error = {0};
    assert_null(never_kept_memo(&error));
    assert_status(error.status, BRISK_ERR_INVALID);
    runs = 0;
    assert_true(never_kept(3) == 1.5);
    assert_true(never_kept(3) == 1.5);
    assert_u64(runs, 2);
}

static void call_without_memory(bool is_failing, void *ctx)
{
    double *x = ctx;
    (void)is_failing;
    brisk_memo_free(half_without_memory_site.memo); /* so that each round makes it */
    half_without_memory_site.memo = NULL;
    *x += 1;
    assert_true(half_without_memory(*x) == *x / 2);
    assert_true(half_without_memory(*x) == *x / 2);
}

static void without_memory_the_answer_is_right(void **state)
{
    (void)state;
    double x = 0;
    runs = 0;
    for_each_allocation_failure(call_without_memory, &x);
    assert_true(x > 8); /* rounds: as many allocations at least */
    assert_true(runs >= x && runs < 2 * x);
    assert_info(half_without_memory_memo(NULL), 1, 1, 128, 1);
}

static enum brisk_status call_first(unsigned int index, void *ctx)
{
    (void)ctx;
    for (unsigned int i = 0; i < 100; i++) {
        double x = (index + i) % 8 + 1;
        thread_expect(half_of_many(x) == x / 2);
    }
    return BRISK_OK;
}

static void threads_that_call_first_at_once_share_one_memo(void **state)
{
    (void)state;
    run_threads(8, call_first, NULL);
    struct brisk_memo_info info = info_of(half_of_many_memo(NULL));
    assert_u64(info.hits + info.misses, 800);
    assert_u64(info.runs, 8);
    assert_u64(info.entries, 8);
}

static enum brisk_status look_for_name(const struct brisk_registry_item *item, void *ctx)
{
    return strcmp(item->name, ctx) == 0 ? BRISK_ERR_CANCELLED : BRISK_OK;
}

static void a_site_has_one_memo_and_takes_results_of_one_size(void **state)
{
    (void)state;
    double x = 3, result;
    float half_result;
    struct brisk_bytes key = brisk_bytes_of(&x, sizeof x);
    struct fast_half_arguments arguments = {x};
    assert_true(brisk_memo_call_at(&fast_half_site, key, &arguments, &result, sizeof result));
    assert_true(result == 1.5);
    assert_false(
        brisk_memo_call_at(&fast_half_site, key, &arguments, &half_result, sizeof half_result));
    assert_false(brisk_memo_call_at(
        &fast_half_site, brisk_bytes_of(NULL, 0), &arguments, &result, sizeof result));
    assert_ptr_equal(brisk_memo_at(&fast_half_site, NULL), fast_half_memo(NULL));
    brisk_memo_clear(fast_half_memo(NULL));
}

static void statistics_call_it_by_its_name(void **state)
{
    (void)state;
    static char own_name[] = "fast_fib", given_name[] = "binomials", none[] = "fast_gib";
    assert_u64(fast_fib(1), 1);
    assert_u64(binomial(1, 1), 1);
    assert_status(brisk_registry_for_each("cache", look_for_name, own_name), BRISK_ERR_CANCELLED);
    assert_status(brisk_registry_for_each("cache", look_for_name, given_name), BRISK_ERR_CANCELLED);
    assert_ok(brisk_registry_for_each("cache", look_for_name, none));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_function_of_a_double_remembers),
    cmocka_unit_test(both_zeros_are_one_argument_and_so_are_all_nans),
    cmocka_unit_test(a_function_of_a_text_remembers_the_text_not_where_it_is),
    cmocka_unit_test(a_text_that_is_too_long_for_a_key_is_computed_each_time),
    cmocka_unit_test(a_function_of_two_integers_remembers),
    cmocka_unit_test(a_result_may_be_a_struct),
    cmocka_unit_test(a_recursive_function_calls_what_remembers),
    cmocka_unit_test(one_argument_can_be_forgotten),
    cmocka_unit_test(options_that_are_not_valid_are_told_and_results_are_computed),
    cmocka_unit_test(without_memory_the_answer_is_right),
    cmocka_unit_test(threads_that_call_first_at_once_share_one_memo),
    cmocka_unit_test(a_site_has_one_memo_and_takes_results_of_one_size),
    cmocka_unit_test(statistics_call_it_by_its_name))
