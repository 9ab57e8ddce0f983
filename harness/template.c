/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    UNUSED_S = 30 * 24 * 3600, /* a template of an older version goes after so long */
};

uint64_t bk_hash_string(uint64_t hash, const char *string)
{
    for (;; string++) {
        hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
        if (*string == '\0')
            return hash;
    }
}

uint64_t bk_hash_u64(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ (value >> 8 * i & 255)) * UINT64_C(0x100000001b3);
    return hash;
}

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The folders that this needs are made, but for the first two of a path in ~. */
static bool find_cache(char *path, size_t room)
{
    const char *wanted = getenv("BRISK_CACHE_DIR");
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char parent[PATH_MAX], base[PATH_MAX];
    base[0] = parent[0] = '\0';
    if (wanted != NULL && wanted[0] == '/')
        snprintf(base, sizeof base, "%s", wanted);
    else if (cache != NULL && cache[0] == '/')
        snprintf(parent, sizeof parent, "%s", cache);
    else if (home != NULL && home[0] == '/')
        snprintf(parent, sizeof parent, "%.4000s/.cache", home);
    if (parent[0] != '\0' && make_folder(parent))
        snprintf(base, sizeof base, "%.4000s/brisk", parent);
    return base[0] != '\0' && make_folder(base) &&
           snprintf(path, room, "%.3900s/templates", base) < (int)room && make_folder(path);
}

void bk_template_name(struct bk_template *template, const char *name, uint64_t hash)
{
    char folder[PATH_MAX - 96];
    template->lock_fd = -1;
    template->path[0] = '\0';
    if (find_cache(folder, sizeof folder))
        snprintf(template->path, sizeof template->path, "%s/%.40s-%016" PRIx64, folder, name, hash);
}

static bool is_folder(const char *path)
{
    struct stat folder;
    return stat(path, &folder) == 0 && S_ISDIR(folder.st_mode);
}

enum bk_template_state bk_template_open(struct bk_template *template)
{
    char lock_path[PATH_MAX + 8];
    if (template->path[0] == '\0')
        return BK_TEMPLATE_NOWHERE;
    if (is_folder(template->path)) {
        utimensat(AT_FDCWD, template->path, NULL, 0); /* it is in use */
        return BK_TEMPLATE_READY;
    }
    snprintf(lock_path, sizeof lock_path, "%s.lock", template->path);
    template->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (template->lock_fd < 0)
        return BK_TEMPLATE_NOWHERE;
    if (flock(template->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        bk_template_close(template);
        return BK_TEMPLATE_BUSY;
    }
    if (!is_folder(template->path))
        return BK_TEMPLATE_ABSENT;
    bk_template_close(template); /* made between the look and the lock */
    return BK_TEMPLATE_READY;
}

/* What killed makers and older versions of the same fixture have left in the folder. */
static void remove_old(const char *path)
{
    char folder[PATH_MAX], other[PATH_MAX + 300];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    *slash = '\0';
    const char *name = slash + 1;
    size_t stem = (size_t)(strrchr(name, '-') - name) + 1;
    DIR *list = opendir(folder);
    if (list == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        struct stat file;
        if (strncmp(entry->d_name, name, stem) != 0)
            continue;
        snprintf(other, sizeof other, "%s/%s", folder, entry->d_name);
        if (stat(other, &file) == 0 && S_ISDIR(file.st_mode) &&
            time(NULL) - file.st_mtime > UNUSED_S)
            bk_tree_remove(other);
    }
    closedir(list);
}

void bk_template_keep(
    struct bk_template *template, const char *data, bk_tree_cancel_fn *cancel, void *ctx)
{
    char making[PATH_MAX + 8];
    snprintf(making, sizeof making, "%s.new", template->path);
    bk_tree_remove(making);
    if (bk_tree_copy(data, making, (uid_t)-1, cancel, ctx, NULL) != BRISK_OK ||
        rename(making, template->path) != 0)
        bk_tree_remove(making);
    remove_old(template->path);
    bk_template_close(template);
}

void bk_template_close(struct bk_template *template)
{
    if (template->lock_fd >= 0)
        close(template->lock_fd);
    template->lock_fd = -1;
}
