/* SPDX-License-Identifier: Apache-2.0 */
/* A memo in one thread: what is remembered, for how long, how many, and what is counted. */
#include <time.h>

#include "tests/cache/memo_support.h"

typedef void assert_call_fn(
    struct subject *subject, const char *key, enum brisk_status status, const char *result);

/* The two ways to get a result must not differ in anything else. */
static assert_call_fn *const both_ways[] = {assert_call, assert_call_into};

static void a_second_call_does_not_run_the_function(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct subject subject = {.memo = new_memo(reverse, NULL)};
        both_ways[way](&subject, "abc", BRISK_OK, "cba");
        both_ways[way](&subject, "abc", BRISK_OK, "cba");
        both_ways[way](&subject, "xy", BRISK_OK, "yx");
        both_ways[1 - way](&subject, "xy", BRISK_OK, "yx");
        assert_u64(subject.runs, 2);
        assert_info(subject.memo, 2, 2, 128, 2);
        brisk_memo_free(subject.memo);
    }
}

static void the_default_keeps_the_128_results_that_were_used_last(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    char key[16];
    for (int i = 100; i < 228; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(strlen(key), 3);
        char reversed[] = {key[2], key[1], key[0], '\0'};
        assert_call(&subject, key, BRISK_OK, reversed);
    }
    assert_info(subject.memo, 0, 128, 128, 128);
    assert_call(&subject, "100", BRISK_OK, "001"); /* used: 101 is the next to go */
    assert_call(&subject, "228", BRISK_OK, "822");
    assert_u64(subject.runs, 129);
    assert_call(&subject, "100", BRISK_OK, "001");
    assert_u64(subject.runs, 129);
    assert_call(&subject, "101", BRISK_OK, "101");
    assert_u64(subject.runs, 130);
    assert_info(subject.memo, 2, 130, 128, 128);
    brisk_memo_free(subject.memo);
}

static void clear_empties_it_and_zeroes_the_counters(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    subject.status = BRISK_ERR_UNREACHABLE;
    assert_call(&subject, "key", BRISK_ERR_UNREACHABLE, "");
    subject.status = BRISK_OK;
    assert_call(&subject, "key", BRISK_OK, "yek");
    assert_call(&subject, "key", BRISK_OK, "yek");
    struct brisk_memo_info info = info_of(subject.memo);
    assert_u64(info.runs, 2);
    assert_u64(info.failures, 1);
    assert_u64(info.waits, 0);
    assert_true(info.bytes > 6);

    brisk_memo_clear(subject.memo);
    assert_info(subject.memo, 0, 0, 128, 0);
    info = info_of(subject.memo);
    assert_u64(info.runs, 0);
    assert_u64(info.failures, 0);
    assert_u64(info.saved_ns, 0);

    assert_call(&subject, "key", BRISK_OK, "yek");
    assert_u64(subject.runs, 3);
    assert_info(subject.memo, 0, 1, 128, 1);
    brisk_memo_clear(subject.memo);
    brisk_memo_clear(subject.memo);
    assert_info(subject.memo, 0, 0, 128, 0);
    brisk_memo_free(subject.memo);
}

static void forget_makes_the_next_call_run(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    assert_status(brisk_memo_forget(subject.memo, text("key")), BRISK_MISS);
    assert_call(&subject, "key", BRISK_OK, "yek");
    assert_call(&subject, "other", BRISK_OK, "rehto");
    assert_ok(brisk_memo_forget(subject.memo, text("key")));
    assert_call(&subject, "other", BRISK_OK, "rehto");
    assert_u64(subject.runs, 2);
    assert_call(&subject, "key", BRISK_OK, "yek");
    assert_u64(subject.runs, 3);
    brisk_memo_free(subject.memo);
}

