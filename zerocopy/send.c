/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/send.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "zerocopy/chain.h"
#include "zerocopy/range.h"
#include "zerocopy/transfer.h"

enum {
    RUN_PARTS = 256,
    /*
     * A file that is not larger is read and sent with what stands before it: at 4 KiB 0.94
     * of the time of a header with MSG_MORE and a sendfile, at 16 KiB the same, at 64 KiB 1.25.
     */
    RUN_FILE_BYTES = 16 << 10,
    /* Behind so much memory it would often be read again, as a sink takes less at once. */
    RUN_BYTES_BEFORE_FILE = 64 << 10,
    /* A larger run fills packets anyway: it goes out while the next one is prepared. */
    RUN_BYTES_HELD_BACK = 64 << 10
};

/* What goes out with one system call. */
struct run {
    size_t count;
    size_t bytes;
    size_t file_bytes; /* used of `files` */
    bool is_all;       /* nothing comes after it */
    struct iovec parts[RUN_PARTS];
    uint8_t files[RUN_FILE_BYTES];
};

static void add_part(struct run *run, const void *data, size_t length)
{
    uintptr_t writable = (uintptr_t)data; /* an iovec knows no const */
    run->parts[run->count++] = (struct iovec){(void *)writable, length};
    run->bytes += length;
}

static bool is_small_range(
    const struct bk_transfer *transfer, const struct bk_segment *segment, const struct run *run)
{
    enum brisk_mechanism mechanism = transfer->options.mechanism;
    return (mechanism == BRISK_MECHANISM_AUTO || mechanism == BRISK_MECHANISM_COPY) &&
           !bk_segment_is_stream(segment) && run->bytes <= RUN_BYTES_BEFORE_FILE &&
           segment->length <= RUN_FILE_BYTES - run->file_bytes &&
           (segment->unfit & BK_UNFIT_SMALL) == 0;
}

/* False: the run ends here. */
static bool
add_small_range(struct bk_transfer *transfer, struct bk_segment *segment, struct run *run)
{
    uint8_t *into = run->files + run->file_bytes;
    transfer->stats.system_calls++;
    ssize_t count = pread(segment->fd, into, (size_t)segment->length, segment->offset);
    if (count <= 0) { /* bk_range_move finds out why */
        segment->unfit |= BK_UNFIT_SMALL;
        return false;
    }
    add_part(run, into, (size_t)count);
    run->file_bytes += (size_t)count;
    return (size_t)count == segment->length;
}

static void gather(struct bk_transfer *transfer, const struct brisk_chain *chain, struct run *run)
{
    size_t i = 0;
    run->count = 0;
    run->bytes = 0;
    run->file_bytes = 0;
    for (; i < chain->count && run->count < RUN_PARTS; i++) {
        struct bk_segment *segment = bk_chain_at(chain, i);
        if (bk_segment_is_memory(segment))
            add_part(run, segment->view.data, segment->view.length);
        else if (
            !is_small_range(transfer, segment, run) || !add_small_range(transfer, segment, run))
            break;
    }
    run->is_all = i == chain->count;
}

/* The first `count` bytes are out. */
static void settle(struct bk_transfer *transfer, struct brisk_chain *chain, size_t count)
{
    while (count > 0) {
        const struct bk_segment *segment = bk_chain_at(chain, 0);
        uint64_t length = bk_segment_length(segment);
        size_t part = count < length ? count : (size_t)length;
        bool is_view = bk_segment_is_memory(segment) && !segment->is_copy;
        bk_transfer_count(transfer, is_view ? BRISK_MECHANISM_MEMORY : BRISK_MECHANISM_COPY, part);
        bk_chain_advance(chain, part);
        count -= part;
    }
}

/* A single part saves the kernel the copy of a list. */
static ssize_t send_parts(int fd, struct run *run, int flags)
{
    if (run->count == 1)
        return send(fd, run->parts[0].iov_base, run->parts[0].iov_len, flags);
    struct msghdr message = {.msg_iov = run->parts, .msg_iovlen = run->count};
    return sendmsg(fd, &message, flags);
}

static ssize_t send_to_socket(struct bk_transfer *transfer, struct run *run)
{
    bool is_held_back = !run->is_all && run->bytes < RUN_BYTES_HELD_BACK;
    bool is_more = is_held_back || (run->is_all && transfer->options.more_follows);
    int flags = MSG_NOSIGNAL | (is_more ? MSG_MORE : 0);
    if (bk_transfer_is_bounded(transfer))
        flags |= MSG_DONTWAIT;
    transfer->stats.system_calls++;
    ssize_t count = send_parts(transfer->out, run, flags);
    if (count >= 0) {
        transfer->is_held_back = is_held_back;
        if (transfer->sink == BK_SINK_UNKNOWN)
            transfer->sink = BK_SINK_SOCKET;
    }
    return count;
}

/* The parts that make up at most `most` bytes. */
static void trim(struct run *run, size_t most)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->parts[i].iov_len >= most) {
            run->parts[i].iov_len = most;
            run->count = i + 1;
            return;
        }
        most -= run->parts[i].iov_len;
    }
}

