/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include <libmemcached/memcached.h>

#include "cache/ring.h"

enum {
    KEYS = 10000
};

static struct brisk_bytes key_text(char text[32], unsigned int number)
{
    snprintf(text, 32, "key:%u", number);
    return brisk_bytes_text(text);
}

/* "node1" up to "node<count>", each with weight 1. */
static struct brisk_ring *ring_of_nodes(unsigned int count)
{
    struct brisk_ring *ring = brisk_ring_new();
    assert_non_null(ring);
    for (unsigned int i = 1; i <= count; i++) {
        char name[32];
        snprintf(name, sizeof name, "node%u", i);
        assert_ok(brisk_ring_add(ring, name, 1));
    }
    return ring;
}

static const char *node_of(const struct brisk_ring *ring, struct brisk_bytes key)
{
    const char *name = NULL;
    assert_size(brisk_ring_nodes_of(ring, key, 1, &name), 1);
    return name;
}

struct server {
    const char *host;
    in_port_t port;
    uint32_t weight;
    const char *name; /* what libmemcached hashes */
};

static memcached_st *peer_of(const struct server *servers, size_t count)
{
    memcached_st *peer = memcached_create(NULL);
    assert_non_null(peer);
    memcached_behavior_set(peer, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            memcached_server_add_with_weight(
                peer, servers[i].host, servers[i].port, servers[i].weight),
            MEMCACHED_SUCCESS);
    return peer;
}

static void expect_places_of_libmemcached(const struct server *servers, size_t count)
{
    memcached_st *peer = peer_of(servers, count);
    struct brisk_ring *ring = brisk_ring_new();
    assert_non_null(ring);
    for (size_t i = 0; i < count; i++)
        assert_ok(brisk_ring_add(ring, servers[i].name, servers[i].weight));

    for (unsigned int i = 0; i < KEYS; i++) {
        char text[32];
        struct brisk_bytes key = key_text(text, i);
        const char *want = servers[memcached_generate_hash(peer, key.data, key.length)].name;
        const char *got = node_of(ring, key);
        assert_that(strcmp(got, want) == 0, "%s is at %s, not %s", text, got, want);
    }

    brisk_ring_free(ring);
    memcached_free(peer);
}

static void ten_thousand_keys_lie_where_libmemcached_puts_them(void **state)
{
    (void)state;
    const struct server servers[] = {
        {"10.0.0.1", 11211, 1, "10.0.0.1"},
        {"10.0.0.2", 11212, 1, "10.0.0.2:11212"},
        {"cache.example", 11211, 1, "cache.example"},
        {"10.0.0.4", 80, 1, "10.0.0.4:80"},
    };
    for (size_t count = 1; count <= 4; count++)
        expect_places_of_libmemcached(servers, count);
}

static void weights_give_the_places_of_libmemcached(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int round = 0; round < 12; round++) {
        struct server servers[24];
        char hosts[24][32], names[24][64];
        size_t count = 2 + test_random_below(&random, 23);
        for (size_t i = 0; i < count; i++) {
            /* Without the default port, which libmemcached leaves out of a point's name. */
            in_port_t port = (in_port_t)(11212 + test_random_below(&random, 50000));
            snprintf(hosts[i], sizeof hosts[i], "host%zu", i);
            snprintf(names[i], sizeof names[i], "%s:%u", hosts[i], (unsigned int)port);
            uint32_t weight = (uint32_t)(1 + test_random_below(&random, round < 6 ? 3 : 1000));
            servers[i] = (struct server){hosts[i], port, weight, names[i]};
        }
        expect_places_of_libmemcached(servers, count);
    }
}

static void replicas_are_different_nodes_that_begin_with_the_key_s_own(void **state)
{
    (void)state;
    struct brisk_ring *ring = ring_of_nodes(16);

    for (unsigned int i = 0; i < 1000; i++) {
        char text[32];
        struct brisk_bytes key = key_text(text, i);
        const char *names[16];
        assert_size(brisk_ring_nodes_of(ring, key, 4, names), 4);
        assert_ptr_equal(names[0], node_of(ring, key));
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < a; b++)
                assert_ptr_not_equal(names[a], names[b]);
    }

    brisk_ring_free(ring);
}

static void more_replicas_than_nodes_are_all_nodes(void **state)
{
    (void)state;
    struct brisk_ring *ring = ring_of_nodes(3);
    const char *names[8];

    assert_size(brisk_ring_nodes_of(ring, brisk_bytes_text("key"), 8, names), 3);

    brisk_ring_free(ring);
}

static void an_empty_ring_has_no_node(void **state)
{
    (void)state;
    struct brisk_ring *ring = brisk_ring_new();
    const char *name;

    assert_size(brisk_ring_count(ring), 0);
    assert_size(brisk_ring_nodes_of(ring, brisk_bytes_text("key"), 1, &name), 0);
    assert_status(brisk_ring_remove(ring, "node"), BRISK_MISS);

    brisk_ring_free(ring);
    brisk_ring_free(NULL);
}

