/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "zerocopy/pump.h"

/* One call of brisk_copy_file. */
struct copying {
    struct bk_transfer transfer;
    struct brisk_file_copy *copy;
    bool is_by_range;
    size_t held_bytes; /* in the block, not written yet */
    size_t held_offset;
};

static void advance(struct brisk_file_copy *copy, size_t count)
{
    if (copy->in_offset != BRISK_OFFSET_CURRENT)
        copy->in_offset += (int64_t)count;
    if (copy->out_offset != BRISK_OFFSET_CURRENT)
        copy->out_offset += (int64_t)count;
    if (copy->length != BRISK_TO_END)
        copy->length -= count;
}

static bool is_valid(const struct brisk_file_copy *copy)
{
    if (copy == NULL || copy->in < 0 || copy->out < 0)
        return false;
    int64_t length = copy->length == BRISK_TO_END ? 0 : (int64_t)copy->length;
    int64_t end;
    return length >= 0 && copy->in_offset >= BRISK_OFFSET_CURRENT &&
           copy->out_offset >= BRISK_OFFSET_CURRENT &&
           !__builtin_add_overflow(copy->in_offset, length, &end) &&
           !__builtin_add_overflow(copy->out_offset, length, &end);
}

static enum brisk_status begin(
    struct bk_transfer *transfer, const struct brisk_file_copy *copy,
    const struct brisk_send_options *options, struct brisk_error *error)
{
    enum brisk_status status = bk_transfer_begin(
        transfer, copy == NULL ? 0 : copy->out, options, error);
    if (status == BRISK_OK && !is_valid(copy))
        status = bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "there is nothing to copy, or a descriptor, offset or length is out of range");
    return status;
}

/* The source has no more. */
static enum brisk_status end_copy(struct copying *copying)
{
    struct brisk_file_copy *copy = copying->copy;
    if (copy->length != BRISK_TO_END && copy->length != 0)
        return bk_error_set(
            copying->transfer.error, BRISK_ERR_TRUNCATED, 0,
            "descriptor %d ended %llu bytes too early", copy->in, (unsigned long long)copy->length);
    copy->length = 0;
    return BRISK_OK;
}

static bool is_unfit(int number)
{
    return number == EINVAL || number == EXDEV || number == EBADF || number == ENOSYS ||
           number == EOPNOTSUPP || number == EPERM || number == ESPIPE || number == ETXTBSY;
}

/* Also with EBADF, which a sink with O_APPEND gives: a read or write then says what it is. */
static enum brisk_status leave_range(struct copying *copying, bool is_failure)
{
    struct bk_transfer *transfer = &copying->transfer;
    if (transfer->options.mechanism == BRISK_MECHANISM_COPY_RANGE && is_failure)
        return bk_error_set(
            transfer->error, BRISK_ERR_UNSUPPORTED, errno,
            "copy_range does not work between these files: %s", strerrordesc_np(errno));
    copying->is_by_range = false;
    transfer->stats.fallbacks += is_failure;
    return BRISK_OK;
}

static enum brisk_status copy_range(struct copying *copying)
{
    struct brisk_file_copy *copy = copying->copy;
    struct bk_transfer *transfer = &copying->transfer;
    off_t in_offset = copy->in_offset;
    off_t out_offset = copy->out_offset;
    transfer->stats.system_calls++;
    ssize_t count = copy_file_range(
        copy->in, copy->in_offset == BRISK_OFFSET_CURRENT ? NULL : &in_offset, copy->out,
        copy->out_offset == BRISK_OFFSET_CURRENT ? NULL : &out_offset,
        bk_transfer_clip(transfer, copy->length), 0);
    if (count > 0) {
        bk_transfer_count(transfer, BRISK_MECHANISM_COPY_RANGE, (uint64_t)count);
        advance(copy, (size_t)count);
        return BRISK_OK;
    }
    if (count == 0) /* it says so of pseudo files, too: a read knows */
        return leave_range(copying, false);
    if (errno == EINTR)
        return BRISK_OK;
    return is_unfit(errno) ? leave_range(copying, true)
                           : bk_transfer_fail(transfer, errno, "copying a file");
}

static enum brisk_status read_block(struct copying *copying)
{
    struct brisk_file_copy *copy = copying->copy;
    struct bk_transfer *transfer = &copying->transfer;
    struct brisk_buffer *block = bk_transfer_block(transfer);
    if (block == NULL)
        return BRISK_ERR_NOMEM;
    size_t length = copy->length < BK_BLOCK_BYTES ? (size_t)copy->length : BK_BLOCK_BYTES;
    uint8_t *data = bk_block_data(block);
    transfer->stats.system_calls++;
    ssize_t count = copy->in_offset == BRISK_OFFSET_CURRENT
                        ? read(copy->in, data, length)
                        : pread(copy->in, data, length, copy->in_offset);
    if (count < 0)
        return errno == EINTR ? BRISK_OK : bk_transfer_fail(transfer, errno, "reading a file");
    if (count == 0)
        return end_copy(copying);
    copying->held_bytes = (size_t)count;
    copying->held_offset = 0;
    return BRISK_OK;
}

