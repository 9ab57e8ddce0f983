/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that need the daemon of bad.ini, with the words of NEEDY; those of the last group need
 * none. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
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

/* A line in the file SICK_PIDS. */
static void tell_daemon(void)
{
    FILE *file = fopen(getenv("SICK_PIDS"), "a");
    assert_non_null(file);
    fprintf(file, "%s\n", getenv("BRISK_BAD_PID"));
    fclose(file);
}

static void ask_daemon(void)
{
    char answer[5] = "";
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = inet_addr(getenv("BRISK_BAD_HOST"));
    address.sin_port = htons((uint16_t)atoi(getenv("BRISK_BAD_PORT")));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, "ping\n", 5), 5);
    assert_int_equal(recv(fd, answer, 4, MSG_WAITALL), 4);
    assert_string_equal(answer, "ping");
    close(fd);
}

static void it_asks_its_daemon(void **state)
{
    (void)state;
    ask_daemon();
    tell_daemon();
}

static void it_asks_its_daemon_too(void **state)
{
    it_asks_its_daemon(state);
}

static void it_fails_with_a_daemon(void **state)
{
    (void)state;
    fail_msg("and now the log");
}

static void it_kills_its_daemon(void **state)
{
    (void)state;
    pid_t daemon = (pid_t)atoi(getenv("BRISK_BAD_PID"));
    kill(daemon, SIGKILL);
    while (kill(daemon, 0) == 0) /* until it has been waited for, and so is known to be dead */
        usleep(100);
    fail_msg("the daemon is dead");
}

static void it_hangs_with_a_daemon(void **state)
{
    (void)state;
    tell_daemon();
    for (;;)
        pause();
}

static void it_has_no_daemon(void **state)
{
    (void)state;
    assert_null(getenv("BRISK_BAD_PORT"));
}

int main(void)
{
    static const struct CMUnitTest needy[] = {
        cmocka_unit_test(it_asks_its_daemon),     cmocka_unit_test(it_asks_its_daemon_too),
        cmocka_unit_test(it_fails_with_a_daemon), cmocka_unit_test(it_kills_its_daemon),
        cmocka_unit_test(it_hangs_with_a_daemon),
    };
    static const struct CMUnitTest modest[] = {cmocka_unit_test(it_has_no_daemon)};
    const char *needs = getenv("NEEDY");
    brisk_test_needs(needs != NULL ? needs : "bad=a=line=hello");
    int failures = brisk_run_group_tests(needy, NULL, NULL);
    brisk_test_needs(NULL);
    return failures + brisk_run_group_tests(modest, NULL, NULL);
}
