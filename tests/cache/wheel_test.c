/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel of cache/wheel.h against an array that is searched from end to end. */
#include "cache/wheel.h"
#include "tests/support/brisk_test.h"

enum {
    ENTRIES = 300,
    ENTRY_WORDS = 6 /* header, links, deadline, unused */
};

/* Entry i has the handle (i + 1) * ENTRY_WORDS. */
struct bench {
    _Alignas(16) uint64_t arena[(ENTRIES * 2 + 2) * ENTRY_WORDS];
    struct bk_wheel wheel;
    bool is_in[ENTRIES];
    bool is_copy[ENTRIES]; /* it lives in its second block */
    uint64_t deadlines[ENTRIES];
    uint64_t now;
};

static uint8_t *arena_of(struct bench *bench)
{
    return (uint8_t *)bench->arena;
}

static uint32_t handle_of(const struct bench *bench, size_t i)
{
    return (uint32_t)((i * 2 + 1 + bench->is_copy[i]) * ENTRY_WORDS);
}

static size_t index_of(uint32_t handle)
{
    return (handle / ENTRY_WORDS - 1) / 2;
}

static void write_deadline(struct bench *bench, size_t i, uint64_t deadline)
{
    struct bk_entry *entry = bk_entry_at(arena_of(bench), handle_of(bench, i));
    bool is_wide = deadline - bench->now >= BK_WHEEL_NEAR_TICKS;
    uint32_t meta = bk_load32(&entry->meta);
    if (!bench->is_in[i])
        meta = BK_META_DEADLINE | (is_wide ? BK_META_WIDE : 0);
    bk_store32(&entry->meta, meta);
    bk_entry_set_deadline(entry, meta, deadline);
    bench->deadlines[i] = deadline;
}

static uint64_t random_ttl(struct test_random *random)
{
    unsigned int bits = (unsigned int)test_random_below(random, 45);
    return 1 + test_random_below(random, UINT64_C(1) << bits);
}

static void add_or_remove(struct bench *bench, struct test_random *random)
{
    size_t i = test_random_below(random, ENTRIES);
    if (bench->is_in[i]) {
        bk_wheel_remove(&bench->wheel, arena_of(bench), handle_of(bench, i));
    } else {
        uint64_t deadline = bench->now + random_ttl(random);
        write_deadline(bench, i, test_random_below(random, 50) == 0 ? UINT64_MAX : deadline);
        bk_wheel_add(&bench->wheel, arena_of(bench), handle_of(bench, i));
    }
    bench->is_in[i] = !bench->is_in[i];
}

/* As reading does for an idle time: later, and the wheel is not told. */
static void prolong(struct bench *bench, struct test_random *random)
{
    size_t i = test_random_below(random, ENTRIES);
    struct bk_entry *entry = bk_entry_at(arena_of(bench), handle_of(bench, i));
    bool is_wide = (bk_load32(&entry->meta) & BK_META_WIDE) != 0;
    if (bench->is_in[i] && is_wide && bench->deadlines[i] < UINT64_MAX / 2)
        write_deadline(bench, i, bench->deadlines[i] + random_ttl(random));
}

static void move(struct bench *bench, struct test_random *random)
{
    size_t i = test_random_below(random, ENTRIES);
    if (!bench->is_in[i])
        return;
    uint32_t from = handle_of(bench, i);
    bench->is_copy[i] = !bench->is_copy[i];
    uint32_t to = handle_of(bench, i);
    memcpy(&bench->arena[to], &bench->arena[from], ENTRY_WORDS * sizeof(uint64_t));
    bk_wheel_replace(&bench->wheel, arena_of(bench), from, to);
    memset(&bench->arena[from], 0xee, ENTRY_WORDS * sizeof(uint64_t));
}

static bool is_due(const struct bench *bench, size_t i)
{
    uint64_t grace = bench->wheel.grace;
    return bench->is_in[i] && bench->deadlines[i] <= bench->now &&
           bench->now - bench->deadlines[i] >= grace;
}

