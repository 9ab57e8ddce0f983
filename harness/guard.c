/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static struct bk_guard guard;
static struct bk_message message; /* the request, then its answer */

/* `brisk test` names a file in which it wants what the daemon has said last. */
static void tell_log(void)
{
    char text[BK_GUARD_LOG_BYTES];
    const char *path = getenv("BRISK_FIXTURE_LOGS");
    int fd = path == NULL || guard.name == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    while (bk_sink_drain(&guard.sink))
        continue;
    int head = snprintf(text, sizeof text, "[log of %.60s]\n", guard.name);
    size_t used = (size_t)head;
    used += bk_sink_tail(guard.sink.path, text + used, sizeof text - used);
    if (write(fd, text, used) < 0) /* at once, as several may do so */
        used = 0;
    close(fd);
}

/* Nobody is there to wait for a polite end. */
_Noreturn static void leave_without_owner(void)
{
    bk_world_end(&guard.world);
    tell_log();
    bk_guard_end_proxy(&guard);
    bk_place_close(&guard.place, guard.keep_directory);
    _exit(0);
}

/* A forked child of the owner may hold the socket, so both are asked. */
bool bk_guard_has_owner(const struct bk_guard *asked)
{
    struct pollfd fds[] = {{.fd = asked->owner_fd}, {.fd = asked->owner_pidfd, .events = POLLIN}};
    return poll(fds, 2, 0) <= 0;
}

/* What the loop looks at; slots that are not used have -1. */
enum slot {
    SLOT_OWNER,
    SLOT_OWNER_PROCESS,
    SLOT_WORLD,
    SLOT_WORLD_STATUS,
    SLOT_LOG,
    SLOT_NOTIFY,
    SLOT_EXTRA,
    SLOT_CONTROL,
    SLOT_CLIENTS,
    SLOTS = SLOT_CLIENTS + BK_GUARD_CLIENTS
};

static void fill_slots(struct pollfd *fds)
{
    bool watches_end = bk_world_is_alive(&guard.world) && !guard.world.has_ended;
    for (size_t i = 0; i < SLOTS; i++)
        fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    fds[SLOT_OWNER] = (struct pollfd){.fd = guard.owner_fd};
    fds[SLOT_OWNER_PROCESS].fd = guard.owner_pidfd;
    fds[SLOT_WORLD].fd = watches_end ? guard.world.root_fd : -1;
    fds[SLOT_WORLD_STATUS].fd = watches_end && guard.is_isolated ? guard.world.status_fd : -1;
    fds[SLOT_LOG].fd = guard.sink.read_fd;
    fds[SLOT_NOTIFY].fd = guard.notify_fd;
}

static void wait_for_slots(struct pollfd *fds, uint64_t deadline_ns)
{
    uint64_t now_ns = bk_now_ns();
    uint64_t rest_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct timespec rest = {
        .tv_sec = (time_t)(rest_ns / 1000000000), .tv_nsec = (long)(rest_ns % 1000000000)};
    if (ppoll(fds, SLOTS, deadline_ns == UINT64_MAX ? NULL : &rest, NULL) <= 0)
        for (size_t i = 0; i < SLOTS; i++)
            fds[i].revents = 0;
}

/* READY=1 in a line of its own, as sd_notify(3) says. */
static void read_notify(void)
{
    char text[1024];
    ssize_t length = recv(guard.notify_fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return;
    text[length] = '\0';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (strcmp(line, "READY=1") == 0)
            guard.is_notified = true;
}

static void handle_slots(const struct pollfd *fds)
{
    if (fds[SLOT_OWNER].revents != 0 || fds[SLOT_OWNER_PROCESS].revents != 0)
        leave_without_owner();
    if (fds[SLOT_NOTIFY].revents != 0)
        read_notify();
    if (fds[SLOT_LOG].revents != 0)
        bk_sink_drain(&guard.sink);
    if (fds[SLOT_WORLD].revents != 0 || fds[SLOT_WORLD_STATUS].revents != 0)
        bk_world_look(&guard.world);
}

void bk_guard_turn(struct bk_guard *turned, uint64_t deadline_ns)
{
    bk_guard_wait(turned, -1, 0, deadline_ns);
}

/* Returns after one turn if fd is -1. */
bool bk_guard_wait(struct bk_guard *waiting, int fd, short events, uint64_t deadline_ns)
{
    struct pollfd fds[SLOTS];
    (void)waiting;
    for (;;) {
        fill_slots(fds);
        fds[SLOT_EXTRA] = (struct pollfd){.fd = fd, .events = events};
        wait_for_slots(fds, deadline_ns);
        handle_slots(fds);
        if (fds[SLOT_EXTRA].revents != 0)
            return true;
        if (fd < 0 || guard.world.has_ended || bk_now_ns() >= deadline_ns)
            return false;
    }
}

static void add_pair(const char *name, const char *value)
{
    bk_message_add(&message, name);
    bk_message_add(&message, value == NULL ? "" : value);
}

static void add_section(const char *section)
{
    char name[256];
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0; (entry = bk_kind_next(&guard.kind, section, NULL, &cursor)) != NULL;) {
        const char *value = bk_expand(&guard.scratch, &guard.variables, entry->value);
        snprintf(name, sizeof name, "%s.%.200s", section, entry->key);
        add_pair(name, value);
    }
}

