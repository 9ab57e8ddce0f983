/* SPDX-License-Identifier: Apache-2.0 */
/* What a client answers while servers are killed, stopped and started again. */
#include "tests/memcached/server.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TIMEOUT_MS = 100,
    LATE_MS = 400 /* beyond the deadline, for a machine that is busy */
};

static struct brisk_memcached *
impatient_client_of(const struct server *server, unsigned int breaker_failures)
{
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(&server, 1, storage);
    options.timeout_ms = TIMEOUT_MS;
    options.breaker_failures = breaker_failures;
    options.breaker_wait_ms = 20;
    options.breaker_max_wait_ms = 50;
    return client_with(&options);
}

static enum brisk_status get_number(struct brisk_memcached *client, const char *key, uint64_t *out)
{
    char text[32];
    size_t length;
    enum brisk_status status = brisk_memcached_get_into(
        client, T(key), NULL, text, sizeof text - 1, &length, NULL);
    if (status != BRISK_OK)
        return status;
    text[length] = '\0';
    *out = strtoull(text, NULL, 10);
    return BRISK_OK;
}

static void set_patiently(struct brisk_memcached *client, const char *key, const char *value)
{
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.timeout_ms = 20000;
    assert_ok(brisk_memcached_set(client, T(key), T(value), &call, NULL));
}

/* After a failure, until the breaker lets a call through and the server answers. */
static void wait_until_reachable(struct brisk_memcached *client)
{
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.timeout_ms = 20000;
    uint64_t end_ms = now_ms() + 30000;
    while (brisk_memcached_set(client, T("probe"), T("1"), &call, NULL) != BRISK_OK)
        assert_true(now_ms() < end_ms);
}

static void wait_until_it_is(struct brisk_memcached *client, const char *key, const char *value)
{
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.timeout_ms = 20000;
    uint64_t end_ms = now_ms() + 30000;
    bool is_there = false;
    while (!is_there) {
        struct brisk_memcached_item item;
        assert_ok(brisk_memcached_get(client, T(key), &call, &item, NULL));
        is_there = item.value.length == strlen(value) &&
                   memcmp(item.value.data, value, strlen(value)) == 0;
        brisk_view_release(&item.value);
        assert_true(now_ms() < end_ms);
    }
}

static void a_server_that_is_not_there_is_unreachable_at_once(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    server_kill(&server);
    struct brisk_memcached *client = client_of(&server);
    struct brisk_memcached_item item;
    struct brisk_error error;
    uint64_t began_ms = now_ms();

    assert_status(
        brisk_memcached_get(client, T("key"), NULL, &item, &error), BRISK_ERR_UNREACHABLE);
    assert_non_null(strstr(error.message, server.address));
    assert_status(brisk_memcached_set(client, T("key"), T("v"), NULL, NULL), BRISK_ERR_UNREACHABLE);
    assert_status(
        brisk_memcached_increment(client, T("key"), 1, NULL, NULL, NULL, NULL),
        BRISK_ERR_UNREACHABLE);

    assert_true(now_ms() - began_ms < 5000);
    brisk_memcached_close(client);
    server_end(&server);
}

