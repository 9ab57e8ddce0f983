/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_PROGRAM_H
#define BK_RUNNER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brisk/runner.h>

/* A test and what is known of it. The strings are its own. */
struct bk_result {
    char *group;
    char *test;          /* "": the program as a whole */
    char *needs;         /* fixtures, as the hook named them; NULL: none */
    size_t group_number; /* for the hook */
    size_t test_number;
    enum brisk_runner_outcome outcome;
    unsigned int attempts;
    uint64_t duration_ns;
    char *reason; /* NULL: none */
    char *output; /* NULL: none */
    size_t output_length;
    char *logs; /* of its fixtures; NULL: none */
    size_t logs_length;
};

/* A program and its tests, in their order. */
struct bk_program {
    char *path;
    const char *name; /* within the path */
    bool has_hook;
    struct bk_result *results;
    size_t result_count;
    size_t result_capacity;
};

/* BRISK_ERR_INVALID: no executable file; the error says why. For _free also if it failed. */
enum brisk_status
bk_program_init(struct bk_program *program, const char *path, struct brisk_error *error);
void bk_program_free(struct bk_program *program);

/* A new one at the end, NULL if there is no memory; valid until the next. */
struct bk_result *bk_program_add(struct bk_program *program, const char *group, const char *test);

/* `count` results from `first` on are dropped. */
void bk_program_drop(struct bk_program *program, size_t first, size_t count);

/*
 * Adds the tests that the program's hook has named in `reply`. BRISK_ERR_CORRUPT: that is no
 * answer of the hook.
 */
enum brisk_status
bk_program_read_list(struct bk_program *program, const char *reply, size_t length);

/* How many tests failed, as the hook has told at the test's end; -1: it has not. */
long bk_program_read_end(const char *reply, size_t length);

static inline bool bk_is_failure(enum brisk_runner_outcome outcome)
{
    return outcome >= BRISK_RUNNER_FAILED;
}

/* As the callbacks and reports see it. */
struct brisk_runner_result
bk_program_show(const struct bk_program *program, const struct bk_result *result);

#endif
