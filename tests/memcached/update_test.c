/* SPDX-License-Identifier: Apache-2.0 */
/* brisk_memcached_update: the visitor counter that loses nobody. */
#include "tests/memcached/server.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROCESSES = 4,
    THREADS = 16
};

static enum brisk_status
add_one(const struct brisk_memcached_item *old, struct brisk_view *out, void *ctx)
{
    (void)ctx;
    char text[32] = "";
    if (old != NULL && old->value.length < sizeof text)
        memcpy(text, old->value.data, old->value.length);
    int length = snprintf(text, sizeof text, "%llu", strtoull(text, NULL, 10) + 1);
    return brisk_view_copy(out, brisk_bytes_of(text, (size_t)length));
}

static uint64_t read_count(struct brisk_memcached *client)
{
    char text[32];
    size_t length;
    if (brisk_memcached_get_into(
            client, T("visitors"), NULL, text, sizeof text - 1, &length, NULL) != BRISK_OK)
        return 0;
    text[length] = '\0';
    return strtoull(text, NULL, 10);
}

static enum brisk_status visit(unsigned int index, void *client)
{
    (void)index;
    unsigned int visits = scaled(20);
    for (unsigned int i = 0; i < visits; i++) {
        struct brisk_memcached_call call = brisk_memcached_call_default();
        call.timeout_ms = 60000;
        thread_expect(
            brisk_memcached_update(client, T("visitors"), add_one, NULL, &call, NULL) == BRISK_OK);
    }
    return BRISK_OK;
}

static int visit_in_child(const struct server *server)
{
    struct brisk_memcached *client = client_of(server);
    run_threads(THREADS, visit, client);
    brisk_memcached_close(client);
    return 0;
}

static void sixty_four_threads_in_four_processes_lose_no_visitor(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    pid_t children[PROCESSES];
    fflush(NULL);

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(visit_in_child(&server));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }

    struct brisk_memcached *client = client_of(&server);
    assert_u64(read_count(client), (uint64_t)PROCESSES * THREADS * scaled(20));
    brisk_memcached_close(client);
    server_end(&server);
}

struct tally {
    struct server *server;
    struct brisk_memcached *client;
    _Atomic unsigned int ended;
    _Atomic uint64_t ok;
    _Atomic uint64_t unknown;
};

static enum brisk_status visit_through_stalls(unsigned int index, void *ctx)
{
    struct tally *tally = ctx;
    if (index == 0) {
        while (atomic_load(&tally->ended) < THREADS) {
            kill(tally->server->pid, SIGSTOP);
            usleep(30000);
            kill(tally->server->pid, SIGCONT);
            usleep(10000);
        }
        return BRISK_OK;
    }
    for (unsigned int i = 0; i < scaled(60); i++) {
        struct brisk_memcached_call call = brisk_memcached_call_default();
        call.timeout_ms = 20;
        enum brisk_status status = brisk_memcached_update(
            tally->client, T("visitors"), add_one, NULL, &call, NULL);
        if (status == BRISK_OK)
            atomic_fetch_add(&tally->ok, 1);
        if (status == BRISK_ERR_UNKNOWN_OUTCOME)
            atomic_fetch_add(&tally->unknown, 1);
    }
    atomic_fetch_add(&tally->ended, 1);
    return BRISK_OK;
}

static void while_a_server_stalls_the_count_is_between_ok_and_ok_plus_unknown(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.breaker_failures = 1000000;
    struct tally tally = {.server = &server, .client = client_with(&options)};

    run_threads(THREADS + 1, visit_through_stalls, &tally);

    struct brisk_memcached *client = client_of(&server);
    uint64_t count = read_count(client), ok = tally.ok, unknown = tally.unknown;
    print_message(
        "%llu counted, %llu ok, %llu unknown\n", (unsigned long long)count, (unsigned long long)ok,
        (unsigned long long)unknown);
    assert_true(count >= ok && count <= ok + unknown);
    brisk_memcached_close(client);
    brisk_memcached_close(tally.client);
    server_end(&server);
}

/* What was counted before the restart is gone with the server; what came after is not. */
static void after_a_restart_the_count_begins_anew_and_loses_nobody(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    for (int i = 0; i < 10; i++)
        assert_ok(brisk_memcached_update(client, T("visitors"), add_one, NULL, NULL, NULL));
    assert_u64(read_count(client), 10);

    server_kill(&server);
    server_restart(&server);
    for (int i = 0; i < 5; i++)
        assert_ok(brisk_memcached_update(client, T("visitors"), add_one, NULL, NULL, NULL));

    assert_u64(read_count(client), 5);
    brisk_memcached_close(client);
    server_end(&server);
}

static enum brisk_status
refuse(const struct brisk_memcached_item *old, struct brisk_view *out, void *ctx)
{
    (void)old, (void)out;
    return *(enum brisk_status *)ctx;
}

static void what_the_function_answers_ends_the_update(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct brisk_memcached *client = client_of(&server);
    enum brisk_status answers[] = {BRISK_MISS, BRISK_CONFLICT, BRISK_ERR_CANCELLED};

    for (int i = 0; i < 3; i++)
        assert_status(
            brisk_memcached_update(client, T("visitors"), refuse, &answers[i], NULL, NULL),
            answers[i]);
    assert_status(
        brisk_memcached_update(client, T("a b"), refuse, &answers[0], NULL, NULL),
        BRISK_ERR_INVALID);

    assert_u64(read_count(client), 0);
    brisk_memcached_close(client);
    server_end(&server);
}

struct rival {
    struct brisk_memcached *client;
    unsigned int turns;
};

/* Somebody is always faster. */
static enum brisk_status
be_overtaken(const struct brisk_memcached_item *old, struct brisk_view *out, void *ctx)
{
    struct rival *rival = ctx;
    (void)old;
    rival->turns++;
    assert_ok(brisk_memcached_set(rival->client, T("visitors"), T("0"), NULL, NULL));
    return brisk_view_copy(out, T("1"));
}

static void who_is_always_overtaken_gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct rival rival = {client_of(&server), 0};
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.timeout_ms = 300;
    uint64_t began_ms = now_ms();

    enum brisk_status status = brisk_memcached_update(
        rival.client, T("visitors"), be_overtaken, &rival, &call, NULL);

    assert_that(
        status == BRISK_CONFLICT || status == BRISK_ERR_TIMEOUT, "%s", brisk_status_name(status));
    assert_true(rival.turns > 1);
    assert_true(now_ms() - began_ms < 2000);
    brisk_memcached_close(rival.client);
    server_end(&server);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(sixty_four_threads_in_four_processes_lose_no_visitor),
    cmocka_unit_test(while_a_server_stalls_the_count_is_between_ok_and_ok_plus_unknown),
    cmocka_unit_test(after_a_restart_the_count_begins_anew_and_loses_nobody),
    cmocka_unit_test(what_the_function_answers_ends_the_update),
    cmocka_unit_test(who_is_always_overtaken_gives_up_when_the_time_is_over))
