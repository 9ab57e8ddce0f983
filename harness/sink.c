/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 65536,
    STAMP_BYTES = 24,
    BUFFER_BYTES = 16384,
};

uint64_t bk_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_file(struct bk_sink *sink)
{
    sink->file_bytes = 0;
    sink->file_fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return sink->file_fd < 0 ? errno : 0;
}

int bk_sink_open(struct bk_sink *sink, const char *path)
{
    int ends[2];
    *sink = (struct bk_sink){.read_fd = -1, .write_fd = -1, .path = path, .start_ns = bk_now_ns()};
    int failure = open_file(sink);
    if (failure != 0)
        return failure;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    sink->read_fd = ends[0];
    sink->write_fd = ends[1];
    /* Only our end: a daemon's stdout blocks, as programs expect. */
    return fcntl(sink->read_fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void bk_sink_close(struct bk_sink *sink)
{
    close_one(&sink->read_fd);
    close_one(&sink->write_fd);
    close_one(&sink->file_fd);
}

void bk_sink_watch(struct bk_sink *sink, const regex_t *pattern)
{
    sink->pattern = pattern;
    sink->is_matched = false;
    sink->line_length = 0;
}

static void match(struct bk_sink *sink, const char *bytes, size_t length, bool is_end)
{
    if (sink->pattern == NULL || sink->is_matched)
        return;
    size_t room = sizeof sink->line - 1 - sink->line_length;
    size_t taken = length < room ? length : room;
    memcpy(sink->line + sink->line_length, bytes, taken);
    sink->line_length += taken;
    if (!is_end)
        return;
    sink->line[sink->line_length] = '\0';
    sink->is_matched = regexec(sink->pattern, sink->line, 0, NULL, 0) == 0;
    sink->line_length = 0;
}

static void rotate(struct bk_sink *sink)
{
    char old[256];
    snprintf(old, sizeof old, "%s.1", sink->path);
    close_one(&sink->file_fd);
    if (rename(sink->path, old) != 0)
        unlink(sink->path);
    open_file(sink);
}

/* A log that cannot be written, as on a full disk, loses lines: the daemon must not wait. */
static void put(struct bk_sink *sink, const char *bytes, size_t length)
{
    if (sink->file_fd >= 0 && write(sink->file_fd, bytes, length) > 0)
        sink->file_bytes += length;
    if (sink->file_bytes >= BK_SINK_FILE_BYTES)
        rotate(sink);
}

static size_t put_stamp(char *into, uint64_t ns)
{
    int length = snprintf(
        into, STAMP_BYTES, "%" PRIu64 ".%06" PRIu64 " ", ns / 1000000000, ns % 1000000000 / 1000);
    return (size_t)length;
}

static void write_lines(struct bk_sink *sink, const char *bytes, size_t length)
{
    char buffer[BUFFER_BYTES];
    size_t used = 0;
    uint64_t ns = bk_now_ns() - sink->start_ns;
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t span = newline == NULL ? length : (size_t)(newline - bytes) + 1;
        if (span > sizeof buffer - STAMP_BYTES)
            span = sizeof buffer - STAMP_BYTES;
        if (used + STAMP_BYTES + span > sizeof buffer) {
            put(sink, buffer, used);
            used = 0;
        }
        if (!sink->is_within_line)
            used += put_stamp(buffer + used, ns);
        memcpy(buffer + used, bytes, span);
        used += span;
        sink->is_within_line = bytes[span - 1] != '\n';
        match(sink, bytes, span - !sink->is_within_line, !sink->is_within_line);
        bytes += span;
        length -= span;
    }
    put(sink, buffer, used);
}

bool bk_sink_drain(struct bk_sink *sink)
{
    static char bytes[CHUNK_BYTES]; /* one thread, the guard's */
    ssize_t length = read(sink->read_fd, bytes, sizeof bytes);
    if (length <= 0)
        return false;
    write_lines(sink, bytes, (size_t)length);
    return true;
}

size_t bk_sink_tail(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat file;
    if (fd < 0)
        return 0;
    ssize_t length = 0;
    if (fstat(fd, &file) == 0) {
        off_t from = file.st_size > (off_t)room ? file.st_size - (off_t)room : 0;
        length = pread(fd, text, room, from);
        /* Not half a line at the beginning. */
        const char *newline = from > 0 && length > 0 ? memchr(text, '\n', (size_t)length) : NULL;
        if (newline != NULL) {
            length -= newline + 1 - text;
            memmove(text, newline + 1, (size_t)length);
        }
    }
    close(fd);
    return length > 0 ? (size_t)length : 0;
}
