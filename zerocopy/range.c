/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/range.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum brisk_status bk_range_check_sink(struct bk_transfer *transfer, struct brisk_chain *chain)
{
    if (transfer->sink <= BK_SINK_SOCKET && chain->stream_fd == transfer->out)
        transfer->sink = BK_SINK_STREAM;
    if (bk_transfer_sink(transfer) == BK_SINK_MESSAGES)
        return bk_error_set(
            transfer->error, BRISK_ERR_UNSUPPORTED, 0,
            "descriptor %d is a socket that keeps messages apart; make one piece of each with "
            "brisk_chain_linearise",
            transfer->out);
    if (transfer->sink == BK_SINK_STREAM)
        chain->stream_fd = transfer->out;
    return BRISK_OK;
}

/* What is tried, in this order; the last one works wherever anything does. */
static const enum brisk_mechanism for_sockets[] = {
    BRISK_MECHANISM_SENDFILE, BRISK_MECHANISM_COPY, BRISK_MECHANISM_AUTO};
static const enum brisk_mechanism for_files[] = {
    BRISK_MECHANISM_COPY_RANGE, BRISK_MECHANISM_SENDFILE, BRISK_MECHANISM_COPY,
    BRISK_MECHANISM_AUTO};
static const enum brisk_mechanism for_pipes[] = {
    BRISK_MECHANISM_SPLICE, BRISK_MECHANISM_SENDFILE, BRISK_MECHANISM_COPY, BRISK_MECHANISM_AUTO};
static const enum brisk_mechanism only_copy[] = {BRISK_MECHANISM_COPY, BRISK_MECHANISM_AUTO};

static const enum brisk_mechanism *
order_for(struct bk_transfer *transfer, const struct bk_segment *segment)
{
    /* Nothing keeps sendfile and splice from waiting for a blocking socket or terminal. */
    if (bk_transfer_is_bounded(transfer) && transfer->sink != BK_SINK_PIPE &&
        transfer->sink != BK_SINK_FILE && !bk_transfer_sink_is_nonblocking(transfer))
        return only_copy;
    if (transfer->sink == BK_SINK_PIPE || bk_segment_is_stream(segment))
        return for_pipes;
    return transfer->sink == BK_SINK_FILE ? for_files : for_sockets;
}

/* AUTO: none is left. */
static enum brisk_mechanism choose(struct bk_transfer *transfer, const struct bk_segment *segment)
{
    enum brisk_mechanism forced = transfer->options.mechanism;
    if (forced != BRISK_MECHANISM_AUTO)
        return (segment->unfit & 1u << forced) == 0 ? forced : BRISK_MECHANISM_AUTO;
    const enum brisk_mechanism *order = order_for(transfer, segment);
    while (*order != BRISK_MECHANISM_AUTO && (segment->unfit & 1u << *order) != 0)
        order++;
    return *order;
}

static enum brisk_status none_is_left(struct bk_transfer *transfer, int fd)
{
    return bk_error_set(
        transfer->error, BRISK_ERR_UNSUPPORTED, 0,
        "%s does not work from descriptor %d to %d; options.mechanism of 0 takes one that does",
        brisk_mechanism_name(transfer->options.mechanism), fd, transfer->out);
}

/*
 * The source has no more. A regular file that is shorter than its range has been
 * truncated; files of /proc and /sys end where they like, whatever size they show.
 */
static enum brisk_status end_range(struct bk_transfer *transfer, struct brisk_chain *chain)
{
    const struct bk_segment *segment = bk_chain_at(chain, 0);
    bool is_short = segment->length != BRISK_TO_END;
    struct stat facts;
    if (is_short && !bk_segment_is_stream(segment)) {
        transfer->stats.system_calls++;
        is_short = fstat(segment->fd, &facts) != 0 || !S_ISREG(facts.st_mode) ||
                   (uint64_t)facts.st_size < (uint64_t)segment->offset + segment->length;
    }
    if (is_short)
        return bk_error_set(
            transfer->error, BRISK_ERR_TRUNCATED, 0,
            "descriptor %d ended %llu bytes before its range, after %llu bytes in all", segment->fd,
            (unsigned long long)segment->length, (unsigned long long)transfer->stats.bytes);
    bk_chain_drop_first(chain);
    return BRISK_OK;
}

/* Whether this says that the mechanism is not for this pair, rather than that something broke. */
static bool is_unfit(enum brisk_mechanism mechanism, int number)
{
    switch (number) {
    case EINVAL:
    case ESPIPE:
    case ENOSYS:
    case EOPNOTSUPP:
    case EXDEV:
        return true;
    case EBADF: /* the answer to a sink with O_APPEND */
    case EISDIR:
    case EPERM:
    case ETXTBSY:
        return mechanism == BRISK_MECHANISM_COPY_RANGE;
    default:
        return false;
    }
}

