/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_CMOCKA_LINES_H
#define BK_RUNNER_CMOCKA_LINES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Tells cmocka's messages from what the tests print, which stands in the same stream, also on the
 * same line: a text without a newline comes right before "[       OK ] test". A result counts
 * only if it is that of the test that runs, at the end of a line, so that tests may print
 * messages of other programs. Reads what cmocka 1.1.5 to 1.1.7 print.
 */
enum bk_cmocka_event {
    BK_CMOCKA_GROUP_STARTED, /* `name` is the line's number of tests, as digits */
    BK_CMOCKA_TEST_STARTED,
    BK_CMOCKA_TEST_PASSED,
    BK_CMOCKA_TEST_FAILED, /* also by its setup or teardown */
    BK_CMOCKA_TEST_SKIPPED,
    BK_CMOCKA_GROUP_SETUP_FAILED,
    BK_CMOCKA_GROUP_TEARDOWN_FAILED,
    BK_CMOCKA_GROUP_ENDED,
    BK_CMOCKA_MESSAGE, /* `name` is why the test that runs fails; also comes as text */
    BK_CMOCKA_PLACE,   /* `name` is where: "file:line" */
};

struct bk_cmocka_handler {
    /* `name` is terminated by a zero byte and valid for the call. */
    void (*event)(enum bk_cmocka_event event, const char *name, void *ctx);
    /* All but the messages that say when something starts and ends. */
    void (*text)(const char *data, size_t length, void *ctx);
    void *ctx;
};

enum {
    BK_CMOCKA_LINE = 4096, /* longer ones are text but for their end */
    BK_CMOCKA_NAME = 1024, /* of a test; a longer one is not recognized */
};

struct bk_cmocka_lines {
    struct bk_cmocka_handler handler;
    bool is_running; /* a test */
    bool is_summary; /* after a group's end, where failed tests are named again */
    size_t length;
    char name[BK_CMOCKA_NAME]; /* of the test that runs */
    char line[BK_CMOCKA_LINE + 1];
};

void bk_cmocka_lines_init(struct bk_cmocka_lines *lines, struct bk_cmocka_handler handler);
void bk_cmocka_lines_feed(struct bk_cmocka_lines *lines, const char *data, size_t length);
/* At the end of the output: what stands without a newline. */
void bk_cmocka_lines_finish(struct bk_cmocka_lines *lines);

#endif
