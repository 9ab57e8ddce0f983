/* SPDX-License-Identifier: Apache-2.0 */
/* The reports, letter by letter; whether other programs can read them is runner_reports' to say. */
#include "harness/runner/report.h"
#include "tests/support/brisk_test.h"

static char *text_of(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

static void
add(struct bk_program *program, const char *test, enum brisk_runner_outcome outcome,
    const char *reason, const char *output)
{
    struct bk_result *result = bk_program_add(program, "group", test);
    assert_non_null(result);
    result->outcome = outcome;
    result->attempts = 1;
    result->duration_ns = 1500000;
    result->reason = reason == NULL ? NULL : text_of(reason);
    result->output = output == NULL ? NULL : text_of(output);
    result->output_length = output == NULL ? 0 : strlen(output);
}

static void fill(struct bk_program *program)
{
    assert_ok(bk_program_init(program, "/bin/true", NULL));
    add(program, "passes", BRISK_RUNNER_PASSED, NULL, NULL);
    add(program, "is not run", BRISK_RUNNER_NOT_RUN, NULL, NULL);
    add(program, "skips #1", BRISK_RUNNER_SKIPPED, "no # daemon", "no # daemon\n");
    add(program, "fails\n\\", BRISK_RUNNER_FAILED, "\"a\" < 'b'", "one\n<two> & \033\xff");
    add(program, "", BRISK_RUNNER_CRASHED, "killed", "");
    add(program, "hangs", BRISK_RUNNER_TIMED_OUT, "no result", NULL);
    add(program, "flickers", BRISK_RUNNER_PASSED, NULL, NULL);
    program->results[6].attempts = 3;
    program->results[5].logs = text_of("[log of x]\n<1>\n");
    program->results[5].logs_length = strlen("[log of x]\n<1>\n");
}

static void
assert_written(void (*write)(FILE *, const struct bk_report *), bool is_cut_short, const char *want)
{
    struct bk_program program;
    fill(&program);
    struct bk_report report = {&program, 1, is_cut_short};
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);

    write(file, &report);

    fclose(file);
    assert_string_equal(text, want);
    free(text);
    bk_program_free(&program);
}

static void tap_is_written_letter_by_letter(void **state)
{
    (void)state;
    assert_written(
        bk_tap_write, true,
        "TAP version 13\n1..6\n"
        "ok 1 - true:passes\n"
        "ok 2 - true:skips \\#1 # SKIP no \\# daemon\n"
        "not ok 3 - true:fails \\\\\n"
        "  ---\n  message: \"\\\"a\\\" < 'b'\"\n  duration_ms: 1.500\n  ...\n"
        "# one\n# <two> & \xef\xbf\xbd\xef\xbf\xbd\n"
        "not ok 4 - true\n"
        "  ---\n  message: \"killed\"\n  duration_ms: 1.500\n  ...\n"
        "not ok 5 - true:hangs\n"
        "  ---\n  message: \"no result\"\n  duration_ms: 1.500\n  ...\n"
        "# [log of x]\n# <1>\n"
        "ok 6 - true:flickers\n# passed at attempt 3\n"
        "Bail out! the run was stopped\n");
}

static void junit_is_written_letter_by_letter(void **state)
{
    (void)state;
    assert_written(
        bk_junit_write, false,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"brisk test\" tests=\"6\" failures=\"1\" errors=\"2\" skipped=\"1\" "
        "time=\"0.010500\">\n"
        "  <testsuite name=\"true\" tests=\"6\" failures=\"1\" errors=\"2\" skipped=\"1\" "
        "time=\"0.010500\">\n"
        "    <testcase classname=\"true.group\" name=\"passes\" time=\"0.001500\"/>\n"
        "    <testcase classname=\"true.group\" name=\"skips #1\" time=\"0.001500\">\n"
        "      <skipped message=\"no # daemon\"/>\n"
        "    </testcase>\n"
        "    <testcase classname=\"true.group\" name=\"fails&#10;\\\" time=\"0.001500\">\n"
        "      <failure type=\"failed\" message=\"&quot;a&quot; &lt; 'b'\">one\n"
        "&lt;two&gt; &amp; \xef\xbf\xbd\xef\xbf\xbd</failure>\n"
        "    </testcase>\n"
        "    <testcase classname=\"true.group\" name=\"true\" time=\"0.001500\">\n"
        "      <error type=\"crashed\" message=\"killed\"></error>\n"
        "    </testcase>\n"
        "    <testcase classname=\"true.group\" name=\"hangs\" time=\"0.001500\">\n"
        "      <error type=\"timed out\" message=\"no result\"></error>\n"
        "      <system-err>[log of x]\n&lt;1&gt;\n</system-err>\n"
        "    </testcase>\n"
        "    <testcase classname=\"true.group\" name=\"flickers\" time=\"0.001500\">\n"
        "      <system-out>passed at attempt 3</system-out>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
}

static void characters_that_no_xml_may_have_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        bool is_kept;
    } rows[] = {
        {"a", 1, true},
        {"\n", 1, true},
        {"\t", 1, true},
        {"\r", 1, false},
        {"\x7f", 1, false},
        {"\x01", 1, false},
        {"\xc3\xa9", 2, true},
        {"\xc3", 1, false},
        {"\xed\xa0\x80", 1, false},
        {"\xef\xbf\xbd", 3, true},
        {"\xef\xbf\xbe", 3, false},
        {"\xef\xbf\xbf", 3, false},
        {"\xf0\x9f\x98\x80", 4, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length;
        const char *character = bk_report_character(rows[i].text, &length);
        assert_that(length == rows[i].length, "row %zu: length %zu", i, length);
        assert_that((character == rows[i].text) == rows[i].is_kept, "row %zu", i);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(tap_is_written_letter_by_letter),
    cmocka_unit_test(junit_is_written_letter_by_letter),
    cmocka_unit_test(characters_that_no_xml_may_have_are_replaced))
