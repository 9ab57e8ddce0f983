/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_SOCKET_H
#define BK_PROXY_SOCKET_H

#include "harness/proxy_address.h"

/*
 * How sockets are made and ended. A forked process may hold a copy of any descriptor, so that
 * close(2) alone tells the other side nothing: what ends is shut down first.
 */

/* A stream socket that never blocks and is not inherited by exec; -1, or below 0 with errno. */
int bk_socket_new(const struct bk_address *address);

/*
 * Listens at *address, which gets the port if it was 0. SO_REUSEADDR is set, so that it
 * works at a port that somebody holds for us by a bound socket.
 */
enum brisk_status bk_socket_listen(int *fd, struct bk_address *address, struct brisk_error *error);

/* Bound to *address, but not listening: whoever connects is refused, nobody else gets the port. */
enum brisk_status bk_socket_hold(int *fd, struct bk_address *address, struct brisk_error *error);

/* Stops listening: from now on connections are refused. */
void bk_socket_end_listening(int fd);

/* Small pieces go out at once; of a UNIX socket they do anyway. */
void bk_socket_no_delay(int fd);

/* Closed by an end of file or, of TCP, by an RST. */
void bk_socket_close(int fd);
void bk_socket_reset(int fd);

/* Bytes that were sent, but are still in our kernel because the other side reads too slowly. */
size_t bk_socket_unsent(int fd);

#endif
