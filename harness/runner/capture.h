/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_CAPTURE_H
#define BK_RUNNER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a test has written: its beginning and its end. A flood between them is counted, so that it
 * costs neither memory nor the first words of what went wrong.
 */
enum {
    BK_CAPTURE_HEAD = 16 * 1024,
    BK_CAPTURE_TAIL = 48 * 1024,
};

struct bk_capture {
    char head[BK_CAPTURE_HEAD];
    char tail[BK_CAPTURE_TAIL]; /* a ring */
    uint64_t length;            /* of all that was added */
};

static inline void bk_capture_clear(struct bk_capture *capture)
{
    capture->length = 0;
}

void bk_capture_add(struct bk_capture *capture, const char *data, size_t length);

/* The text, with a line that says how much was left out, if so; NULL: no memory. For bk_free. */
char *bk_capture_copy(const struct bk_capture *capture, size_t *out_length);

#endif
