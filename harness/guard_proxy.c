/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy of a fixture: a child of the guard, which ends with it. */
#include "harness/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

enum {
    MOST_TRAFFIC_BYTES = 2048,
};

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Else the folder's lock and the owner's socket would live as long as the proxy. */
static void close_guards_descriptors(const struct bk_guard *guard)
{
    close_if_open(guard->owner_fd);
    close_if_open(guard->owner_pidfd);
    close_if_open(guard->control_fd);
    close_if_open(guard->notify_fd);
    close_if_open(guard->place.lock_fd);
    close_if_open(guard->sink.read_fd);
    close_if_open(guard->sink.write_fd);
    close_if_open(guard->sink.file_fd);
    for (size_t i = 0; i < guard->port_count; i++)
        close_if_open(guard->ports[i].fd);
}

_Noreturn static void be_proxy(const struct bk_guard *guard, pid_t parent)
{
    prctl(PR_SET_NAME, "brisk-proxy");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    close_guards_descriptors(guard);
    bk_proxy_run(guard->proxy);
    _exit(0);
}

static enum brisk_status fork_proxy(struct bk_guard *guard, struct brisk_error *error)
{
    pid_t parent = getpid();
    guard->proxy_pid = fork();
    if (guard->proxy_pid == 0)
        be_proxy(guard, parent);
    if (guard->proxy_pid < 0) {
        guard->proxy_pid = 0;
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, errno, "no process for a proxy: %s", strerror(errno));
    }
    bk_proxy_forked(guard->proxy);
    return BRISK_OK;
}

void bk_guard_face_clients(struct bk_guard *guard, bool is_for_clients)
{
    const char *port = is_for_clients ? guard->front_port : guard->server_port;
    if (guard->front_port != NULL) /* replaces a value, which needs no memory */
        bk_variables_set(&guard->variables, &guard->pool, "port", port);
}

/* A proxy stands in front of a port; who comes over a UNIX socket would pass it by. */
static enum brisk_status check_way_of_clients(struct bk_guard *guard, struct brisk_error *error)
{
    const char *url = bk_kind_get(&guard->kind, "fixture", "url", "");
    bk_guard_face_clients(guard, true);
    url = bk_expand(&guard->scratch, &guard->variables, url);
    bk_guard_face_clients(guard, false);
    bool has_port = url != NULL && strstr(url, guard->front_port) != NULL;
    bk_pool_free(&guard->scratch);
    if (has_port)
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_UNSUPPORTED, 0,
        "clients of %s do not come over a TCP port, in front of which alone a proxy can stand",
        guard->name);
}

static enum brisk_status open_proxy(struct bk_guard *guard, struct brisk_error *error)
{
    char listen[64], server[64];
    const char *port = bk_kind_parameter(&guard->kind, "port");
    const char *faults = bk_kind_parameter(&guard->kind, "proxy");
    snprintf(listen, sizeof listen, "%s:%.5s", BK_PORT_HOST, *port != '\0' ? port : "0");
    snprintf(server, sizeof server, "%s:%u", BK_PORT_HOST, guard->ports[0].number);
    struct bk_proxy_options options = {
        .listen = listen, .server = server, .faults = strcmp(faults, "yes") == 0 ? NULL : faults};
    struct brisk_error why = {.status = BRISK_ERR_NOMEM};
    guard->proxy = bk_proxy_open(&options, &why);
    if (guard->proxy == NULL)
        return bk_error_set(
            error, why.status, why.sys_errno, "the proxy of %s: %s", guard->name, why.message);
    guard->server_port = bk_variables_get(&guard->variables, "port");
    guard->front_port = bk_pool_format(&guard->pool, "%u", bk_proxy_port(guard->proxy));
    if (guard->front_port == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "brisk-guard: out of memory");
    return BRISK_OK;
}

enum brisk_status bk_guard_start_proxy(struct bk_guard *guard, struct brisk_error *error)
{
    if (!bk_kind_has_proxy(&guard->kind))
        return BRISK_OK;
    enum brisk_status status = open_proxy(guard, error);
    if (status == BRISK_OK)
        status = check_way_of_clients(guard, error);
    if (status == BRISK_OK)
        status = fork_proxy(guard, error);
    return status;
}

void bk_guard_end_proxy(struct bk_guard *guard)
{
    bk_proxy_close(guard->proxy);
    guard->proxy = NULL;
    while (guard->proxy_pid != 0 && waitpid(guard->proxy_pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    guard->proxy_pid = 0;
}

static enum brisk_status refuse(const struct bk_guard *guard, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0, "%s has no proxy; start it with one: %s=proxy", guard->name,
        bk_kind_get(&guard->kind, "fixture", "name", ""));
}

enum brisk_status
bk_guard_fault(struct bk_guard *guard, const char *specification, struct brisk_error *error)
{
    if (guard->proxy == NULL)
        return refuse(guard, error);
    return bk_proxy_fault(guard->proxy, specification, error);
}

enum brisk_status
bk_guard_read_traffic(struct bk_guard *guard, const char **lines, struct brisk_error *error)
{
    static char buffer[MOST_TRAFFIC_BYTES];
    if (guard->proxy == NULL)
        return refuse(guard, error);
    struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer - 1};
    enum brisk_status status = bk_proxy_print_status(guard->proxy, &text, error);
    buffer[text.length < sizeof buffer ? text.length : 0] = '\0';
    *lines = buffer;
    return status;
}
