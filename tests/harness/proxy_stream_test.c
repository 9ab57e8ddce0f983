/* SPDX-License-Identifier: Apache-2.0 */
/* What a fault makes of a stream, with a clock of the test's. */
#include "harness/proxy_stream.h"

#include "tests/support/brisk_test.h"

#define MS UINT64_C(1000000)

enum {
    MOST = 8192
};

/* A stream, its fault, the time, and what has come out. */
struct scene {
    struct bk_faults faults;
    struct bk_stream stream;
    uint64_t now_ns;
    uint8_t out[MOST];
    uint64_t out_ns[MOST]; /* of each byte */
    size_t pieces[MOST];   /* lengths of what left in a row */
    size_t out_length, piece_count;
    enum bk_step end; /* IDLE: none yet */
    uint64_t end_ns;
};

static void begin_seeded(struct scene *scene, const char *faults, uint64_t seed, uint64_t number)
{
    memset(scene, 0, sizeof *scene);
    scene->now_ns = 1000 * MS;
    scene->faults = bk_faults_none(seed);
    assert_ok(bk_faults_change(&scene->faults, faults, NULL));
    bk_stream_init(&scene->stream, &scene->faults.of[BK_UP], seed, number);
}

static void begin(struct scene *scene, const char *faults)
{
    begin_seeded(scene, faults, 1, 0);
}

static void change(struct scene *scene, const char *faults)
{
    assert_ok(bk_faults_change(&scene->faults, faults, NULL));
    bk_stream_refault(&scene->stream, scene->faults.seed, 0);
}

static void arrive(struct scene *scene, const void *bytes, size_t length)
{
    assert_true(bk_queue_append(&scene->stream.queue, bytes, length, scene->now_ns));
}

static void arrive_text(struct scene *scene, const char *text)
{
    arrive(scene, text, strlen(text));
}

static void take(struct scene *scene, size_t length)
{
    assert_true(scene->out_length + length <= MOST && scene->piece_count < MOST);
    memcpy(scene->out + scene->out_length, bk_queue_front(&scene->stream.queue), length);
    for (size_t i = 0; i < length; i++)
        scene->out_ns[scene->out_length + i] = scene->now_ns;
    scene->out_length += length;
    scene->pieces[scene->piece_count++] = length;
    bk_stream_sent(&scene->stream, length);
}

/* Lets the stream do all that it does up to `until_ns`, at the very times that it names. */
static void run_until(struct scene *scene, uint64_t until_ns)
{
    while (scene->end == BK_STEP_IDLE) {
        struct bk_stream_step step = bk_stream_next(&scene->stream, scene->now_ns);
        if (step.what == BK_STEP_IDLE || (step.what == BK_STEP_WAIT && step.due_ns > until_ns))
            break;
        if (step.what == BK_STEP_SEND) {
            take(scene, step.length);
        } else if (step.what == BK_STEP_WAIT) {
            assert_true(step.due_ns > scene->now_ns);
            scene->now_ns = step.due_ns;
        } else {
            scene->end = step.what;
            scene->end_ns = scene->now_ns;
        }
    }
    if (scene->now_ns < until_ns)
        scene->now_ns = until_ns;
}

static void run(struct scene *scene)
{
    uint64_t before_ns = scene->now_ns;
    run_until(scene, before_ns + 3600 * 1000 * MS);
}

static void finish(struct scene *scene)
{
    bk_stream_free(&scene->stream);
}

static void without_a_fault_bytes_and_the_end_leave_at_once(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    uint64_t begin_ns = scene.now_ns;

    assert_true(bk_stream_is_open(&scene.stream));
    arrive_text(&scene, "all of it");
    assert_false(bk_stream_is_open(&scene.stream));
    bk_stream_end(&scene.stream, false, scene.now_ns);
    run_until(&scene, begin_ns);

    assert_size(scene.out_length, 9);
    assert_memory_equal(scene.out, "all of it", 9);
    assert_i64(scene.end, BK_STEP_END);
    finish(&scene);
}