/* All that is due comes, and nothing else; or only the first few of it. */
static void turn(struct bench *bench, uint64_t ticks, size_t budget)
{
    bench->now += ticks;
    uint32_t handle;
    size_t taken = 0;
    while ((handle = bk_wheel_next_due(&bench->wheel, arena_of(bench), bench->now)) != 0) {
        size_t i = index_of(handle);
        assert_that(
            is_due(bench, i), "entry %zu is not due: deadline %llu, now %llu", i,
            (unsigned long long)bench->deadlines[i], (unsigned long long)bench->now);
        assert_u64(handle, handle_of(bench, i));
        bk_wheel_remove(&bench->wheel, arena_of(bench), handle);
        bench->is_in[i] = false;
        if (++taken == budget && bench->now - bench->wheel.now < BK_WHEEL_NEAR_TICKS)
            return;
    }
    for (size_t i = 0; i < ENTRIES; i++)
        assert_that(
            !is_due(bench, i), "entry %zu was left: deadline %llu, now %llu", i,
            (unsigned long long)bench->deadlines[i], (unsigned long long)bench->now);
}

static void run(struct test_random *random, uint64_t start, uint64_t grace)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.now = bench.wheel.now = start;
    bench.wheel.grace = grace;
    assert_true(bk_wheel_prepare(&bench.wheel));
    for (unsigned int i = 0; i < scaled(20000); i++) {
        uint64_t what = test_random_below(random, 16);
        if (what < 9)
            add_or_remove(&bench, random);
        else if (what < 11)
            prolong(&bench, random);
        else if (what < 13)
            move(&bench, random);
        else if (what == 13)
            turn(&bench, test_random_below(random, 100), 3);
        else if (what == 14)
            turn(&bench, test_random_below(random, 100), SIZE_MAX);
        else
            turn(&bench, random_ttl(random) / 64, SIZE_MAX);
    }
    uint64_t count = 0;
    for (size_t i = 0; i < ENTRIES; i++)
        count += bench.is_in[i];
    assert_u64(bench.wheel.count, count);
    bk_wheel_free(&bench.wheel);
}

static void the_wheel_returns_what_is_due_and_nothing_else(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 4095, (UINT64_C(1) << 31) - 200, UINT64_C(1) << 60};
    struct test_random random = test_random_new();
    for (size_t i = 0; i < 4; i++) {
        run(&random, starts[i], 0);
        run(&random, starts[i], 70);
    }
}

/* Where slots of several levels begin at one tick, each must be looked into. */
static void entries_around_every_power_of_two_are_on_time(void **state)
{
    (void)state;
    static struct bench bench;
    for (unsigned int bits = 6; bits < 50; bits++) {
        memset(&bench, 0, sizeof bench);
        bench.now = bench.wheel.now = (UINT64_C(1) << bits) - 33;
        assert_true(bk_wheel_prepare(&bench.wheel));
        for (size_t i = 0; i < ENTRIES; i++) {
            write_deadline(&bench, i, bench.now + 1 + (i < 200 ? i : i * i));
            bench.is_in[i] = true;
            bk_wheel_add(&bench.wheel, arena_of(&bench), handle_of(&bench, i));
        }
        for (unsigned int tick = 0; tick < 5000; tick++)
            turn(&bench, 1, SIZE_MAX);
        turn(&bench, 100000, SIZE_MAX);
        assert_u64(bench.wheel.count, 0);
        bk_wheel_free(&bench.wheel);
    }
}

static void a_step_back_is_ignored(void **state)
{
    (void)state;
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.now = bench.wheel.now = 1000;
    assert_true(bk_wheel_prepare(&bench.wheel));
    write_deadline(&bench, 0, 1010);
    bench.is_in[0] = true;
    bk_wheel_add(&bench.wheel, arena_of(&bench), handle_of(&bench, 0));
    assert_u64(bk_wheel_next_due(&bench.wheel, arena_of(&bench), 5), 0);
    assert_u64(bench.wheel.now, 1000);
    turn(&bench, 10, SIZE_MAX);
    assert_u64(bench.wheel.count, 0);
    bk_wheel_free(&bench.wheel);
}

static void cleared_it_is_as_new(void **state)
{
    (void)state;
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    assert_true(bk_wheel_prepare(&bench.wheel));
    for (size_t i = 0; i < 50; i++) {
        write_deadline(&bench, i, 1 + i * i * i);
        bk_wheel_add(&bench.wheel, arena_of(&bench), handle_of(&bench, i));
    }
    bk_wheel_clear(&bench.wheel);
    assert_u64(bench.wheel.count, 0);
    assert_u64(bk_wheel_next_due(&bench.wheel, arena_of(&bench), UINT64_C(1) << 40), 0);
    bk_wheel_free(&bench.wheel);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_wheel_returns_what_is_due_and_nothing_else),
    cmocka_unit_test(entries_around_every_power_of_two_are_on_time),
    cmocka_unit_test(a_step_back_is_ignored), cmocka_unit_test(cleared_it_is_as_new))
