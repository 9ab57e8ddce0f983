/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_address.h"
#include "tests/support/brisk_test.h"

static void an_address_is_printed_as_it_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned int port;
        bool is_unix;
    } table[] = {
        {"127.0.0.1:11211", 11211, false}, {"127.77.1.2:0", 0, false}, {"[::1]:80", 80, false},
        {"0.0.0.0:65535", 65535, false},   {"/var/x", 0, true},        {"./x:1", 0, true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bk_address address;
        char text[BK_ADDRESS_TEXT];

        assert_ok(bk_address_read(&address, table[i].text, NULL));
        bk_address_print(&address, text);

        assert_string_equal(text, table[i].text);
        assert_u64(bk_address_port(&address), table[i].port);
        assert_int_equal(bk_address_is_unix(&address), table[i].is_unix);
    }
}

static void what_is_no_address_is_refused_with_what_to_write(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "localhost:1",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:-1",
                                        ":1",
                                        "[::1]",
                                        "[::1:1",
                                        "[]:1",
                                        "1.2.3.4.5:6",
                                        "1.2.3.4:5 ",
                                        "file-without-a-slash"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bk_address address;
        struct brisk_error error = {.message = ""};
        assert_status(bk_address_read(&address, texts[i], &error), BRISK_ERR_INVALID);
        assert_non_null(strstr(error.message, "write 127.0.0.1:PORT"));
    }
}

static void a_path_that_is_too_long_for_a_socket_is_refused(void **state)
{
    (void)state;
    char path[200];
    struct bk_address address;
    struct brisk_error error;
    memset(path, '/', sizeof path);

    path[107] = '\0';
    assert_ok(bk_address_read(&address, path, NULL));
    assert_string_equal(bk_address_path(&address), path);
    path[107] = '/';
    path[108] = '\0';
    assert_status(bk_address_read(&address, path, &error), BRISK_ERR_INVALID);

    assert_string_equal(
        error.message, "the path of a socket has at most 107 bytes, not 108; use a shorter folder");
}

BRISK_TEST_MAIN(
    cmocka_unit_test(an_address_is_printed_as_it_is_written),
    cmocka_unit_test(what_is_no_address_is_refused_with_what_to_write),
    cmocka_unit_test(a_path_that_is_too_long_for_a_socket_is_refused))