static void latency_is_added_to_the_time_of_arrival(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "latency=50ms");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "a");
    run_until(&scene, begin_ns + 20 * MS);
    arrive_text(&scene, "b");
    bk_stream_end(&scene.stream, false, scene.now_ns);
    run_until(&scene, begin_ns + 50 * MS - 1);
    assert_size(scene.out_length, 0);
    run(&scene);

    assert_u64(scene.out_ns[0], begin_ns + 50 * MS);
    assert_u64(scene.out_ns[1], begin_ns + 70 * MS);
    assert_u64(scene.end_ns, begin_ns + 70 * MS);
    finish(&scene);
}

static void jitter_stays_in_its_range_and_keeps_the_order(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "latency=50ms jitter=10ms");
    uint64_t begin_ns = scene.now_ns, least = UINT64_MAX, most = 0;

    /* A second apart, so that none has to wait for the one before. */
    for (uint64_t i = 0; i < 500; i++) {
        scene.now_ns = begin_ns + i * 1000 * MS;
        arrive_text(&scene, "x");
        run_until(&scene, scene.now_ns + 999 * MS);
        uint64_t delay = scene.out_ns[i] - (begin_ns + i * 1000 * MS);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_true(least >= 40 * MS && least < 41 * MS);
    assert_true(most <= 60 * MS && most > 59 * MS);

    /* All at once: whoever is late, late are those behind it, and no more than its range. */
    uint64_t now_ns = scene.now_ns;
    for (int i = 0; i < 100; i++)
        arrive_text(&scene, "y");
    run(&scene);
    for (size_t i = 501; i < 600; i++)
        assert_true(scene.out_ns[i] >= scene.out_ns[i - 1]);
    assert_true(scene.out_ns[599] <= now_ns + 60 * MS);
    finish(&scene);
}

static void jitter_above_the_latency_never_sends_into_the_past(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "jitter=10ms");
    uint64_t begin_ns = scene.now_ns;

    for (uint64_t i = 0; i < 200; i++) {
        scene.now_ns = begin_ns + i * 1000 * MS;
        arrive_text(&scene, "x");
        run_until(&scene, scene.now_ns + 999 * MS);
        assert_true(scene.out_ns[i] - (begin_ns + i * 1000 * MS) <= 10 * MS);
    }
    finish(&scene);
}

static void bandwidth_is_met_exactly_and_a_pause_saves_nothing_up(void **state)
{
    (void)state;
    static uint8_t bytes[4000];
    struct scene scene;
    begin(&scene, "bandwidth=1000");
    uint64_t begin_ns = scene.now_ns;

    arrive(&scene, bytes, sizeof bytes);
    run(&scene);
    assert_u64(scene.out_ns[3999], begin_ns + 4000 * MS);
    for (size_t i = 0; i < 4000; i++) /* 10 bytes each 10 ms */
        assert_u64(scene.out_ns[i], begin_ns + (i / 10 + 1) * 10 * MS);

    uint64_t later_ns = scene.now_ns; /* after an idle hour */
    arrive(&scene, bytes, 100);
    run(&scene);
    assert_u64(scene.out_ns[4099], later_ns + 100 * MS);
    finish(&scene);
}

static void a_late_loop_does_not_slow_a_line_down(void **state)
{
    (void)state;
    static uint8_t bytes[1000];
    struct scene scene;
    begin(&scene, "bandwidth=1000");
    uint64_t begin_ns = scene.now_ns;

    arrive(&scene, bytes, sizeof bytes);
    /* It looks each 7 ms only. */
    while (scene.out_length < sizeof bytes) {
        struct bk_stream_step step = bk_stream_next(&scene.stream, scene.now_ns);
        if (step.what == BK_STEP_SEND)
            take(&scene, step.length);
        else
            scene.now_ns += 7 * MS;
    }

    assert_true(scene.now_ns - begin_ns >= 1000 * MS);
    assert_true(scene.now_ns - begin_ns <= 1007 * MS);
    finish(&scene);
}

static void a_blocked_receiver_gets_no_burst_afterwards(void **state)
{
    (void)state;
    static uint8_t bytes[1000];
    struct scene scene;
    begin(&scene, "bandwidth=1000");

    arrive(&scene, bytes, sizeof bytes);
    run_until(&scene, scene.now_ns + 10 * MS); /* the first piece is gone, the second ... */
    scene.now_ns += 500 * MS;                  /* ... half a second late */
    uint64_t again_ns = scene.now_ns;
    run(&scene);

    size_t at_once = 0;
    while (scene.out_ns[at_once] <= again_ns)
        at_once++;
    assert_true(at_once <= 30);
    finish(&scene);
}