static void a_failure_is_not_remembered(void **state)
{
    (void)state;
    static const enum brisk_status answers[] = {
        BRISK_ERR_UNREACHABLE, BRISK_ERR_NOMEM, BRISK_MISS, BRISK_CONFLICT, BRISK_ERR_INVALID};
    for (size_t i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        enum brisk_status answer = answers[i / 2];
        struct subject subject = {.memo = new_memo(reverse, NULL), .status = answer};
        both_ways[i % 2](&subject, "key", answer, "");
        both_ways[i % 2](&subject, "key", answer, "");
        assert_u64(subject.runs, 2);
        assert_info(subject.memo, 0, 2, 128, 0);
        subject.status = BRISK_OK;
        both_ways[i % 2](&subject, "key", BRISK_OK, "yek");
        both_ways[i % 2](&subject, "key", BRISK_OK, "yek");
        assert_u64(subject.runs, 3);
        brisk_memo_free(subject.memo);
    }
}

static void a_miss_is_remembered_for_the_negative_ttl_if_there_is_one(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct subject subject = {.status = BRISK_MISS};
        struct brisk_memo_options options = memo_options_at(&subject, 1000);
        options.negative_ttl = 10;
        subject.memo = new_memo(reverse, &options);
        both_ways[way](&subject, "key", BRISK_MISS, "");
        fake_clock_advance(&subject.clock, 9);
        both_ways[way](&subject, "key", BRISK_MISS, "");
        assert_u64(subject.runs, 1);
        assert_info(subject.memo, 0, 2, 128, 1);
        fake_clock_advance(&subject.clock, 1);
        both_ways[way](&subject, "key", BRISK_MISS, "");
        assert_u64(subject.runs, 2);

        subject.status = BRISK_ERR_UNREACHABLE; /* of other failures nothing is kept */
        both_ways[way](&subject, "other", BRISK_ERR_UNREACHABLE, "");
        both_ways[way](&subject, "other", BRISK_ERR_UNREACHABLE, "");
        assert_u64(subject.runs, 4);
        brisk_memo_free(subject.memo);
    }
}

static void a_stale_answer_of_the_function_is_passed_on_and_not_kept(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct subject subject = {.memo = new_memo(reverse, NULL), .status = BRISK_STALE};
        both_ways[way](&subject, "key", BRISK_STALE, "yek");
        both_ways[way](&subject, "key", BRISK_STALE, "yek");
        assert_u64(subject.runs, 2);
        assert_info(subject.memo, 0, 2, 128, 0);
        brisk_memo_free(subject.memo);
    }
}

static void a_result_expires_at_its_deadline_and_leaves_without_being_asked_for(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct subject subject = {0};
        struct brisk_memo_options options = memo_options_at(&subject, 1000);
        options.ttl = 5;
        subject.memo = new_memo(reverse, &options);
        both_ways[way](&subject, "key", BRISK_OK, "yek");
        fake_clock_advance(&subject.clock, 4);
        both_ways[way](&subject, "key", BRISK_OK, "yek");
        assert_info(subject.memo, 1, 1, 128, 1);
        fake_clock_advance(&subject.clock, 1);
        assert_info(subject.memo, 1, 1, 128, 0);
        both_ways[way](&subject, "key", BRISK_OK, "yek");
        assert_info(subject.memo, 1, 2, 128, 1);
        assert_u64(subject.runs, 2);
        brisk_memo_free(subject.memo);
    }
}

static void a_result_may_have_a_ttl_of_its_own(void **state)
{
    (void)state;
    struct subject subject = {0};
    struct brisk_memo_options options = memo_options_at(&subject, 1000);
    options.ttl = 5;
    subject.memo = new_memo(reverse, &options);
    subject.ttl = 100;
    assert_call(&subject, "long", BRISK_OK, "gnol");
    subject.ttl = BRISK_TTL_FOREVER;
    assert_call(&subject, "ever", BRISK_OK, "reve");
    subject.ttl = 0;
    assert_call(&subject, "short", BRISK_OK, "trohs");
    fake_clock_advance(&subject.clock, 99);
    assert_info(subject.memo, 0, 3, 128, 2);
    fake_clock_advance(&subject.clock, 1);
    assert_info(subject.memo, 0, 3, 128, 1);
    fake_clock_advance(&subject.clock, UINT64_C(1) << 40);
    assert_info(subject.memo, 0, 3, 128, 1);
    brisk_memo_free(subject.memo);
}

