/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBCACHE_ORIGIN_H
#define WEBCACHE_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brisk/brisk.h>

/*
 * The server behind the cache: regular files of 1 KiB to 1 MiB that are not
 * compressed yet; each request reads one and compresses it.
 */
enum {
    ORIGIN_LEVEL = 19,
    ORIGIN_MOST_FILES = 20000
};

struct origin_file {
    char *path;
    size_t length;
    uint64_t checksum; /* XXH64 of its content */
};

struct origin {
    struct origin_file *files;
    size_t count;
    size_t capacity;
    uint64_t bytes;
    uint64_t packed_bytes; /* of all responses together, as a sample of them says */
    size_t found_count;    /* files that there are, ORIGIN_MOST_FILES at most */
    size_t unreadable;     /* files and folders that were passed over */
};

/*
 * Takes `most_files` at most, evenly spread, of the files below each folder of the
 * list, which ends with NULL. False if a folder cannot be read or no file is found,
 * with what to say in `message`.
 */
bool origin_open(
    struct origin *origin, char *const *folders, size_t most_files, char *message, size_t capacity);
void origin_close(struct origin *origin);

/* What a thread needs to serve and to check; one thread at a time. */
struct origin_worker;

struct origin_worker *origin_worker_new(void);
void origin_worker_free(struct origin_worker *worker);

/* Reads and compresses the file. */
enum brisk_status
origin_serve(struct origin_worker *worker, const struct origin_file *file, struct brisk_view *out);

/*
 * Whether `response` is this file: by the length and checksum that end each zstd
 * frame, and if `fully` by decompressing it.
 */
bool origin_check(
    struct origin_worker *worker, const struct origin_file *file, const struct brisk_view *response,
    bool fully);

#endif
