/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/guard.h"

#include <brisk/fixture.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "harness/find.h"
#include "harness/tree.h"

extern char **environ;

static enum brisk_status no_memory(struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "brisk-guard: out of memory");
}

static bool set(struct bk_guard *guard, const char *name, const char *value)
{
    return value != NULL && bk_variables_set(&guard->variables, &guard->pool, name, value);
}

static enum brisk_status find_program(struct bk_guard *guard, struct brisk_error *error)
{
    const char *exec = bk_kind_get(&guard->kind, "fixture", "exec", "");
    char *first = bk_pool_copy(&guard->pool, exec, strcspn(exec, " \t"));
    if (first == NULL)
        return no_memory(error);
    const char *places = bk_kind_get(&guard->kind, "fixture", "find", first);
    guard->program = bk_find_program(&guard->pool, places);
    if (guard->program != NULL)
        return BRISK_OK;
    const char *package = bk_kind_get(&guard->kind, "fixture", "package", NULL);
    if (package != NULL)
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, ENOENT,
            "%s is not installed: there is no %s; apt-get install %s",
            bk_kind_get(&guard->kind, "fixture", "name", ""), first, package);
    return bk_error_set(
        error, BRISK_ERR_UNSUPPORTED, ENOENT, "%s: there is no program %s",
        bk_kind_get(&guard->kind, "fixture", "name", ""), places);
}

static bool set_program_folder(struct bk_guard *guard)
{
    char real[PATH_MAX];
    if (realpath(guard->program, real) == NULL)
        return set(guard, "bin", "");
    *strrchr(real, '/') = '\0';
    return set(guard, "bin", bk_pool_copy(&guard->pool, real, strlen(real)));
}

static enum brisk_status make_place(struct bk_guard *guard, struct brisk_error *error)
{
    enum brisk_status status = bk_place_make(&guard->place, error);
    if (status < 0)
        return status;
    const char *path = guard->place.path;
    if (set(guard, "dir", path) && set(guard, "name", guard->name) &&
        set(guard, "data", bk_pool_format(&guard->pool, "%s/data", path)) &&
        set(guard, "socket", bk_pool_format(&guard->pool, "%s/socket", path)) &&
        set(guard, "log", bk_pool_format(&guard->pool, "%s/log", path)) &&
        set_program_folder(guard))
        return BRISK_OK;
    return no_memory(error);
}

static enum brisk_status
reserve(struct bk_guard *guard, const char *variable, uint16_t wanted, struct brisk_error *error)
{
    if (guard->port_count == BK_GUARD_PORTS)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "more than %d ports", BK_GUARD_PORTS);
    struct bk_port *port = &guard->ports[guard->port_count];
    enum brisk_status status = bk_port_reserve(port, wanted, error);
    if (status < 0)
        return status;
    guard->port_count++;
    const char *number = bk_pool_format(&guard->pool, "%u", port->number);
    return set(guard, variable, number) ? BRISK_OK : no_memory(error);
}

static enum brisk_status reserve_ports(struct bk_guard *guard, struct brisk_error *error)
{
    const char *fixed = bk_kind_parameter(&guard->kind, "port");
    uint16_t wanted = (uint16_t)strtoul(fixed, NULL, 10);
    if (!set(guard, "host", BK_PORT_HOST))
        return no_memory(error);
    /* With a proxy the port that was asked for is the proxy's. */
    bool has_proxy = bk_kind_has_proxy(&guard->kind);
    enum brisk_status status = reserve(guard, "port", has_proxy ? 0 : wanted, error);
    const char *names = bk_kind_get(&guard->kind, "fixture", "ports", "");
    while (status == BRISK_OK && *(names += strspn(names, " \t")) != '\0') {
        size_t length = strcspn(names, " \t");
        const char *variable = bk_pool_format(&guard->pool, "port.%.*s", (int)length, names);
        if (variable == NULL)
            return no_memory(error);
        status = reserve(guard, variable, 0, error);
        names += length;
    }
    return status;
}

static bool set_parameters(struct bk_guard *guard)
{
    for (size_t i = 0; i < guard->kind.parameter_count; i++) {
        const struct bk_parameter *parameter = &guard->kind.parameters[i];
        if (strcmp(parameter->name, "port") == 0)
            continue;
        if (!set(
                guard, parameter->name,
                bk_expand(&guard->pool, &guard->variables, parameter->value)))
            return false;
    }
    return true;
}

static enum brisk_status
write_line(struct bk_guard *guard, const struct bk_ini_entry *entry, struct brisk_error *error)
{
    const char *name = bk_kind_argument(&guard->kind, entry);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%.200s", guard->place.path, name);
    const char *line = bk_expand(&guard->pool, &guard->variables, entry->value);
    if (line == NULL)
        return no_memory(error);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && dprintf(fd, "%s\n", line) > 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (is_written)
        return BRISK_OK;
    return bk_error_set(error, BRISK_ERR_SYSTEM, reason, "%s: %s", path, strerror(reason));
}

/* Those of [file NAME]. */
static enum brisk_status write_files(struct bk_guard *guard, struct brisk_error *error)
{
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0;
         (entry = bk_kind_next(&guard->kind, "file", "line", &cursor)) != NULL;) {
        enum brisk_status status = write_line(guard, entry, error);
        if (status < 0)
            return status;
    }
    return BRISK_OK;
}