static void call_numbers(struct subject *subject, uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++) {
        uint64_t result;
        size_t length;
        assert_ok(brisk_memo_call_into(
            subject->memo, number_key(&number), subject, &result, sizeof result, &length));
        assert_u64(length, sizeof result);
        assert_u64(result, __builtin_bswap64(number)); /* the bytes in reverse */
    }
}

static void an_unbounded_memo_keeps_everything(void **state)
{
    (void)state;
    static const enum brisk_policy policies[] = {BRISK_POLICY_DEFAULT, BRISK_POLICY_LFU};
    for (int i = 0; i < 2; i++) {
        struct brisk_memo_options options = brisk_memo_options_default();
        options.max_entries = BRISK_MEMO_UNBOUNDED;
        options.policy = policies[i];
        struct subject subject = {.memo = new_memo(reverse, &options)};
        uint64_t count = scaled(300000);
        call_numbers(&subject, 1, count);
        assert_info(subject.memo, 0, count, BRISK_MEMO_UNBOUNDED, count);
        call_numbers(&subject, 1, count);
        assert_u64(subject.runs, count);
        assert_info(subject.memo, count, count, BRISK_MEMO_UNBOUNDED, count);
        brisk_memo_clear(subject.memo);
        assert_info(subject.memo, 0, 0, BRISK_MEMO_UNBOUNDED, 0);
        brisk_memo_free(subject.memo);
    }
}

static void bytes_alone_may_be_the_bound(void **state)
{
    (void)state;
    struct brisk_memo_options options = brisk_memo_options_default();
    options.max_entries = BRISK_MEMO_UNBOUNDED;
    options.max_bytes = 64 * 1024;
    struct subject subject = {.memo = new_memo(reverse, &options)};
    call_numbers(&subject, 1, 10000);
    struct brisk_memo_info info = info_of(subject.memo);
    assert_true(info.bytes <= 64 * 1024);
    assert_true(info.entries > 500 && info.entries < 5000);
    assert_u64(info.max_entries, BRISK_MEMO_UNBOUNDED);
    subject.runs = 0;
    call_numbers(&subject, 10000 - 400, 10000); /* LRU: the last ones are there */
    assert_u64(subject.runs, 0);
    brisk_memo_free(subject.memo);
}

static void bytes_bound_the_default_number_of_entries_too(void **state)
{
    (void)state;
    struct brisk_memo_options options = brisk_memo_options_default();
    options.max_bytes = 1 << 20;
    struct subject subject = {.memo = new_memo(reverse, &options)};
    call_numbers(&subject, 1, 1000);
    assert_info(subject.memo, 0, 1000, 128, 128);
    brisk_memo_free(subject.memo);
}

static void a_memo_that_counts_only_runs_the_function_each_time(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct brisk_memo_options options = brisk_memo_options_default();
        options.max_entries = BRISK_MEMO_COUNT_ONLY;
        struct subject subject = {.memo = new_memo(reverse, &options)};
        both_ways[way](&subject, "key", BRISK_OK, "yek");
        both_ways[way](&subject, "key", BRISK_OK, "yek");
        subject.status = BRISK_ERR_UNREACHABLE;
        both_ways[way](&subject, "key", BRISK_ERR_UNREACHABLE, "");
        both_ways[way](&subject, "", BRISK_ERR_INVALID, "");
        assert_u64(subject.runs, 3);
        assert_info(subject.memo, 0, 3, 0, 0);
        assert_u64(info_of(subject.memo).failures, 1);
        brisk_memo_clear(subject.memo);
        assert_info(subject.memo, 0, 0, 0, 0);
        brisk_memo_free(subject.memo);
    }
}

static void a_short_buffer_is_told_how_much_it_lacks(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    char buffer[4];
    size_t length = 0;
    for (int i = 0; i < 2; i++) { /* computed, then remembered */
        assert_status(
            brisk_memo_call_into(subject.memo, text("12345"), &subject, buffer, 4, &length),
            BRISK_ERR_SHORT_BUFFER);
        assert_u64(length, 5);
        assert_status(
            brisk_memo_call_into(subject.memo, text("12345"), &subject, NULL, 0, &length),
            BRISK_ERR_SHORT_BUFFER);
        assert_u64(length, 5);
    }
    assert_u64(subject.runs, 1);
    assert_call_into(&subject, "12345", BRISK_OK, "54321");
    brisk_memo_free(subject.memo);
}

