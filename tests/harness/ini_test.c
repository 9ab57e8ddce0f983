/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/ini.h"

#include "tests/support/brisk_test.h"

static enum brisk_status
parse(struct bk_ini *ini, struct bk_pool *pool, const char *text, struct brisk_error *error)
{
    return bk_ini_parse(ini, pool, "f.ini", text, strlen(text), error);
}

static void entries_keep_their_order_and_places(void **state)
{
    (void)state;
    struct bk_pool pool = {0};
    struct bk_ini ini;

    assert_ok(
        parse(&ini, &pool, "[ a b ]\nkey = value  \nkey=other\r\n# a comment\n[c]\n\nd =", NULL));

    assert_size(ini.count, 3);
    assert_string_equal(ini.entries[0].section, "a b");
    assert_string_equal(ini.entries[0].value, "value");
    assert_u64(ini.entries[0].line, 2);
    assert_u64(ini.entries[0].value_column, 7);
    assert_string_equal(ini.entries[1].value, "other");
    assert_u64(ini.entries[1].value_column, 5);
    assert_string_equal(ini.entries[2].section, "c");
    assert_u64(ini.entries[2].section_line, 5);
    assert_string_equal(ini.entries[2].value, "");
    bk_pool_free(&pool);
}

static void a_value_goes_on_in_lines_that_begin_with_a_blank(void **state)
{
    (void)state;
    struct bk_pool pool = {0};
    struct bk_ini ini;

    assert_ok(parse(&ini, &pool, "[a]\nk = 1\n  2 2\n\t# no\n\n\t3\nl =\n x\n", NULL));

    assert_size(ini.count, 2);
    assert_string_equal(ini.entries[0].value, "1 2 2 3");
    assert_string_equal(ini.entries[1].value, "x");
    bk_pool_free(&pool);
}

static void what_is_wrong_is_said_with_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"k = v\n", "f.ini:1:1: a key before the first [section]"},
        {"[a]\nnonsense\n", "f.ini:2:1: neither [section] nor key = value"},
        {"[a]\n= v\n", "f.ini:2:1: there is no key before ="},
        {"\n[a\n", "f.ini:2:3: a section ends with ]"},
        {"[  ]\n", "f.ini:1:2: the section has no name"},
        {"[a]\n  x\n", "f.ini:2:3: a line that begins with a blank goes on with nothing"},
        {"[a]\nk = v\n[b]\n x\n",
         "f.ini:4:2: a line that begins with a blank goes on with nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bk_pool pool = {0};
        struct bk_ini ini;
        struct brisk_error error = {0};

        assert_status(parse(&ini, &pool, rows[i].text, &error), BRISK_ERR_INVALID);

        assert_string_equal(error.message, rows[i].message);
        bk_pool_free(&pool);
    }
}

static void a_zero_byte_is_refused(void **state)
{
    (void)state;
    struct bk_pool pool = {0};
    struct bk_ini ini;
    struct brisk_error error = {0};

    assert_status(bk_ini_parse(&ini, &pool, "f", "[a]\nk = \0", 10, &error), BRISK_ERR_INVALID);

    assert_string_equal(error.message, "f:2:5: a zero byte");
    bk_pool_free(&pool);
}

static void there_are_at_most_ten_thousand_entries(void **state)
{
    (void)state;
    struct bk_pool pool = {0};
    struct bk_ini ini;
    struct brisk_error error = {0};
    size_t length = 4 + 4 * 10001;
    char *text = malloc(length);
    assert_non_null(text);
    memcpy(text, "[a]\n", 4);
    for (size_t i = 0; i < 10001; i++)
        memcpy(text + 4 + 4 * i, "k=v\n", 4);

    assert_ok(bk_ini_parse(&ini, &pool, "f", text, length - 4, &error));
    assert_size(ini.count, 10000);
    assert_status(bk_ini_parse(&ini, &pool, "f", text, length, &error), BRISK_ERR_INVALID);

    bk_pool_free(&pool);
    free(text);
}

static void parse_once(bool is_failing, void *ctx)
{
    (void)ctx;
    struct bk_pool pool = {0};
    struct bk_ini ini;
    static char text[8192];
    strcpy(text, "[a]\n");
    for (int i = 0; i < 300; i++)
        strcat(text, "key = value\n");

    enum brisk_status status = parse(&ini, &pool, text, NULL);

    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    bk_pool_free(&pool);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for_each_allocation_failure(parse_once, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(entries_keep_their_order_and_places),
    cmocka_unit_test(a_value_goes_on_in_lines_that_begin_with_a_blank),
    cmocka_unit_test(what_is_wrong_is_said_with_line_and_column),
    cmocka_unit_test(a_zero_byte_is_refused),
    cmocka_unit_test(there_are_at_most_ten_thousand_entries),
    cmocka_unit_test(every_allocation_may_fail))
