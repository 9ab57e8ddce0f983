/* SPDX-License-Identifier: Apache-2.0 */
/* Tests against a real memcached, for `brisk test`: each has one of its own, on a free port. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <brisk/test.h>

static int connect_to_memcached(void **state)
{
    struct addrinfo *address;
    const char *host = getenv("BRISK_MEMCACHED_HOST"), *port = getenv("BRISK_MEMCACHED_PORT");
    if (host == NULL || getaddrinfo(host, port, NULL, &address) != 0)
        return -1; /* run by hand, without brisk run memcached */
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    int failed = connect(fd, address->ai_addr, address->ai_addrlen);
    freeaddrinfo(address);
    *state = fdopen(fd, "r");
    return failed;
}

static int disconnect(void **state)
{
    return fclose(*state);
}

static void assert_answer(FILE *memcached, const char *request, const char *wanted)
{
    char answer[64] = "";
    dprintf(fileno(memcached), "%s\r\n", request);
    assert_non_null(fgets(answer, sizeof answer, memcached));
    answer[strcspn(answer, "\r")] = '\0';
    assert_string_equal(answer, wanted);
}

static void a_counter_that_was_never_set_is_not_found(void **state)
{
    assert_answer(*state, "incr visits 1", "NOT_FOUND");
}

static void a_visit_is_counted(void **state)
{
    assert_answer(*state, "add visits 0 0 2\r\n42", "STORED");
    assert_answer(*state, "incr visits 1", "43");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visit_is_counted),
        cmocka_unit_test(a_counter_that_was_never_set_is_not_found),
    };
    brisk_test_needs("memcached");
    return brisk_run_group_tests(tests, connect_to_memcached, disconnect);
}
