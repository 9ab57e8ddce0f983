/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/cmocka_lines.h"
#include "tests/support/brisk_test.h"

/* What the reader told: "+test" started, "=test" passed, and so on; the text apart. */
struct told {
    char events[2048];
    char text[BK_CMOCKA_LINE * 4];
    size_t text_length;
};

static void on_event(enum bk_cmocka_event event, const char *name, void *ctx)
{
    static const char letters[] = {
        [BK_CMOCKA_GROUP_STARTED] = '{',
        [BK_CMOCKA_TEST_STARTED] = '+',
        [BK_CMOCKA_TEST_PASSED] = '=',
        [BK_CMOCKA_TEST_FAILED] = '!',
        [BK_CMOCKA_TEST_SKIPPED] = '-',
        [BK_CMOCKA_GROUP_SETUP_FAILED] = '<',
        [BK_CMOCKA_GROUP_TEARDOWN_FAILED] = '>',
        [BK_CMOCKA_GROUP_ENDED] = '}',
        [BK_CMOCKA_MESSAGE] = '#',
        [BK_CMOCKA_PLACE] = '@',
    };
    struct told *told = ctx;
    size_t used = strlen(told->events);
    snprintf(
        told->events + used, sizeof told->events - used, "%s%c%s", used == 0 ? "" : " ",
        letters[event], name);
}

static void on_text(const char *data, size_t length, void *ctx)
{
    struct told *told = ctx;
    assert_true(told->text_length + length < sizeof told->text);
    memcpy(told->text + told->text_length, data, length);
    told->text_length += length;
    told->text[told->text_length] = '\0';
}

/* In pieces of `piece` bytes. */
static struct told *read_all(const char *data, size_t length, size_t piece)
{
    static struct told told;
    static struct bk_cmocka_lines lines;
    memset(&told, 0, sizeof told);
    struct bk_cmocka_handler handler = {on_event, on_text, &told};
    bk_cmocka_lines_init(&lines, handler);
    for (size_t at = 0; at < length; at += piece)
        bk_cmocka_lines_feed(&lines, data + at, at + piece > length ? length - at : piece);
    bk_cmocka_lines_finish(&lines);
    return &told;
}

static const struct {
    const char *what;
    const char *output;
    const char *events;
    const char *text;
} rows[] = {
    {"a group that passes",
     "[==========] Running 1 test(s).\n[ RUN      ] a\n[       OK ] a\n"
     "[==========] 1 test(s) run.\n[  PASSED  ] 1 test(s).\n",
     "{1 +a =a }", ""},
    {"a group of version 1.1.7",
     "[==========] group: Running 12 test(s).\n[==========] group: 12 test(s) run.\n", "{12 }", ""},
    {"a failure and its summary",
     "[==========] Running 1 test(s).\n[ RUN      ] a b\n[  ERROR   ] --- 0x1 != 0x2\n"
     "[   LINE   ] --- x.c:10: error: Failure!\n[  FAILED  ] a b\n"
     "[==========] 1 test(s) run.\n[  PASSED  ] 0 test(s).\n"
     "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] a b\n\n 1 FAILED TEST(S)\n",
     "{1 +a b #0x1 != 0x2 @x.c:10 !a b }",
     "[  ERROR   ] --- 0x1 != 0x2\n[   LINE   ] --- x.c:10: error: Failure!\n"},
    {"a message of fail_msg",
     "[ RUN      ] a\nERROR: why\n[  ERROR   ] --- [   LINE   ] --- x.c:9: error: Failure!\n"
     "[  FAILED  ] a\n",
     "+a #why @x.c:9 !a", "ERROR: why\n[  ERROR   ] --- [   LINE   ] --- x.c:9: error: Failure!\n"},
    {"a failed setup", "[ RUN      ] a\nCould not run test: Test setup failed\n[  ERROR   ] a\n",
     "+a #Test setup failed !a", "Could not run test: Test setup failed\n"},
    {"failed fixtures of a group",
     "[  FAILED  ] GROUP SETUP\n[  ERROR   ] tests\nwords[  FAILED  ] GROUP TEARDOWN\n"
     "[  ERROR   ] tests\n",
     "< >", "words"},
    {"text around the messages",
     "start[==========] Running 1 test(s).\nbefore[ RUN      ] a\nin\nside[  SKIPPED ] a\n"
     "after\nend[==========] 1 test(s) run.\nlast\n",
     "{1 +a -a }", "startbeforein\nsideafter\nendlast\n"},
    {"messages of other tests within a test",
     "[ RUN      ] a\n[ RUN      ] b\n[       OK ] b\n[       OK ] ab\n[  FAILED  ] \n"
     "[==========] 1 test(s) run.\n[       OK ] a\n",
     "+a =a",
     "[ RUN      ] b\n[       OK ] b\n[       OK ] ab\n[  FAILED  ] \n"
     "[==========] 1 test(s) run.\n"},
    {"an end without a result", "[ RUN      ] a\nwords", "+a", "words"},
    {"a result without a newline", "[ RUN      ] a\n[       OK ] a", "+a =a", ""},
    {"a name with spaces and brackets", "[ RUN      ] [ a ]  b \n[  FAILED  ] [ a ]  b \n",
     "+[ a ]  b  ![ a ]  b ", ""},
    {"no messages at all", "a\n\nb\n", "", "a\n\nb\n"},
    {"what looks like a summary without a group", "[  PASSED  ] 1 test(s).\n", "",
     "[  PASSED  ] 1 test(s).\n"},
};

