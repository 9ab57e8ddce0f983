/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/webcache/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

enum {
    MIN_LENGTH = 1 << 10,
    MAX_LENGTH = 1 << 20
};

struct origin_worker {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
    size_t packed_capacity;
    char *packed;
    char content[MAX_LENGTH + 1]; /* one more than a file has, to see that one has grown */
};

struct origin_worker *origin_worker_new(void)
{
    struct origin_worker *worker = malloc(sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->compressor = ZSTD_createCCtx();
    worker->decompressor = ZSTD_createDCtx();
    worker->packed_capacity = ZSTD_compressBound(MAX_LENGTH);
    worker->packed = malloc(worker->packed_capacity);
    if (worker->compressor == NULL || worker->decompressor == NULL || worker->packed == NULL) {
        origin_worker_free(worker);
        return NULL;
    }
    ZSTD_CCtx_setParameter(worker->compressor, ZSTD_c_compressionLevel, ORIGIN_LEVEL);
    ZSTD_CCtx_setParameter(worker->compressor, ZSTD_c_checksumFlag, 1);
    return worker;
}

void origin_worker_free(struct origin_worker *worker)
{
    if (worker == NULL)
        return;
    ZSTD_freeCCtx(worker->compressor);
    ZSTD_freeDCtx(worker->decompressor);
    free(worker->packed);
    free(worker);
}

/* How many bytes the file has, at most `capacity`; -1 if it cannot be read. */
static ssize_t read_file(const char *path, char *buffer, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    size_t length = 0;
    ssize_t got = 0;
    while (length < capacity && (got = read(fd, buffer + length, capacity - length)) > 0)
        length += (size_t)got;
    close(fd);
    return got < 0 ? -1 : (ssize_t)length;
}

/* Bytes that compressed files and pictures begin with. */
static bool is_compressed(const char *content, size_t length)
{
    static const struct {
        const char *magic;
        size_t length;
    } formats[] = {
        {"\x1f\x8b", 2},
        {"\xfd"
         "7zXZ",
         5},
        {"\x28\xb5\x2f\xfd", 4},
        {"BZh", 3},
        {"\x89PNG", 4},
        {"\xff\xd8\xff", 3},
        {"PK\x03\x04", 4},
        {"GIF8", 4},
        {"wOF2", 4},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (length >= formats[i].length &&
            memcmp(content, formats[i].magic, formats[i].length) == 0)
            return true;
    return false;
}

static bool has_room(struct origin *origin)
{
    if (origin->count < origin->capacity)
        return true;
    size_t wanted = origin->capacity == 0 ? 256 : origin->capacity * 2;
    struct origin_file *grown = realloc(origin->files, wanted * sizeof *grown);
    if (grown == NULL)
        return false;
    origin->files = grown;
    origin->capacity = wanted;
    return true;
}

static bool add_file(struct origin *origin, const char *path, char *buffer)
{
    ssize_t length = read_file(path, buffer, MAX_LENGTH + 1);
    if (length < 0) {
        origin->unreadable++;
        return true;
    }
    if (length < MIN_LENGTH || length > MAX_LENGTH || is_compressed(buffer, (size_t)length))
        return true;
    char *copy = strdup(path);
    if (copy == NULL || !has_room(origin)) {
        free(copy);
        return false;
    }
    origin->files[origin->count++] = (struct origin_file){
        .path = copy, .length = (size_t)length, .checksum = XXH64(buffer, (size_t)length, 0)};
    return true;
}

/* The same order on every machine with the same files. */
static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool walk(struct origin *origin, FTS *tree, char *buffer)
{
    FTSENT *entry;
    while ((entry = fts_read(tree)) != NULL) {
        if (origin->count == ORIGIN_MOST_FILES)
            return true;
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR)
            origin->unreadable++;
        bool has_length = entry->fts_info == FTS_F && entry->fts_statp->st_size >= MIN_LENGTH &&
                          entry->fts_statp->st_size <= MAX_LENGTH;
        if (has_length && strlen(entry->fts_path) <= BRISK_CACHE_KEY_MAX &&
            !add_file(origin, entry->fts_path, buffer))
            return false;
    }
    return true;
}

static bool check_folders(char *const *folders, char *message, size_t capacity)
{
    for (; *folders != NULL; folders++) {
        int fd = open(*folders, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            snprintf(message, capacity, "%s: %s", *folders, strerror(errno));
            return false;
        }
        close(fd);
    }
    return true;
}

/* Keeps file number 0, k, 2k ... of the list. */
static void thin_out(struct origin *origin, size_t most_files)
{
    size_t found = origin->found_count = origin->count;
    size_t kept = found < most_files ? found : most_files;
    for (size_t i = 0, next = 0; i < found; i++) {
        if (next == kept || i != next * found / kept) {
            free(origin->files[i].path);
            continue;
        }
        origin->bytes += origin->files[i].length;
        origin->files[next++] = origin->files[i];
    }
    origin->count = kept;
}

bool origin_open(
    struct origin *origin, char *const *folders, size_t most_files, char *message, size_t capacity)
{
    *origin = (struct origin){0};
    if (!check_folders(folders, message, capacity))
        return false;
    char *buffer = malloc(MAX_LENGTH + 1);
    FTS *tree = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    bool is_done = buffer != NULL && tree != NULL && walk(origin, tree, buffer);
    if (tree != NULL)
        fts_close(tree);
    free(buffer);
    if (!is_done)
        snprintf(message, capacity, "no memory for the list of files");
    else if (origin->count == 0)
        snprintf(
            message, capacity,
            "%s: no readable, uncompressed file of 1 KiB to 1 MiB (%zu could not be read)",
            folders[0], origin->unreadable);
    if (is_done && origin->count > 0) {
        thin_out(origin, most_files);
        return true;
    }
    origin_close(origin);
    return false;
}

void origin_close(struct origin *origin)
{
    for (size_t i = 0; i < origin->count; i++)
        free(origin->files[i].path);
    free(origin->files);
    *origin = (struct origin){0};
}

static void free_response(void *data, size_t length, void *ctx)
{
    (void)length, (void)ctx;
    free(data);
}

enum brisk_status
origin_serve(struct origin_worker *worker, const struct origin_file *file, struct brisk_view *out)
{
    ssize_t length = read_file(file->path, worker->content, sizeof worker->content);
    if (length < 0)
        return BRISK_ERR_SYSTEM;
    size_t packed = ZSTD_compress2(
        worker->compressor, worker->packed, worker->packed_capacity, worker->content,
        (size_t)length);
    if (ZSTD_isError(packed))
        return BRISK_ERR_NOMEM;

    char *response = malloc(packed);
    if (response == NULL)
        return BRISK_ERR_NOMEM;
    memcpy(response, worker->packed, packed);
    enum brisk_status status = brisk_view_adopt(out, response, packed, free_response, NULL);
    if (status != BRISK_OK)
        free(response);
    return status;
}

static bool check_fully(
    struct origin_worker *worker, const struct origin_file *file, const struct brisk_view *response)
{
    size_t length = ZSTD_decompressDCtx(
        worker->decompressor, worker->content, sizeof worker->content, response->data,
        response->length);
    return !ZSTD_isError(length) && length == file->length &&
           XXH64(worker->content, length, 0) == file->checksum;
}

bool origin_check(
    struct origin_worker *worker, const struct origin_file *file, const struct brisk_view *response,
    bool fully)
{
    enum {
        CHECKSUM_BYTES = 4
    }; /* the low half of XXH64, little-endian: RFC 8878, 3.1.1 */
    if (response->length < CHECKSUM_BYTES)
        return false;
    const uint8_t *end = response->data + response->length - CHECKSUM_BYTES;
    uint32_t checksum = end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 |
                        (uint32_t)end[3] << 24;
    return ZSTD_getFrameContentSize(response->data, response->length) == file->length &&
           checksum == (uint32_t)file->checksum && (!fully || check_fully(worker, file, response));
}
