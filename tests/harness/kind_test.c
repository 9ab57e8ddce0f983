/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/kind.h"

#include <signal.h>

#include "tests/support/brisk_test.h"

#define LEAST "[fixture]\nname = x\nexec = x ${port}\n"

static enum brisk_status
parse(struct bk_kind *kind, const char *text, const char *settings, struct brisk_error *error)
{
    return bk_kind_parse(kind, "f.ini", text, strlen(text), settings, error);
}

static void what_is_unknown_is_an_error_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *settings, *message;
    } rows[] = {
        {LEAST "[redy]\nlog = x\n", NULL, "f.ini:4:2: there is no section [redy]"},
        {LEAST "[ready]\nlgo = x\n", NULL, "f.ini:5:1: [ready] has no key 'lgo'"},
        {LEAST "arg = a ${prot}\n", NULL, "f.ini:4:9: ${prot} is neither built in nor in [param]"},
        {LEAST "arg = ${port.peer}\n", NULL,
         "f.ini:4:7: ${port.peer} is neither built in nor in [param]"},
        {LEAST "arg = ${redis.port}\n", NULL,
         "f.ini:4:7: ${redis.port} is neither built in nor in [param]"},
        {LEAST "arg = ${port\n", NULL, "f.ini:4:7: arg = ${port: ${ without its }"},
        {LEAST "arg = 'a\n", NULL, "f.ini:4:7: arg = 'a: a quote is not closed"},
        {LEAST "[ready]\ntimeout = 0\n", NULL,
         "f.ini:5:11: timeout = 0: no duration like 500ms, 10s or 2min"},
        {LEAST "[ready]\nnotify = true\n", NULL, "f.ini:5:10: notify = true: not yes or no"},
        {LEAST "[stop]\nsignal = 9\n", NULL,
         "f.ini:5:10: signal = 9: no signal like TERM, INT or KILL"},
        {LEAST "[ready]\nping = mysql\n", NULL,
         "f.ini:5:8: ping = mysql: the one built-in ping is postgresql"},
        {LEAST "[ready if x]\nlog = a\n", NULL, "f.ini:4:2: 'x' of [ready if x] is not in [param]"},
        {LEAST "[ready if]\nlog = a\n", NULL, "f.ini:4:2: [ready if] is not [NAME if PARAMETER]"},
        {LEAST "[ready when a]\nlog = a\n", NULL,
         "f.ini:4:2: [ready when a] is not [NAME if PARAMETER]"},
        {LEAST "[file]\nline = a\n", NULL,
         "f.ini:4:2: [file NAME] has a name behind it, and no other section has"},
        {"[fixture]\nname = x\n", NULL, "f.ini:1:1: [fixture] needs the keys name and exec"},
        {LEAST "[param]\na = 1\n", "b=2", "f.ini has no parameter 'b'; it has port, proxy, a"},
        {LEAST, "port=0", "port=0 is not 1 to 65535"},
        {LEAST, "port=x", "port=x is not 1 to 65535"},
        {LEAST, "port=65536", "port=65536 is not 1 to 65535"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bk_kind kind;
        struct brisk_error error = {0};

        enum brisk_status status = parse(&kind, rows[i].text, rows[i].settings, &error);

        assert_status(status, BRISK_ERR_INVALID);
        assert_string_equal(error.message, rows[i].message);
        bk_kind_free(&kind);
    }
}

static void a_section_with_a_condition_counts_if_its_parameter_is_set(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *log;
    } rows[] = {{NULL, "plain"},
                {"secret=x", "secret"},
                {"secret=", "plain"},
                {"secret=no", "plain"},
                {"secret", "secret"},
                {"mode=fast", "fast"},
                {"mode=fast,secret=x", "fast"}};
    static const char text[] = LEAST "[param]\nsecret =\nmode = slow\n"
                                     "[ready if secret]\nlog = secret\n"
                                     "[ready unless secret]\nlog = plain\n"
                                     "[ready if mode=fast]\nlog = fast\n";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bk_kind kind;
        assert_ok(parse(&kind, text, rows[i].settings, NULL));

        assert_string_equal(bk_kind_get(&kind, "ready", "log", ""), rows[i].log);
        bk_kind_free(&kind);
    }
}

static void values_have_their_forms(void **state)
{
    (void)state;
    struct bk_kind kind;

    assert_ok(parse(
        &kind,
        LEAST "ports = peer other\narg = ${port.peer} ${port.other}\n"
              "[ready]\ntimeout = 1500ms\nnotify = yes\n[init]\ntimeout = 2min\n"
              "[reset]\ntimeout = 3\n[stop]\nsignal = QUIT\n[file a.conf]\nline = 1\n",
        NULL, NULL));

    assert_u64(bk_kind_duration_ms(&kind, "ready", "timeout", 1), 1500);
    assert_u64(bk_kind_duration_ms(&kind, "init", "timeout", 1), 120000);
    assert_u64(bk_kind_duration_ms(&kind, "reset", "timeout", 1), 3000);
    assert_u64(bk_kind_duration_ms(&kind, "stop", "grace", 7), 7);
    assert_true(bk_kind_is(&kind, "ready", "notify"));
    assert_i64(bk_signal_number(bk_kind_get(&kind, "stop", "signal", "")), SIGQUIT);
    size_t cursor = 0;
    assert_string_equal(
        bk_kind_argument(&kind, bk_kind_next(&kind, "file", "line", &cursor)), "a.conf");
    bk_kind_free(&kind);
}

static void a_file_that_cannot_be_read_is_said_with_its_reason(void **state)
{
    (void)state;
    struct bk_kind kind;
    struct brisk_error error = {0};

    assert_status(bk_kind_load(&kind, "/etc/no_such.ini", NULL, &error), BRISK_ERR_UNSUPPORTED);
    assert_string_equal(error.message, "fixture file /etc/no_such.ini: No such file or directory");
    bk_kind_free(&kind);

    assert_status(bk_kind_load(&kind, "/", NULL, &error), BRISK_ERR_SYSTEM);
    assert_string_equal(error.message, "fixture file /: Is a directory");
    bk_kind_free(&kind);
}

static void parse_once(bool is_failing, void *ctx)
{
    (void)ctx;
    struct bk_kind kind;

    enum brisk_status status = bk_kind_load(&kind, TEST_FIXTURES "/redis.ini", "password=x", NULL);

    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    bk_kind_free(&kind);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for_each_allocation_failure(parse_once, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(what_is_unknown_is_an_error_with_its_place),
    cmocka_unit_test(a_section_with_a_condition_counts_if_its_parameter_is_set),
    cmocka_unit_test(values_have_their_forms),
    cmocka_unit_test(a_file_that_cannot_be_read_is_said_with_its_reason),
    cmocka_unit_test(every_allocation_may_fail))
