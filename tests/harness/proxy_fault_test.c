/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_fault.h"
#include "tests/support/brisk_test.h"

static struct bk_faults faults_of(const char *specification)
{
    struct bk_faults faults = bk_faults_none(0);
    struct brisk_error error = {.message = ""};
    enum brisk_status status = bk_faults_change(&faults, specification, &error);
    assert_that(status == BRISK_OK, "%s: %s", specification, error.message);
    return faults;
}

static const char *printed(const struct bk_faults *faults)
{
    static char buffer[1024];
    struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer - 1};
    bk_faults_print(faults, &text);
    assert_true(text.length < sizeof buffer);
    buffer[text.length] = '\0';
    return buffer;
}

static void every_fault_can_be_written_and_is_printed_as_it_can_be_written(void **state)
{
    (void)state;
    static const struct {
        const char *written, *printed;
    } table[] = {
        {"", ""},
        {" , ", ""},
        {"latency=50ms", "latency=50ms direction=up; latency=50ms direction=down"},
        {"latency=1.5s direction=up", "latency=1500ms direction=up"},
        {"jitter=250us,direction=up", "jitter=250us direction=up"},
        {"direction=down bandwidth=64K", "bandwidth=64K direction=down"},
        {"bandwidth=1 direction=up", "bandwidth=1 direction=up"},
        {"slice=7 direction=up", "slice=7-7 direction=up"},
        {"slice=1-2K direction=up", "slice=1-2K direction=up"},
        {"drip=1m direction=up", "drip=1m direction=up"},
        {"corrupt=1G direction=up", "corrupt=1G direction=up"},
        {"cut=0 direction=up", "cut=0 direction=up"},
        {"reset direction=up", "reset=0 direction=up"},
        {"reset=12 direction=up", "reset=12 direction=up"},
        {"slow_close=1s direction=up", "slow_close=1s direction=up"},
        {"blackhole direction=up", "blackhole direction=up"},
        {"swap", "swap direction=down"},
        {"down", "down"},
        {"down=on\tlatency=1ms direction=up", "down; latency=1ms direction=up"},
        {"latency=1ms direction=up; latency=2ms direction=down",
         "latency=1ms direction=up; latency=2ms direction=down"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bk_faults faults = faults_of(table[i].written);
        assert_string_equal(printed(&faults), table[i].printed);

        struct bk_faults again = faults_of(table[i].printed);
        assert_string_equal(printed(&again), table[i].printed);
    }
}

static void the_amounts_are_what_is_written(void **state)
{
    (void)state;
    struct bk_faults faults = faults_of(
        "latency=50ms jitter=10us bandwidth=64K slice=3-9 drip=2s corrupt=100 cut=1M "
        "slow_close=1m seed=18446744073709551615 direction=down");

    const struct bk_fault *down = &faults.of[BK_DOWN];
    assert_u64(down->latency_ns, 50000000);
    assert_u64(down->jitter_ns, 10000);
    assert_u64(down->bandwidth_bytes_per_s, 65536);
    assert_u64(down->slice_min_bytes, 3);
    assert_u64(down->slice_max_bytes, 9);
    assert_u64(down->drip_ns, 2000000000);
    assert_u64(down->corrupt_bytes, 100);
    assert_i64(down->end, BK_END_CUT);
    assert_u64(down->end_bytes, 1 << 20);
    assert_u64(down->slow_close_ns, 60000000000);
    assert_u64(faults.seed, UINT64_MAX);
    assert_true(bk_fault_is_none(&faults.of[BK_UP]));
}

static void each_fault_alone_is_one(void **state)
{
    (void)state;
    static const char *const all[] = {"latency=1us",    "jitter=1us", "bandwidth=1", "slice=1",
                                      "drip=1us",       "corrupt=1",  "cut=0",       "reset",
                                      "slow_close=1us", "blackhole",  "swap"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct bk_faults faults = faults_of(all[i]);
        assert_that(!bk_fault_is_none(&faults.of[BK_DOWN]), "%s does nothing", all[i]);

        char off[64];
        snprintf(off, sizeof off, "%.*s=off", (int)strcspn(all[i], "="), all[i]);
        assert_ok(bk_faults_change(&faults, off, NULL));
        assert_that(bk_fault_is_none(&faults.of[BK_DOWN]), "%s leaves something", off);
    }
}

static void a_later_value_replaces_an_earlier_one_and_leaves_the_others(void **state)
{
    (void)state;
    struct bk_faults faults = faults_of("latency=50ms cut=10 down");

    assert_ok(bk_faults_change(&faults, "latency=1ms direction=up; down=off", NULL));
    assert_string_equal(
        printed(&faults), "latency=1ms cut=10 direction=up; latency=50ms cut=10 direction=down");
    assert_ok(bk_faults_change(&faults, "reset=3 direction=down, latency=off", NULL));
    assert_string_equal(
        printed(&faults), "latency=1ms cut=10 direction=up; reset=3 direction=down");
    assert_ok(bk_faults_change(&faults, "cut=off; reset=off", NULL));
    assert_string_equal(printed(&faults), "latency=1ms direction=up");
}

static void clear_takes_away_what_was_before_it(void **state)
{
    (void)state;
    struct bk_faults faults = faults_of("latency=50ms cut=10 down seed=5");

    assert_ok(bk_faults_change(&faults, "clear direction=up", NULL));
    assert_string_equal(printed(&faults), "down; latency=50ms cut=10 direction=down");
    assert_ok(bk_faults_change(&faults, "drip=1ms clear latency=2ms direction=both", NULL));
    assert_string_equal(printed(&faults), "latency=2ms direction=up; latency=2ms direction=down");
    assert_u64(faults.seed, 5);
}

static void what_counts_bytes_counts_anew_when_it_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *specification;
        bool is_counted;
    } table[] = {{"cut=5", true},      {"reset=5", true},       {"corrupt=9", true},
                 {"slice=4", true},    {"jitter=0", true},      {"clear", true},
                 {"seed=3", true},     {"latency=1ms", false},  {"down", false},
                 {"blackhole", false}, {"bandwidth=1M", false}, {"drip=1ms", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bk_faults faults = faults_of("cut=5");
        unsigned int before = faults.of[BK_UP].generation;
        assert_ok(bk_faults_change(&faults, table[i].specification, NULL));
        assert_that(
            (faults.of[BK_UP].generation != before) == table[i].is_counted, "%s",
            table[i].specification);
    }
}

