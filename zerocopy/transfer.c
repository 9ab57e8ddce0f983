/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/options.h"

enum {
    NS_PER_MS = 1000000,
    DEFAULT_PROGRESS_BYTES = 1 << 20,
    BOUNDED_CALL_BYTES = 2 << 20 /* so that a deadline is looked at between calls */
};
static const uint64_t CALL_BYTES = UINT64_C(1) << 30; /* the kernel cuts at 2 GiB - 4 KiB */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static uint64_t deadline_in(uint64_t timeout_ms)
{
    uint64_t deadline_ns;
    if (timeout_ms == 0)
        return 0;
    if (__builtin_mul_overflow(timeout_ms, (uint64_t)NS_PER_MS, &deadline_ns) ||
        __builtin_add_overflow(deadline_ns, now_ns(), &deadline_ns))
        return UINT64_MAX;
    return deadline_ns;
}

static enum brisk_status
check_mechanism(struct brisk_send_options *options, struct brisk_error *error)
{
    unsigned int mechanism = (unsigned int)options->mechanism;
    if (mechanism >= BRISK_MECHANISMS || mechanism == BRISK_MECHANISM_MEMORY)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "options.mechanism is %u, which is none for files",
            mechanism);
    if (options->is_stable && mechanism != BRISK_MECHANISM_AUTO &&
        mechanism != BRISK_MECHANISM_COPY)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "options.mechanism is %s, which sends the file's own pages; is_stable needs copy",
            brisk_mechanism_name(options->mechanism));
    if (options->is_stable)
        options->mechanism = BRISK_MECHANISM_COPY;
    else if (mechanism == BRISK_MECHANISM_AUTO)
        options->mechanism = bk_mechanism_of_environment();
    return BRISK_OK;
}

enum brisk_status bk_transfer_begin(
    struct bk_transfer *transfer, int out, const struct brisk_send_options *options,
    struct brisk_error *error)
{
    *transfer = (struct bk_transfer){.out = out, .error = error, .is_nonblocking_fd = -1};
    struct brisk_send_options *known = &transfer->options;
    enum brisk_status status = bk_options_read(known, sizeof *known, options, sizeof *known, error);
    if (status == BRISK_OK)
        status = check_mechanism(known, error);
    if (status != BRISK_OK)
        return status;
    if (out < 0)
        return bk_error_set(error, BRISK_ERR_INVALID, EBADF, "%d is no descriptor", out);
    if (known->progress_bytes == 0)
        known->progress_bytes = DEFAULT_PROGRESS_BYTES;
    transfer->deadline_ns = deadline_in(known->timeout_ms);
    return BRISK_OK;
}

/*
 * What MSG_MORE has left in the socket's queue would wait 200 ms for more. Setting
 * TCP_NODELAY pushes it, also if it is set already; the caller's setting is then put back.
 */
