/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_link.h"

#include <errno.h>
#include <unistd.h>

#include "base/memory.h"
#include "harness/proxy_socket.h"

enum {
    TURNS = 16,             /* of one link before others have theirs */
    FLOOD_BYTES = 64 * 1024 /* in one read: below that a copy is cheaper than a splice */
};

#define NS_PER_MS UINT64_C(1000000)
#define RESET_WITHIN_NS (1000 * NS_PER_MS)

static struct bk_events *events_of(const struct bk_link *link)
{
    return link->relay->events;
}

static void wake_up(struct bk_link *link)
{
    bk_timer_set(&events_of(link)->timers, &link->alarm.timer, bk_events_now_ns() + 1);
}

static bool is_swapping(const struct bk_link *link)
{
    return link->relay->faults.of[BK_DOWN].is_swapped;
}

/* Two links that have no partner become partners, the oldest first. */
static void find_partner(struct bk_link *link)
{
    struct bk_link *found = NULL;
    if (link->partner != NULL || link->is_closed || link->is_cut || !is_swapping(link))
        return;
    for (struct bk_link *other = link->relay->links; other != NULL; other = other->next)
        if (other != link && other->partner == NULL && !other->is_cut)
            found = other; /* new ones are in front */
    if (found == NULL)
        return;
    link->partner = found;
    found->partner = link;
    wake_up(found);
}

static void leave_partner(struct bk_link *link)
{
    struct bk_link *partner = link->partner;
    link->partner = NULL;
    if (partner == NULL)
        return;
    partner->partner = NULL;
    find_partner(partner);
}

static void end(struct bk_link *link, void (*end_socket)(int fd))
{
    if (link->is_closed)
        return;
    link->is_closed = true;
    bk_timer_unset(&events_of(link)->timers, &link->alarm.timer);
    for (int i = 0; i < 2; i++) {
        bk_events_unwatch(events_of(link), &link->sides[i].watch);
        if (link->sides[i].watch.fd >= 0)
            end_socket(link->sides[i].watch.fd);
        bk_stream_free(&link->streams[i]);
    }
    bk_relay_forget(link->relay, link);
    leave_partner(link);
}

void bk_link_close(struct bk_link *link)
{
    end(link, bk_socket_close);
}

void bk_link_free(struct bk_link *link)
{
    bk_free(link);
}

/* What was sent before comes before the RST, as long as the other side reads. */
static void reset(struct bk_link *link, uint64_t now_ns)
{
    bool is_sent = true;
    for (int i = 0; i < 2; i++)
        is_sent = is_sent && bk_socket_unsent(link->sides[i].watch.fd) == 0;
    if (link->reset_by_ns == 0)
        link->reset_by_ns = now_ns + RESET_WITHIN_NS;
    if (is_sent || now_ns >= link->reset_by_ns)
        end(link, bk_socket_reset);
    else
        bk_timer_set(&events_of(link)->timers, &link->alarm.timer, now_ns + NS_PER_MS);
}

static void reset_at_once(struct bk_link *link)
{
    end(link, bk_socket_reset);
}

static bool is_reset_at_once(const struct bk_link *link, enum bk_direction direction)
{
    const struct bk_fault *fault = link->streams[direction].fault;
    return fault->end == BK_END_RESET && fault->end_bytes == 0;
}

/* An end of file to both. They are listened to until they have closed, else they would get an RST.
 */
static void cut(struct bk_link *link)
{
    link->is_cut = true;
    for (int i = 0; i < 2; i++) {
        shutdown(link->sides[i].watch.fd, SHUT_WR);
        bk_stream_free(&link->streams[i]);
    }
    leave_partner(link);
}

/* A read after the end of a cut link. */
static void discard(struct bk_link *link, struct bk_side *side)
{
    for (int turn = 0; turn < TURNS && side->can_read; turn++) {
        ssize_t length = recv(
            side->watch.fd, link->relay->scratch, BK_RELAY_SCRATCH_BYTES, MSG_DONTWAIT);
        if (length > 0 || (length < 0 && errno == EINTR))
            continue;
        side->can_read = false;
        if (length == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            bk_stream_end(&link->streams[side - link->sides], false, 1);
    }
    if (side->can_read)
        wake_up(link);
}

static void pump_cut(struct bk_link *link)
{
    for (int i = 0; i < 2; i++)
        discard(link, &link->sides[i]);
    if (link->streams[BK_UP].has_ended && link->streams[BK_DOWN].has_ended)
        bk_link_close(link);
}

/*
 * The receiver takes nothing any more. The sender shall know if that can be told, and the reason
 * is what the receiver says next: an end or an error, which goes the other way.
 */
static void go_deaf(struct bk_link *link, enum bk_direction direction)
{
    struct bk_side *sink = &link->sides[!direction];
    link->streams[direction].is_deaf = true;
    shutdown(link->sides[direction].watch.fd, SHUT_RD);
    sink->can_read = sink->is_hung_up = true;
}

/* What a send has answered: how many bytes have left, 0 if none can now. */
static size_t
note_sent(struct bk_link *link, enum bk_direction direction, ssize_t sent, size_t length)
{
    struct bk_side *sink = &link->sides[!direction];
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        go_deaf(link, direction);
        return 0;
    }
    sink->can_write = sent == (ssize_t)length;
    if (sent < 0)
        return 0;
    link->relay->sent_bytes[direction] += (size_t)sent;
    return (size_t)sent;
}