static void keys_that_are_none_are_refused(void **state)
{
    (void)state;
    static char many[BRISK_CACHE_KEY_MAX + 1];
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    struct brisk_bytes too_long = brisk_bytes_of(many, sizeof many);
    struct brisk_view view;
    assert_call(&subject, "", BRISK_ERR_INVALID, "");
    assert_call_into(&subject, "", BRISK_ERR_INVALID, "");
    assert_status(brisk_memo_call(subject.memo, too_long, &subject, &view), BRISK_ERR_TOO_BIG);
    assert_status(brisk_memo_forget(subject.memo, too_long), BRISK_ERR_TOO_BIG);
    assert_u64(subject.runs, 0);
    brisk_memo_free(subject.memo);
}

static enum brisk_status make_large(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    static char large[100000];
    (void)key, (void)entry;
    ++*(unsigned int *)ctx;
    large[0] = large[sizeof large - 1] = 'L';
    return brisk_view_copy(out, brisk_bytes_of(large, sizeof large));
}

static void a_result_that_does_not_fit_is_returned_all_the_same(void **state)
{
    (void)state;
    static char buffer[100000];
    struct brisk_memo_options options = brisk_memo_options_default();
    options.max_bytes = 64 * 1024;
    struct brisk_memo *memo = new_memo(make_large, &options);
    unsigned int runs = 0;
    size_t length;
    for (int i = 0; i < 2; i++)
        assert_ok(brisk_memo_call_into(memo, text("key"), &runs, buffer, sizeof buffer, &length));
    assert_u64(length, sizeof buffer);
    assert_true(buffer[0] == 'L' && buffer[sizeof buffer - 1] == 'L');
    assert_u64(runs, 2);
    assert_info(memo, 0, 2, 128, 0);
    brisk_memo_free(memo);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct brisk_error error = {0};
    struct brisk_memo_options options = brisk_memo_options_default();
    assert_null(brisk_memo_new(NULL, NULL, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "function"));

    options.policy = (enum brisk_policy)99;
    assert_null(brisk_memo_new(reverse, &options, &error));
    assert_non_null(strstr(error.message, "policy is 99"));

    options = brisk_memo_options_default();
    options.max_bytes = 100;
    assert_null(brisk_memo_new(reverse, &options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);

    options = brisk_memo_options_default();
    options.size = 0;
    assert_null(brisk_memo_new(reverse, &options, &error));
    assert_non_null(strstr(error.message, "size is 0"));
    brisk_memo_free(NULL);
}

static void info_has_the_size_that_the_caller_knows(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    assert_call(&subject, "key", BRISK_OK, "yek");
    struct {
        struct brisk_memo_info info;
        uint64_t more;
    } newer = {.info.size = sizeof newer, .more = 7};
    brisk_memo_read_info(subject.memo, &newer.info);
    assert_u64(newer.info.misses, 1);
    assert_u64(newer.info.size, sizeof newer);
    assert_u64(newer.more, 0);

    struct brisk_memo_info older = {
        .size = offsetof(struct brisk_memo_info, max_entries), .max_entries = 7};
    brisk_memo_read_info(subject.memo, &older);
    assert_u64(older.misses, 1);
    assert_u64(older.max_entries, 7);
    brisk_memo_free(subject.memo);
}

static void what_a_cache_can_do_a_memo_can(void **state)
{
    (void)state;
    struct brisk_memo_options options = brisk_memo_options_default();
    options.name = "reversed";
    struct subject subject = {.memo = new_memo(reverse, &options)};
    struct brisk_cache *cache = brisk_memo_cache(subject.memo);
    char line[2048];
    size_t length;
    assert_call(&subject, "key", BRISK_OK, "yek");
    assert_holds_text(cache, "key", "yek");
    assert_ok(brisk_cache_write_stats(cache, BRISK_FORMAT_JSON, line, sizeof line, &length));
    assert_non_null(strstr(line, "reversed"));
    assert_ok(brisk_cache_resize(cache, 3, 0, 0));
    assert_u64(info_of(subject.memo).max_entries, 3);
    brisk_memo_free(subject.memo);
}

static void a_view_outlives_the_memo(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    struct brisk_view view;
    assert_ok(brisk_memo_call(subject.memo, text("key"), &subject, &view));
    brisk_memo_free(subject.memo);
    assert_bytes(brisk_view_bytes(&view), text("yek"));
    brisk_view_release(&view);
}

/* fib by its definition, through the memo: the number is the key. */
static enum brisk_status compute_fib(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct subject *subject = ctx;
    uint64_t n, sum;
    size_t length;
    (void)entry;
    atomic_fetch_add(&subject->runs, 1);
    memcpy(&n, key.data, sizeof n);
    sum = n < 2 ? n : 0;
    for (uint64_t i = 1; n >= 2 && i <= 2; i++) {
        uint64_t smaller = n - i, fib;
        enum brisk_status status = brisk_memo_call_into(
            subject->memo, number_key(&smaller), subject, &fib, sizeof fib, &length);
        if (status != BRISK_OK)
            return status;
        sum += fib;
    }
    return brisk_view_copy(out, number_key(&sum));
}

static uint64_t fib(struct subject *subject, uint64_t n)
{
    uint64_t result;
    size_t length;
    assert_ok(brisk_memo_call_into(
        subject->memo, number_key(&n), subject, &result, sizeof result, &length));
    return result;
}

static void a_recursive_function_computes_each_number_once(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(compute_fib, NULL)};
    assert_u64(fib(&subject, 90), UINT64_C(2880067194370816120));
    assert_u64(subject.runs, 91);
    assert_info(subject.memo, 88, 91, 128, 91); /* fib(88) to fib(1), each once more */
    assert_u64(fib(&subject, 90), UINT64_C(2880067194370816120));
    assert_u64(subject.runs, 91);
    brisk_memo_free(subject.memo);
}