static void fail_as_miss_hides_the_failure_and_counts_it(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    server_kill(&server);
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.fail_as_miss = true;
    struct brisk_memcached *client = client_with(&options);
    struct brisk_memcached_item items[2];
    enum brisk_status statuses[2];
    const struct brisk_bytes keys[] = {T("a"), T("b")};

    assert_status(brisk_memcached_get(client, T("key"), NULL, &items[0], NULL), BRISK_MISS);
    assert_size(brisk_memcached_get_many(client, keys, 2, NULL, items, statuses, NULL), 0);
    assert_status(statuses[1], BRISK_MISS);
    assert_status(brisk_memcached_get(client, T("a b"), NULL, &items[0], NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_set(client, T("key"), T("v"), NULL, NULL), BRISK_ERR_UNREACHABLE);

    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(client, &stats);
    assert_u64(stats.failed_as_miss, 3);
    assert_u64(stats.misses, 0);
    brisk_memcached_close(client);
    server_end(&server);
}

/* Killed and started again while the connection lies idle. */
static void a_restart_between_calls_is_not_seen_by_get_set_delete_and_touch(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    struct brisk_memcached_item item;
    const struct brisk_bytes keys[] = {T("key"), T("other")};
    struct brisk_memcached_item items[2];
    enum brisk_status statuses[2];
    set_patiently(client, "key", "value");

    for (int verb = 0; verb < 6; verb++) {
        server_kill(&server);
        server_restart(&server);
        if (verb == 0)
            assert_status(brisk_memcached_get(client, T("key"), NULL, &item, NULL), BRISK_MISS);
        else if (verb == 1)
            assert_ok(brisk_memcached_set(client, T("key"), T("value"), NULL, NULL));
        else if (verb == 2)
            assert_status(brisk_memcached_delete(client, T("key"), NULL, NULL), BRISK_MISS);
        else if (verb == 3)
            assert_status(brisk_memcached_touch(client, T("key"), NULL, NULL), BRISK_MISS);
        else if (verb == 4)
            assert_size(brisk_memcached_get_many(client, keys, 2, NULL, items, statuses, NULL), 0);
        else
            assert_size(brisk_memcached_set_many(client, keys, keys, 2, NULL, statuses, NULL), 2);
    }

    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(client, &stats);
    assert_u64(stats.retries, 8);
    assert_u64(stats.breaker_opened, 0);
    brisk_memcached_close(client);
    server_end(&server);
}

static void a_restart_is_told_by_verbs_that_may_not_happen_twice(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    const uint64_t initial = 5;
    uint64_t number;
    for (int verb = 0; verb < 4; verb++) {
        set_patiently(client, "key", "1");
        server_kill(&server);
        server_restart(&server);
        enum brisk_status status;
        if (verb == 0)
            status = brisk_memcached_increment(client, T("key"), 1, &initial, NULL, &number, NULL);
        else if (verb == 1)
            status = brisk_memcached_append(client, T("key"), T("1"), NULL, NULL);
        else if (verb == 2)
            status = brisk_memcached_prepend(client, T("key"), T("1"), NULL, NULL);
        else
            status = brisk_memcached_add(client, T("key"), T("1"), NULL, NULL);
        assert_status(status, BRISK_ERR_UNKNOWN_OUTCOME);
        /* It was sent once, to a server that was gone. */
        assert_status(get_number(client, "key", &number), BRISK_MISS);
    }
    brisk_memcached_close(client);
    server_end(&server);
}

/* The new server counts its tokens from the beginning, so an old one could fit a new value. */
static void a_cas_token_does_not_outlive_its_server(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    struct brisk_memcached_item before, after;
    set_patiently(client, "key", "1");
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &before, NULL));
    brisk_view_release(&before.value);

    server_kill(&server);
    server_restart(&server);
    set_patiently(client, "key", "2");
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &after, NULL));
    brisk_view_release(&after.value);

    assert_u64(before.cas.token, after.cas.token);
    assert_status(
        brisk_memcached_cas(client, T("key"), T("3"), before.cas, NULL, NULL), BRISK_CONFLICT);
    assert_ok(brisk_memcached_cas(client, T("key"), T("3"), after.cas, NULL, NULL));
    brisk_memcached_close(client);
    server_end(&server);
}

