/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_PIPE_H
#define BK_PROXY_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A pipe that bytes pass through from one socket to another without being copied (splice(2)).
 * It is empty between two uses, so that one serves all connections.
 */
struct bk_pipe {
    int read_fd, write_fd; /* -1: none */
};

/* Without one (no descriptors) bytes have to be copied. */
void bk_pipe_open(struct bk_pipe *pipe);
void bk_pipe_close(struct bk_pipe *pipe);

static inline bool bk_pipe_is_open(const struct bk_pipe *pipe)
{
    return pipe->read_fd >= 0;
}

/* As recv(2) and send(2) without blocking; a send gets what is in the pipe. */
ssize_t bk_pipe_receive(const struct bk_pipe *pipe, int from_fd);
ssize_t bk_pipe_send(const struct bk_pipe *pipe, int to_fd, size_t length);

/* What is left in it after a send. */
ssize_t bk_pipe_read(const struct bk_pipe *pipe, void *bytes, size_t length);

#endif
