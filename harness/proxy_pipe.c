/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_pipe.h"

#include <fcntl.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 1 << 20, /* the most that anybody gets; with less it is slower */
    SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK
};

void bk_pipe_open(struct bk_pipe *pipe)
{
    int ends[2];
    *pipe = (struct bk_pipe){.read_fd = -1, .write_fd = -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    *pipe = (struct bk_pipe){.read_fd = ends[0], .write_fd = ends[1]};
}

void bk_pipe_close(struct bk_pipe *pipe)
{
    if (!bk_pipe_is_open(pipe))
        return;
    close(pipe->read_fd);
    close(pipe->write_fd);
}

ssize_t bk_pipe_receive(const struct bk_pipe *pipe, int from_fd)
{
    return splice(from_fd, NULL, pipe->write_fd, NULL, PIPE_BYTES, SPLICE_FLAGS);
}

ssize_t bk_pipe_send(const struct bk_pipe *pipe, int to_fd, size_t length)
{
    return splice(pipe->read_fd, NULL, to_fd, NULL, length, SPLICE_FLAGS);
}

ssize_t bk_pipe_read(const struct bk_pipe *pipe, void *bytes, size_t length)
{
    return read(pipe->read_fd, bytes, length);
}
