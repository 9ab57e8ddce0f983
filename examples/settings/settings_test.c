/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the settings do when their server fails, each way for real: the server is a memcached that
 * only this test has, on a port of its own, so such tests run in parallel.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <brisk/fixture.h>

#include "examples/settings/settings.h"

BRISK_FIXTURE_GROUP(server, "memcached", "memory=16");

static int fresh_server(void **state)
{
    (void)state;
    if (server == NULL)
        return 0;
    if (brisk_fixture_state(server, NULL) != BRISK_FIXTURE_RUNNING)
        return brisk_fixture_restart(server, NULL);
    return brisk_fixture_reset(server, NULL);
}

static struct settings the_settings(void)
{
    if (server == NULL)
        skip(); /* memcached is not installed */
    return (struct settings){brisk_fixture_host(server), brisk_fixture_port(server)};
}

static void store(const struct settings *settings)
{
    assert_int_equal(settings_store(settings, "colour", "dark blue"), SETTINGS_OK);
}

static void expect(const struct settings *settings, enum settings_answer answer, const char *text)
{
    char value[SETTINGS_VALUE_BYTES + 1];
    assert_int_equal(settings_retrieve(settings, "colour", value), answer);
    assert_string_equal(value, text);
}

static void what_is_stored_is_retrieved(void **state)
{
    (void)state;
    struct settings settings = the_settings();

    store(&settings);

    expect(&settings, SETTINGS_OK, "dark blue");
}

static void a_server_that_was_never_started_is_told(void **state)
{
    (void)state;
    struct settings settings = {"127.0.0.1", 123};

    assert_int_equal(settings_store(&settings, "colour", "dark blue"), SETTINGS_NO_SERVER);
    expect(&settings, SETTINGS_NO_SERVER, "");
}

static void a_server_that_ends_after_the_store_is_told(void **state)
{
    (void)state;
    struct settings settings = the_settings();
    store(&settings);

    assert_int_equal(brisk_fixture_kill(server, SIGKILL, NULL), BRISK_OK);

    expect(&settings, SETTINGS_NO_SERVER, "");
}

static void a_server_that_restarts_after_the_store_has_lost_it(void **state)
{
    (void)state;
    struct settings settings = the_settings();
    store(&settings);

    assert_int_equal(brisk_fixture_restart(server, NULL), BRISK_OK);

    expect(&settings, SETTINGS_LOST, "");
    store(&settings);
    expect(&settings, SETTINGS_OK, "dark blue");
}

static void a_server_that_hangs_is_told(void **state)
{
    (void)state;
    struct settings settings = the_settings();
    store(&settings);

    assert_int_equal(brisk_fixture_pause(server, NULL), BRISK_OK);

    expect(&settings, SETTINGS_NO_SERVER, "");
    assert_int_equal(brisk_fixture_resume(server, NULL), BRISK_OK);
    expect(&settings, SETTINGS_OK, "dark blue");
}

static void a_name_that_would_be_a_command_is_refused(void **state)
{
    (void)state;
    struct settings settings = the_settings();

    assert_int_equal(settings_store(&settings, "a\r\nflush_all", "x"), SETTINGS_NO_SETTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_stored_is_retrieved, fresh_server),
        cmocka_unit_test_setup(a_server_that_was_never_started_is_told, fresh_server),
        cmocka_unit_test_setup(a_server_that_ends_after_the_store_is_told, fresh_server),
        cmocka_unit_test_setup(a_server_that_restarts_after_the_store_has_lost_it, fresh_server),
        cmocka_unit_test_setup(a_server_that_hangs_is_told, fresh_server),
        cmocka_unit_test_setup(a_name_that_would_be_a_command_is_refused, fresh_server)};
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
