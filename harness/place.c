/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "harness/tree.h"

enum {
    NAME_LENGTH = 8,
    LEAST_FREE_BYTES = 64 << 20, /* a database after its start has 30 to 60 MB */
    COLLECT_WAIT_MS = 2000,
};

/* A folder of ours that nobody else can write to, made if need be. */
static bool is_usable(const char *path)
{
    struct stat folder;
    /* Daemons of root run as nobody and pass through. */
    if (mkdir(path, geteuid() == 0 ? 0711 : 0700) != 0 && errno != EEXIST)
        return false;
    return lstat(path, &folder) == 0 && S_ISDIR(folder.st_mode) && folder.st_uid == geteuid() &&
           (folder.st_mode & 022) == 0 && access(path, W_OK | X_OK) == 0;
}

static bool has_space(const char *path)
{
    struct statvfs space;
    return statvfs(path, &space) == 0 &&
           (unsigned long long)space.f_bavail * space.f_frsize >= LEAST_FREE_BYTES;
}

static bool try_base(char *path, const char *parent, const char *name)
{
    if (parent == NULL || parent[0] != '/')
        return false;
    int length = snprintf(path, BK_PLACE_BYTES, "%s/%s", parent, name);
    return length + 1 + NAME_LENGTH < BK_PLACE_BYTES && is_usable(path) && has_space(path);
}

enum brisk_status bk_place_base(char *path, struct brisk_error *error)
{
    const char *wanted = getenv("BRISK_RUN_DIR");
    if (wanted != NULL && *wanted != '\0') {
        size_t length = strlen(wanted);
        if (wanted[0] != '/' || length + 1 + NAME_LENGTH >= BK_PLACE_BYTES)
            return bk_error_set(
                error, BRISK_ERR_INVALID, 0,
                "BRISK_RUN_DIR=%.80s: not an absolute path of at most %d bytes", wanted,
                BK_PLACE_BYTES - NAME_LENGTH - 2);
        memcpy(path, wanted, length + 1);
        if (is_usable(path))
            return BRISK_OK;
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, errno, "BRISK_RUN_DIR=%s: not a folder of this user's alone",
            path);
    }
    char name[24];
    snprintf(name, sizeof name, "brisk-%u", (unsigned int)geteuid());
    if (try_base(path, getenv("XDG_RUNTIME_DIR"), "brisk") || try_base(path, "/dev/shm", name) ||
        try_base(path, getenv("TMPDIR"), name) || try_base(path, "/tmp", name))
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, ENOSPC,
        "no folder with 64 MB of space in /dev/shm or /tmp; BRISK_RUN_DIR names one");
}

static void make_name(char *name)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char random[NAME_LENGTH];
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
        for (size_t i = 0; i < sizeof random; i++)
            random[i] = (unsigned char)(((size_t)getpid() >> (4 * i)) + (size_t)clock());
    for (size_t i = 0; i < NAME_LENGTH; i++)
        name[i] = letters[random[i] % (sizeof letters - 1)];
    name[NAME_LENGTH] = '\0';
}

/* The lock of a folder that is still where its name is; -1: somebody else has it, or it is gone. */
static int lock(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct stat held, named;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 && lstat(path, &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev)
        return fd;
    close(fd);
    return -1;
}

/* Writes whose it is: in a link, which is there at once or not at all. */
static bool sign(const char *path)
{
    char link[BK_PLACE_BYTES + 8], pid[16];
    snprintf(link, sizeof link, "%s/guard", path);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return symlink(pid, link) == 0;
}

/*
 * A guard that is killed gives back its lock a moment before the kernel kills what it has started:
 * until then a daemon could still start others. Waits for the end of that moment.
 */