static void only_the_keys_of_a_removed_node_move(void **state)
{
    (void)state;
    struct brisk_ring *before = ring_of_nodes(16), *after = ring_of_nodes(16);
    assert_ok(brisk_ring_remove(after, "node5"));
    assert_size(brisk_ring_count(after), 15);

    unsigned int moved = 0;
    for (unsigned int i = 0; i < KEYS; i++) {
        char text[32];
        struct brisk_bytes key = key_text(text, i);
        const char *old = node_of(before, key), *new = node_of(after, key);
        if (strcmp(old, new) == 0)
            continue;
        moved++;
        assert_string_equal(old, "node5");
    }

    /* A sixteenth is 625; 160 points give a node between two thirds and one and a half of that. */
    assert_in_range(moved, 417, 938);
    brisk_ring_free(before);
    brisk_ring_free(after);
}

static void a_node_that_comes_back_has_its_keys_again(void **state)
{
    (void)state;
    struct brisk_ring *before = ring_of_nodes(16), *after = ring_of_nodes(16);

    assert_ok(brisk_ring_remove(after, "node5"));
    assert_ok(brisk_ring_add(after, "node5", 1));

    for (unsigned int i = 0; i < KEYS; i++) {
        char text[32];
        struct brisk_bytes key = key_text(text, i);
        assert_string_equal(node_of(before, key), node_of(after, key));
    }
    brisk_ring_free(before);
    brisk_ring_free(after);
}

static void a_weight_attracts_keys(void **state)
{
    (void)state;
    struct brisk_ring *ring = ring_of_nodes(16);

    assert_ok(brisk_ring_add(ring, "node5", 100));

    assert_size(brisk_ring_count(ring), 16);
    unsigned int attracted = 0;
    for (unsigned int i = 0; i < KEYS; i++) {
        char text[32];
        attracted += strcmp(node_of(ring, key_text(text, i)), "node5") == 0;
    }
    /* 100 of 115 */
    assert_in_range(attracted, 8300, 9100);
    brisk_ring_free(ring);
}

static void a_node_far_lighter_than_the_mean_has_no_points(void **state)
{
    (void)state;
    struct brisk_ring *ring = ring_of_nodes(1);
    assert_ok(brisk_ring_add(ring, "heavy", 1000));
    const char *names[2];

    assert_size(brisk_ring_nodes_of(ring, brisk_bytes_text("key"), 2, names), 1);

    assert_string_equal(names[0], "heavy");
    brisk_ring_free(ring);
}

static void a_bad_node_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct brisk_ring *ring = ring_of_nodes(2);
    char name[BRISK_RING_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';

    assert_status(brisk_ring_add(ring, "", 1), BRISK_ERR_INVALID);
    assert_status(brisk_ring_add(ring, name, 1), BRISK_ERR_INVALID);
    assert_status(brisk_ring_add(ring, "n", BRISK_RING_WEIGHT_MAX + 1), BRISK_ERR_INVALID);
    assert_status(brisk_ring_add(NULL, "n", 1), BRISK_ERR_INVALID);
    assert_status(brisk_ring_add(ring, NULL, 1), BRISK_ERR_INVALID);
    assert_status(brisk_ring_remove(ring, NULL), BRISK_ERR_INVALID);
    assert_size(brisk_ring_count(ring), 2);

    name[BRISK_RING_NAME_MAX] = '\0';
    assert_ok(brisk_ring_add(ring, name, 1));
    assert_size(brisk_ring_count(ring), 3);
    brisk_ring_free(ring);
}

static void a_node_has_about_160_points(void **state)
{
    (void)state;
    for (unsigned int nodes = 1; nodes < 40; nodes++) {
        struct brisk_ring *ring = ring_of_nodes(nodes);
        assert_in_range(bk_ring_points(ring), (size_t)nodes * 156, (size_t)nodes * 160);
        brisk_ring_free(ring);
    }
}

static void grow_and_shrink(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_ring *ring = brisk_ring_new();
    if (ring == NULL) {
        assert_true(is_failing);
        return;
    }
    size_t want = 0;
    const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        enum brisk_status status = brisk_ring_add(ring, names[i], 2);
        assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
        want += status == BRISK_OK;
        assert_size(brisk_ring_count(ring), want);
    }
    enum brisk_status status = brisk_ring_remove(ring, "b");
    assert_true(status >= 0 || (is_failing && status == BRISK_ERR_NOMEM));
    want -= status == BRISK_OK;
    const char *found[3];
    assert_size(brisk_ring_nodes_of(ring, brisk_bytes_text("key"), 3, found), want);
    brisk_ring_free(ring);
}

static void without_memory_a_ring_stays_as_it_is(void **state)
{
    (void)state;
    for_each_allocation_failure(grow_and_shrink, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(ten_thousand_keys_lie_where_libmemcached_puts_them),
    cmocka_unit_test(weights_give_the_places_of_libmemcached),
    cmocka_unit_test(replicas_are_different_nodes_that_begin_with_the_key_s_own),
    cmocka_unit_test(more_replicas_than_nodes_are_all_nodes),
    cmocka_unit_test(an_empty_ring_has_no_node),
    cmocka_unit_test(only_the_keys_of_a_removed_node_move),
    cmocka_unit_test(a_node_that_comes_back_has_its_keys_again),
    cmocka_unit_test(a_weight_attracts_keys),
    cmocka_unit_test(a_node_far_lighter_than_the_mean_has_no_points),
    cmocka_unit_test(a_bad_node_is_refused_and_changes_nothing),
    cmocka_unit_test(a_node_has_about_160_points),
    cmocka_unit_test(without_memory_a_ring_stays_as_it_is))
