/* SPDX-License-Identifier: Apache-2.0 */
/* The daemons of Debian that scripts/check installs, in their own protocols. */
#include <signal.h>
#include <unistd.h>

#include "harness/tree.h"
#include "tests/harness/fixture_support.h"

/* What each of them must do; `store` and `lookup` are talks with the daemon. */
struct daemon {
    const char *name, *parameters;
    const char *store, *stored;
    const char *lookup, *found, *absent;
};

static const struct daemon memcached = {"memcached",  "memory=16", "set k 0 0 1\r\nv\r\n",
                                        "STORED\r\n", "get k\r\n", "VALUE k 0 1\r\nv\r\nEND\r\n",
                                        "END\r\n"};
static const struct daemon redis = {"redis",     NULL,          "SET k v\r\n", "+OK\r\n",
                                    "GET k\r\n", "$1\r\nv\r\n", "$-1\r\n"};
static const struct daemon saved_redis = {"redis",     "save",        "SET k v\r\n", "+OK\r\n",
                                          "GET k\r\n", "$1\r\nv\r\n", "$-1\r\n"};
static const struct daemon locked_redis = {
    "redis",          "password=secret",          "AUTH secret\r\nSET k v\r\n",
    "+OK\r\n+OK\r\n", "AUTH secret\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n",
    "+OK\r\n$-1\r\n"};

static void store(const struct daemon *daemon, const struct brisk_fixture *fixture)
{
    uint16_t port = brisk_fixture_port(fixture);
    assert_true(ask(port, daemon->store, daemon->stored));
    assert_true(ask(port, daemon->lookup, daemon->found));
}

static void live_through_all(const struct daemon *daemon, bool keeps_data)
{
    need_daemon(daemon->name);
    struct brisk_fixture *fixture = start(daemon->name, daemon->parameters);
    uint16_t port = brisk_fixture_port(fixture);
    store(daemon, fixture);

    assert_ok(brisk_fixture_reset(fixture, NULL));
    assert_true(ask(port, daemon->lookup, daemon->absent));

    store(daemon, fixture);
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, daemon->lookup, keeps_data ? daemon->found : daemon->absent));

    assert_ok(brisk_fixture_pause(fixture, NULL));
    assert_ok(brisk_fixture_resume(fixture, NULL));
    store(daemon, fixture);
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    assert_false(can_connect(port));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, daemon->lookup, keeps_data ? daemon->found : daemon->absent));

    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_false(can_connect(port));
    assert_u64(count_processes(), 0);
}

static void memcached_lives_through_all(void **state)
{
    (void)state;
    live_through_all(&memcached, false);
}

static void redis_lives_through_all(void **state)
{
    (void)state;
    live_through_all(&redis, false);
}

static void redis_keeps_data_if_told_so(void **state)
{
    (void)state;
    live_through_all(&saved_redis, true);
}

static void redis_has_a_password_if_told_so(void **state)
{
    (void)state;
    live_through_all(&locked_redis, false);
    struct brisk_fixture *fixture = start("redis", "password=secret");
    assert_true(ask(brisk_fixture_port(fixture), "GET k\r\n", "-NOAUTH"));
    assert_non_null(strstr(brisk_fixture_url(fixture), "redis://:secret@127.0.0.1:"));
    brisk_fixture_stop(fixture, NULL);
}

/* Runs psql; its output must be `want`. */
static void query(const struct brisk_fixture *fixture, const char *sql, const char *want)
{
    char command[512], got[256];
    snprintf(
        command, sizeof command, "psql -X -q -A -t -c \"%s\" '%s' 2>&1", sql,
        brisk_fixture_url(fixture));
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    size_t length = fread(got, 1, sizeof got - 1, pipe);
    pclose(pipe);
    got[length] = '\0';
    assert_string_equal(got, want);
}