/* -1 with EAGAIN also where a blocking pipe would block in a call that may not. */
static ssize_t write_run(struct bk_transfer *transfer, struct run *run)
{
    if (bk_transfer_is_bounded(transfer) && transfer->sink != BK_SINK_FILE &&
        !bk_transfer_sink_is_nonblocking(transfer)) {
        if (!bk_transfer_is_ready(transfer, transfer->out, POLLOUT)) {
            errno = EAGAIN;
            return -1;
        }
        trim(run, PIPE_BUF); /* so much fits where a poll says that something fits */
    }
    bk_transfer_hold_sigpipe(transfer);
    transfer->stats.system_calls++;
    return writev(transfer->out, run->parts, (int)run->count);
}

static enum brisk_status
send_run(struct bk_transfer *transfer, struct brisk_chain *chain, struct run *run)
{
    if (!run->is_all) {
        enum brisk_status status = bk_range_check_sink(transfer, chain);
        if (status != BRISK_OK)
            return status;
    }
    ssize_t count = -1;
    if (transfer->sink <= BK_SINK_MESSAGES)
        count = send_to_socket(transfer, run);
    if (count < 0 && transfer->sink == BK_SINK_UNKNOWN && errno == ENOTSOCK)
        bk_transfer_sink(transfer);
    if (transfer->sink > BK_SINK_MESSAGES)
        count = write_run(transfer, run);
    if (count >= 0) {
        settle(transfer, chain, (size_t)count);
        return BRISK_OK;
    }
    if (errno == EAGAIN)
        return bk_transfer_wait(transfer, transfer->out, POLLOUT);
    return errno == EINTR ? BRISK_OK : bk_transfer_fail(transfer, errno, "sending");
}

static enum brisk_status send_chain(struct bk_transfer *transfer, struct brisk_chain *chain)
{
    struct run run;
    while (chain->count > 0) {
        gather(transfer, chain, &run);
        enum brisk_status status = run.count > 0 ? send_run(transfer, chain, &run)
                                                 : bk_range_move(transfer, chain);
        if (status == BRISK_OK && chain->count > 0)
            status = bk_transfer_tell(transfer, false);
        if (status != BRISK_OK)
            return status;
    }
    (void)bk_transfer_tell(transfer, true); /* nothing is left to stop */
    return BRISK_OK;
}

enum brisk_status brisk_send(
    int fd, struct brisk_chain *chain, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error)
{
    struct bk_transfer transfer;
    enum brisk_status status = bk_transfer_begin(&transfer, fd, options, error);
    if (status == BRISK_OK && chain == NULL)
        status = bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no chain");
    if (status == BRISK_OK)
        status = send_chain(&transfer, chain);
    return bk_transfer_end(&transfer, status, stats);
}

static enum brisk_status
check_message(const struct brisk_file_message *message, const struct bk_transfer *transfer)
{
    if (message == NULL)
        return bk_error_set(transfer->error, BRISK_ERR_INVALID, 0, "there is no message");
    if (message->offset == BRISK_OFFSET_CURRENT && transfer->options.is_nonblocking)
        return bk_error_set(
            transfer->error, BRISK_ERR_INVALID, 0,
            "a stream cannot be put back when the call would block; send it by a chain");
    return BRISK_OK;
}

/* What was sent leaves the front of `bytes`; returns what is left of `count`. */
static uint64_t drop_sent(struct brisk_bytes *bytes, uint64_t count)
{
    size_t part = count < bytes->length ? (size_t)count : bytes->length;
    if (part == 0)
        return count; /* also of no bytes at all, which may be at NULL */
    *bytes = brisk_bytes_of((const uint8_t *)bytes->data + part, bytes->length - part);
    return count - part;
}

static void move_cursor(struct brisk_file_message *message, uint64_t sent, bool is_done)
{
    uint64_t left = drop_sent(&message->header, sent);
    uint64_t part = left < message->length ? left : message->length;
    if (message->length == BRISK_TO_END && left > 0 && is_done)
        part = left - message->trailer.length;
    if (message->offset != BRISK_OFFSET_CURRENT)
        message->offset += (int64_t)part;
    if (message->length != BRISK_TO_END)
        message->length -= part;
    drop_sent(&message->trailer, left - part);
}

static enum brisk_status fill_chain(
    struct brisk_chain *chain, const struct brisk_file_message *message, struct brisk_error *error)
{
    struct brisk_view header = brisk_view_borrow(message->header);
    struct brisk_view trailer = brisk_view_borrow(message->trailer);
    enum brisk_status status = brisk_chain_append(chain, &header);
    if (status == BRISK_OK)
        status = brisk_chain_append_file(
            chain, message->fd, message->offset, message->length, BRISK_FD_BORROW);
    if (status == BRISK_OK)
        status = brisk_chain_append(chain, &trailer);
    if (status == BRISK_OK)
        return status;
    return bk_error_set(
        error, status, 0, "a message of descriptor %d from offset %lld on is none", message->fd,
        (long long)message->offset);
}

enum brisk_status brisk_send_file(
    int fd, struct brisk_file_message *message, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error)
{
    struct bk_transfer transfer;
    struct brisk_chain chain;
    bk_chain_begin(&chain);
    enum brisk_status status = bk_transfer_begin(&transfer, fd, options, error);
    if (status == BRISK_OK)
        status = check_message(message, &transfer);
    if (status == BRISK_OK)
        status = fill_chain(&chain, message, error);
    if (status == BRISK_OK) {
        status = send_chain(&transfer, &chain);
        move_cursor(message, transfer.stats.bytes, status == BRISK_OK);
    }
    bk_chain_end(&chain);
    return bk_transfer_end(&transfer, status, stats);
}