static void messages_are_told_from_text_in_pieces_of_any_length(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 1; piece < 70; piece++) {
            struct told *told = read_all(rows[i].output, strlen(rows[i].output), piece);
            assert_that(
                strcmp(told->events, rows[i].events) == 0, "%s by %zu: events '%s'", rows[i].what,
                piece, told->events);
            assert_that(
                strcmp(told->text, rows[i].text) == 0, "%s by %zu: text '%s'", rows[i].what, piece,
                told->text);
        }
    }
}

static void a_result_is_found_after_text_of_any_length(void **state)
{
    (void)state;
    static char data[BK_CMOCKA_LINE * 3];

    for (size_t length = BK_CMOCKA_LINE - 40; length < BK_CMOCKA_LINE * 2 + 40; length++) {
        strcpy(data, "[ RUN      ] a\n");
        size_t used = strlen(data);
        memset(data + used, '.', length);
        strcpy(data + used + length, "[       OK ] a\n");
        struct told *told = read_all(data, strlen(data), 1000);
        assert_string_equal(told->events, "+a =a");
        assert_size(told->text_length, length);
    }
}

static void zero_bytes_are_text(void **state)
{
    (void)state;
    static const char data[] = "[ RUN      ] a\n\0[       OK ] a\nb\0\n[       OK ] a\n";

    struct told *told = read_all(data, sizeof data - 1, 7);

    assert_string_equal(told->events, "+a =a");
    assert_size(told->text_length, strlen("[       OK ] a\nb\n") + 2);
}

static void a_name_that_is_too_long_is_text(void **state)
{
    (void)state;
    static char data[BK_CMOCKA_NAME * 2];
    strcpy(data, "[ RUN      ] ");
    memset(data + strlen(data), 'n', BK_CMOCKA_NAME);
    strcat(data, "\n");

    struct told *told = read_all(data, strlen(data), 100);

    assert_string_equal(told->events, "");
    assert_size(told->text_length, strlen(data));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(messages_are_told_from_text_in_pieces_of_any_length),
    cmocka_unit_test(a_result_is_found_after_text_of_any_length),
    cmocka_unit_test(zero_bytes_are_text), cmocka_unit_test(a_name_that_is_too_long_is_text))
