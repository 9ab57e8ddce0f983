/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_LINK_H
#define BK_PROXY_LINK_H

#include "harness/proxy_relay.h"
#include "harness/proxy_stream.h"

/* The end points, each the source of the direction of the same number. */
enum bk_end {
    BK_CLIENT = BK_UP,
    BK_SERVER = BK_DOWN
};

struct bk_side {
    struct bk_watch watch;
    struct bk_link *link;
    /* Events are edges: these hold until a call says that it would block. */
    bool can_read, can_write;
    bool is_hung_up; /* an end or an error is behind what can be read */
};

/* A connection of a client, and the one to the server that belongs to it. */
struct bk_link {
    struct bk_alarm alarm;
    struct bk_relay *relay;
    struct bk_link *next, *previous;
    struct bk_side sides[2];     /* by enum bk_end */
    struct bk_stream streams[2]; /* by enum bk_direction */
    struct bk_link *partner;     /* with whom replies are swapped */
    bool is_flooded[2];          /* much came at once: by enum bk_direction */
    uint64_t number;             /* in the order of acceptance, from 0 */
    uint64_t reset_by_ns;        /* is being reset, at the latest then; 0: is not */
    bool must_connect;           /* the server's queue was full */
    bool is_connected;
    bool is_cut; /* both sides have been told the end; what they still say is thrown away */
    bool is_closed;
};

/*
 * Takes over both descriptors, of which that for the server is not connected yet. Without
 * memory the client is reset.
 */
void bk_link_open(struct bk_relay *relay, int client_fd, int server_fd);

/* Moves what can be moved. May close the link. */
void bk_link_pump(struct bk_link *link);

/* The faults of the relay have changed; bk_link_pump follows. */
void bk_link_refault(struct bk_link *link);

/* As by a process that is killed. The memory stays until bk_link_free. */
void bk_link_close(struct bk_link *link);
void bk_link_free(struct bk_link *link);

#endif
