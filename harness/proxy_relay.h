/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_RELAY_H
#define BK_PROXY_RELAY_H

#include "harness/proxy_address.h"
#include "harness/proxy_events.h"
#include "harness/proxy_fault.h"
#include "harness/proxy_pipe.h"

/*
 * Accepts connections, connects each to the server, and relays with the faults that are set.
 * All of it runs in one thread, driven by the events.
 */
struct bk_relay {
    struct bk_events *events;
    struct bk_faults faults;

    struct bk_address address; /* of ours */
    struct bk_address server;
    struct bk_watch listener;
    bool is_listening;
    bool is_full; /* no descriptor or memory was left: accepts again when a link is closed */
    int hold_fd;  /* keeps the port while nobody listens */
    int spare_fd; /* for the next link to the server, before a client is taken; -1: none */

    struct bk_link *links;
    struct bk_link *closed_links; /* to be freed after the round */
    size_t link_count;
    uint64_t accepted_links;
    uint64_t unreachable_links; /* the server refused */
    uint64_t sent_bytes[2];     /* by enum bk_direction */

    struct bk_pipe pipe;
    uint8_t *scratch; /* what is read goes through here */
};

enum {
    BK_RELAY_SCRATCH_BYTES = 256 * 1024
};

/* What failed has left nothing open. */
enum brisk_status bk_relay_open(
    struct bk_relay *relay, struct bk_events *events, const struct bk_address *address,
    const struct bk_address *server, const struct bk_faults *faults, struct brisk_error *error);

/* Ends all connections as a server that is killed would. */
void bk_relay_close(struct bk_relay *relay);

/* Of one that another process goes on with: frees and closes only. */
void bk_relay_abandon(struct bk_relay *relay);

/*
 * From now on these faults are done, also to bytes that are here already.
 * BRISK_ERR_SYSTEM if it cannot listen again; then it is still down.
 */
enum brisk_status bk_relay_set_faults(
    struct bk_relay *relay, const struct bk_faults *faults, struct brisk_error *error);

/* Frees what was closed; between two rounds. */
void bk_relay_sweep(struct bk_relay *relay);

/* For links: one has been closed, and so there may be room for another one. */
void bk_relay_forget(struct bk_relay *relay, struct bk_link *link);

#endif
