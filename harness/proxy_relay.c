/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/proxy_link.h"
#include "harness/proxy_socket.h"

enum {
    ACCEPTS_PER_ROUND = 64
};

static struct bk_relay *relay_of(struct bk_watch *listener)
{
    return (struct bk_relay *)((char *)listener - offsetof(struct bk_relay, listener));
}

/* No descriptor is left: clients wait in the kernel's queue until a link is closed. */
static void stop_accepting(struct bk_relay *relay)
{
    relay->is_full = true;
    bk_events_unwatch(relay->events, &relay->listener);
}

/* -1 with errno of the call that failed. */
static int accept_with_spare(struct bk_relay *relay)
{
    if (relay->spare_fd < 0)
        relay->spare_fd = bk_socket_new(&relay->server);
    if (relay->spare_fd < 0)
        return -1;
    return accept4(relay->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void accept_clients(struct bk_watch *listener, uint32_t ready)
{
    (void)ready;
    struct bk_relay *relay = relay_of(listener);
    for (int i = 0; i < ACCEPTS_PER_ROUND && relay->is_listening; i++) {
        int fd = accept_with_spare(relay);
        if (fd >= 0) {
            int server_fd = relay->spare_fd;
            relay->spare_fd = -1;
            bk_link_open(relay, fd, server_fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            stop_accepting(relay);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static bool start_accepting(struct bk_relay *relay)
{
    relay->listener.ready = accept_clients;
    if (bk_events_watch(relay->events, &relay->listener, EPOLLIN))
        return true;
    relay->listener.ready = NULL;
    return false;
}

static void stop_listening(struct bk_relay *relay)
{
    if (!relay->is_listening)
        return;
    relay->is_listening = relay->is_full = false;
    bk_events_unwatch(relay->events, &relay->listener);
    bk_socket_end_listening(relay->listener.fd);
}

static enum brisk_status start_listening(struct bk_relay *relay, struct brisk_error *error)
{
    if (relay->is_listening)
        return BRISK_OK;
    enum brisk_status status = bk_socket_listen(&relay->listener.fd, &relay->address, error);
    if (status != BRISK_OK)
        return status;
    relay->is_listening = true;
    if (start_accepting(relay))
        return BRISK_OK;
    int sys_errno = errno;
    stop_listening(relay);
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, sys_errno, "cannot watch the proxy's socket: %s",
        strerror(sys_errno));
}

/* A file of a UNIX socket that nobody listens at refuses connections as a held port does. */
static enum brisk_status hold_address(struct bk_relay *relay, struct brisk_error *error)
{
    relay->hold_fd = -1;
    if (bk_address_is_unix(&relay->address))
        return BRISK_OK;
    return bk_socket_hold(&relay->hold_fd, &relay->address, error);
}

enum brisk_status bk_relay_open(
    struct bk_relay *relay, struct bk_events *events, const struct bk_address *address,
    const struct bk_address *server, const struct bk_faults *faults, struct brisk_error *error)
{
    *relay = (struct bk_relay){
        .events = events,
        .faults = *faults,
        .address = *address,
        .server = *server,
        .spare_fd = -1};
    enum brisk_status status = hold_address(relay, error);
    if (status != BRISK_OK)
        return status;
    bk_pipe_open(&relay->pipe);
    relay->scratch = bk_malloc(BK_RELAY_SCRATCH_BYTES);
    if (relay->scratch == NULL)
        status = bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a proxy");
    /* It listens once also if it is down: an address that cannot be had is an error now. */
    if (status == BRISK_OK)
        status = start_listening(relay, error);
    if (status != BRISK_OK)
        bk_relay_close(relay);
    else if (faults->is_down)
        stop_listening(relay);
    return status;
}

static void close_links(struct bk_relay *relay)
{
    while (relay->links != NULL)
        bk_link_close(relay->links);
}

void bk_relay_close(struct bk_relay *relay)
{
    bool has_file = relay->is_listening && bk_address_is_unix(&relay->address);
    relay->faults = bk_faults_none(0);
    stop_listening(relay);
    close_links(relay);
    bk_relay_sweep(relay);
    if (relay->hold_fd >= 0)
        close(relay->hold_fd);
    if (relay->spare_fd >= 0)
        close(relay->spare_fd);
    if (has_file)
        unlink(bk_address_path(&relay->address));
    bk_pipe_close(&relay->pipe);
    bk_free(relay->scratch);
}

void bk_relay_abandon(struct bk_relay *relay)
{
    if (relay->is_listening)
        close(relay->listener.fd);
    if (relay->hold_fd >= 0)
        close(relay->hold_fd);
    bk_pipe_close(&relay->pipe);
    bk_free(relay->scratch);
}

enum brisk_status bk_relay_set_faults(
    struct bk_relay *relay, const struct bk_faults *faults, struct brisk_error *error)
{
    relay->faults = *faults;
    if (faults->is_down) {
        stop_listening(relay);
        close_links(relay);
        return BRISK_OK;
    }
    for (struct bk_link *link = relay->links; link != NULL; link = link->next)
        bk_link_refault(link);
    for (struct bk_link *link = relay->links, *next; link != NULL; link = next) {
        next = link->next;
        bk_link_pump(link);
    }
    enum brisk_status status = start_listening(relay, error);
    relay->faults.is_down = status != BRISK_OK;
    return status;
}

void bk_relay_sweep(struct bk_relay *relay)
{
    while (relay->closed_links != NULL) {
        struct bk_link *link = relay->closed_links;
        relay->closed_links = link->next;
        bk_link_free(link);
    }
}

void bk_relay_forget(struct bk_relay *relay, struct bk_link *link)
{
    if (link->previous != NULL)
        link->previous->next = link->next;
    else
        relay->links = link->next;
    if (link->next != NULL)
        link->next->previous = link->previous;
    relay->link_count--;
    link->next = relay->closed_links;
    relay->closed_links = link;

    if (relay->is_full)
        relay->is_full = !start_accepting(relay);
}