static void postgresql_lives_through_all(void **state)
{
    (void)state;
    need_daemon("postgresql");
    struct brisk_fixture *fixture = start("postgresql", NULL);
    char port[16];
    snprintf(port, sizeof port, "%u", brisk_fixture_port(fixture));
    assert_string_equal(brisk_fixture_variable(fixture, "PGPORT"), port);
    query(fixture, "create table t (x int); insert into t values (42); select x from t", "42\n");

    assert_ok(brisk_fixture_restart(fixture, NULL));
    query(fixture, "select x from t", "42\n");
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    query(fixture, "select x from t", "42\n");

    assert_ok(brisk_fixture_reset(fixture, NULL));
    query(fixture, "select count(*) from pg_tables where schemaname = 'public'", "0\n");
    assert_ok(brisk_fixture_pause(fixture, NULL));
    assert_ok(brisk_fixture_resume(fixture, NULL));
    query(fixture, "select 1", "1\n");

    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

static void postgresql_starts_from_its_template(void **state)
{
    (void)state;
    need_daemon("postgresql");
    brisk_fixture_stop(start("postgresql", NULL), NULL);
    uint64_t start_ns = now_ns();

    struct brisk_fixture *fixture = start("postgresql", NULL);

    print_message("from its template: %u ms\n", (unsigned int)((now_ns() - start_ns) / 1000000));
    char log[8192];
    read_text(brisk_fixture_log(fixture), log, sizeof log);
    assert_null(strstr(log, "initdb"));
    assert_null(strstr(log, "creating"));
    query(fixture, "select 1", "1\n");
    brisk_fixture_stop(fixture, NULL);
}

static void without_isolation_they_run_as_well(void **state)
{
    (void)state;
    static const char *const names[] = {"memcached", "redis", "postgresql"};
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.isolation = BRISK_FIXTURE_ISOLATION_NONE;
    for (size_t i = 0; i < 3; i++) {
        struct brisk_error error = {0};
        need_daemon(names[i]);
        struct brisk_fixture *fixture = brisk_fixture_start(names[i], &options, &error);
        assert_that(fixture != NULL, "%s: %s", names[i], error.message);
        assert_true(can_connect(brisk_fixture_port(fixture)));
        assert_ok(brisk_fixture_stop(fixture, NULL));
        assert_u64(count_processes(), 0);
    }
}

static void a_polite_stop_is_one(void **state)
{
    (void)state;
    need_daemon("redis");
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.is_polite = true;
    options.keep_directory = true;
    struct brisk_fixture *fixture = brisk_fixture_start("redis", &options, NULL);
    assert_non_null(fixture);
    char path[128], log[8192];
    snprintf(path, sizeof path, "%s.kept/log", brisk_fixture_dir(fixture));

    assert_ok(brisk_fixture_stop(fixture, NULL));

    read_text(path, log, sizeof log);
    assert_non_null(strstr(log, "Redis is now ready to exit, bye bye"));
    *strrchr(path, '/') = '\0';
    assert_i64(bk_tree_remove(path), 0);
}

static void three_of_a_kind_and_others_start_together(void **state)
{
    (void)state;
    struct brisk_fixture_request requests[] = {
        {"memcached", NULL},
        {"redis", NULL},
        {"postgresql", NULL},
        {"memcached", NULL},
        {"memcached", NULL}};
    struct brisk_fixture *fixtures[5];
    struct brisk_error error = {0};
    for (size_t i = 0; i < 3; i++)
        need_daemon(requests[i].name);

    enum brisk_status status = brisk_fixture_start_all(requests, 5, fixtures, &error);

    assert_that(status == BRISK_OK, "%s", error.message);
    for (size_t i = 0; i < 5; i++)
        brisk_fixture_stop(fixtures[i], NULL);
}

BRISK_TEST_MAIN(
    on_ground(memcached_lives_through_all), on_ground(redis_lives_through_all),
    on_ground(redis_keeps_data_if_told_so), on_ground(redis_has_a_password_if_told_so),
    on_ground(postgresql_lives_through_all), on_ground(postgresql_starts_from_its_template),
    on_ground(without_isolation_they_run_as_well), on_ground(a_polite_stop_is_one),
    on_ground(three_of_a_kind_and_others_start_together))
