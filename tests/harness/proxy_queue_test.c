/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_queue.h"
#include "tests/support/brisk_test.h"

enum {
    MOST = 200000
};

/* All that was ever appended, and where each arrival began. */
struct model {
    uint8_t bytes[MOST];
    uint64_t arrival_ns[MOST]; /* of each byte */
    size_t taken, dropped;
};

static void check(const struct bk_queue *queue, const struct model *model)
{
    assert_size(queue->length, model->taken - model->dropped);
    assert_u64(queue->taken_bytes, model->taken);
    if (queue->length == 0)
        return;
    assert_memory_equal(bk_queue_front(queue), model->bytes + model->dropped, queue->length);
    const struct bk_arrival *arrival = bk_queue_arrival(queue);
    assert_u64(arrival->ns, model->arrival_ns[model->dropped]);
    assert_true(arrival->position <= model->dropped);
    size_t length = 0;
    while (model->dropped + length < model->taken &&
           model->arrival_ns[model->dropped + length] == arrival->ns)
        length++;
    assert_size(arrival->length, length);
}

static void append(
    struct bk_queue *queue, struct model *model, size_t length, uint64_t ns,
    struct test_random *random)
{
    for (size_t i = 0; i < length; i++) {
        model->bytes[model->taken + i] = (uint8_t)test_random_next(random);
        model->arrival_ns[model->taken + i] = ns;
    }
    assert_true(bk_queue_append(queue, model->bytes + model->taken, length, ns));
    model->taken += length;
}

static void what_was_appended_first_is_in_front(void **state)
{
    (void)state;
    static struct model model;
    struct test_random random = test_random_new();
    struct bk_queue queue = {.bytes = NULL};
    uint64_t ns = 0;

    while (model.taken < MOST - 5000) {
        size_t length = test_random_below(&random, test_random_below(&random, 20) == 0 ? 5000 : 50);
        append(&queue, &model, length, ++ns, &random);
        check(&queue, &model);
        size_t dropped = test_random_below(
            &random,
            test_random_below(&random, 200) == 0 ? queue.length + 1 : queue.length / 10 + 2);
        if (dropped > queue.length)
            dropped = queue.length;
        bk_queue_drop(&queue, dropped);
        model.dropped += dropped;
        check(&queue, &model);
    }
    bk_queue_free(&queue);
}

static void an_empty_queue_keeps_little_memory(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    struct bk_queue queue = {.bytes = NULL};

    assert_true(bk_queue_append(&queue, bytes, sizeof bytes, 1));
    bk_queue_drop(&queue, sizeof bytes);
    assert_true(queue.capacity <= 16 * 1024);
    assert_true(bk_queue_append(&queue, bytes, 100, 2));
    bk_queue_drop(&queue, 100);

    assert_true(queue.capacity > 0); /* and does not ask for it each time */
    bk_queue_free(&queue);
}

static void try_to_append(bool is_failing, void *ctx)
{
    int *refusals = ctx;
    static uint8_t bytes[4000];
    struct bk_queue queue = {.bytes = NULL};
    bool is_ok = true;
    size_t length = 0;
    for (int i = 0; i < 40 && is_ok; i++) {
        is_ok = bk_queue_append(&queue, bytes, sizeof bytes, 1);
        length += is_ok ? sizeof bytes : 0;
    }
    assert_true(is_ok || is_failing);
    *refusals += !is_ok;
    assert_size(queue.length, length);
    bk_queue_drop(&queue, length);
    bk_queue_free(&queue);
}

static void without_memory_a_queue_stays_as_it_was(void **state)
{
    (void)state;
    int refusals = 0;
    for_each_allocation_failure(try_to_append, &refusals);
    assert_true(refusals > 5);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(what_was_appended_first_is_in_front),
    cmocka_unit_test(an_empty_queue_keeps_little_memory),
    cmocka_unit_test(without_memory_a_queue_stays_as_it_was))
