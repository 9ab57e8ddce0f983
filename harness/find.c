/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/find.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/*
 * Where the parts are once installed, seen from the library's folder; and where they were to be
 * installed, for programs that have the library in themselves.
 */
#if !defined(BRISK_LIBEXEC_FROM_LIB) || !defined(BRISK_FIXTURES_FROM_LIB) ||                       \
    !defined(BRISK_LIBEXEC) || !defined(BRISK_FIXTURES)
#error "the build says where brisk-guard and the fixtures are"
#endif

static bool can_run(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

/* In each folder of a list with ':' between. */
static bool find_in(const char *folders, const char *name, char *path)
{
    while (*folders != '\0') {
        size_t length = strcspn(folders, ":");
        int used = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, folders, name);
        if (length > 0 && used < PATH_MAX && can_run(path))
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

static bool find_newest(const char *pattern, char *path)
{
    glob_t found;
    const char *best = NULL;
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (can_run(found.gl_pathv[i]) && (best == NULL || strverscmp(found.gl_pathv[i], best) > 0))
            best = found.gl_pathv[i];
    bool is_found = best != NULL && strlen(best) < PATH_MAX;
    if (is_found)
        snprintf(path, PATH_MAX, "%s", best);
    globfree(&found);
    return is_found;
}

static bool find_place(const char *place, char *path)
{
    if (strchr(place, '/') != NULL)
        return find_newest(place, path);
    const char *folders = getenv("PATH");
    return (folders != NULL && find_in(folders, place, path)) ||
           find_in("/usr/local/sbin:/usr/sbin:/sbin", place, path);
}

char *bk_find_program(struct bk_pool *pool, const char *places)
{
    char place[PATH_MAX], path[PATH_MAX];
    while (*places != '\0') {
        size_t length = strcspn(places, "|");
        size_t begin = strspn(places, " \t");
        size_t end = length;
        while (end > begin && (places[end - 1] == ' ' || places[end - 1] == '\t'))
            end--;
        if (end > begin && end - begin < sizeof place) {
            snprintf(place, sizeof place, "%.*s", (int)(end - begin), places + begin);
            if (find_place(place, path))
                return bk_pool_copy(pool, path, strlen(path));
        }
        places += length + (places[length] == '|');
    }
    return NULL;
}

static const char here;

/* The folder of the file that this code is in: the shared library or the program. */
static bool find_own_folder(char *folder)
{
    Dl_info info;
    if (dladdr(&here, &info) == 0 || info.dli_fname == NULL ||
        realpath(info.dli_fname, folder) == NULL)
        return false;
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return slash != NULL;
}

static bool find_program_folder(char *folder)
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return slash != NULL;
}

void bk_find_each_folder(bk_find_folder_fn *fn, void *ctx)
{
    char folder[PATH_MAX], own[PATH_MAX];
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    if (!fn("fixtures", ctx))
        return;
    folder[0] = '\0';
    if (config != NULL && config[0] == '/')
        snprintf(folder, sizeof folder, "%s/brisk/fixtures", config);
    else if (home != NULL && home[0] == '/')
        snprintf(folder, sizeof folder, "%s/.config/brisk/fixtures", home);
    if (folder[0] != '\0' && !fn(folder, ctx))
        return;
    const char *list = getenv("BRISK_FIXTURE_PATH");
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ":");
        snprintf(folder, sizeof folder, "%.*s", (int)length, list);
        if (length > 0 && !fn(folder, ctx))
            return;
        list += length + (list[length] == ':');
    }
    if (find_own_folder(own)) {
        snprintf(folder, sizeof folder, "%.4000s/%s", own, BRISK_FIXTURES_FROM_LIB);
        if (!fn(folder, ctx))
            return;
    }
    fn(BRISK_FIXTURES, ctx);
}

struct search {
    const char *name;
    struct bk_pool *pool;
    char *path;
    bool is_found;
};

static bool try_folder(const char *folder, void *ctx)
{
    struct search *search = ctx;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.ini", folder, search->name) >= PATH_MAX ||
        access(path, F_OK) != 0)
        return true;
    search->is_found = true;
    search->path = bk_pool_copy(search->pool, path, strlen(path));
    return false;
}

enum brisk_status
bk_find_kind(char **path, struct bk_pool *pool, const char *name, struct brisk_error *error)
{
    struct search search = {.name = name, .pool = pool};
    if (strchr(name, '/') != NULL) {
        search.is_found = true;
        search.path = bk_pool_copy(pool, name, strlen(name));
    } else {
        bk_find_each_folder(try_folder, &search);
    }
    *path = search.path;
    if (!search.is_found)
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, 0,
            "there is no fixture '%.60s'; brisk list names them, and a path to a file is one as "
            "well",
            name);
    return *path != NULL ? BRISK_OK
                         : bk_error_set(error, BRISK_ERR_NOMEM, 0, "%s: out of memory", name);
}

enum brisk_status bk_find_guard(char *path, size_t room, struct brisk_error *error)
{
    char folder[PATH_MAX];
    const char *wanted = getenv("BRISK_EXEC_PATH");
    if (wanted != NULL && *wanted != '\0') {
        snprintf(path, room, "%s/brisk-guard", wanted);
        if (can_run(path))
            return BRISK_OK;
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, ENOENT, "BRISK_EXEC_PATH=%.120s has no brisk-guard",
            wanted);
    }
    if (find_own_folder(folder)) {
        snprintf(path, room, "%s/%s/brisk-guard", folder, BRISK_LIBEXEC_FROM_LIB);
        if (can_run(path))
            return BRISK_OK;
        snprintf(path, room, "%s/brisk-guard", folder);
        if (can_run(path))
            return BRISK_OK;
    }
    if (find_program_folder(folder)) {
        snprintf(path, room, "%s/brisk-guard", folder);
        if (can_run(path))
            return BRISK_OK;
    }
    snprintf(path, room, "%s/brisk-guard", BRISK_LIBEXEC);
    if (can_run(path))
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_UNSUPPORTED, ENOENT,
        "brisk-guard is not where brisk is; BRISK_EXEC_PATH names its folder");
}