/* Looks each 7 ms only, until `length` bytes have left. */
static void run_late(struct scene *scene, size_t length)
{
    while (scene->out_length < length) {
        struct bk_stream_step step = bk_stream_next(&scene->stream, scene->now_ns);
        if (step.what == BK_STEP_SEND)
            take(scene, step.length);
        else
            scene->now_ns += 7 * MS;
    }
}

static void a_late_loop_neither_slows_a_drip_down_nor_gathers_it(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "drip=10ms");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "twenty-one characters");
    run_late(&scene, 11);
    assert_true(scene.now_ns - begin_ns >= 100 * MS && scene.now_ns - begin_ns < 107 * MS);
    scene.now_ns += 500 * MS;
    uint64_t again_ns = scene.now_ns;
    run_late(&scene, 21);

    for (size_t i = 13; i < 21; i++) /* one was due, and one is now */
        assert_true(scene.out_ns[i] > again_ns);
    finish(&scene);
}

static void drip_lets_a_byte_out_each_time(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "drip=10ms");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "drops");
    run(&scene);

    assert_memory_equal(scene.out, "drops", 5);
    assert_size(scene.piece_count, 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_u64(scene.out_ns[i], begin_ns + i * 10 * MS);
    finish(&scene);
}

static void drip_with_slice_lets_a_slice_out_each_time(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "drip=10ms slice=4");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "ab"); /* a slice that comes in two parts is still one */
    arrive_text(&scene, "cdefghij");
    run(&scene);

    assert_size(scene.piece_count, 4);
    for (uint64_t i = 0; i < 10; i++)
        assert_u64(scene.out_ns[i], begin_ns + i / 4 * 10 * MS);
    finish(&scene);
}

static void slices_have_the_length_that_was_asked_for(void **state)
{
    (void)state;
    static uint8_t bytes[1000];
    struct scene scene;
    begin(&scene, "slice=7");
    arrive(&scene, bytes, sizeof bytes);
    run(&scene);
    assert_size(scene.piece_count, 143);
    for (size_t i = 0; i < 142; i++)
        assert_size(scene.pieces[i], 7);
    assert_size(scene.pieces[142], 6);
    finish(&scene);

    size_t count_of[11] = {0};
    begin(&scene, "slice=3-10");
    for (int i = 0; i < 8; i++)
        arrive(&scene, bytes, sizeof bytes);
    run(&scene);
    for (size_t i = 0, length = 0; i < scene.piece_count; i++) {
        assert_true(scene.pieces[i] <= 10);
        length += scene.pieces[i];
        if (length % 1000 > 10) /* not cut off by the end of what has arrived */
            count_of[scene.pieces[i]]++;
    }
    for (int length = 3; length <= 10; length++)
        assert_that(count_of[length] > 60, "%zu slices of %d", count_of[length], length);
    finish(&scene);
}

static void corruption_changes_one_byte_of_each_block(void **state)
{
    (void)state;
    uint8_t bytes[5000];
    struct scene scene;
    size_t places[100] = {0}, changed = 0;
    memset(bytes, 'x', sizeof bytes);
    begin(&scene, "corrupt=100");

    arrive(&scene, bytes, sizeof bytes);
    run(&scene);

    for (size_t block = 0; block < 50; block++)
        for (size_t i = 0; i < 100; i++)
            if (scene.out[100 * block + i] != 'x') {
                places[i]++;
                changed++;
                assert_size(changed, block + 1);
            }
    assert_size(changed, 50);
    assert_that(places[0] < 10 && places[99] < 10, "not always the same byte");
    finish(&scene);
}

static void corrupt_1_changes_every_byte(void **state)
{
    (void)state;
    uint8_t zeros[300] = {0};
    struct scene scene;
    begin(&scene, "corrupt=1");

    arrive(&scene, zeros, sizeof zeros);
    run(&scene);

    for (size_t i = 0; i < sizeof zeros; i++)
        assert_true(scene.out[i] != 0);
    finish(&scene);
}

