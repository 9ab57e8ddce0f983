/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_control.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/proxy_socket.h"

/* A connection that requests come over. */
struct bk_session {
    struct bk_watch watch;
    struct bk_control *control;
    struct bk_session *next, *previous;
    bool is_owner;
    size_t length; /* of what has come and is no whole line */
    char line[BK_CONTROL_MAX_LINE];
};

static const char *argument_of(const char *request, const char *verb)
{
    size_t length = strlen(verb);
    if (strncmp(request, verb, length) != 0)
        return NULL;
    if (request[length] == '\0')
        return request + length;
    return request[length] == ' ' ? request + length + 1 : NULL;
}

static void put_count(struct bk_text *answer, const char *name, uint64_t count)
{
    bk_text_puts(answer, name);
    bk_text_puts(answer, " ");
    bk_text_u64(answer, count);
    bk_text_puts(answer, "\n");
}

static void put_status(const struct bk_relay *relay, struct bk_text *answer)
{
    char faults[BK_CONTROL_MAX_LINE];
    struct bk_text text = {.buffer = faults, .capacity = sizeof faults};
    bk_faults_print(&relay->faults, &text);
    bk_text_puts(answer, "faults ");
    bk_text_put(answer, faults, text.length);
    bk_text_puts(answer, "\n");
    put_count(answer, "seed", relay->faults.seed);
    put_count(answer, "connections", relay->link_count);
    put_count(answer, "accepted", relay->accepted_links);
    put_count(answer, "unreachable", relay->unreachable_links);
    put_count(answer, "bytes_up", relay->sent_bytes[BK_UP]);
    put_count(answer, "bytes_down", relay->sent_bytes[BK_DOWN]);
}

static void put_error(struct bk_text *answer, const char *message)
{
    bk_text_puts(answer, "error ");
    bk_text_puts(answer, message);
    bk_text_puts(answer, "\n");
}

static void change_faults(struct bk_relay *relay, const char *specification, struct bk_text *answer)
{
    struct brisk_error error;
    struct bk_faults faults = relay->faults;
    enum brisk_status status = bk_faults_change(&faults, specification, &error);
    if (status == BRISK_OK)
        status = bk_relay_set_faults(relay, &faults, &error);
    if (status == BRISK_OK)
        bk_text_puts(answer, "ok\n");
    else
        put_error(answer, error.message);
}

void bk_control_answer(struct bk_relay *relay, const char *request, struct bk_text *answer)
{
    const char *specification = argument_of(request, "fault");
    if (specification != NULL) {
        change_faults(relay, specification, answer);
    } else if (strcmp(request, "clear") == 0) {
        change_faults(relay, "clear", answer);
    } else if (strcmp(request, "status") == 0) {
        put_status(relay, answer);
        bk_text_puts(answer, "ok\n");
    } else {
        put_error(answer, "no such request; there are fault SPECIFICATION, clear, status");
    }
}

static void close_session(struct bk_session *session)
{
    struct bk_control *control = session->control;
    bk_events_unwatch(control->relay->events, &session->watch);
    bk_socket_close(session->watch.fd);
    if (session->previous != NULL)
        session->previous->next = session->next;
    else
        control->sessions = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    session->next = control->closed_sessions;
    control->closed_sessions = session;
    if (session->is_owner)
        control->is_orphaned = true;
}

/* An answer fits any socket's buffer; who lets many of them pile up is not answered. */
static bool answer_line(struct bk_session *session, const char *line)
{
    char buffer[BK_CONTROL_MAX_ANSWER];
    struct bk_text answer = {.buffer = buffer, .capacity = sizeof buffer};
    bk_control_answer(session->control->relay, line, &answer);
    ssize_t sent = send(session->watch.fd, buffer, answer.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)answer.length;
}

/* False if the session must end. */
static bool answer_lines(struct bk_session *session)
{
    char *line = session->line;
    char *end = memchr(line, '\n', session->length);
    while (end != NULL) {
        *end = '\0';
        if (!answer_line(session, line))
            return false;
        session->length -= (size_t)(end + 1 - line);
        line = end + 1;
        end = memchr(line, '\n', session->length);
    }
    memmove(session->line, line, session->length);
    return session->length < sizeof session->line;
}

static void session_ready(struct bk_watch *watch, uint32_t ready)
{
    (void)ready;
    struct bk_session *session = (struct bk_session *)watch;
    ssize_t length = recv(
        watch->fd, session->line + session->length, sizeof session->line - session->length,
        MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (length > 0)
        session->length += (size_t)length;
    if (length <= 0 || !answer_lines(session))
        close_session(session);
}

static struct bk_session *open_session(struct bk_control *control, int fd)
{
    struct bk_session *session = bk_calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->control = control;
    session->watch = (struct bk_watch){.fd = fd, .ready = session_ready};
    if (!bk_events_watch(control->relay->events, &session->watch, EPOLLIN)) {
        bk_free(session);
        return NULL;
    }
    session->next = control->sessions;
    if (session->next != NULL)
        session->next->previous = session;
    control->sessions = session;
    return session;
}

static void accept_session(struct bk_watch *listener, uint32_t ready)
{
    (void)ready;
    struct bk_control *control =
        (struct bk_control *)((char *)listener - offsetof(struct bk_control, listener));
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && open_session(control, fd) == NULL)
        bk_socket_close(fd);
}

static enum brisk_status listen_for_sessions(
    struct bk_control *control, const struct bk_address *address, struct brisk_error *error)
{
    control->address = *address;
    enum brisk_status status = bk_socket_listen(&control->listener.fd, &control->address, error);
    if (status != BRISK_OK)
        return status;
    control->has_listener = true;
    control->listener.ready = accept_session;
    if (chmod(bk_address_path(address), S_IRUSR | S_IWUSR) == 0 &&
        bk_events_watch(control->relay->events, &control->listener, EPOLLIN))
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, errno, "cannot watch the proxy's control socket: %s",
        strerror(errno));
}

enum brisk_status bk_control_open(
    struct bk_control *control, struct bk_relay *relay, const struct bk_address *address,
    int owner_fd, struct brisk_error *error)
{
    *control = (struct bk_control){.relay = relay};
    enum brisk_status status = BRISK_OK;
    if (address != NULL)
        status = listen_for_sessions(control, address, error);
    struct bk_session *owner = status == BRISK_OK ? open_session(control, owner_fd) : NULL;
    if (owner != NULL) {
        owner->is_owner = true;
        return BRISK_OK;
    }
    if (status == BRISK_OK)
        status = bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a proxy");
    bk_socket_close(owner_fd);
    bk_control_close(control);
    return status;
}

void bk_control_close(struct bk_control *control)
{
    while (control->sessions != NULL)
        close_session(control->sessions);
    bk_control_sweep(control);
    if (!control->has_listener)
        return;
    bk_events_unwatch(control->relay->events, &control->listener);
    bk_socket_end_listening(control->listener.fd);
    unlink(bk_address_path(&control->address));
}

void bk_control_abandon(struct bk_control *control)
{
    for (struct bk_session *session = control->sessions, *next; session != NULL; session = next) {
        next = session->next;
        close(session->watch.fd);
        bk_free(session);
    }
    if (control->has_listener)
        close(control->listener.fd);
}

void bk_control_sweep(struct bk_control *control)
{
    while (control->closed_sessions != NULL) {
        struct bk_session *session = control->closed_sessions;
        control->closed_sessions = session->next;
        bk_free(session);
    }
}
