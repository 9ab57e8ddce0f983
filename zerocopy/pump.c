/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum {
    PIPE_BYTES = 1 << 20 /* half the CPU time of read and write; the default 64 KiB: four fifths */
};

static void close_pipe(struct bk_pump *pump)
{
    for (int i = 0; i < 2; i++) {
        if (pump->pipe[i] >= 0)
            close(pump->pipe[i]);
        pump->pipe[i] = -1;
    }
}

/* Without a large one copying is better. */
static bool open_pipe(struct bk_pump *pump)
{
    pump->transfer->stats.system_calls++;
    if (pipe2(pump->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        pump->pipe[0] = pump->pipe[1] = -1;
        return false;
    }
    pump->transfer->stats.system_calls++;
    int size = fcntl(pump->pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
    if (size < PIPE_BYTES)
        close_pipe(pump);
    else
        pump->pipe_bytes = (size_t)size;
    return size >= PIPE_BYTES;
}

/* Whether splice is the way; nothing bounds it on a blocking socket or terminal. */
static bool wants_splice(struct bk_transfer *transfer)
{
    if (transfer->options.mechanism == BRISK_MECHANISM_COPY)
        return false;
    enum bk_sink sink = bk_transfer_sink(transfer);
    return sink == BK_SINK_FILE || sink == BK_SINK_PIPE ||
           bk_transfer_sink_is_nonblocking(transfer);
}

static enum brisk_status must_splice(struct bk_pump *pump)
{
    return bk_error_set(
        pump->transfer->error, BRISK_ERR_UNSUPPORTED, 0,
        "splice does not work from descriptor %d to %d; it needs a non-blocking sink, a pipe of "
        "1 MiB, and streams",
        pump->in, pump->transfer->out);
}

enum brisk_status bk_pump_begin(
    struct bk_pump *pump, struct bk_transfer *transfer, int in, int64_t out_offset, uint64_t length)
{
    *pump = (struct bk_pump){
        .transfer = transfer, .in = in, .out_offset = out_offset, .left = length, .pipe = {-1, -1}};
    enum brisk_mechanism mechanism = transfer->options.mechanism;
    if (mechanism == BRISK_MECHANISM_SENDFILE || mechanism == BRISK_MECHANISM_COPY_RANGE)
        return bk_error_set(
            transfer->error, BRISK_ERR_UNSUPPORTED, 0, "%s does not read from a stream",
            brisk_mechanism_name(mechanism));
    int flags = fcntl(in, F_GETFL);
    transfer->stats.system_calls++;
    if (flags < 0)
        return bk_error_set(
            transfer->error, BRISK_ERR_INVALID, errno, "%d is no open descriptor", in);
    pump->is_in_nonblocking = (flags & O_NONBLOCK) != 0;
    if (wants_splice(transfer) && open_pipe(pump))
        return BRISK_OK;
    return mechanism == BRISK_MECHANISM_SPLICE ? must_splice(pump) : BRISK_OK;
}

void bk_pump_end(struct bk_pump *pump)
{
    close_pipe(pump);
}

static bool is_splicing(const struct bk_pump *pump)
{
    return pump->pipe[0] >= 0;
}

static enum brisk_status wait_for(struct bk_pump *pump, int fd, short events)
{
    pump->wait_fd = fd;
    pump->wait_events = events;
    return BRISK_AGAIN;
}

/* From now on by read and write. Bytes that are in the pipe move to the block. */
static enum brisk_status fall_back(struct bk_pump *pump)
{
    if (pump->transfer->options.mechanism == BRISK_MECHANISM_SPLICE)
        return must_splice(pump);
    struct brisk_buffer *block = bk_transfer_block(pump->transfer);
    if (block == NULL)
        return BRISK_ERR_NOMEM;
    if (pump->held_bytes > BK_BLOCK_BYTES)
        return bk_error_set(
            pump->transfer->error, BRISK_ERR_UNSUPPORTED, 0,
            "descriptor %d took splice at first and then refused it", pump->transfer->out);
    pump->transfer->stats.fallbacks++;
    if (pump->held_bytes > 0) {
        pump->transfer->stats.system_calls++;
        ssize_t count = read(pump->pipe[0], bk_block_data(block), pump->held_bytes);
        if (count != (ssize_t)pump->held_bytes)
            return bk_transfer_fail(pump->transfer, errno, "emptying a pipe");
    }
    pump->held_offset = 0;
    close_pipe(pump);
    return BRISK_OK;
}

static bool is_unfit(int number)
{
    return number == EINVAL || number == ENOSYS || number == EOPNOTSUPP || number == ESPIPE;
}

static ssize_t take_bytes(struct bk_pump *pump, uint8_t *block)
{
    size_t most = is_splicing(pump) ? pump->pipe_bytes : BK_BLOCK_BYTES;
    size_t length = pump->left < most ? (size_t)pump->left : most;
    length = bk_transfer_clip(pump->transfer, length);
    pump->transfer->stats.system_calls++;
    if (is_splicing(pump))
        return splice(pump->in, NULL, pump->pipe[1], NULL, length, SPLICE_F_NONBLOCK);
    return read(pump->in, block, length);
}

static enum brisk_status take(struct bk_pump *pump)
{
    uint8_t *block = NULL;
    if (!is_splicing(pump)) {
        if (bk_transfer_block(pump->transfer) == NULL)
            return BRISK_ERR_NOMEM;
        block = bk_block_data(pump->transfer->block);
    }
    if (!pump->is_in_nonblocking && !bk_transfer_is_ready(pump->transfer, pump->in, POLLIN))
        return wait_for(pump, pump->in, POLLIN);
    ssize_t count = take_bytes(pump, block);
    if (count < 0 && errno == EINTR)
        return BRISK_OK;
    if (count < 0 && errno == EAGAIN)
        return wait_for(pump, pump->in, POLLIN);
    if (count < 0 && is_splicing(pump) && is_unfit(errno))
        return fall_back(pump);
    if (count < 0)
        return bk_transfer_fail(pump->transfer, errno, "receiving");
    pump->has_ended = count == 0;
    pump->held_bytes = (size_t)count;
    pump->held_offset = 0;
    if (pump->left != BRISK_TO_END)
        pump->left -= (size_t)count;
    return BRISK_OK;
}

static ssize_t write_block(struct bk_pump *pump)
{
    struct bk_transfer *transfer = pump->transfer;
    const uint8_t *data = bk_block_data(transfer->block) + pump->held_offset;
    size_t length = pump->held_bytes;
    enum bk_sink sink = bk_transfer_sink(transfer);
    transfer->stats.system_calls++;
    if (sink <= BK_SINK_MESSAGES)
        return send(transfer->out, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (pump->out_offset != BRISK_OFFSET_CURRENT)
        return pwrite(transfer->out, data, length, pump->out_offset);
    if (sink != BK_SINK_FILE && !bk_transfer_sink_is_nonblocking(transfer)) {
        if (!bk_transfer_is_ready(transfer, transfer->out, POLLOUT)) {
            errno = EAGAIN;
            return -1;
        }
        length = length < PIPE_BUF ? length : PIPE_BUF; /* so much does not block now */
    }
    return write(transfer->out, data, length);
}

static ssize_t give_bytes(struct bk_pump *pump)
{
    struct bk_transfer *transfer = pump->transfer;
    bk_transfer_hold_sigpipe(transfer);
    if (!is_splicing(pump))
        return write_block(pump);
    off_t offset = pump->out_offset;
    off_t *at = pump->out_offset == BRISK_OFFSET_CURRENT ? NULL : &offset;
    transfer->stats.system_calls++;
    return splice(pump->pipe[0], NULL, transfer->out, at, pump->held_bytes, SPLICE_F_NONBLOCK);
}

static enum brisk_status give(struct bk_pump *pump)
{
    struct bk_transfer *transfer = pump->transfer;
    ssize_t count = give_bytes(pump);
    if (count < 0 && errno == EINTR)
        return BRISK_OK;
    if (count < 0 && errno == EAGAIN)
        return wait_for(pump, transfer->out, POLLOUT);
    if (count < 0 && is_splicing(pump) && is_unfit(errno))
        return fall_back(pump);
    if (count < 0)
        return bk_transfer_fail(transfer, errno, "passing on");
    bk_transfer_count(
        transfer, is_splicing(pump) ? BRISK_MECHANISM_SPLICE : BRISK_MECHANISM_COPY,
        (uint64_t)count);
    pump->held_bytes -= (size_t)count;
    pump->held_offset += (size_t)count;
    if (pump->out_offset != BRISK_OFFSET_CURRENT)
        pump->out_offset += count;
    return BRISK_OK;
}

enum brisk_status bk_pump_step(struct bk_pump *pump)
{
    if (pump->held_bytes == 0 && !bk_pump_is_done(pump)) {
        enum brisk_status status = take(pump);
        if (status != BRISK_OK || pump->held_bytes == 0)
            return status;
    }
    return pump->held_bytes > 0 ? give(pump) : BRISK_OK;
}