/* The bytes, their pieces' boundaries and the end, after arrivals of random lengths. */
static void run_in_random_chunks(
    struct scene *scene, const char *faults, uint64_t seed, struct test_random *random)
{
    uint8_t bytes[3000];
    begin_seeded(scene, faults, seed, 5);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    for (size_t done = 0; done < sizeof bytes && scene->end == BK_STEP_IDLE;) {
        size_t length = 1 + test_random_below(random, 200);
        if (length > sizeof bytes - done)
            length = sizeof bytes - done;
        arrive(scene, bytes + done, length);
        done += length;
        run_until(scene, scene->now_ns + test_random_below(random, 3) * MS);
    }
    run(scene);
    bk_stream_free(&scene->stream);
}

static void the_same_seed_does_the_same_however_bytes_arrive(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "corrupt=50", "corrupt=7 slice=1-30", "cut=1234 corrupt=100", "reset=77 drip=1ms slice=9",
        "latency=3ms jitter=3ms corrupt=64 bandwidth=1M"};
    struct test_random random = test_random_new();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        static struct scene first, again;
        run_in_random_chunks(&first, faults[i], 42, &random);
        for (int run = 0; run < 20; run++) {
            run_in_random_chunks(&again, faults[i], 42, &random);
            assert_size(again.out_length, first.out_length);
            assert_memory_equal(again.out, first.out, first.out_length);
            assert_i64(again.end, first.end);
        }
        run_in_random_chunks(&again, faults[i], 43, &random);
        if (strstr(faults[i], "corrupt") != NULL)
            assert_memory_not_equal(again.out, first.out, first.out_length);
    }
}

static void connections_and_directions_fare_differently(void **state)
{
    (void)state;
    uint8_t zeros[1000] = {0}, seen[3][1000];
    for (uint64_t number = 0; number < 3; number++) {
        struct scene scene;
        begin_seeded(&scene, "corrupt=10", 1, number);
        arrive(&scene, zeros, sizeof zeros);
        run(&scene);
        memcpy(seen[number], scene.out, sizeof zeros);
        finish(&scene);
    }

    assert_memory_not_equal(seen[0], seen[1], sizeof zeros);
    assert_memory_not_equal(seen[0], seen[2], sizeof zeros);
    assert_memory_not_equal(seen[1], seen[2], sizeof zeros);
}

static void an_end_comes_after_exactly_so_many_bytes(void **state)
{
    (void)state;
    for (size_t after = 0; after <= 20; after++) {
        struct scene scene;
        char faults[64];
        snprintf(faults, sizeof faults, "%s=%zu", after % 2 == 0 ? "cut" : "reset", after);
        begin(&scene, faults);

        arrive_text(&scene, "0123456");
        run_until(&scene, scene.now_ns + MS);
        arrive_text(&scene, "789abcdefghijk");
        run(&scene);

        assert_size(scene.out_length, after);
        assert_memory_equal(scene.out, "0123456789abcdefghijk", after);
        assert_i64(scene.end, after % 2 == 0 ? BK_STEP_CUT : BK_STEP_RESET);
        finish(&scene);
    }
}

static void an_end_counts_from_when_it_was_named(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");

    arrive_text(&scene, "long before");
    run(&scene);
    change(&scene, "cut=3");
    change(&scene, "latency=1ms"); /* does not begin anew */
    arrive_text(&scene, "abcdef");
    run(&scene);

    assert_size(scene.out_length, 14);
    assert_i64(scene.end, BK_STEP_CUT);
    finish(&scene);
}

static void a_black_hole_swallows_bytes_and_holds_the_end_back(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "blackhole");

    arrive_text(&scene, "gone");
    run(&scene);
    assert_size(scene.stream.queue.length, 0);
    bk_stream_end(&scene.stream, false, scene.now_ns);
    run(&scene);
    assert_i64(scene.end, BK_STEP_IDLE);
    change(&scene, "clear");
    run(&scene);

    assert_size(scene.out_length, 0);
    assert_i64(scene.end, BK_STEP_END);
    finish(&scene);
}

