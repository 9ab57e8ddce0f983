/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/process_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

/*
 * As many pages as one call takes, each a part of its own: a part that is not all there is
 * not read at all (process_vm_readv(2)).
 */
static size_t read_pages(pid_t pid, uint64_t address, uint8_t *to, size_t length, size_t *wanted)
{
    enum {
        PARTS = 64,
        PAGE_BYTES = 4096
    };
    struct iovec parts[PARTS];
    unsigned long count = 0;
    while (count < PARTS && *wanted < length) {
        size_t part = PAGE_BYTES - (size_t)((address + *wanted) % PAGE_BYTES);
        if (part > length - *wanted)
            part = length - *wanted;
        parts[count].iov_base = (void *)(uintptr_t)(address + *wanted);
        parts[count++].iov_len = part;
        *wanted += part;
    }
    struct iovec local = {.iov_base = to, .iov_len = *wanted};
    ssize_t got = process_vm_readv(pid, &local, 1, parts, count, 0);
    return got > 0 ? (size_t)got : 0;
}

size_t bk_process_read(pid_t pid, uint64_t address, void *to, size_t length)
{
    size_t done = 0;
    while (done < length) {
        size_t wanted = 0;
        size_t got = read_pages(pid, address + done, (uint8_t *)to + done, length - done, &wanted);
        done += got;
        if (got < wanted)
            break;
    }
    return done;
}

struct growing {
    char *text;
    size_t length;
    size_t capacity;
};

static bool has_room(struct growing *file)
{
    enum {
        FIRST_BYTES = 1 << 16,
        MOST_BYTES = 1 << 30
    };
    if (file->length + 1 < file->capacity)
        return true;
    if (file->capacity >= MOST_BYTES) {
        errno = EFBIG;
        return false;
    }
    size_t larger = file->capacity == 0 ? FIRST_BYTES : 2 * file->capacity;
    char *grown = bk_realloc(file->text, larger);
    if (grown == NULL) {
        errno = ENOMEM;
        return false;
    }
    file->text = grown;
    file->capacity = larger;
    return true;
}

static bool read_all(int fd, struct growing *file)
{
    while (has_room(file)) {
        ssize_t got = read(fd, file->text + file->length, file->capacity - 1 - file->length);
        if (got == 0) {
            file->text[file->length] = '\0';
            return true;
        }
        if (got > 0)
            file->length += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
    return false;
}

char *bk_process_file(pid_t pid, const char *name, size_t *length)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct growing file = {0};
    bool is_read = read_all(fd, &file);
    int reason = errno;
    close(fd);
    if (!is_read) {
        bk_free(file.text);
        errno = reason;
        return NULL;
    }
    *length = file.length;
    return file.text;
}
