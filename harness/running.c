/* SPDX-License-Identifier: Apache-2.0 */
/* What there is and what runs, of all processes of this user. */
#include "harness/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/find.h"
#include "harness/place.h"
#include "harness/world.h"

enum {
    MOST_KINDS = 500,
};

static int connect_to(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/control", folder);
    if (fd >= 0 && length < (int)sizeof address.sun_path &&
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* NULL also if it is still starting or already ending. */
static struct brisk_fixture *attach_to(const char *folder, struct brisk_error *error)
{
    struct brisk_fixture *fixture = bk_fixture_new(error);
    if (fixture == NULL)
        return NULL;
    fixture->socket_fd = connect_to(folder);
    if (fixture->socket_fd < 0)
        bk_error_set(error, BRISK_MISS, 0, "there is no running fixture in %.150s", folder);
    else if (bk_fixture_ask(fixture, "facts", NULL, error) == BRISK_OK)
        return fixture;
    bk_fixture_free(fixture);
    return NULL;
}

struct search {
    const char *name;
    struct brisk_fixture *found;
    size_t count;
    char folders[160]; /* of the first few, for a message */
    bool has_no_memory;
};

static bool look_at(const char *folder, void *ctx)
{
    struct search *search = ctx;
    struct brisk_error error = {0};
    if (!bk_place_is_held(folder))
        return true;
    struct brisk_fixture *fixture = attach_to(folder, &error);
    if (fixture == NULL) {
        search->has_no_memory = error.status == BRISK_ERR_NOMEM;
        return !search->has_no_memory;
    }
    if (strcmp(brisk_fixture_name(fixture), search->name) != 0) {
        bk_fixture_free(fixture);
        return true;
    }
    size_t used = strlen(search->folders);
    snprintf(search->folders + used, sizeof search->folders - used, " %s", folder);
    if (search->count++ == 0)
        search->found = fixture;
    else
        bk_fixture_free(fixture);
    return true;
}

struct brisk_fixture *brisk_fixture_attach(const char *name, struct brisk_error *error)
{
    if (strchr(name, '/') != NULL)
        return attach_to(name, error);
    struct search search = {.name = name};
    enum brisk_status status = bk_place_each(look_at, &search, error);
    if (status == BRISK_OK && search.has_no_memory)
        status = bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a fixture");
    if (status == BRISK_OK && search.count == 1)
        return search.found;
    if (search.found != NULL)
        bk_fixture_free(search.found);
    if (status == BRISK_OK && search.count == 0)
        bk_error_set(error, BRISK_MISS, 0, "no fixture named '%.60s' runs", name);
    else if (status == BRISK_OK)
        bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%zu fixtures are named '%.40s'; say which:%s",
            search.count, name, search.folders);
    return NULL;
}

struct visit {
    brisk_fixture_running_fn *fn;
    void *ctx;
};

static bool visit_held(const char *folder, void *ctx)
{
    const struct visit *visit = ctx;
    return !bk_place_is_held(folder) || visit->fn(folder, visit->ctx);
}

enum brisk_status
brisk_fixture_each_running(brisk_fixture_running_fn *fn, void *ctx, struct brisk_error *error)
{
    struct visit visit = {fn, ctx};
    return bk_place_each(visit_held, &visit, error);
}

enum brisk_status brisk_fixture_collect(size_t *removed, struct brisk_error *error)
{
    size_t count;
    enum brisk_status status = bk_place_collect_all(&count, error);
    if (removed != NULL)
        *removed = count;
    return status;
}

enum brisk_status brisk_fixture_check_isolation(struct brisk_error *error)
{
    return bk_world_check_isolation(error);
}

/* The names in all folders; a name that an earlier folder has hides later ones. */
struct kinds {
    struct bk_pool pool;
    const char *paths[MOST_KINDS];
    const char *names[MOST_KINDS];
    size_t count;
    bool has_no_memory;
};

static void add_kind(struct kinds *kinds, const char *folder, const char *file)
{
    size_t length = strlen(file) - 4;
    for (size_t i = 0; i < kinds->count; i++)
        if (strlen(kinds->names[i]) == length && memcmp(kinds->names[i], file, length) == 0)
            return;
    if (kinds->count == MOST_KINDS)
        return;
    kinds->names[kinds->count] = bk_pool_copy(&kinds->pool, file, length);
    kinds->paths[kinds->count] = bk_pool_format(&kinds->pool, "%s/%s", folder, file);
    if (kinds->names[kinds->count] == NULL || kinds->paths[kinds->count] == NULL)
        kinds->has_no_memory = true;
    else
        kinds->count++;
}

static bool read_folder(const char *folder, void *ctx)
{
    struct kinds *kinds = ctx;
    DIR *list = opendir(folder);
    if (list == NULL)
        return true;
    const struct dirent *entry;
    while (!kinds->has_no_memory && (entry = readdir(list)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && entry->d_name[0] != '.' &&
            strcmp(entry->d_name + length - 4, ".ini") == 0)
            add_kind(kinds, folder, entry->d_name);
    }
    closedir(list);
    return !kinds->has_no_memory;
}

/* False: stop. */
static bool show_kind(const struct kinds *kinds, size_t i, brisk_fixture_kind_fn *fn, void *ctx)
{
    struct bk_kind kind;
    struct bk_pool pool = {0};
    bool goes_on = true;
    if (bk_kind_load(&kind, kinds->paths[i], NULL, NULL) == BRISK_OK) {
        const char *exec = bk_kind_get(&kind, "fixture", "exec", "");
        char first[256];
        snprintf(first, sizeof first, "%.*s", (int)strcspn(exec, " \t"), exec);
        const char *program = bk_find_program(&pool, bk_kind_get(&kind, "fixture", "find", first));
        struct brisk_fixture_kind shown = {
            .name = kinds->names[i],
            .summary = bk_kind_get(&kind, "fixture", "summary", ""),
            .package = bk_kind_get(&kind, "fixture", "package", ""),
            .path = kinds->paths[i],
            .program = program == NULL ? "" : program};
        goes_on = fn(&shown, ctx);
    }
    bk_kind_free(&kind);
    bk_pool_free(&pool);
    return goes_on;
}

/* Insertion sort, of a few dozen names. */
static void sort(struct kinds *kinds)
{
    for (size_t i = 1; i < kinds->count; i++) {
        const char *name = kinds->names[i], *path = kinds->paths[i];
        size_t at = i;
        for (; at > 0 && strcmp(kinds->names[at - 1], name) > 0; at--) {
            kinds->names[at] = kinds->names[at - 1];
            kinds->paths[at] = kinds->paths[at - 1];
        }
        kinds->names[at] = name;
        kinds->paths[at] = path;
    }
}

enum brisk_status
brisk_fixture_each_kind(brisk_fixture_kind_fn *fn, void *ctx, struct brisk_error *error)
{
    struct kinds *kinds = bk_calloc(1, sizeof *kinds);
    if (kinds == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for the list of fixtures");
    bk_find_each_folder(read_folder, kinds);
    sort(kinds);
    bool goes_on = !kinds->has_no_memory;
    for (size_t i = 0; i < kinds->count && goes_on; i++)
        goes_on = show_kind(kinds, i, fn, ctx);
    bool failed = kinds->has_no_memory;
    bk_pool_free(&kinds->pool);
    bk_free(kinds);
    return failed ? bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for the list of fixtures")
                  : BRISK_OK;
}