static enum brisk_status write_block(struct copying *copying)
{
    struct brisk_file_copy *copy = copying->copy;
    struct bk_transfer *transfer = &copying->transfer;
    const uint8_t *data = bk_block_data(transfer->block) + copying->held_offset;
    bk_transfer_hold_sigpipe(transfer);
    transfer->stats.system_calls++;
    ssize_t count = copy->out_offset == BRISK_OFFSET_CURRENT
                        ? write(copy->out, data, copying->held_bytes)
                        : pwrite(copy->out, data, copying->held_bytes, copy->out_offset);
    if (count < 0)
        return errno == EINTR ? BRISK_OK : bk_transfer_fail(transfer, errno, "writing a file");
    copying->held_bytes -= (size_t)count;
    copying->held_offset += (size_t)count;
    bk_transfer_count(transfer, BRISK_MECHANISM_COPY, (uint64_t)count);
    advance(copy, (size_t)count);
    return BRISK_OK;
}

static enum brisk_status step(struct copying *copying)
{
    if (copying->held_bytes > 0)
        return write_block(copying);
    return copying->is_by_range ? copy_range(copying) : read_block(copying);
}

static enum brisk_status run(struct copying *copying)
{
    struct bk_transfer *transfer = &copying->transfer;
    enum brisk_mechanism mechanism = transfer->options.mechanism;
    if (mechanism == BRISK_MECHANISM_SENDFILE || mechanism == BRISK_MECHANISM_SPLICE)
        return bk_error_set(
            transfer->error, BRISK_ERR_UNSUPPORTED, 0, "%s does not copy files; copy_range does",
            brisk_mechanism_name(mechanism));
    copying->is_by_range = mechanism != BRISK_MECHANISM_COPY;
    while (copying->copy->length > 0) {
        enum brisk_status status = step(copying);
        if (status == BRISK_OK && copying->copy->length > 0)
            status = bk_transfer_tell(transfer, false);
        if (status != BRISK_OK)
            return status;
    }
    (void)bk_transfer_tell(transfer, true);
    return BRISK_OK;
}

enum brisk_status brisk_copy_file(
    struct brisk_file_copy *copy, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error)
{
    struct copying copying = {.copy = copy};
    enum brisk_status status = begin(&copying.transfer, copy, options, error);
    if (status == BRISK_OK)
        status = run(&copying);
    if (status != BRISK_OK && copying.held_bytes > 0 && copy->in_offset == BRISK_OFFSET_CURRENT)
        lseek(copy->in, -(off_t)copying.held_bytes, SEEK_CUR); /* read, but not copied */
    return bk_transfer_end(&copying.transfer, status, stats);
}

static enum brisk_status receive(struct bk_pump *pump)
{
    struct bk_transfer *transfer = pump->transfer;
    while (!bk_pump_is_done(pump)) {
        enum brisk_status status = bk_pump_step(pump);
        if (status == BRISK_AGAIN)
            status = bk_transfer_wait(transfer, pump->wait_fd, pump->wait_events);
        if (status == BRISK_OK && !bk_pump_is_done(pump))
            status = bk_transfer_tell(transfer, false);
        if (status != BRISK_OK)
            return status;
    }
    (void)bk_transfer_tell(transfer, true);
    if (pump->left > 0 && pump->left != BRISK_TO_END)
        return bk_error_set(
            transfer->error, BRISK_ERR_TRUNCATED, 0, "descriptor %d ended %llu bytes too early",
            pump->in, (unsigned long long)pump->left);
    return BRISK_OK;
}

enum brisk_status brisk_receive_file(
    struct brisk_file_copy *copy, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error)
{
    struct bk_transfer transfer;
    struct bk_pump pump = {.pipe = {-1, -1}};
    enum brisk_status status = begin(&transfer, copy, options, error);
    if (status == BRISK_OK && copy->in_offset != BRISK_OFFSET_CURRENT)
        status = bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "in_offset is %lld, but a stream has no offsets; take brisk_copy_file for a file",
            (long long)copy->in_offset);
    if (status == BRISK_OK)
        status = bk_pump_begin(&pump, &transfer, copy->in, copy->out_offset, copy->length);
    if (status == BRISK_OK) {
        status = receive(&pump);
        advance(copy, (size_t)transfer.stats.bytes);
        if (status == BRISK_OK)
            copy->length = 0;
    }
    bk_pump_end(&pump);
    return bk_transfer_end(&transfer, status, stats);
}