static size_t
send_now(struct bk_link *link, enum bk_direction direction, const uint8_t *bytes, size_t length)
{
    struct bk_side *sink = &link->sides[!direction];
    if (!sink->can_write)
        return 0;
    ssize_t sent;
    do
        sent = send(sink->watch.fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return note_sent(link, direction, sent, length);
}

static void keep(
    struct bk_link *link, enum bk_direction direction, const uint8_t *bytes, size_t length,
    uint64_t now_ns)
{
    if (!bk_queue_append(&link->streams[direction].queue, bytes, length, now_ns))
        reset_at_once(link); /* no memory: better no connection than one with a hole */
}

/* Bytes that came take their way: straight through if nothing holds them up, else in the queue. */
static void
accept_bytes(struct bk_link *link, enum bk_direction direction, size_t length, uint64_t now_ns)
{
    struct bk_stream *stream = &link->streams[direction];
    const uint8_t *bytes = link->relay->scratch;
    size_t sent = 0;
    if (bk_stream_is_open(stream)) {
        sent = send_now(link, direction, bytes, length);
        bk_stream_passed(stream, sent);
    }
    keep(link, direction, bytes + sent, length - sent, now_ns);
}

static void
take_end(struct bk_link *link, enum bk_direction direction, bool is_aborted, uint64_t now_ns)
{
    link->sides[direction].can_read = false;
    bk_stream_end(&link->streams[direction], is_aborted, now_ns);
}

/* A read that gave no bytes; true if there may be more to do. */
static bool
take_no_bytes(struct bk_link *link, enum bk_direction direction, ssize_t length, uint64_t now_ns)
{
    if (length < 0 && errno == EINTR)
        return true;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        link->sides[direction].can_read = false;
        return false;
    }
    take_end(link, direction, length < 0, now_ns);
    return true;
}

/* The rest of what is in the pipe, which has to be empty again. */
static void
keep_rest(struct bk_link *link, enum bk_direction direction, size_t left, uint64_t now_ns)
{
    uint8_t *scratch = link->relay->scratch;
    while (left > 0) {
        ssize_t length = bk_pipe_read(&link->relay->pipe, scratch, BK_RELAY_SCRATCH_BYTES);
        if (length <= 0)
            return;
        left -= (size_t)length;
        if (!link->is_closed)
            keep(link, direction, scratch, (size_t)length, now_ns);
    }
}

/* A flood goes through the kernel's hands alone, until it ebbs. */
static bool take_flood(struct bk_link *link, enum bk_direction direction, uint64_t now_ns)
{
    const struct bk_pipe *pipe = &link->relay->pipe;
    ssize_t length = bk_pipe_receive(pipe, link->sides[direction].watch.fd);
    if (length <= 0) {
        link->is_flooded[direction] = false;
        return length < 0 && errno == EINVAL ? true
                                             : take_no_bytes(link, direction, length, now_ns);
    }
    link->is_flooded[direction] = length >= FLOOD_BYTES;
    size_t left = (size_t)length;
    while (left > 0 && link->sides[!direction].can_write) {
        ssize_t answer = bk_pipe_send(pipe, link->sides[!direction].watch.fd, left);
        size_t sent = note_sent(link, direction, answer, left);
        link->sides[!direction].can_write = answer >= 0; /* less than all is no sign here */
        bk_stream_passed(&link->streams[direction], sent);
        left -= sent;
        if (link->streams[direction].is_deaf)
            break;
    }
    keep_rest(link, direction, left, now_ns);
    return true;
}

/* Who gets what the sender says: NULL if there is nobody yet. */
static struct bk_link *receiver_of(struct bk_link *link, enum bk_direction direction)
{
    return direction == BK_DOWN && is_swapping(link) ? link->partner : link;
}