/* More than fits, and deeper than labels are kept. */
static void recursion_goes_deeper_than_the_memo_has_room(void **state)
{
    (void)state;
    enum {
        DEPTH = 1500 /* frames are large under AddressSanitizer */
    };
    struct subject subject = {.memo = new_memo(compute_fib, NULL)};
    uint64_t a = 0, b = 1; /* modulo 2^64 */
    for (int i = 0; i < DEPTH; i++) {
        uint64_t sum = a + b;
        a = b;
        b = sum;
    }
    assert_u64(fib(&subject, DEPTH), a);
    assert_u64(info_of(subject.memo).entries, 128);
    brisk_memo_free(subject.memo);
}

static enum brisk_status call_itself(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct subject *subject = ctx;
    (void)entry;
    atomic_fetch_add(&subject->runs, 1);
    return brisk_memo_call(subject->memo, key, subject, out);
}

static void a_function_that_asks_for_its_own_key_is_told_so(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(call_itself, NULL)};
    assert_call(&subject, "key", BRISK_ERR_RECURSION, "");
    assert_call_into(&subject, "key", BRISK_ERR_RECURSION, "");
    assert_u64(subject.runs, 2);
    brisk_memo_free(subject.memo);
}

static enum brisk_status forget_itself(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct subject *subject = ctx;
    (void)entry;
    if (++subject->runs == 1)
        brisk_memo_forget(subject->memo, key);
    if (subject->runs == 2)
        brisk_memo_clear(subject->memo);
    return brisk_view_copy(out, key);
}

static void what_was_forgotten_or_cleared_while_it_was_computed_is_not_kept(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(forget_itself, NULL)};
    for (unsigned int run = 1; run <= 3; run++) {
        assert_call(&subject, "key", BRISK_OK, "key");
        assert_u64(subject.runs, run);
        assert_u64(info_of(subject.memo).entries, run == 3);
    }
    brisk_memo_free(subject.memo);
}

