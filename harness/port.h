/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PORT_H
#define BK_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <brisk/status.h>

/* Where fixtures listen. */
#define BK_PORT_HOST "127.0.0.1"

/*
 * A TCP port of 127.0.0.1 that is ours until it is released, also while no daemon listens. It
 * is bound and never listens. SO_REUSEADDR is set after the bind: nobody gets the port by
 * chance, neither to listen nor to connect from, but a daemon that sets SO_REUSEADDR and
 * asks for this very port may listen there.
 */
struct bk_port {
    int fd; /* -1: none */
    uint16_t number;
};

/* `number` 0: any free one. SYSTEM with EADDRINUSE if somebody else listens on it. */
enum brisk_status bk_port_reserve(struct bk_port *port, uint16_t number, struct brisk_error *error);
void bk_port_release(struct bk_port *port);

/*
 * Whether a socket listens on the port, and whether one of the processes has it; any process
 * if it listens on all addresses is found as well. `pids` are the daemon's.
 */
enum bk_port_owner {
    BK_PORT_NOBODY,
    BK_PORT_OURS,
    BK_PORT_FOREIGN
};
enum bk_port_owner bk_port_owner(uint16_t number, const pid_t *pids, size_t count);

#endif
