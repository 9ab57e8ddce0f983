/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIXTURE_SUPPORT_H
#define FIXTURE_SUPPORT_H

#include <brisk/fixture.h>

#include "tests/support/brisk_test.h"

/*
 * A folder for fixtures, a cache and the test's own files that nobody else uses, so that whatever
 * is there, and every process that knows of it, is this test's. The environment is set so that
 * fixtures find the guard of this build, bad_daemon and tests/harness/fixtures.
 */
struct ground {
    char root[40];
    char run[64];
    char cache[64];
};
extern struct ground ground;

/* For cmocka, as setup and teardown of each test; the latter asserts that nothing is left. */
int enter_ground(void **state);
int leave_ground(void **state);
#define on_ground(test) cmocka_unit_test_setup_teardown(test, enter_ground, leave_ground)

/* The processes that belong to fixtures of this ground: guards, daemons and what they started. */
unsigned int count_processes(void);
/* The folders of fixtures, also such as are not locked. */
unsigned int count_folders(void);
/* Until there are none of either, or `limit_ms` is over; whether there are none. */
bool wait_until_nothing_is_left(unsigned int limit_ms);
uint64_t now_ns(void);

/* Start with parameters, and NULL or no error expected; asserts that it succeeds. */
struct brisk_fixture *start(const char *name, const char *parameters);
/* Asserts that it fails with that status; the message. */
const char *start_failing(const char *name, const char *parameters, enum brisk_status status);

/* Connects to the port of 127.0.0.1, sends `text`, and whether `answer` comes back within 5 s. */
bool ask(uint16_t port, const char *text, const char *answer);
/* Whether somebody accepts connections there. */
bool can_connect(uint16_t port);
/* A listener on the port, or any if it is 0, that belongs to this test; *port is its number. */
int listen_on(uint16_t *port);

/* The whole file, cut at `room`; "" if there is none. */
void read_text(const char *path, char *text, size_t room);
/* Skips the test if the daemon is not installed. */
void need_daemon(const char *name);

#endif