/* All that others may know of the fixture, as pairs. */
static void answer_with_facts(void)
{
    static const char *const names[] = {"name",   "host", "port", "dir", "data",
                                        "socket", "log",  "bin",  "pid"};
    const char *url = bk_kind_get(&guard.kind, "fixture", "url", "");
    bk_guard_face_clients(&guard, true);
    bk_message_clear(&message);
    bk_message_add_number(&message, BRISK_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_pair(names[i], bk_variables_get(&guard.variables, names[i]));
    add_pair("kind", bk_kind_get(&guard.kind, "fixture", "name", ""));
    add_pair("url", bk_expand(&guard.scratch, &guard.variables, url));
    add_pair("state", guard.world.has_ended ? "ended" : guard.is_paused ? "paused" : "running");
    add_section("export");
    add_section("pifpaf");
    bk_guard_face_clients(&guard, false);
}

/* Facts, and what has passed the proxy. */
static enum brisk_status answer_with_traffic(struct brisk_error *error)
{
    const char *lines;
    enum brisk_status status = bk_guard_read_traffic(&guard, &lines, error);
    if (status != BRISK_OK)
        return status;
    answer_with_facts();
    add_pair("traffic", lines);
    return BRISK_OK;
}

static void answer_with(enum brisk_status status, const struct brisk_error *error)
{
    bk_message_clear(&message);
    bk_message_add_number(&message, status);
    bk_message_add_number(&message, error->sys_errno);
    bk_message_add(&message, error->message);
}

/* The last lines of the log, after the error. */
static void add_log_lines(void)
{
    static char text[BK_MESSAGE_BYTES / 4];
    const char *path = bk_variables_get(&guard.variables, "log");
    size_t length = path == NULL ? 0 : bk_sink_tail(path, text, sizeof text - 1);
    text[length] = '\0';
    size_t lines = 0, first = length;
    while (first > 0 &&
           (text[first - 1] != '\n' || first == length || ++lines < BK_GUARD_LOG_LINES))
        first--;
    char *rest = text + first;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            bk_message_add(&message, line);
}

static struct bk_guard_order read_order(size_t *cursor)
{
    struct bk_guard_order order = {0};
    order.path = bk_message_next(&message, cursor);
    order.name = bk_message_next(&message, cursor);
    order.parameters = bk_message_next(&message, cursor);
    order.start_timeout_ms = (unsigned int)bk_message_next_number(&message, cursor);
    order.stop_timeout_ms = (unsigned int)bk_message_next_number(&message, cursor);
    order.isolation = (int)bk_message_next_number(&message, cursor);
    order.is_polite = bk_message_next_number(&message, cursor) != 0;
    order.keep_directory = bk_message_next_number(&message, cursor) != 0;
    return order;
}

/* Pairs that follow the order: "postgresql.host" and the like, of what this one needs. */
static bool read_needed(size_t cursor)
{
    const char *name, *value;
    while ((name = bk_message_next(&message, &cursor)) != NULL &&
           (value = bk_message_next(&message, &cursor)) != NULL) {
        const char *kept_name = bk_pool_copy(&guard.pool, name, strlen(name));
        const char *kept_value = bk_pool_copy(&guard.pool, value, strlen(value));
        if (kept_name == NULL || kept_value == NULL ||
            !bk_variables_set(&guard.variables, &guard.pool, kept_name, kept_value))
            return false;
    }
    return true;
}

/* The first request: start. After a failure the process ends. */
static void begin(void)
{
    struct brisk_error error = {0};
    if (!bk_message_receive(guard.owner_fd, &message))
        leave_without_owner();
    size_t cursor = 0;
    struct bk_guard_order order = read_order(&cursor);
    enum brisk_status status = BRISK_ERR_INVALID;
    if (order.parameters == NULL || !read_needed(cursor))
        bk_error_set(&error, status, 0, "brisk-guard: a request that it does not understand");
    else
        status = bk_guard_set_up(&guard, &order, &error);
    if (status == BRISK_OK)
        status = bk_guard_start(&guard, &error);
    if (!bk_guard_has_owner(&guard))
        leave_without_owner();
    if (status == BRISK_OK) {
        answer_with_facts();
        bk_message_send(guard.owner_fd, &message);
        return;
    }
    answer_with(status, &error);
    add_log_lines();
    bk_guard_end(&guard, BK_END_FAST);
    bk_guard_end_proxy(&guard);
    bk_place_close(&guard.place, guard.keep_directory);
    bk_message_send(guard.owner_fd, &message);
    _exit(0);
}

static enum brisk_status restart(struct brisk_error *error)
{
    bk_guard_end(&guard, BK_END_SAFE);
    return bk_guard_start(&guard, error);
}

static enum brisk_status unknown_request(const char *verb, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_UNSUPPORTED, 0,
        "brisk-guard does not know '%.40s'; is it of another version?", verb);
}

static const char *next_text(size_t *cursor)
{
    const char *text = bk_message_next(&message, cursor);
    return text != NULL ? text : "";
}