static void a_hung_server_costs_a_read_its_time_and_leaves_a_write_in_doubt(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = impatient_client_of(&server, 1000);
    struct brisk_memcached_item item;
    struct brisk_error error;
    set_patiently(client, "key", "old");

    server_pause(&server);
    uint64_t began_ms = now_ms();
    assert_status(
        brisk_memcached_set(client, T("key"), T("new"), NULL, &error), BRISK_ERR_UNKNOWN_OUTCOME);
    uint64_t set_ms = now_ms() - began_ms;
    assert_non_null(strstr(error.message, "may have happened"));
    began_ms = now_ms();
    /* The kernel accepts the next connection in the server's place; nothing is sent on it. */
    assert_status(brisk_memcached_get(client, T("key"), NULL, &item, NULL), BRISK_ERR_TIMEOUT);
    uint64_t get_ms = now_ms() - began_ms;
    assert_status(brisk_memcached_set(client, T("other"), T("new"), NULL, NULL), BRISK_ERR_TIMEOUT);
    server_resume(&server);
    wait_until_reachable(client);

    assert_in_range(set_ms, TIMEOUT_MS - 1, TIMEOUT_MS + LATE_MS);
    assert_in_range(get_ms, TIMEOUT_MS - 1, TIMEOUT_MS + LATE_MS);
    /* It had been sent, as the status says: it happens, when that thread of the server gets to it.
     */
    wait_until_it_is(client, "key", "new");
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.timeout_ms = 20000;
    assert_status(brisk_memcached_get(client, T("other"), &call, &item, NULL), BRISK_MISS);
    brisk_memcached_close(client);
    server_end(&server);
}

static void a_thousand_calls_to_a_hung_server_lose_a_few_deadlines(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.timeout_ms = TIMEOUT_MS;
    struct brisk_memcached *client = client_with(&options);
    set_patiently(client, "key", "value");
    server_pause(&server);

    unsigned int waited = 0;
    for (int i = 0; i < 1000; i++) {
        struct brisk_memcached_item item;
        uint64_t began_ms = now_ms();
        enum brisk_status status = brisk_memcached_get(client, T("key"), NULL, &item, NULL);
        assert_true(status == BRISK_ERR_TIMEOUT || status == BRISK_ERR_UNREACHABLE);
        waited += now_ms() - began_ms >= TIMEOUT_MS - 1;
    }

    assert_in_range(waited, 1, 5);
    struct brisk_memcached_stats stats = {.size = sizeof stats};
    assert_ok(brisk_memcached_read_server_stats(client, 0, &stats));
    assert_u64(stats.breaker_opened, 1);
    assert_true(stats.breaker_rejected >= 990);
    assert_u64(stats.breaker, BRISK_BREAKER_OPEN);
    server_resume(&server);
    wait_until_reachable(client);
    assert_ok(brisk_memcached_read_server_stats(client, 0, &stats));
    assert_u64(stats.breaker, BRISK_BREAKER_CLOSED);
    brisk_memcached_close(client);
    server_end(&server);
}

static void closing_does_not_wait_for_a_hung_server(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    set_patiently(client, "key", "value");
    server_pause(&server);
    uint64_t began_ms = now_ms();

    brisk_memcached_close(client);

    assert_true(now_ms() - began_ms < LATE_MS);
    server_end(&server);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms++;
}

