/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/expand.h"

#include "tests/support/brisk_test.h"

static struct bk_variables variables(struct bk_pool *pool)
{
    struct bk_variables made = {0};
    assert_true(bk_variables_set(&made, pool, "a", "1"));
    assert_true(bk_variables_set(&made, pool, "b", "x y"));
    assert_true(bk_variables_set(&made, pool, "ab", "long"));
    return made;
}

static void names_become_values(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expanded;
    } rows[] = {
        {"", ""},          {"plain", "plain"},  {"${a}", "1"},    {"<${a}${b}>", "<1x y>"},
        {"${ab}", "long"}, {"$$HOME", "$HOME"}, {"$a $", "$a $"}, {"$${a}", "${a}"},
        {"${none}!", "!"}, {"$$${a}$$", "$1$"},
    };
    struct bk_pool pool = {0};
    struct bk_variables known = variables(&pool);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(bk_expand(&pool, &known, rows[i].text), rows[i].expanded);
    bk_pool_free(&pool);
}

static void a_name_that_is_set_again_has_the_new_value(void **state)
{
    (void)state;
    struct bk_pool pool = {0};
    struct bk_variables known = {0};
    char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        assert_true(bk_variables_set(&known, &pool, names[i], "old"));
    }

    assert_true(bk_variables_set(&known, &pool, "n7", "new"));

    assert_size(known.count, 100);
    assert_string_equal(bk_variables_get(&known, "n7"), "new");
    assert_string_equal(bk_variables_get(&known, "n99"), "old");
    assert_null(bk_variables_get(&known, "n100"));
    bk_pool_free(&pool);
}

static void a_command_line_is_split_before_it_is_expanded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words; /* with | between */
    } rows[] = {
        {"a b  c", "a|b|c"},
        {" a\tb ", "a|b"},
        {"'a b' \"c d\"", "a b|c d"},
        {"a''b", "ab"},
        {"'' x", "|x"},
        {"\\  \\'", " |'"},
        {"'\\'", "\\"},
        {"\"\\\"\"", "\""},
        {"${b} z", "x y|z"},
        {"--x='${b}'", "--x=x y"},
        {"", ""},
    };
    struct bk_pool pool = {0};
    struct bk_variables known = variables(&pool);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bk_words words = {0};
        char joined[64] = "";

        assert_true(bk_words_add(&words, &pool, &known, rows[i].text));

        for (size_t k = 0; k < words.count; k++) {
            strcat(joined, k > 0 ? "|" : "");
            strcat(joined, words.words[k]);
        }
        assert_string_equal(joined, rows[i].words);
        assert_true(bk_words_are_closed(rows[i].text));
    }
    bk_pool_free(&pool);
}

static void quotes_that_are_not_closed_are_seen(void **state)
{
    (void)state;
    static const char *const texts[] = {"'", "a \"b", "\\", "'a\\", "\"a\\\""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_that(!bk_words_are_closed(texts[i]), "%s", texts[i]);
}

static void escapes_become_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
        size_t length;
    } rows[] = {
        {"a\\r\\n", "a\r\n", 3},
        {"\\x00\\xfF!", "\0\xff!", 3},
        {"\\0\\t\\\\", "\0\t\\", 3},
        {"\\q\\x1\\", "\\q\\x1\\", 6},
        {"", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        strcpy(text, rows[i].text);

        size_t length = bk_unescape(text);

        assert_bytes(brisk_bytes_of(text, length), brisk_bytes_of(rows[i].bytes, rows[i].length));
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(names_become_values),
    cmocka_unit_test(a_name_that_is_set_again_has_the_new_value),
    cmocka_unit_test(a_command_line_is_split_before_it_is_expanded),
    cmocka_unit_test(quotes_that_are_not_closed_are_seen), cmocka_unit_test(escapes_become_bytes))
