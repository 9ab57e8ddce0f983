/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_SINK_H
#define BK_SINK_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a daemon prints, from a pipe into a file: each line after the seconds since the start.
 * The pipe is always drained, so the daemon never waits for it; the file FILE is renamed to
 * FILE.1 when it has 4 MB, which replaces an older one.
 */
enum {
    BK_SINK_FILE_BYTES = 4 << 20,
    BK_SINK_LINE_BYTES = 1024, /* so much of a line is looked at for the pattern */
};

struct bk_sink {
    int read_fd;
    int write_fd; /* for the daemon */
    int file_fd;
    const char *path;
    uint64_t start_ns;
    size_t file_bytes;
    bool is_within_line;

    const regex_t *pattern; /* NULL: none is looked for */
    bool is_matched;        /* a line did since the pattern was set */
    size_t line_length;
    char line[BK_SINK_LINE_BYTES];
};

/* 0 or errno. `path` must live as long. */
int bk_sink_open(struct bk_sink *sink, const char *path);
void bk_sink_close(struct bk_sink *sink);
/* Takes what is there, up to 64 kB; false if there was nothing. */
bool bk_sink_drain(struct bk_sink *sink);
/* Looks for a line that matches, from the next one on. */
void bk_sink_watch(struct bk_sink *sink, const regex_t *pattern);

/* The last lines of the file, of 4 kB at most: their bytes, in `text`. */
size_t bk_sink_tail(const char *path, char *text, size_t room);

uint64_t bk_now_ns(void);

#endif