static void await_end_of_guard(const char *path)
{
    char link[BK_PLACE_BYTES + 8], pid[16], name[32], stat[64];
    snprintf(link, sizeof link, "%s/guard", path);
    ssize_t length = readlink(link, pid, sizeof pid - 1);
    if (length <= 0)
        return;
    pid[length] = '\0';
    snprintf(name, sizeof name, "/proc/%s/stat", pid);
    for (int ms = 0; ms < COLLECT_WAIT_MS; ms++) {
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        length = fd < 0 ? 0 : read(fd, stat, sizeof stat - 1);
        if (fd >= 0)
            close(fd);
        stat[length > 0 ? length : 0] = '\0';
        /* By now the number may be another process's. */
        const char *state = strstr(stat, "(brisk-guard) ");
        if (state == NULL || strchr("ZX", state[14]) != NULL)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

enum brisk_status bk_place_make(struct bk_place *place, struct brisk_error *error)
{
    char base[BK_PLACE_BYTES], name[NAME_LENGTH + 1];
    enum brisk_status status = bk_place_base(base, error);
    if (status < 0)
        return status;
    /* Another try if the name is taken, or a collector was faster than our lock. */
    for (int i = 0; i < 100; i++) {
        make_name(name);
        snprintf(
            place->path, sizeof place->path, "%.*s/%s", BK_PLACE_BYTES - NAME_LENGTH - 2, base,
            name);
        if (mkdir(place->path, 0700) != 0 && errno != EEXIST)
            break;
        place->lock_fd = lock(place->path);
        if (place->lock_fd >= 0 && sign(place->path))
            return BRISK_OK;
    }
    place->path[0] = '\0';
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, errno, "no folder for the fixture in %s: %s", base,
        strerror(errno));
}

/* Under a name that no collector takes for a fixture's. */
static int keep(const char *path)
{
    char kept[BK_PLACE_BYTES + sizeof BK_PLACE_KEPT];
    snprintf(kept, sizeof kept, "%s%s", path, BK_PLACE_KEPT);
    return rename(path, kept) == 0 ? 0 : errno;
}

int bk_place_close(struct bk_place *place, bool is_kept)
{
    if (place->path[0] == '\0')
        return 0;
    int failure = is_kept ? keep(place->path) : bk_tree_remove(place->path);
    close(place->lock_fd);
    place->path[0] = '\0';
    return failure;
}

enum brisk_status bk_place_each(bk_place_fn *fn, void *ctx, struct brisk_error *error)
{
    char base[BK_PLACE_BYTES], path[BK_PLACE_BYTES];
    enum brisk_status status = bk_place_base(base, error);
    if (status < 0)
        return status;
    DIR *folder = opendir(base);
    if (folder == NULL)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "%s: %s", base, strerror(errno));
    const struct dirent *entry;
    bool goes_on = true;
    while (goes_on && (entry = readdir(folder)) != NULL) {
        if (strlen(entry->d_name) != NAME_LENGTH || entry->d_type != DT_DIR)
            continue;
        snprintf(
            path, sizeof path, "%.*s/%.*s", BK_PLACE_BYTES - NAME_LENGTH - 2, base, NAME_LENGTH,
            entry->d_name);
        goes_on = fn(path, ctx);
    }
    closedir(folder);
    return BRISK_OK;
}

bool bk_place_is_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* Shared, so that two who look at the same time do not see each other. */
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return is_held;
}

/* Whether the environment of process `name` has VARIABLE=path. */
static bool belongs_to(const char *name, const char *path)
{
    char file[32], wanted[BK_PLACE_BYTES + sizeof BK_PLACE_VARIABLE + 2], text[65536];
    snprintf(file, sizeof file, "/proc/%.16s/environ", name);
    int wanted_length = snprintf(wanted, sizeof wanted, "%s=%s", BK_PLACE_VARIABLE, path) + 1;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while (length < sizeof text && (got = read(fd, text + length, sizeof text - length)) > 0)
        length += (size_t)got;
    close(fd);
    return memmem(text, length, wanted, (size_t)wanted_length) != NULL;
}

/* How many processes were found and killed. */
static unsigned int kill_processes_of(const char *path)
{
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        return 0;
    unsigned int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !belongs_to(entry->d_name, path))
            continue;
        kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
        count++;
    }
    closedir(folder);
    return count;
}

bool bk_place_collect(const char *path)
{
    struct bk_place place = {.lock_fd = lock(path)};
    if (place.lock_fd < 0)
        return false;
    await_end_of_guard(path);
    for (int ms = 0; ms < COLLECT_WAIT_MS && kill_processes_of(path) > 0; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    snprintf(place.path, sizeof place.path, "%s", path);
    return bk_place_close(&place, false) == 0;
}

static bool collect_one(const char *path, void *removed)
{
    *(size_t *)removed += bk_place_collect(path);
    return true;
}

enum brisk_status bk_place_collect_all(size_t *removed, struct brisk_error *error)
{
    *removed = 0;
    return bk_place_each(collect_one, removed, error);
}
