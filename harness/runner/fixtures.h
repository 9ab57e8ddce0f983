/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_FIXTURES_H
#define BK_RUNNER_FIXTURES_H

#include <brisk/fixture.h>

enum {
    BK_TEST_FIXTURES = 32, /* of one test */
};

/* The fixtures of one test, in the process that keeps it. */
struct bk_test_fixtures {
    struct brisk_fixture *all[BK_TEST_FIXTURES];
    size_t count;
};

struct bk_test_needs {
    const char *const *specs; /* FIXTURE[:NAME][=PARAMETER,...] */
    size_t count;
    const char *words; /* the same, with blanks between; NULL: none */
};

static inline bool bk_test_needs_any(const struct bk_test_needs *needs)
{
    return needs->count > 0 || needs->words != NULL;
}

/*
 * Starts what is needed, each spec once. Answers as brisk_fixture_start, but BRISK_ERR_INVALID for
 * a fixture that there is no file of: a test that can never have it must not be skipped for ever.
 * The log of one that fails is written to `log_fd`. Ends early when `line` can be read.
 */
enum brisk_status bk_test_fixtures_start(
    struct bk_test_fixtures *fixtures, const struct bk_test_needs *needs, int line, int log_fd,
    struct brisk_error *error);

/* Sets the variables that `brisk run` sets. */
void bk_test_fixtures_export(const struct bk_test_fixtures *fixtures);

/* The last lines of each log, and which daemons have ended. */
void bk_test_fixtures_write_logs(const struct bk_test_fixtures *fixtures, int log_fd);

void bk_test_fixtures_stop(struct bk_test_fixtures *fixtures);

#endif