static void a_slow_close_holds_only_the_end_back(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "slow_close=500ms latency=20ms");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "x");
    bk_stream_end(&scene.stream, false, begin_ns);
    run(&scene);

    assert_u64(scene.out_ns[0], begin_ns + 20 * MS);
    assert_u64(scene.end_ns, begin_ns + 520 * MS);
    finish(&scene);
}

static void a_slow_close_counts_from_the_last_byte(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "drip=10ms slow_close=50ms");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "12345");
    bk_stream_end(&scene.stream, false, begin_ns);
    run(&scene);

    assert_u64(scene.end_ns, begin_ns + 90 * MS);
    finish(&scene);
}

static void only_the_first_end_counts(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");

    bk_stream_end(&scene.stream, false, scene.now_ns);
    bk_stream_end(&scene.stream, true, scene.now_ns);
    run(&scene);

    assert_i64(scene.end, BK_STEP_END);
    finish(&scene);
}

static void bytes_in_a_black_hole_count(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "cut=5 blackhole");

    arrive_text(&scene, "abc");
    run(&scene);
    change(&scene, "blackhole=off");
    arrive_text(&scene, "defg");
    run(&scene);

    assert_size(scene.out_length, 2);
    assert_memory_equal(scene.out, "de", 2);
    assert_i64(scene.end, BK_STEP_CUT);
    finish(&scene);
}

static void a_reset_at_once_does_not_wait_for_a_receiver(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");

    arrive_text(&scene, "not taken");
    assert_i64(bk_stream_next(&scene.stream, scene.now_ns).what, BK_STEP_SEND);
    change(&scene, "reset");

    assert_i64(bk_stream_next(&scene.stream, scene.now_ns).what, BK_STEP_RESET);
    finish(&scene);
}

static void a_change_forgets_what_the_old_fault_would_have_waited_for(void **state)
{
    (void)state;
    static const char *const faults[] = {"drip=10m", "bandwidth=1"};
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        begin(&scene, faults[i]);
        uint64_t begin_ns = scene.now_ns;
        arrive_text(&scene, "ab");
        run_until(&scene, begin_ns + 1500 * MS);
        assert_size(scene.out_length, 1);

        change(&scene, "clear; drip=1ms bandwidth=1000");
        run_until(&scene, begin_ns + 1502 * MS);

        assert_size(scene.out_length, 2);
        finish(&scene);
    }
}

/* The delay of one byte, after others that went straight through. */
static uint64_t delay_after(size_t passed, const char *faults)
{
    struct scene scene;
    begin(&scene, "");
    bk_stream_passed(&scene.stream, passed);
    arrive_text(&scene, "before");
    run_until(&scene, scene.now_ns + MS);
    change(&scene, faults);
    uint64_t begin_ns = scene.now_ns;
    arrive_text(&scene, "x");
    run(&scene);
    finish(&scene);
    return scene.out_ns[6] - begin_ns;
}

static void random_numbers_begin_anew_with_the_fault(void **state)
{
    (void)state;
    uint64_t delay_ns = delay_after(0, "latency=50ms jitter=10ms");

    assert_u64(delay_after(1000, "latency=50ms jitter=10ms"), delay_ns);
    assert_u64(delay_after(7, "latency=50ms jitter=10ms"), delay_ns);
    assert_true(delay_after(7, "latency=50ms jitter=10ms seed=2") != delay_ns);
}

static void an_abort_comes_after_the_bytes_before_it(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "latency=5ms");

    arrive_text(&scene, "x");
    bk_stream_end(&scene.stream, true, scene.now_ns);
    run(&scene);

    assert_size(scene.out_length, 1);
    assert_i64(scene.end, BK_STEP_RESET);
    finish(&scene);
}

static void a_change_applies_to_what_waits_already(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "latency=1m");
    uint64_t begin_ns = scene.now_ns;

    arrive_text(&scene, "waits");
    run_until(&scene, begin_ns + 10 * MS);
    assert_size(scene.out_length, 0);
    change(&scene, "latency=20ms cut=4");
    run(&scene);

    assert_size(scene.out_length, 4);
    assert_u64(scene.out_ns[0], begin_ns + 20 * MS);
    assert_u64(scene.end_ns, begin_ns + 20 * MS);
    finish(&scene);
}

