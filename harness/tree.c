/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum {
    CHUNK_BYTES = 1 << 17,
    MOST_DEPTH = 64, /* each level holds two descriptors */
};

struct copy {
    uid_t owner;
    bk_tree_cancel_fn *cancel;
    void *ctx;
    int failure; /* errno; ECANCELED if the caller said so */
    char buffer[CHUNK_BYTES];
};

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool fail(struct copy *copy)
{
    copy->failure = errno != 0 ? errno : EIO;
    return false;
}

/* Sparse parts become real ones; a daemon's files have none that matter. */
static bool copy_bytes(struct copy *copy, int from, int to)
{
    for (;;) {
        ssize_t got = read(from, copy->buffer, sizeof copy->buffer);
        if (got <= 0)
            return got == 0 || fail(copy);
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, copy->buffer + done, (size_t)(got - done));
            if (put < 0)
                return fail(copy);
            done += put;
        }
    }
}

static bool copy_file(struct copy *copy, int from_folder, int to_folder, const char *name)
{
    int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return fail(copy);
    struct stat file;
    bool is_done = false;
    if (fstat(from, &file) == 0) {
        int to = openat(
            to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.st_mode & 07777);
        is_done = to >= 0 && copy_bytes(copy, from, to);
        if (to < 0)
            fail(copy);
        if (is_done && copy->owner != (uid_t)-1 && fchown(to, copy->owner, copy->owner) != 0)
            is_done = fail(copy);
        if (to >= 0)
            close(to);
    } else {
        fail(copy);
    }
    close(from);
    return is_done;
}

static bool copy_link(struct copy *copy, int from_folder, int to_folder, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from_folder, name, target, sizeof target - 1);
    if (length < 0)
        return fail(copy);
    target[length] = '\0';
    return symlinkat(target, to_folder, name) == 0 || fail(copy);
}

static bool copy_folder(struct copy *copy, int from, int to, int depth);

static bool
copy_subfolder(struct copy *copy, int from_folder, int to_folder, const char *name, int depth)
{
    if (depth == MOST_DEPTH) {
        errno = ELOOP;
        return fail(copy);
    }
    struct stat folder;
    if (fstatat(from_folder, name, &folder, AT_SYMLINK_NOFOLLOW) != 0 ||
        mkdirat(to_folder, name, 0700) != 0)
        return fail(copy);
    int from = openat(from_folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = openat(to_folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_done = from >= 0 && to >= 0;
    if (!is_done)
        fail(copy);
    if (is_done)
        is_done = copy_folder(copy, from, to, depth + 1);
    if (is_done && fchmod(to, folder.st_mode & 07777) != 0)
        is_done = fail(copy);
    if (is_done && copy->owner != (uid_t)-1 && fchown(to, copy->owner, copy->owner) != 0)
        is_done = fail(copy);
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    return is_done;
}

static bool copy_entry(struct copy *copy, int from, int to, const struct dirent *entry, int depth)
{
    if (copy->cancel != NULL && copy->cancel(copy->ctx)) {
        errno = ECANCELED;
        return fail(copy);
    }
    if (entry->d_type == DT_DIR)
        return copy_subfolder(copy, from, to, entry->d_name, depth);
    if (entry->d_type == DT_REG)
        return copy_file(copy, from, to, entry->d_name);
    if (entry->d_type == DT_LNK)
        return copy_link(copy, from, to, entry->d_name);
    return true; /* sockets and pipes of the daemon that made it mean nothing here */
}

static bool copy_folder(struct copy *copy, int from, int to, int depth)
{
    int list = dup(from);
    DIR *folder = list < 0 ? NULL : fdopendir(list);
    if (folder == NULL) {
        fail(copy);
        if (list >= 0)
            close(list);
        return false;
    }
    bool is_done = true;
    struct dirent *entry;
    while (is_done && (errno = 0, entry = readdir(folder)) != NULL)
        if (!is_dots(entry->d_name))
            is_done = copy_entry(copy, from, to, entry, depth);
    if (is_done && errno != 0)
        is_done = fail(copy);
    closedir(folder);
    return is_done;
}

enum brisk_status bk_tree_copy(
    const char *from, const char *to, uid_t owner, bk_tree_cancel_fn *cancel, void *ctx,
    struct brisk_error *error)
{
    static struct copy copy; /* one thread, the guard's; too large for a stack */
    copy.owner = owner;
    copy.cancel = cancel;
    copy.ctx = ctx;
    copy.failure = 0;
    if (mkdir(to, 0700) != 0 && errno != EEXIST)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "%s: %s", to, strerror(errno));
    int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from_fd < 0 || to_fd < 0)
        fail(&copy);
    else if (copy_folder(&copy, from_fd, to_fd, 0) && owner != (uid_t)-1)
        if (fchown(to_fd, owner, owner) != 0)
            fail(&copy);
    if (to_fd >= 0)
        close(to_fd);
    if (from_fd >= 0)
        close(from_fd);
    if (copy.failure == 0)
        return BRISK_OK;
    enum brisk_status status = copy.failure == ECANCELED ? BRISK_ERR_CANCELLED : BRISK_ERR_SYSTEM;
    return bk_error_set(
        error, status, copy.failure, "copying %s to %s: %s%s", from, to, strerror(copy.failure),
        copy.failure == ENOSPC ? "; BRISK_RUN_DIR names another place for data" : "");
}

static void keep_first(int *failure)
{
    if (*failure == 0 && errno != ENOENT)
        *failure = errno;
}

static void remove_in(int folder_fd, int *failure, int depth)
{
    DIR *folder = depth < MOST_DEPTH ? fdopendir(folder_fd) : NULL;
    if (folder == NULL) {
        keep_first(failure);
        close(folder_fd);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        if (entry->d_type != DT_DIR && unlinkat(folder_fd, entry->d_name, 0) == 0)
            continue;
        /* What the owner may not enter was made so by its own daemon. */
        int fd = openat(folder_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES && fchmodat(folder_fd, entry->d_name, 0700, 0) == 0)
            fd = openat(folder_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            remove_in(fd, failure, depth + 1);
        if (unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR) != 0)
            keep_first(failure);
    }
    closedir(folder);
}

int bk_tree_remove(const char *path)
{
    int failure = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && chmod(path, 0700) == 0)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    remove_in(fd, &failure, 0);
    if (rmdir(path) != 0)
        keep_first(&failure);
    return failure;
}

static void give_in(int folder_fd, uid_t owner, int *failure, int depth)
{
    if (fchown(folder_fd, owner, owner) != 0)
        keep_first(failure);
    DIR *folder = depth < MOST_DEPTH ? fdopendir(folder_fd) : NULL;
    if (folder == NULL) {
        keep_first(failure);
        close(folder_fd);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        if (entry->d_type != DT_DIR) {
            if (fchownat(folder_fd, entry->d_name, owner, owner, AT_SYMLINK_NOFOLLOW) != 0)
                keep_first(failure);
            continue;
        }
        int fd = openat(folder_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            give_in(fd, owner, failure, depth + 1);
    }
    closedir(folder);
}

int bk_tree_give(const char *path, uid_t owner)
{
    int failure = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    give_in(fd, owner, &failure, 0);
    return failure;
}