/* Of a source and a sink that both may be the one that is not ready. */
static enum brisk_status wait_for_both(struct bk_transfer *transfer, int in)
{
    if (!bk_transfer_is_ready(transfer, in, POLLIN))
        return bk_transfer_wait(transfer, in, POLLIN);
    return bk_transfer_wait(transfer, transfer->out, POLLOUT);
}

static enum brisk_status
explain(struct bk_transfer *transfer, struct bk_segment *segment, enum brisk_mechanism mechanism)
{
    int number = errno;
    if (number == EINTR)
        return BRISK_OK;
    if (number == EAGAIN)
        return bk_segment_is_stream(segment) ? wait_for_both(transfer, segment->fd)
                                             : bk_transfer_wait(transfer, transfer->out, POLLOUT);
    if (!is_unfit(mechanism, number))
        return bk_transfer_fail(transfer, number, "sending a file");
    segment->unfit |= (uint8_t)(1u << mechanism);
    transfer->stats.fallbacks++;
    return BRISK_OK;
}

static ssize_t
call(struct bk_transfer *transfer, struct bk_segment *segment, enum brisk_mechanism mechanism)
{
    size_t length = bk_transfer_clip(transfer, segment->length);
    off_t offset = segment->offset; /* the kernel moves this one, bk_chain_advance the real one */
    off_t *at = bk_segment_is_stream(segment) ? NULL : &offset;
    unsigned int flags = bk_transfer_is_bounded(transfer) ? SPLICE_F_NONBLOCK : 0;

    bk_transfer_hold_sigpipe(transfer);
    transfer->stats.system_calls++;
    if (mechanism == BRISK_MECHANISM_SENDFILE)
        return sendfile(transfer->out, segment->fd, at, length);
    if (mechanism == BRISK_MECHANISM_SPLICE)
        return splice(segment->fd, at, transfer->out, NULL, length, flags);
    return copy_file_range(segment->fd, at, transfer->out, NULL, length, 0);
}

static ssize_t read_block(struct bk_transfer *transfer, const struct bk_segment *segment)
{
    size_t length = segment->length < BK_BLOCK_BYTES ? (size_t)segment->length : BK_BLOCK_BYTES;
    uint8_t *data = bk_block_data(transfer->block);
    transfer->stats.system_calls++;
    if (!bk_segment_is_stream(segment))
        return pread(segment->fd, data, length, segment->offset);
    if (!bk_transfer_is_bounded(transfer) || bk_transfer_is_ready(transfer, segment->fd, POLLIN))
        return read(segment->fd, data, length);
    errno = EAGAIN;
    return -1;
}

/*
 * A block of the range becomes a view before it, which is sent as all memory is: what
 * the sink does not take stays in the chain.
 */
static enum brisk_status copy_block(struct bk_transfer *transfer, struct brisk_chain *chain)
{
    if (!bk_chain_reserve_front(chain))
        return bk_error_set(
            transfer->error, BRISK_ERR_NOMEM, 0, "there is no memory for a segment");
    struct brisk_buffer *block = bk_transfer_block(transfer);
    if (block == NULL)
        return BRISK_ERR_NOMEM;
    struct bk_segment *segment = bk_chain_at(chain, 0);
    ssize_t count = read_block(transfer, segment);
    if (count == 0)
        return end_range(transfer, chain);
    if (count < 0 && errno == EAGAIN)
        return bk_transfer_wait(transfer, segment->fd, POLLIN);
    if (count < 0)
        return errno == EINTR ? BRISK_OK : bk_transfer_fail(transfer, errno, "reading a file");
    bk_buffer_retain(block);
    bk_chain_advance(chain, (uint64_t)count);
    bk_chain_put_front(chain, bk_view_of(block, bk_block_data(block), (size_t)count), true);
    return BRISK_OK;
}

enum brisk_status bk_range_move(struct bk_transfer *transfer, struct brisk_chain *chain)
{
    enum brisk_status status = bk_range_check_sink(transfer, chain);
    if (status != BRISK_OK)
        return status;
    struct bk_segment *segment = bk_chain_at(chain, 0);
    enum brisk_mechanism mechanism = choose(transfer, segment);
    if (mechanism == BRISK_MECHANISM_AUTO)
        return none_is_left(transfer, segment->fd);
    if (mechanism == BRISK_MECHANISM_COPY)
        return copy_block(transfer, chain);

    ssize_t count = call(transfer, segment, mechanism);
    if (count < 0)
        return explain(transfer, segment, mechanism);
    if (count == 0 && mechanism == BRISK_MECHANISM_COPY_RANGE) {
        segment->unfit |= (uint8_t)(1u << mechanism); /* it says so of pseudo files, too */
        return BRISK_OK;
    }
    if (count == 0)
        return end_range(transfer, chain);
    transfer->is_held_back = false;
    bk_transfer_count(transfer, mechanism, (uint64_t)count);
    bk_chain_advance(chain, (uint64_t)count);
    return BRISK_OK;
}
