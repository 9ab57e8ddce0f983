/* SPDX-License-Identifier: Apache-2.0 */
/* What a fixture promises, with a daemon that misbehaves as it is told. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/tree.h"
#include "tests/harness/fixture_support.h"

static void a_fixture_answers_when_start_returns_and_is_gone_when_stop_does(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);
    uint16_t port = brisk_fixture_port(fixture);

    assert_true(ask(port, "hello\n", "hello"));
    assert_i64(kill(brisk_fixture_pid(fixture), 0), 0);
    assert_ok(brisk_fixture_stop(fixture, NULL));

    assert_false(can_connect(port));
    assert_u64(count_processes(), 0);
    assert_u64(count_folders(), 0);
}

static void its_facts_are_consistent(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);
    char url[64], address[64], path[128];
    snprintf(url, sizeof url, "bad://127.0.0.1:%u", brisk_fixture_port(fixture));
    snprintf(address, sizeof address, "127.0.0.1:%u", brisk_fixture_port(fixture));
    snprintf(path, sizeof path, "%s/data", brisk_fixture_dir(fixture));

    assert_string_equal(brisk_fixture_name(fixture), "bad");
    assert_string_equal(brisk_fixture_kind_name(fixture), "bad");
    assert_string_equal(brisk_fixture_url(fixture), url);
    assert_string_equal(brisk_fixture_host(fixture), "127.0.0.1");
    assert_string_equal(brisk_fixture_variable(fixture, "BAD_ADDRESS"), address);
    assert_null(brisk_fixture_variable(fixture, "OTHER"));
    assert_i64(access(path, X_OK), 0);
    assert_i64(access(brisk_fixture_log(fixture), R_OK), 0);
    assert_i64(brisk_fixture_state(fixture, NULL), BRISK_FIXTURE_RUNNING);
    brisk_fixture_stop(fixture, NULL);
}

static bool join_variable(const char *name, const char *value, void *text)
{
    size_t used = strlen(text);
    if (strstr(name, "QUOTES") == NULL && strstr(name, "PID") == NULL)
        snprintf((char *)text + used, 1024 - used, "%s=%s\n", name, value);
    return true;
}

static void variables_have_the_prefix_and_the_name_in_capitals(void **state)
{
    (void)state;
    char got[1024] = "", want[1024];
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.name = "my-bad.1";
    struct brisk_fixture *fixture = brisk_fixture_start("bad", &options, NULL);
    assert_non_null(fixture);

    assert_ok(brisk_fixture_each_variable(fixture, "PRE", false, join_variable, got));

    unsigned int port = brisk_fixture_port(fixture);
    const char *folder = brisk_fixture_dir(fixture);
    snprintf(
        want, sizeof want,
        "PRE_MY_BAD_1_URL=bad://127.0.0.1:%u\nPRE_MY_BAD_1_HOST=127.0.0.1\n"
        "PRE_MY_BAD_1_PORT=%u\nPRE_MY_BAD_1_DIR=%s\nBAD_ADDRESS=127.0.0.1:%u\n",
        port, port, folder, port);
    assert_string_equal(got, want);
    brisk_fixture_stop(fixture, NULL);
}

static void pifpaf_variables_are_those_of_its_drivers(void **state)
{
    (void)state;
    char got[1024] = "", want[1024];
    struct brisk_fixture *fixture = start("bad", NULL);

    assert_ok(brisk_fixture_each_variable(fixture, "PIFPAF", true, join_variable, got));

    unsigned int port = brisk_fixture_port(fixture);
    snprintf(
        want, sizeof want,
        "PIFPAF_DAEMON=bad\nPIFPAF_DATA=%s\nPIFPAF_URL=bad://127.0.0.1:%u\n"
        "PIFPAF_BAD_URL=bad://127.0.0.1:%u\nPIFPAF_BAD_PORT=%u\n",
        brisk_fixture_dir(fixture), port, port, port);
    assert_string_equal(got, want);
    brisk_fixture_stop(fixture, NULL);
}

static void a_restart_keeps_the_port_the_folder_and_the_variables(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);
    uint16_t port = brisk_fixture_port(fixture);
    pid_t pid = brisk_fixture_pid(fixture);
    const char *url = brisk_fixture_url(fixture);
    char path[128];
    snprintf(path, sizeof path, "%s/data/file", brisk_fixture_dir(fixture));
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

    assert_ok(brisk_fixture_restart(fixture, NULL));

    assert_u64(brisk_fixture_port(fixture), port);
    assert_ptr_equal(brisk_fixture_url(fixture), url);
    assert_true(brisk_fixture_pid(fixture) != pid);
    assert_i64(access(path, F_OK), 0);
    assert_true(ask(port, "x", "x"));
    brisk_fixture_stop(fixture, NULL);
}

static void a_killed_daemon_is_away_until_it_is_restarted(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);
    uint16_t port = brisk_fixture_port(fixture);
    struct brisk_error error;

    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));

    assert_false(can_connect(port));
    assert_i64(brisk_fixture_state(fixture, NULL), BRISK_FIXTURE_ENDED);
    assert_status(brisk_fixture_kill(fixture, SIGKILL, &error), BRISK_ERR_INVALID);
    assert_string_equal(error.message, "bad does not run; restart starts it");
    assert_status(brisk_fixture_pause(fixture, NULL), BRISK_ERR_INVALID);
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, "x", "x"));
    brisk_fixture_stop(fixture, NULL);
}

static void a_signal_that_is_ignored_is_a_timeout(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", "a=stubborn");
    struct brisk_error error;

    assert_status(brisk_fixture_kill(fixture, SIGTERM, &error), BRISK_ERR_TIMEOUT);

    assert_string_equal(error.message, "bad still runs 300 ms after signal 15");
    assert_true(ask(brisk_fixture_port(fixture), "x", "x"));
    brisk_fixture_stop(fixture, NULL);
}

static void a_polite_stop_of_a_stubborn_daemon_becomes_a_kill(void **state)
{
    (void)state;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = "a=stubborn";
    options.is_polite = true;
    options.stop_timeout_ms = 50;
    struct brisk_fixture *fixture = brisk_fixture_start("bad", &options, NULL);
    assert_non_null(fixture);
    uint64_t start_ns = now_ns();

    assert_ok(brisk_fixture_stop(fixture, NULL));

    assert_true(now_ns() - start_ns >= 50000000);
    assert_u64(count_processes(), 0);
}

static void a_paused_daemon_accepts_and_is_silent_until_it_is_resumed(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", "a=clone");
    uint16_t port = brisk_fixture_port(fixture);

    assert_ok(brisk_fixture_pause(fixture, NULL));

    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)brisk_fixture_pid(fixture));
    read_text(path, text, sizeof text);
    assert_non_null(strstr(text, ") T "));
    assert_true(can_connect(port));
    assert_i64(brisk_fixture_state(fixture, NULL), BRISK_FIXTURE_PAUSED);
    assert_ok(brisk_fixture_resume(fixture, NULL));
    assert_true(ask(port, "x", "x"));
    assert_i64(brisk_fixture_state(fixture, NULL), BRISK_FIXTURE_RUNNING);
    brisk_fixture_stop(fixture, NULL);
}

static void a_paused_daemon_can_be_killed_restarted_and_stopped(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", "signal=term");

    assert_ok(brisk_fixture_pause(fixture, NULL));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_ok(brisk_fixture_pause(fixture, NULL));
    assert_ok(brisk_fixture_kill(fixture, SIGTERM, NULL));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_ok(brisk_fixture_pause(fixture, NULL));
    assert_ok(brisk_fixture_stop(fixture, NULL));

    assert_u64(count_processes(), 0);
}

static void a_reset_is_what_the_file_says(void **state)
{
    (void)state;
    struct brisk_error error;
    struct brisk_fixture *fixture = start("bad", NULL);
    assert_ok(brisk_fixture_reset(fixture, NULL));
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    assert_status(brisk_fixture_reset(fixture, &error), BRISK_ERR_UNREACHABLE);
    brisk_fixture_stop(fixture, NULL);

    fixture = start("bad", "reset=no");
    assert_status(brisk_fixture_reset(fixture, &error), BRISK_ERR_UNSUPPORTED);
    assert_string_equal(error.message, "bad has no [reset]; a restart may do");
    brisk_fixture_stop(fixture, NULL);
}

static void a_fixture_that_needs_another_gets_its_address(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("needing", NULL);

    assert_true(ask(brisk_fixture_port(fixture), "x", "x"));
    assert_u64(count_folders(), 2);
    char text[512];
    read_text(brisk_fixture_log(fixture), text, sizeof text);
    assert_non_null(strstr(text, "127.0.0.1\n"));
    assert_ok(brisk_fixture_stop(fixture, NULL));

    assert_u64(count_folders(), 0);
}

static void fixtures_of_one_call_are_shared_by_those_that_need_them(void **state)
{
    (void)state;
    struct brisk_fixture_request requests[] = {{"needing", NULL}, {"bad", NULL}};
    struct brisk_fixture *fixtures[2];

    assert_ok(brisk_fixture_start_all(requests, 2, fixtures, NULL));

    assert_u64(count_folders(), 2);
    char text[512], port[16];
    read_text(brisk_fixture_log(fixtures[0]), text, sizeof text);
    snprintf(port, sizeof port, " %u\n", brisk_fixture_port(fixtures[1]));
    assert_non_null(strstr(text, port));
    brisk_fixture_stop(fixtures[0], NULL);
    brisk_fixture_stop(fixtures[1], NULL);
}

static void if_one_of_several_fails_none_is_left(void **state)
{
    (void)state;
    struct brisk_fixture_options fails = brisk_fixture_options_default();
    fails.parameters = "a=exit=4";
    struct brisk_fixture_request requests[] = {{"bad", NULL}, {"bad", &fails}, {"bad", NULL}};
    struct brisk_fixture *fixtures[3];
    struct brisk_error error;

    assert_status(brisk_fixture_start_all(requests, 3, fixtures, &error), BRISK_ERR_UNREACHABLE);

    assert_string_equal(error.message, "bad ended with status 4");
    for (size_t i = 0; i < 3; i++)
        assert_null(fixtures[i]);
    assert_u64(count_folders(), 0);
}

static void several_start_at_the_same_time(void **state)
{
    (void)state;
    struct brisk_fixture_options late = brisk_fixture_options_default();
    late.parameters = "a=late=400";
    struct brisk_fixture_request requests[] = {{"bad", &late}, {"bad", &late}, {"bad", &late}};
    struct brisk_fixture *fixtures[3];
    uint64_t start_ns = now_ns();

    assert_ok(brisk_fixture_start_all(requests, 3, fixtures, NULL));

    assert_true(now_ns() - start_ns < 1100000000);
    for (size_t i = 0; i < 3; i++)
        brisk_fixture_stop(fixtures[i], NULL);
}

static void a_log_line_counts_also_before_the_notification(void **state)
{
    (void)state;
    brisk_fixture_stop(start("telling", NULL), NULL);
}

static bool cancel_after(void *calls)
{
    return --*(int *)calls < 0;
}

static void a_start_that_is_called_off_leaves_nothing(void **state)
{
    (void)state;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    struct brisk_error error;
    int calls = 3;
    options.parameters = "a=late=60000";
    options.cancel = cancel_after;
    options.ctx = &calls;

    assert_null(brisk_fixture_start("bad", &options, &error));

    assert_status(error.status, BRISK_ERR_CANCELLED);
    assert_u64(count_folders(), 0);
    assert_u64(count_processes(), 0);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a/b", "a=b", "a:b", "a,b"};
    struct brisk_fixture_options options = brisk_fixture_options_default();
    struct brisk_error error;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        options.name = names[i];
        assert_null(brisk_fixture_start("bad", &options, &error));
        assert_status(error.status, BRISK_ERR_INVALID);
    }

    options = brisk_fixture_options_default();
    options.isolation = (enum brisk_fixture_isolation)3;
    assert_null(brisk_fixture_start("bad", &options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
    options = brisk_fixture_options_default();
    options.size = 8;
    assert_null(brisk_fixture_start("bad", &options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
}

static void what_there_is_not_is_unsupported(void **state)
{
    (void)state;

    assert_non_null(strstr(
        start_failing("no_such", NULL, BRISK_ERR_UNSUPPORTED),
        "there is no fixture 'no_such'; brisk list"));
    start_failing("/etc/no_such.ini", NULL, BRISK_ERR_UNSUPPORTED);
    setenv("PATH", "/nowhere", 1);
    const char *message = start_failing("bad", NULL, BRISK_ERR_UNSUPPORTED);
    assert_string_equal(message, "bad: there is no program bad_daemon");
}

static void what_a_script_would_start_is_looked_for_first(void **state)
{
    (void)state;
    const char *message = start_failing("requiring", NULL, BRISK_ERR_UNSUPPORTED);
    assert_string_equal(
        message, "requiring is not installed: there is no no_such_program | nor_this; "
                 "apt-get install no-such-package");
}

static void a_kept_folder_stays_and_is_nobodys(void **state)
{
    (void)state;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.keep_directory = true;
    struct brisk_fixture *fixture = brisk_fixture_start("bad", &options, NULL);
    assert_non_null(fixture);
    char kept[128];
    size_t removed;
    snprintf(kept, sizeof kept, "%s.kept", brisk_fixture_dir(fixture));

    assert_ok(brisk_fixture_stop(fixture, NULL));

    assert_ok(brisk_fixture_collect(&removed, NULL));
    assert_size(removed, 0);
    assert_i64(access(kept, F_OK), 0);
    assert_i64(bk_tree_remove(kept), 0);
}

static void a_template_is_made_once(void **state)
{
    (void)state;
    char count_path[64], path[128], text[64];
    snprintf(count_path, sizeof count_path, "%s/count", ground.root);
    setenv("COUNT_FILE", count_path, 1);
    for (int i = 0; i < 3; i++) {
        struct brisk_fixture *fixture = start("templated", NULL);
        snprintf(path, sizeof path, "%s/data/made", brisk_fixture_dir(fixture));
        read_text(path, text, sizeof text);
        assert_string_equal(text, "hello\n");
        brisk_fixture_stop(fixture, NULL);
    }
    read_text(count_path, text, sizeof text);
    assert_string_equal(text, "x\n");

    struct brisk_fixture *fixture = start("templated", "text=other");

    snprintf(path, sizeof path, "%s/data/made", brisk_fixture_dir(fixture));
    read_text(path, text, sizeof text);
    assert_string_equal(text, "other\n");
    brisk_fixture_stop(fixture, NULL);
    unsetenv("COUNT_FILE");
}

static enum brisk_status start_templated(unsigned int index, void *ctx)
{
    (void)index;
    (void)ctx;
    struct brisk_fixture *fixture = brisk_fixture_start("templated", NULL, NULL);
    return fixture == NULL ? BRISK_ERR_SYSTEM : brisk_fixture_stop(fixture, NULL);
}

static void threads_start_fixtures_and_make_one_template(void **state)
{
    (void)state;
    char count_path[64], text[64];
    snprintf(count_path, sizeof count_path, "%s/count", ground.root);
    setenv("COUNT_FILE", count_path, 1);

    run_threads(8, start_templated, NULL);

    read_text(count_path, text, sizeof text);
    assert_string_equal(text, "x\n");
    unsetenv("COUNT_FILE");
}

static int stop_in_child(const void *fixture)
{
    struct brisk_error error;
    struct brisk_fixture *inherited = *(struct brisk_fixture *const *)fixture;
    child_expect(ask(brisk_fixture_port(inherited), "x", "x"));
    child_expect(brisk_fixture_restart(inherited, &error) == BRISK_ERR_INVALID);
    child_expect(brisk_fixture_stop(inherited, NULL) == BRISK_OK);
    return 0;
}

static void a_forked_child_may_use_it_and_not_end_it(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);

    run_in_child(stop_in_child, &fixture);

    assert_true(ask(brisk_fixture_port(fixture), "x", "x"));
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_caller_that_waits_for_all_its_children_does_no_harm(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    struct brisk_fixture *fixture = start("bad", NULL);
    assert_ok(brisk_fixture_stop(fixture, NULL));
    signal(SIGCHLD, SIG_DFL);

    assert_u64(count_processes(), 0);
}

static void attached_fixtures_are_found_by_name_and_folder(void **state)
{
    (void)state;
    struct brisk_error error;
    struct brisk_fixture *fixture = start("bad", NULL);
    uint16_t port = brisk_fixture_port(fixture);

    struct brisk_fixture *other = brisk_fixture_attach("bad", &error);
    assert_non_null(other);
    assert_u64(brisk_fixture_port(other), port);
    assert_ok(brisk_fixture_restart(other, NULL));
    brisk_fixture_detach(other);
    other = brisk_fixture_attach(brisk_fixture_dir(fixture), &error);
    assert_non_null(other);
    assert_ok(brisk_fixture_stop(other, NULL));

    assert_status(brisk_fixture_reset(fixture, &error), BRISK_ERR_UNREACHABLE);
    assert_string_equal(error.message, "bad has been stopped by somebody else");
    assert_null(brisk_fixture_attach("bad", &error));
    assert_status(error.status, BRISK_MISS);
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void a_name_that_two_have_is_refused(void **state)
{
    (void)state;
    struct brisk_error error;
    struct brisk_fixture *one = start("bad", NULL), *two = start("bad", NULL);

    assert_null(brisk_fixture_attach("bad", &error));

    assert_status(error.status, BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, brisk_fixture_dir(one)));
    assert_non_null(strstr(error.message, brisk_fixture_dir(two)));
    brisk_fixture_stop(one, NULL);
    brisk_fixture_stop(two, NULL);
}

static bool count_one(const char *folder, void *count)
{
    (void)folder;
    (*(unsigned int *)count)++;
    return true;
}

static void running_fixtures_are_listed(void **state)
{
    (void)state;
    unsigned int count = 0;
    struct brisk_fixture *one = start("bad", NULL), *two = start("bad", NULL);

    assert_ok(brisk_fixture_each_running(count_one, &count, NULL));

    assert_u64(count, 2);
    brisk_fixture_stop(one, NULL);
    brisk_fixture_stop(two, NULL);
}

static void start_and_stop(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_error error = {0};
    struct brisk_fixture *fixture = brisk_fixture_start("bad", NULL, &error);
    assert_that(
        fixture != NULL || (is_failing && error.status == BRISK_ERR_NOMEM), "%s: %s",
        brisk_status_name(error.status), error.message);
    if (fixture == NULL)
        return;
    brisk_fixture_stop(fixture, &error);
    assert_u64(count_processes(), 0);
}

static void every_allocation_of_a_start_may_fail(void **state)
{
    (void)state;
    for_each_allocation_failure(start_and_stop, NULL);
}

static void list_all(bool is_failing, void *ctx)
{
    struct brisk_error error = {0};
    unsigned int count = 0;
    struct brisk_fixture *attached = brisk_fixture_attach("bad", &error);
    assert_true(attached != NULL || (is_failing && error.status == BRISK_ERR_NOMEM));
    brisk_fixture_detach(attached);
    enum brisk_status status = brisk_fixture_each_running(count_one, &count, &error);
    assert_true(status == BRISK_OK);
    (void)ctx;
}

static void every_allocation_of_a_search_may_fail(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", NULL);
    for_each_allocation_failure(list_all, NULL);
    brisk_fixture_stop(fixture, NULL);
}

BRISK_FIXTURE_GROUP(group_server, "bad", "a=whoami");

static void a_group_of_tests_has_its_fixture(void **state)
{
    assert_i64(group_server_setup(state), 0);
    assert_true(ask(brisk_fixture_port(group_server), "x", "x"));
    assert_i64(group_server_teardown(state), 0);
    assert_null(group_server);
}

BRISK_TEST_MAIN(
    on_ground(a_fixture_answers_when_start_returns_and_is_gone_when_stop_does),
    on_ground(its_facts_are_consistent),
    on_ground(variables_have_the_prefix_and_the_name_in_capitals),
    on_ground(pifpaf_variables_are_those_of_its_drivers),
    on_ground(a_restart_keeps_the_port_the_folder_and_the_variables),
    on_ground(a_killed_daemon_is_away_until_it_is_restarted),
    on_ground(a_signal_that_is_ignored_is_a_timeout),
    on_ground(a_polite_stop_of_a_stubborn_daemon_becomes_a_kill),
    on_ground(a_paused_daemon_accepts_and_is_silent_until_it_is_resumed),
    on_ground(a_paused_daemon_can_be_killed_restarted_and_stopped),
    on_ground(a_reset_is_what_the_file_says),
    on_ground(a_fixture_that_needs_another_gets_its_address),
    on_ground(fixtures_of_one_call_are_shared_by_those_that_need_them),
    on_ground(if_one_of_several_fails_none_is_left), on_ground(several_start_at_the_same_time),
    on_ground(a_start_that_is_called_off_leaves_nothing), on_ground(wrong_options_are_refused),
    on_ground(what_there_is_not_is_unsupported),
    on_ground(what_a_script_would_start_is_looked_for_first),
    on_ground(a_kept_folder_stays_and_is_nobodys), on_ground(a_template_is_made_once),
    on_ground(a_log_line_counts_also_before_the_notification),
    on_ground(threads_start_fixtures_and_make_one_template),
    on_ground(a_forked_child_may_use_it_and_not_end_it),
    on_ground(a_caller_that_waits_for_all_its_children_does_no_harm),
    on_ground(attached_fixtures_are_found_by_name_and_folder),
    on_ground(a_name_that_two_have_is_refused), on_ground(running_fixtures_are_listed),
    on_ground(every_allocation_of_a_start_may_fail),
    on_ground(every_allocation_of_a_search_may_fail), on_ground(a_group_of_tests_has_its_fixture))
