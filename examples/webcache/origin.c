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

/* Where `folder` leads without links, to be freed; NULL if it is none that can be read. */
static char *resolve_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    close(fd);
    return realpath(folder, NULL);
}

static bool is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (folder[length - 1] == '/' || path[length] == '\0' || path[length] == '/');
}

/* Puts `path` behind those that are there, in place of those within it; frees what is not kept. */
static void add_folder(char **folders, char *path)
{
    size_t kept = 0;
    for (size_t i = 0; folders[i] != NULL; i++) {
        if (is_within(path, folders[i])) {
            free(path);
            return;
        }
    }
    for (size_t i = 0; folders[i] != NULL; i++) {
        char *folder = folders[i];
        folders[i] = NULL;
        if (is_within(folder, path))
            free(folder);
        else
            folders[kept++] = folder;
    }
    folders[kept] = path;
}

static void free_folders(char **folders)
{
    for (size_t i = 0; folders != NULL && folders[i] != NULL; i++)
        free(folders[i]);
    free(folders);
}

/* The folders without links and without those within others, so that each file is found once. */
static char **resolve_folders(char *const *folders, char *message, size_t capacity)
{
    size_t count = 0;
    while (folders[count] != NULL)
        count++;
    char **resolved = calloc(count + 1, sizeof *resolved);
    if (resolved == NULL) {
        snprintf(message, capacity, "no memory for the list of folders");
        return NULL;
    }
    for (; *folders != NULL; folders++) {
        char *path = resolve_folder(*folders);
        if (path == NULL) {
            snprintf(message, capacity, "%s: %s", *folders, strerror(errno));
            free_folders(resolved);
            return NULL;
        }
        add_folder(resolved, path);
    }
    return resolved;
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

/* The length of the file's response, 0 if there is none. */
static size_t pack(struct origin_worker *worker, const char *path)
{
    ssize_t length = read_file(path, worker->content, sizeof worker->content);
    if (length < 0)
        return 0;
    size_t packed = ZSTD_compress2(
        worker->compressor, worker->packed, worker->packed_capacity, worker->content,
        (size_t)length);
    return ZSTD_isError(packed) ? 0 : packed;
}

/* Compresses some of the files; the others are taken to shrink as much. */
static bool estimate_packed_bytes(struct origin *origin)
{
    enum {
        SAMPLE = 64
    };
    struct origin_worker *worker = origin_worker_new();
    if (worker == NULL)
        return false;
    size_t sample = origin->count < SAMPLE ? origin->count : SAMPLE;
    uint64_t plain = 0, packed = 0;
    for (size_t i = 0; i < sample; i++) {
        const struct origin_file *file = &origin->files[i * origin->count / sample];
        plain += file->length;
        packed += pack(worker, file->path);
    }
    origin_worker_free(worker);
    origin->packed_bytes = (uint64_t)((double)origin->bytes * (double)packed / (double)plain);
    return true;
}

bool origin_open(
    struct origin *origin, char *const *folders, size_t most_files, char *message, size_t capacity)
{
    *origin = (struct origin){0};
    char **resolved = resolve_folders(folders, message, capacity);
    if (resolved == NULL)
        return false;
    char *buffer = malloc(MAX_LENGTH + 1);
    FTS *tree = fts_open(resolved, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    bool is_done = buffer != NULL && tree != NULL && walk(origin, tree, buffer);
    if (tree != NULL)
        fts_close(tree);
    free(buffer);
    free_folders(resolved);
    if (is_done && origin->count > 0) {
        thin_out(origin, most_files);
        is_done = estimate_packed_bytes(origin);
    }
    if (!is_done)
        snprintf(message, capacity, "no memory for the list of files");
    else if (origin->count == 0)
        snprintf(
            message, capacity,
            "%s: no readable, uncompressed file of 1 KiB to 1 MiB (%zu could not be read)",
            folders[0], origin->unreadable);
    if (is_done && origin->count > 0)
        return true;
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
    size_t packed = pack(worker, file->path);
    if (packed == 0)
        return BRISK_ERR_SYSTEM;
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