/* libmemcached alone hangs for ever when the alarms stop in the middle of the wait. */
static void signals_a_thousand_times_a_second_do_not_make_a_call_hang(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = impatient_client_of(&server, 1000);
    struct brisk_memcached_item item;
    set_patiently(client, "key", "value");
    server_pause(&server);
    struct sigaction action = {.sa_handler = count_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};

    uint64_t began_ms = now_ms();
    setitimer(ITIMER_REAL, &often, NULL);
    enum brisk_status status = brisk_memcached_get(client, T("key"), NULL, &item, NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    uint64_t took_ms = now_ms() - began_ms;

    sigaction(SIGALRM, &old, NULL);
    assert_status(status, BRISK_ERR_TIMEOUT);
    assert_in_range(took_ms, TIMEOUT_MS - 1, TIMEOUT_MS + LATE_MS);
    assert_true(alarms > 0);
    server_resume(&server);
    brisk_memcached_close(client);
    server_end(&server);
}

struct storm {
    struct brisk_memcached *client;
    _Atomic bool is_over;
};

/* Every value begins with its key. */
static enum brisk_status verify_gets(unsigned int index, void *ctx)
{
    struct storm *storm = ctx;
    struct test_random random = test_random_seeded(index);
    unsigned int count = scaled(20000);
    for (unsigned int i = 0; i < count; i++) {
        char key[32], value[64];
        size_t length;
        snprintf(key, sizeof key, "key%u", (unsigned int)test_random_below(&random, 100));
        if (test_random_below(&random, 10) == 0) {
            snprintf(value, sizeof value, "%s=%u", key, index);
            enum brisk_status status = brisk_memcached_set(
                storm->client, T(key), T(value), NULL, NULL);
            thread_expect(
                status == BRISK_OK || status == BRISK_ERR_TIMEOUT ||
                status == BRISK_ERR_UNREACHABLE || status == BRISK_ERR_UNKNOWN_OUTCOME);
            continue;
        }
        enum brisk_status status = brisk_memcached_get_into(
            storm->client, T(key), NULL, value, sizeof value, &length, NULL);
        thread_expect(
            status == BRISK_OK || status == BRISK_MISS || status == BRISK_ERR_TIMEOUT ||
            status == BRISK_ERR_UNREACHABLE);
        size_t key_length = strlen(key);
        if (status == BRISK_OK)
            thread_expect(
                length > key_length && memcmp(value, key, key_length) == 0 &&
                value[key_length] == '=');
    }
    return BRISK_OK;
}

struct troublemaker {
    struct server *server;
    struct storm *storm;
};

static enum brisk_status stop_or_verify(unsigned int index, void *ctx)
{
    struct troublemaker *maker = ctx;
    if (index > 0) {
        enum brisk_status status = verify_gets(index, maker->storm);
        atomic_store(&maker->storm->is_over, true);
        return status;
    }
    while (!atomic_load(&maker->storm->is_over)) {
        kill(maker->server->pid, SIGSTOP);
        usleep(20000);
        kill(maker->server->pid, SIGCONT);
        usleep(20000);
    }
    return BRISK_OK;
}

static void eight_threads_never_get_another_key_s_value_while_the_server_stops(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.timeout_ms = 5;
    options.connections = 4;
    options.breaker_wait_ms = 1;
    options.breaker_max_wait_ms = 2;
    struct storm storm = {.client = client_with(&options)};
    struct troublemaker maker = {&server, &storm};

    run_threads(9, stop_or_verify, &maker);

    brisk_memcached_close(storm.client);
    server_end(&server);
}

static int verify_in_child(const void *argument)
{
    struct storm storm = {.client = *(struct brisk_memcached *const *)argument};
    child_expect(verify_gets(7, &storm) == BRISK_OK);
    return 0;
}

/* libmemcached's handle, used by both, gives out the other's values in nine of ten cases. */
static void parent_and_child_use_a_client_at_once_without_mixing(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct storm storm = {.client = client_of(&server)};
    set_patiently(storm.client, "key1", "key1=0");
    fflush(NULL);

    pid_t child = fork();
    if (child == 0)
        _exit(verify_in_child(&storm.client));
    enum brisk_status status = verify_gets(8, &storm);
    int answer = -1;
    waitpid(child, &answer, 0);

    assert_ok(status);
    assert_int_equal(answer, 0);
    brisk_memcached_close(storm.client);
    server_end(&server);
}

static int close_in_child(const void *argument)
{
    brisk_memcached_close(*(struct brisk_memcached *const *)argument);
    return 0;
}

static void a_child_that_closes_the_client_leaves_the_parent_s_connections_alone(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    uint64_t number;
    set_patiently(client, "key", "7");

    run_in_child(close_in_child, &client);

    assert_ok(brisk_memcached_increment(client, T("key"), 1, NULL, NULL, &number, NULL));
    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(client, &stats);
    assert_u64(stats.connects, 1);
    assert_u64(stats.retries, 0);
    brisk_memcached_close(client);
    server_end(&server);
}

static void keys_return_to_their_servers_after_two_of_three_were_gone(void **state)
{
    (void)state;
    enum {
        KEYS = 60
    };
    struct server servers[3];
    struct brisk_memcached_server storage[3];
    const struct server *pointers[] = {&servers[0], &servers[1], &servers[2]};
    for (int i = 0; i < 3; i++)
        server_start(&servers[i]);
    struct brisk_memcached_options options = options_for(pointers, 3, storage);
    options.breaker_wait_ms = 10;
    options.breaker_max_wait_ms = 20;
    struct brisk_memcached *client = client_with(&options);
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key%d", i);
        set_patiently(client, key, key);
    }

    server_kill(&servers[0]);
    server_kill(&servers[2]);
    unsigned int failed = 0, found = 0;
    for (int i = 0; i < KEYS; i++) {
        char value[16];
        size_t length;
        snprintf(key, sizeof key, "key%d", i);
        enum brisk_status status = brisk_memcached_get_into(
            client, T(key), NULL, value, sizeof value, &length, NULL);
        assert_true(status == BRISK_OK || status == BRISK_ERR_UNREACHABLE);
        failed += status != BRISK_OK;
        found += status == BRISK_OK;
    }
    /* A third of 60, give or take the ring's unevenness. */
    assert_in_range(found, 8, 35);
    assert_u64(failed + found, KEYS);

    server_restart(&servers[0]);
    server_restart(&servers[2]);
    uint64_t end_ms = now_ms() + 30000;
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key%d", i);
        while (brisk_memcached_set(client, T(key), T(key), NULL, NULL) != BRISK_OK)
            assert_true(now_ms() < end_ms);
    }
    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(client, &stats);
    assert_u64(stats.breaker, 0);
    brisk_memcached_close(client);
    for (int i = 0; i < 3; i++)
        server_end(&servers[i]);
}