/* Whose reply waits for a partner need not wait to say that there is none. */
static bool take_end_alone(struct bk_link *link, enum bk_direction direction, uint64_t now_ns)
{
    char byte;
    struct bk_side *source = &link->sides[direction];
    if (!source->is_hung_up || recv(source->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        return false;
    take_end(link, direction, false, now_ns);
    return true;
}

static bool
take_bytes(struct bk_link *link, enum bk_direction direction, struct bk_link *to, uint64_t now_ns)
{
    struct bk_side *source = &link->sides[direction];
    size_t room = bk_stream_room(&to->streams[direction]);
    if (room == 0)
        return false;
    if (room > BK_RELAY_SCRATCH_BYTES)
        room = BK_RELAY_SCRATCH_BYTES;
    ssize_t length = recv(source->watch.fd, link->relay->scratch, room, MSG_DONTWAIT);
    if (length <= 0)
        return take_no_bytes(link, direction, length, now_ns);
    /* A stream socket that gives less than asked for is empty (epoll(7)). */
    source->can_read = source->is_hung_up || (size_t)length == room;
    link->is_flooded[direction] = length >= FLOOD_BYTES;
    accept_bytes(to, direction, (size_t)length, now_ns);
    if (to != link && !to->is_closed)
        wake_up(to);
    return true;
}

/* Reads once from the source of a direction; true if there may be more to do. */
static bool take(struct bk_link *link, enum bk_direction direction, uint64_t now_ns)
{
    struct bk_side *source = &link->sides[direction];
    struct bk_stream *stream = &link->streams[direction];
    if (!source->can_read || stream->has_ended)
        return false;
    struct bk_link *to = receiver_of(link, direction);
    if (to == NULL)
        return take_end_alone(link, direction, now_ns);
    if (to == link && bk_stream_is_open(stream)) {
        /* What nobody can take now may as well wait in the kernel; not so the news of an end. */
        if (!link->sides[!direction].can_write && !source->is_hung_up)
            return false;
        if (link->is_flooded[direction] && bk_pipe_is_open(&link->relay->pipe))
            return take_flood(link, direction, now_ns);
    }
    return take_bytes(link, direction, to, now_ns);
}

static bool send_step(struct bk_link *link, enum bk_direction direction, size_t length)
{
    struct bk_stream *stream = &link->streams[direction];
    size_t sent = send_now(link, direction, bk_queue_front(&stream->queue), length);
    bk_stream_sent(stream, sent);
    if (sent > 0 && link->partner != NULL && link->partner->sides[BK_SERVER].can_read)
        wake_up(link->partner);
    return sent > 0 || stream->is_deaf;
}

/* Does the next step of a direction; true if there may be another one. */
static bool
give(struct bk_link *link, enum bk_direction direction, uint64_t now_ns, uint64_t *due_ns)
{
    if (!link->is_connected)
        return false;
    struct bk_stream_step step = bk_stream_next(&link->streams[direction], now_ns);
    switch (step.what) {
    case BK_STEP_IDLE:
        return false;
    case BK_STEP_WAIT:
        *due_ns = step.due_ns < *due_ns ? step.due_ns : *due_ns;
        return false;
    case BK_STEP_SEND:
        return send_step(link, direction, step.length);
    case BK_STEP_END:
        shutdown(link->sides[!direction].watch.fd, SHUT_WR);
        return true;
    case BK_STEP_CUT:
        cut(link);
        return false;
    case BK_STEP_RESET:
        if (is_reset_at_once(link, direction))
            reset_at_once(link);
        else
            reset(link, now_ns);
        return false;
    }
    return false;
}

static bool turn(struct bk_link *link, uint64_t now_ns, uint64_t *due_ns)
{
    bool has_moved = false;
    for (int i = 0; i < 2; i++) {
        has_moved |= take(link, (enum bk_direction)i, now_ns);
        if (link->is_closed)
            return false;
        has_moved |= give(link, (enum bk_direction)i, now_ns, due_ns);
        if (link->is_closed || link->is_cut || link->reset_by_ns != 0)
            return false;
    }
    return has_moved;
}

/* Wait for the next event, or for when the next bytes are due. */
static void rest(struct bk_link *link, uint64_t due_ns)
{
    if (due_ns == BK_TIMER_NEVER)
        bk_timer_unset(&events_of(link)->timers, &link->alarm.timer);
    else
        bk_timer_set(&events_of(link)->timers, &link->alarm.timer, due_ns);
}

static bool is_over(const struct bk_link *link)
{
    return link->streams[BK_UP].is_done && link->streams[BK_DOWN].is_done;
}

static void relay_bytes(struct bk_link *link)
{
    for (int i = 0; i < TURNS; i++) {
        uint64_t due_ns = BK_TIMER_NEVER;
        bool has_moved = turn(link, bk_events_now_ns(), &due_ns);
        if (link->is_closed || link->is_cut || link->reset_by_ns != 0)
            return;
        if (is_over(link)) {
            bk_link_close(link);
            return;
        }
        if (!has_moved) {
            rest(link, due_ns);
            return;
        }
    }
    wake_up(link);
}

static void side_ready(struct bk_watch *watch, uint32_t ready);

/* The server's socket is made and watched; whether it is connected shows later, if not now. */
static bool connect_to_server(struct bk_link *link)
{
    struct bk_watch *watch = &link->sides[BK_SERVER].watch;
    const struct bk_address *server = &link->relay->server;
    link->must_connect = false;
    int answer = connect(watch->fd, (const struct sockaddr *)&server->socket, server->length);
    if (answer != 0 && errno == EAGAIN) { /* a UNIX socket whose queue is full */
        link->must_connect = true;
        bk_timer_set(&events_of(link)->timers, &link->alarm.timer, bk_events_now_ns() + NS_PER_MS);
        return true;
    }
    if (answer != 0 && errno != EINPROGRESS && errno != EINTR)
        return false;
    link->is_connected = answer == 0;
    watch->ready = side_ready;
    return bk_events_watch(events_of(link), watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void refuse(struct bk_link *link)
{
    link->relay->unreachable_links++;
    reset_at_once(link);
}

void bk_link_pump(struct bk_link *link)
{
    if (link->is_closed)
        return;
    if (link->must_connect && !connect_to_server(link))
        refuse(link);
    else if (link->must_connect)
        return;
    else if (link->reset_by_ns != 0)
        reset(link, bk_events_now_ns());
    else if (!link->is_cut)
        relay_bytes(link);
    if (link->is_cut && !link->is_closed)
        pump_cut(link);
}

static void alarm_rings(struct bk_alarm *alarm)
{
    bk_link_pump((struct bk_link *)alarm);
}

static bool has_failed_to_connect(const struct bk_link *link)
{
    int sys_errno = 0;
    socklen_t length = sizeof sys_errno;
    getsockopt(link->sides[BK_SERVER].watch.fd, SOL_SOCKET, SO_ERROR, &sys_errno, &length);
    return sys_errno != 0;
}

static void side_ready(struct bk_watch *watch, uint32_t ready)
{
    struct bk_side *side = (struct bk_side *)watch;
    struct bk_link *link = side->link;
    if (side == &link->sides[BK_SERVER] && !link->is_connected) {
        if (has_failed_to_connect(link)) {
            refuse(link);
            return;
        }
        link->is_connected = (ready & EPOLLOUT) != 0;
    }
    bool is_hung_up = (ready & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    side->is_hung_up = side->is_hung_up || is_hung_up;
    side->can_read = side->can_read || is_hung_up || (ready & EPOLLIN) != 0;
    side->can_write = side->can_write || (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    bk_link_pump(link);
}

static void init_side(struct bk_link *link, enum bk_end end, int fd)
{
    link->sides[end].link = link;
    link->sides[end].watch.fd = fd;
    bk_stream_init(
        &link->streams[end], &link->relay->faults.of[end], link->relay->faults.seed,
        2 * link->number + (uint64_t)end);
}

static void enlist(struct bk_link *link)
{
    struct bk_relay *relay = link->relay;
    link->next = relay->links;
    if (link->next != NULL)
        link->next->previous = link;
    relay->links = link;
    relay->link_count++;
}

static bool watch_client(struct bk_link *link)
{
    struct bk_watch *watch = &link->sides[BK_CLIENT].watch;
    watch->ready = side_ready;
    return bk_events_watch(events_of(link), watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void bk_link_open(struct bk_relay *relay, int client_fd, int server_fd)
{
    struct bk_link *link = bk_calloc(1, sizeof *link);
    if (link == NULL || !bk_timers_reserve(&relay->events->timers, relay->link_count + 1)) {
        bk_free(link);
        bk_socket_reset(client_fd);
        close(server_fd);
        return;
    }
    link->alarm.ring = alarm_rings;
    link->relay = relay;
    link->number = relay->accepted_links++;
    init_side(link, BK_CLIENT, client_fd);
    init_side(link, BK_SERVER, server_fd);
    bk_socket_no_delay(client_fd);
    bk_socket_no_delay(server_fd);
    enlist(link);
    if (!watch_client(link) || !connect_to_server(link))
        refuse(link);
    else
        find_partner(link);
}

void bk_link_refault(struct bk_link *link)
{
    for (int i = 0; i < 2; i++)
        bk_stream_refault(
            &link->streams[i], link->relay->faults.seed, 2 * link->number + (uint64_t)i);
    if (is_swapping(link))
        find_partner(link);
    else
        link->partner = NULL;
}