static void push(struct bk_transfer *transfer)
{
    int was_on = 0;
    socklen_t length = sizeof was_on;
    transfer->is_held_back = false;
    transfer->stats.system_calls++;
    if (getsockopt(transfer->out, IPPROTO_TCP, TCP_NODELAY, &was_on, &length) != 0)
        return; /* no TCP: nothing is held back */
    int on = 1;
    int off = 0;
    transfer->stats.system_calls++;
    setsockopt(transfer->out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (was_on)
        return;
    transfer->stats.system_calls++;
    setsockopt(transfer->out, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
}

static _Atomic(struct brisk_buffer *) spare_block;

/* A block that no view shows becomes the spare one. */
static void drop_block(struct bk_transfer *transfer)
{
    struct brisk_buffer *block = transfer->block;
    transfer->block = NULL;
    if (block != NULL && bk_buffer_is_unique(block))
        block = atomic_exchange_explicit(&spare_block, block, memory_order_acq_rel);
    if (block != NULL)
        bk_buffer_release(block);
}

struct brisk_buffer *bk_transfer_block(struct bk_transfer *transfer)
{
    if (transfer->block != NULL && bk_buffer_is_unique(transfer->block))
        return transfer->block;
    drop_block(transfer);
    transfer->block = atomic_exchange_explicit(&spare_block, NULL, memory_order_acq_rel);
    if (transfer->block == NULL)
        transfer->block = bk_buffer_new(BK_BLOCK_BYTES + BK_BLOCK_ALIGNMENT);
    if (transfer->block == NULL)
        bk_error_set(
            transfer->error, BRISK_ERR_NOMEM, 0, "there is no memory for a block of %d bytes",
            BK_BLOCK_BYTES);
    return transfer->block;
}

enum brisk_status bk_transfer_end(
    struct bk_transfer *transfer, enum brisk_status status, struct brisk_send_stats *stats)
{
    if (transfer->is_held_back)
        push(transfer);
    transfer->stats.system_calls += bk_sigpipe_let_go(&transfer->sigpipe);
    drop_block(transfer);
    if (stats == NULL || stats->size < sizeof stats->size)
        return status;
    size_t size = stats->size;
    size_t known = size < sizeof *stats ? size : sizeof *stats;
    transfer->stats.size = size;
    memset((char *)stats + known, 0, size - known);
    memcpy(stats, &transfer->stats, known);
    return status;
}

bool bk_transfer_sink_is_nonblocking(struct bk_transfer *transfer)
{
    if (transfer->is_nonblocking_fd < 0) {
        int flags = fcntl(transfer->out, F_GETFL);
        transfer->stats.system_calls++;
        transfer->is_nonblocking_fd = flags >= 0 && (flags & O_NONBLOCK) != 0;
    }
    return transfer->is_nonblocking_fd != 0;
}

enum bk_sink bk_transfer_sink(struct bk_transfer *transfer)
{
    if (transfer->sink > BK_SINK_SOCKET)
        return transfer->sink;
    int type;
    socklen_t length = sizeof type;
    struct stat facts;
    transfer->stats.system_calls++;
    if (getsockopt(transfer->out, SOL_SOCKET, SO_TYPE, &type, &length) == 0) {
        transfer->sink = type == SOCK_STREAM ? BK_SINK_STREAM : BK_SINK_MESSAGES;
        return transfer->sink;
    }
    transfer->sink = BK_SINK_OTHER;
    transfer->stats.system_calls++;
    if (fstat(transfer->out, &facts) == 0 && S_ISFIFO(facts.st_mode))
        transfer->sink = BK_SINK_PIPE;
    else if (S_ISREG(facts.st_mode))
        transfer->sink = BK_SINK_FILE;
    return transfer->sink;
}

size_t bk_transfer_clip(const struct bk_transfer *transfer, uint64_t length)
{
    uint64_t most = bk_transfer_is_bounded(transfer) ? BOUNDED_CALL_BYTES : CALL_BYTES;
    if (transfer->options.progress != NULL && transfer->options.progress_bytes < most)
        most = transfer->options.progress_bytes;
    return (size_t)(length < most ? length : most);
}

void bk_transfer_hold_sigpipe(struct bk_transfer *transfer)
{
    if (!transfer->options.is_sigpipe_ignored)
        transfer->stats.system_calls += bk_sigpipe_hold(&transfer->sigpipe);
}

static enum brisk_status time_out(struct bk_transfer *transfer)
{
    return bk_error_set(
        transfer->error, BRISK_ERR_TIMEOUT, 0, "the deadline of %llu ms passed after %llu bytes",
        (unsigned long long)transfer->options.timeout_ms,
        (unsigned long long)transfer->stats.bytes);
}

/* Rounded up, so that a wait does not end just before the deadline. */
static int poll_ms(uint64_t rest_ns)
{
    uint64_t rest_ms = (rest_ns + NS_PER_MS - 1) / NS_PER_MS;
    return rest_ms > INT32_MAX ? INT32_MAX : (int)rest_ms;
}

bool bk_transfer_is_ready(struct bk_transfer *transfer, int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    transfer->stats.system_calls++;
    return poll(&entry, 1, 0) > 0;
}

enum brisk_status bk_transfer_wait(struct bk_transfer *transfer, int fd, short events)
{
    if (transfer->options.is_nonblocking)
        return BRISK_AGAIN;
    struct pollfd entry = {.fd = fd, .events = events};
    return bk_transfer_poll(transfer, &entry, 1);
}

enum brisk_status
bk_transfer_poll(struct bk_transfer *transfer, struct pollfd *entries, unsigned long entry_count)
{
    for (;;) {
        int timeout = -1;
        if (transfer->deadline_ns != 0) {
            uint64_t now = now_ns();
            if (now >= transfer->deadline_ns)
                return time_out(transfer);
            timeout = poll_ms(transfer->deadline_ns - now);
        }
        transfer->stats.system_calls++;
        int count = poll(entries, entry_count, timeout);
        if (count > 0)
            return BRISK_OK;
        if (count < 0 && errno != EINTR)
            return bk_transfer_fail(transfer, errno, "waiting");
    }
}

enum brisk_status bk_transfer_tell(struct bk_transfer *transfer, bool is_last)
{
    const struct brisk_send_options *options = &transfer->options;
    uint64_t bytes = transfer->stats.bytes;
    if (transfer->deadline_ns != 0 && !is_last && now_ns() >= transfer->deadline_ns)
        return time_out(transfer);
    if (options->progress == NULL || bytes == transfer->told_bytes)
        return BRISK_OK;
    if (!is_last && bytes - transfer->told_bytes < options->progress_bytes)
        return BRISK_OK;
    transfer->told_bytes = bytes;
    if (options->progress(bytes, options->progress_ctx))
        return BRISK_OK;
    return bk_error_set(
        transfer->error, BRISK_ERR_CANCELLED, 0,
        "the progress callback stopped it after %llu bytes", (unsigned long long)bytes);
}

static enum brisk_status status_of(int number)
{
    switch (number) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EDESTADDRREQ:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ETIMEDOUT: /* the kernel gave up on the peer */
        return BRISK_ERR_UNREACHABLE;
    case EBADF:
    case EISDIR:
    case ESPIPE:
        return BRISK_ERR_INVALID;
    case EACCES:
    case EPERM:
        return BRISK_ERR_PERMISSION;
    case ENOMEM:
    case ENOBUFS:
        return BRISK_ERR_NOMEM;
    case EMSGSIZE:
        return BRISK_ERR_TOO_BIG;
    default:
        return BRISK_ERR_SYSTEM;
    }
}

static const char *hint_for(int number)
{
    switch (number) {
    case EPIPE:
    case ECONNRESET:
        return "; the peer has closed the connection";
    case EBADF:
        return "; it is closed, or not open for this direction";
    case ESPIPE:
        return "; a stream has no offsets, take BRISK_OFFSET_CURRENT";
    case EMSGSIZE:
        return "; a message socket takes a chain as one message";
    default:
        return "";
    }
}

enum brisk_status bk_transfer_fail(struct bk_transfer *transfer, int number, const char *what)
{
    if (number == EPIPE)
        transfer->stats.system_calls += bk_sigpipe_take_back(&transfer->sigpipe);
    return bk_error_set(
        transfer->error, status_of(number), number, "%s failed after %llu bytes: %s%s", what,
        (unsigned long long)transfer->stats.bytes, strerrordesc_np(number), hint_for(number));
}