static enum brisk_status obey(const char *verb, size_t cursor, struct brisk_error *error)
{
    if (strcmp(verb, "facts") == 0)
        return BRISK_OK;
    if (strcmp(verb, "restart") == 0)
        return restart(error);
    if (strcmp(verb, "kill") == 0)
        return bk_guard_kill(&guard, (int)bk_message_next_number(&message, &cursor), error);
    if (strcmp(verb, "pause") == 0)
        return bk_guard_pause(&guard, true, error);
    if (strcmp(verb, "resume") == 0)
        return bk_guard_pause(&guard, false, error);
    if (strcmp(verb, "reset") == 0)
        return bk_guard_reset(&guard, error);
    if (strcmp(verb, "fault") == 0)
        return bk_guard_fault(&guard, next_text(&cursor), error);
    return unknown_request(verb, error);
}

_Noreturn static void stop(int fd)
{
    struct brisk_error error = {0};
    bk_guard_end(&guard, guard.is_polite ? BK_END_POLITE : BK_END_FAST);
    tell_log();
    bk_guard_end_proxy(&guard);
    int failure = bk_place_close(&guard.place, guard.keep_directory);
    enum brisk_status status = BRISK_OK;
    if (failure != 0)
        status = bk_error_set(
            &error, BRISK_ERR_SYSTEM, failure, "not all of its folder was removed: %s",
            strerror(failure));
    answer_with(status, &error);
    bk_message_send(fd, &message);
    _exit(0);
}

/* False: the connection has ended. */
static bool serve(int fd)
{
    struct brisk_error error = {0};
    if (!bk_message_receive(fd, &message))
        return false;
    size_t cursor = 0;
    const char *verb = bk_message_next(&message, &cursor);
    if (strcmp(verb, "stop") == 0)
        stop(fd);
    bool is_about_traffic = strcmp(verb, "traffic") == 0;
    enum brisk_status status = is_about_traffic ? answer_with_traffic(&error)
                                                : obey(verb, cursor, &error);
    if (status == BRISK_OK && !is_about_traffic) {
        answer_with_facts();
    } else if (status != BRISK_OK) {
        answer_with(status, &error);
        add_log_lines();
    }
    bk_pool_free(&guard.scratch);
    return bk_message_send(fd, &message);
}

static void accept_client(void)
{
    int fd = accept4(guard.control_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < BK_GUARD_CLIENTS; i++) {
        if (guard.client_fds[i] < 0) {
            guard.client_fds[i] = fd;
            return;
        }
    }
    close(fd);
}

_Noreturn static void serve_for_ever(void)
{
    struct pollfd fds[SLOTS];
    for (;;) {
        fill_slots(fds);
        fds[SLOT_OWNER].events = POLLIN;
        fds[SLOT_CONTROL].fd = guard.control_fd;
        for (size_t i = 0; i < BK_GUARD_CLIENTS; i++)
            fds[SLOT_CLIENTS + i].fd = guard.client_fds[i];
        wait_for_slots(fds, UINT64_MAX);
        if ((fds[SLOT_OWNER].revents & POLLIN) != 0 && fds[SLOT_OWNER_PROCESS].revents == 0) {
            if (!serve(guard.owner_fd))
                leave_without_owner();
            continue;
        }
        handle_slots(fds);
        if (fds[SLOT_CONTROL].revents != 0)
            accept_client();
        for (size_t i = 0; i < BK_GUARD_CLIENTS; i++) {
            if (fds[SLOT_CLIENTS + i].revents == 0 || serve(guard.client_fds[i]))
                continue;
            close(guard.client_fds[i]);
            guard.client_fds[i] = -1;
        }
    }
}

/* A terminal's signals are for its owner; what it writes to a pipe without a reader is not lost. */
static void ignore_signals(void)
{
    static const int numbers[] = {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
    pid_t owner = getppid();
    guard.owner_fd = BK_GUARD_OWNER_FD;
    guard.owner_pidfd = (int)syscall(SYS_pidfd_open, owner, 0);
    guard.control_fd = guard.notify_fd = -1;
    guard.world.root_fd = guard.world.status_fd = -1;
    guard.sink.read_fd = guard.sink.write_fd = guard.sink.file_fd = -1;
    for (size_t i = 0; i < BK_GUARD_CLIENTS; i++)
        guard.client_fds[i] = -1;
    struct stat socket;
    if (fstat(guard.owner_fd, &socket) != 0 || !S_ISSOCK(socket.st_mode)) {
        fputs("brisk-guard is started by brisk, and by programs that use fixtures\n", stderr);
        return 2;
    }
    fcntl(guard.owner_fd, F_SETFD, FD_CLOEXEC);
    fcntl(guard.owner_pidfd, F_SETFD, FD_CLOEXEC);
    umask(022);
    ignore_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    /* Who was its parent when the pidfd was opened: else it is somebody else's by now. */
    if (guard.owner_pidfd < 0 || getppid() != owner)
        return 0;

    begin();
    size_t removed;
    bk_place_collect_all(&removed, NULL);
    serve_for_ever();
}
