/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUBJECT_SUPPORT_H
#define TESTS_SUBJECT_SUPPORT_H

#include <sys/types.h>

#include <brisk/dump.h>

#include "tests/support/brisk_test.h"

/* A program of subject.c that runs: build SUBJECT_PLAIN, _STATIC, ... */
struct subject {
    pid_t pid;
    int out; /* what it writes */
    int in;  /* what it reads */
};

/* Starts it and waits until `ready` lines "ready" came. Fails the test otherwise. */
struct subject subject_start(const char *program, const char *mode, int count, int ready);

/* Ends it; the status of waitpid. */
int subject_stop(struct subject *subject);

/* The state of its first thread, as in /proc/PID/stat. */
char subject_state(const struct subject *subject);

/* Waits until it is in one of `states`; false after 30 s. */
bool subject_wait_for_state(const struct subject *subject, const char *states);

/*
 * Whether thread `index` has these functions, NULL at the end, innermost first, with any others
 * before, but none between them.
 */
bool has_chain(const struct brisk_dump *dump, size_t index, const char *const *functions);

/* Prints the thread's stack to stderr, for a test that fails. */
void show_stack(const struct brisk_dump *dump, size_t index);

#endif