static void use_once(bool is_failing, void *ctx)
{
    struct brisk_error error = {0};
    struct subject subject = {0};
    struct brisk_view view;
    char buffer[8];
    size_t length;
    (void)ctx;
    subject.memo = brisk_memo_new(reverse, NULL, &error);
    if (subject.memo == NULL) {
        assert_true(is_failing);
        assert_status(error.status, BRISK_ERR_NOMEM);
        return;
    }
    enum brisk_status status = brisk_memo_call(subject.memo, text("key"), &subject, &view);
    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    brisk_view_release(&view);
    status = brisk_memo_call_into(
        subject.memo, text("other"), &subject, buffer, sizeof buffer, &length);
    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    assert_call_into(&subject, "key", BRISK_OK, "yek"); /* one failure has been enough */
    assert_balance(brisk_memo_cache(subject.memo));
    struct brisk_memo_info info = info_of(subject.memo);
    assert_u64(info.hits + info.misses, 3);
    brisk_memo_free(subject.memo);
}

static void without_memory_there_is_a_status_and_nothing_is_lost(void **state)
{
    (void)state;
    for_each_allocation_failure(use_once, NULL);
}

static void a_hit_into_a_buffer_allocates_nothing(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(reverse, NULL)};
    assert_call_into(&subject, "key", BRISK_OK, "yek");
    uint64_t before = allocation_count();
    for (int i = 0; i < 100; i++)
        assert_call_into(&subject, "key", BRISK_OK, "yek");
    assert_u64(allocation_count() - before, 0);
    brisk_memo_free(subject.memo);
}

static enum brisk_status take_a_millisecond(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct timespec begin, now;
    (void)entry, (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 1000000);
    return brisk_view_copy(out, key);
}

static void it_tells_how_much_time_it_saved(void **state)
{
    (void)state;
    struct subject subject = {.memo = new_memo(take_a_millisecond, NULL)};
    assert_call(&subject, "key", BRISK_OK, "key");
    assert_u64(info_of(subject.memo).saved_ns, 0);
    for (int i = 0; i < 10; i++)
        assert_call_into(&subject, "key", BRISK_OK, "key");
    assert_true(info_of(subject.memo).saved_ns >= 10000000);
    brisk_memo_free(subject.memo);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_second_call_does_not_run_the_function),
    cmocka_unit_test(the_default_keeps_the_128_results_that_were_used_last),
    cmocka_unit_test(clear_empties_it_and_zeroes_the_counters),
    cmocka_unit_test(forget_makes_the_next_call_run), cmocka_unit_test(a_failure_is_not_remembered),
    cmocka_unit_test(a_miss_is_remembered_for_the_negative_ttl_if_there_is_one),
    cmocka_unit_test(a_stale_answer_of_the_function_is_passed_on_and_not_kept),
    cmocka_unit_test(a_result_expires_at_its_deadline_and_leaves_without_being_asked_for),
    cmocka_unit_test(a_result_may_have_a_ttl_of_its_own),
    cmocka_unit_test(an_unbounded_memo_keeps_everything),
    cmocka_unit_test(bytes_alone_may_be_the_bound),
    cmocka_unit_test(bytes_bound_the_default_number_of_entries_too),
    cmocka_unit_test(a_memo_that_counts_only_runs_the_function_each_time),
    cmocka_unit_test(a_short_buffer_is_told_how_much_it_lacks),
    cmocka_unit_test(keys_that_are_none_are_refused),
    cmocka_unit_test(a_result_that_does_not_fit_is_returned_all_the_same),
    cmocka_unit_test(options_that_make_no_sense_are_refused),
    cmocka_unit_test(info_has_the_size_that_the_caller_knows),
    cmocka_unit_test(what_a_cache_can_do_a_memo_can), cmocka_unit_test(a_view_outlives_the_memo),
    cmocka_unit_test(a_recursive_function_computes_each_number_once),
    cmocka_unit_test(recursion_goes_deeper_than_the_memo_has_room),
    cmocka_unit_test(a_function_that_asks_for_its_own_key_is_told_so),
    cmocka_unit_test(what_was_forgotten_or_cleared_while_it_was_computed_is_not_kept),
    cmocka_unit_test(without_memory_there_is_a_status_and_nothing_is_lost),
    cmocka_unit_test(a_hit_into_a_buffer_allocates_nothing),
    cmocka_unit_test(it_tells_how_much_time_it_saved))