static void a_change_does_not_touch_what_is_half_sent(void **state)
{
    (void)state;
    uint8_t zeros[10] = {0};
    struct scene scene;
    begin(&scene, "corrupt=10");

    arrive(&scene, zeros, sizeof zeros);
    struct bk_stream_step step = bk_stream_next(&scene.stream, scene.now_ns);
    assert_i64(step.what, BK_STEP_SEND);
    take(&scene, 3); /* the receiver takes no more for now */
    change(&scene, "corrupt=10 cut=2");
    arrive(&scene, zeros, sizeof zeros);
    run(&scene);

    int changed = 0;
    for (int i = 0; i < 10; i++)
        changed += scene.out[i] != 0;
    assert_i64(changed, 1);
    assert_size(scene.out_length, 12);
    assert_i64(scene.end, BK_STEP_CUT);
    finish(&scene);
}

static void a_deaf_receiver_gets_nothing_and_the_end_is_told(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    scene.stream.is_deaf = true;

    assert_false(bk_stream_is_open(&scene.stream));
    arrive_text(&scene, "unheard");
    bk_stream_end(&scene.stream, false, scene.now_ns);
    run(&scene);

    assert_size(scene.out_length, 0);
    assert_i64(scene.end, BK_STEP_END);
    finish(&scene);
}

static void a_long_line_holds_more_than_a_short_one(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    assert_size(bk_stream_room(&scene.stream), 256 * 1024);
    arrive_text(&scene, "abc");
    assert_size(bk_stream_room(&scene.stream), 256 * 1024 - 3);
    change(&scene, "latency=1ms");
    assert_size(bk_stream_room(&scene.stream), 4 * 1024 * 1024 - 3);
    finish(&scene);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(without_a_fault_bytes_and_the_end_leave_at_once),
    cmocka_unit_test(latency_is_added_to_the_time_of_arrival),
    cmocka_unit_test(jitter_stays_in_its_range_and_keeps_the_order),
    cmocka_unit_test(jitter_above_the_latency_never_sends_into_the_past),
    cmocka_unit_test(bandwidth_is_met_exactly_and_a_pause_saves_nothing_up),
    cmocka_unit_test(a_late_loop_does_not_slow_a_line_down),
    cmocka_unit_test(a_blocked_receiver_gets_no_burst_afterwards),
    cmocka_unit_test(a_late_loop_neither_slows_a_drip_down_nor_gathers_it),
    cmocka_unit_test(a_slow_close_counts_from_the_last_byte),
    cmocka_unit_test(only_the_first_end_counts), cmocka_unit_test(bytes_in_a_black_hole_count),
    cmocka_unit_test(a_reset_at_once_does_not_wait_for_a_receiver),
    cmocka_unit_test(a_change_forgets_what_the_old_fault_would_have_waited_for),
    cmocka_unit_test(random_numbers_begin_anew_with_the_fault),
    cmocka_unit_test(drip_lets_a_byte_out_each_time),
    cmocka_unit_test(drip_with_slice_lets_a_slice_out_each_time),
    cmocka_unit_test(slices_have_the_length_that_was_asked_for),
    cmocka_unit_test(corruption_changes_one_byte_of_each_block),
    cmocka_unit_test(corrupt_1_changes_every_byte),
    cmocka_unit_test(the_same_seed_does_the_same_however_bytes_arrive),
    cmocka_unit_test(connections_and_directions_fare_differently),
    cmocka_unit_test(an_end_comes_after_exactly_so_many_bytes),
    cmocka_unit_test(an_end_counts_from_when_it_was_named),
    cmocka_unit_test(a_black_hole_swallows_bytes_and_holds_the_end_back),
    cmocka_unit_test(a_slow_close_holds_only_the_end_back),
    cmocka_unit_test(an_abort_comes_after_the_bytes_before_it),
    cmocka_unit_test(a_change_applies_to_what_waits_already),
    cmocka_unit_test(a_change_does_not_touch_what_is_half_sent),
    cmocka_unit_test(a_deaf_receiver_gets_nothing_and_the_end_is_told),
    cmocka_unit_test(a_long_line_holds_more_than_a_short_one))