static void what_cannot_be_is_refused_with_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *specification, *message;
    } table[] = {
        {"latancy=50ms", "'latancy=50ms' is no fault; there are latency, jitter"},
        {"=", "'=' is no fault"},
        {"up", "'up' is no fault; write down=off"},
        {"latency", "'latency' has no value; write latency=50ms"},
        {"latency=", "'latency=' is no time of at most an hour"},
        {"latency=50", "'latency=50' is no time of at most an hour with its unit"},
        {"latency=61m", "'latency=61m' is no time"},
        {"latency=-1ms", "'latency=-1ms' is no time"},
        {"jitter=1.ms", "write jitter=10ms"},
        {"bandwidth=0", "'bandwidth=0' is no number of bytes"},
        {"bandwidth=fast", "write bandwidth=64K"},
        {"bandwidth=2000G", "'bandwidth=2000G' is no number of bytes"},
        {"slice", "'slice' has no value"},
        {"slice=0", "write slice=100 or slice=1-16"},
        {"slice=9-3", "'slice=9-3'"},
        {"slice=1-", "'slice=1-'"},
        {"corrupt=1.5", "'corrupt=1.5'"},
        {"cut", "'cut' has no value; write cut=100"},
        {"cut=-1", "'cut=-1' is no number of bytes"},
        {"reset=x", "write reset or reset=100"},
        {"blackhole=maybe", "'blackhole=maybe' has a value that it cannot have; write blackhole"},
        {"down=1", "'down=1' has a value"},
        {"seed=-1", "write seed=7"},
        {"seed=18446744073709551616", "write seed=7"},
        {"clear=all", "'clear=all' takes no value"},
        {"direction=left", "write direction=up, =down or =both"},
        {"direction", "'direction' has no value"},
        {"direction=up direction=down cut=1", "two directions for the same faults; part"},
        {"latency=1ms; direction=down sloth", "'sloth' is no fault"},
        {"averyveryveryveryveryveryveryveryveryverylongword", "'averyveryveryveryveryveryveryv"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bk_faults faults = faults_of("drip=7ms down"), before = faults;
        struct brisk_error error = {.message = ""};

        enum brisk_status status = bk_faults_change(&faults, table[i].specification, &error);

        assert_status(status, BRISK_ERR_INVALID);
        assert_that(
            strstr(error.message, table[i].message) != NULL, "%s: %s", table[i].specification,
            error.message);
        assert_memory_equal(&faults, &before, sizeof faults);
    }
}

static void the_longest_message_is_not_cut(void **state)
{
    (void)state;
    struct bk_faults faults = bk_faults_none(0);
    struct brisk_error error;

    assert_status(
        bk_faults_change(&faults, "a-word-that-is-longer-than-what-is-shown-of-it", &error),
        BRISK_ERR_INVALID);

    assert_non_null(strstr(error.message, "direction, clear"));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(every_fault_can_be_written_and_is_printed_as_it_can_be_written),
    cmocka_unit_test(the_amounts_are_what_is_written), cmocka_unit_test(each_fault_alone_is_one),
    cmocka_unit_test(a_later_value_replaces_an_earlier_one_and_leaves_the_others),
    cmocka_unit_test(clear_takes_away_what_was_before_it),
    cmocka_unit_test(what_counts_bytes_counts_anew_when_it_is_named),
    cmocka_unit_test(what_cannot_be_is_refused_with_what_to_write),
    cmocka_unit_test(the_longest_message_is_not_cut))