static bool make_command(struct bk_guard *guard)
{
    const char *exec = bk_kind_get(&guard->kind, "fixture", "exec", "");
    if (!bk_words_add(&guard->command, &guard->pool, &guard->variables, exec))
        return false;
    guard->command.words[0] = bk_pool_copy(&guard->pool, guard->program, strlen(guard->program));
    if (guard->command.words[0] == NULL)
        return false;
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0;
         (entry = bk_kind_next(&guard->kind, "fixture", "arg", &cursor)) != NULL;)
        if (!bk_words_add(&guard->command, &guard->pool, &guard->variables, entry->value))
            return false;
    return true;
}

/* What service managers tell their children is not for ours. */
static bool is_inherited(const char *assignment)
{
    static const char *const left_out[] = {
        "NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", BK_PLACE_VARIABLE "="};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (strncmp(assignment, left_out[i], strlen(left_out[i])) == 0)
            return false;
    return true;
}

static bool is_replaced(const struct bk_guard *guard, const char *assignment)
{
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0;
         (entry = bk_kind_next(&guard->kind, "environment", NULL, &cursor)) != NULL;) {
        size_t length = strlen(entry->key);
        if (strncmp(assignment, entry->key, length) == 0 && assignment[length] == '=')
            return true;
    }
    return false;
}

static bool make_environment(struct bk_guard *guard)
{
    for (char **assignment = environ; *assignment != NULL; assignment++)
        if (is_inherited(*assignment) && !is_replaced(guard, *assignment) &&
            !bk_words_add_one(&guard->environment, &guard->pool, *assignment))
            return false;
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0;
         (entry = bk_kind_next(&guard->kind, "environment", NULL, &cursor)) != NULL;) {
        const char *value = bk_expand(&guard->pool, &guard->variables, entry->value);
        char *text = value == NULL ? NULL
                                   : bk_pool_format(&guard->pool, "%s=%s", entry->key, value);
        if (text == NULL || !bk_words_add_one(&guard->environment, &guard->pool, text))
            return false;
    }
    char *own = bk_pool_format(&guard->pool, "%s=%s", BK_PLACE_VARIABLE, guard->place.path);
    char *notify = bk_pool_format(&guard->pool, "NOTIFY_SOCKET=%s/notify", guard->place.path);
    return own != NULL && notify != NULL &&
           bk_words_add_one(&guard->environment, &guard->pool, own) &&
           bk_words_add_one(&guard->environment, &guard->pool, notify);
}

static int open_socket(const char *folder, const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/%s", folder, name);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (type == SOCK_SEQPACKET && listen(fd, BK_GUARD_CLIENTS) != 0)) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static enum brisk_status open_sockets(struct bk_guard *guard, struct brisk_error *error)
{
    const char *path = guard->place.path;
    int failure = bk_sink_open(&guard->sink, bk_variables_get(&guard->variables, "log"));
    if (failure != 0)
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, failure, "%s/log: %s", path, strerror(failure));
    guard->notify_fd = open_socket(path, "notify", SOCK_DGRAM);
    guard->control_fd = open_socket(path, "control", SOCK_SEQPACKET);
    if (guard->notify_fd < 0 || guard->control_fd < 0)
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, errno, "a socket in %s: %s", path, strerror(errno));
    return BRISK_OK;
}

static enum brisk_status
choose_isolation(struct bk_guard *guard, int isolation, struct brisk_error *error)
{
    guard->is_isolated = isolation != BRISK_FIXTURE_ISOLATION_NONE;
    guard->may_fall_back = isolation == BRISK_FIXTURE_ISOLATION_AUTO;
    if (isolation == BRISK_FIXTURE_ISOLATION_FULL)
        return bk_world_check_isolation(error);
    return BRISK_OK;
}

enum brisk_status bk_guard_give_place(struct bk_guard *guard, struct brisk_error *error)
{
    if (guard->is_isolated || geteuid() != 0)
        return BRISK_OK;
    int failure = bk_tree_give(guard->place.path, BK_WORLD_NOBODY);
    if (failure == 0)
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, failure, "giving %s to nobody: %s", guard->place.path,
        strerror(failure));
}

static enum brisk_status prepare(struct bk_guard *guard, struct brisk_error *error)
{
    const char *data = bk_variables_get(&guard->variables, "data");
    if (mkdir(data, 0700) != 0)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "%s: %s", data, strerror(errno));
    if (!set_parameters(guard) || !make_command(guard) || !make_environment(guard))
        return no_memory(error);
    enum brisk_status status = write_files(guard, error);
    if (status == BRISK_OK)
        status = open_sockets(guard, error);
    if (status == BRISK_OK)
        status = bk_guard_give_place(guard, error);
    return status == BRISK_OK ? bk_guard_fill_data(guard, error) : status;
}

enum brisk_status bk_guard_set_up(
    struct bk_guard *guard, const struct bk_guard_order *order, struct brisk_error *error)
{
    enum brisk_status status = bk_kind_load(&guard->kind, order->path, order->parameters, error);
    if (status < 0)
        return status;
    const char *name = *order->name != '\0' ? order->name
                                            : bk_kind_get(&guard->kind, "fixture", "name", "");
    guard->name = bk_pool_copy(&guard->pool, name, strlen(name));
    guard->is_polite = order->is_polite;
    guard->keep_directory = order->keep_directory;
    guard->start_timeout_ms = order->start_timeout_ms;
    guard->stop_timeout_ms = order->stop_timeout_ms;
    if (guard->name == NULL)
        return no_memory(error);
    status = find_program(guard, error);
    if (status == BRISK_OK)
        status = choose_isolation(guard, order->isolation, error);
    if (status == BRISK_OK)
        status = make_place(guard, error);
    if (status == BRISK_OK)
        status = reserve_ports(guard, error);
    if (status == BRISK_OK)
        status = prepare(guard, error);
    return status == BRISK_OK ? bk_guard_start_proxy(guard, error) : status;
}