static void a_caller_who_finds_no_free_connection_waits_no_longer_than_its_time(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.connections = 1;
    options.timeout_ms = 50;
    options.breaker_failures = 1000;
    struct storm storm = {.client = client_with(&options)};

    /* Eight threads share the one connection; each call is served in turn. */
    run_threads(8, verify_gets, &storm);

    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(storm.client, &stats);
    assert_true(stats.hits > 0);
    brisk_memcached_close(storm.client);
    server_end(&server);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_server_that_is_not_there_is_unreachable_at_once),
    cmocka_unit_test(fail_as_miss_hides_the_failure_and_counts_it),
    cmocka_unit_test(a_restart_between_calls_is_not_seen_by_get_set_delete_and_touch),
    cmocka_unit_test(a_restart_is_told_by_verbs_that_may_not_happen_twice),
    cmocka_unit_test(a_cas_token_does_not_outlive_its_server),
    cmocka_unit_test(a_hung_server_costs_a_read_its_time_and_leaves_a_write_in_doubt),
    cmocka_unit_test(a_thousand_calls_to_a_hung_server_lose_a_few_deadlines),
    cmocka_unit_test(closing_does_not_wait_for_a_hung_server),
    cmocka_unit_test(signals_a_thousand_times_a_second_do_not_make_a_call_hang),
    cmocka_unit_test(eight_threads_never_get_another_key_s_value_while_the_server_stops),
    cmocka_unit_test(parent_and_child_use_a_client_at_once_without_mixing),
    cmocka_unit_test(a_child_that_closes_the_client_leaves_the_parent_s_connections_alone),
    cmocka_unit_test(keys_return_to_their_servers_after_two_of_three_were_gone),
    cmocka_unit_test(a_caller_who_finds_no_free_connection_waits_no_longer_than_its_time))
