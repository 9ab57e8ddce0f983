/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_FIXTURE_H
#define BK_FIXTURE_H

#include <brisk/fixture.h>

#include "harness/expand.h"
#include "harness/kind.h"
#include "harness/message.h"

enum {
    BK_FIXTURE_NEEDS = 8,
    BK_FIXTURE_TRAFFIC_BYTES = 2048,
};

struct brisk_fixture {
    struct bk_pool pool;
    struct bk_variables facts; /* what the guard said of it */
    uint16_t port;
    pid_t pid;
    bool is_running;

    int socket_fd;   /* to the guard */
    pid_t guard_pid; /* our child; 0: somebody else's */
    int guard_fd;    /* a pidfd of it, or -1 */
    pid_t process;   /* that has this pointer from start or attach, and not by fork */

    char traffic[BK_FIXTURE_TRAFFIC_BYTES]; /* as the guard last said, in lines */

    struct brisk_fixture *needed[BK_FIXTURE_NEEDS]; /* started for this one alone */
    size_t needed_count;
};

/* All zero but for descriptors; NULL with NOMEM. */
struct brisk_fixture *bk_fixture_new(struct brisk_error *error);
/* Closes and frees; what runs runs on. */
void bk_fixture_free(struct brisk_fixture *fixture);

/* Starts the guard and sends it the message; what it answers is for bk_fixture_finish. */
enum brisk_status bk_fixture_begin(
    struct brisk_fixture *fixture, const struct bk_message *order, struct brisk_error *error);
/* Waits until the fixture is ready. After a failure there is no guard. */
enum brisk_status bk_fixture_finish(
    struct brisk_fixture *fixture, const struct brisk_fixture_options *options,
    struct brisk_error *error);

/* Sends one verb with an argument, or NULL, and takes the facts of the answer. */
enum brisk_status bk_fixture_ask(
    struct brisk_fixture *fixture, const char *verb, const char *argument,
    struct brisk_error *error);

/*
 * Closes the socket, which ends the fixture, and waits until the guard is gone. False if it was
 * killed.
 */
bool bk_fixture_abandon(struct brisk_fixture *fixture);

/* "" if the guard did not say. */
const char *bk_fixture_fact(const struct brisk_fixture *fixture, const char *name);

#endif
