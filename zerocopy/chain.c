/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "zerocopy/buffer.h"

_Static_assert(
    sizeof(struct brisk_bytes) == sizeof(struct iovec) &&
        offsetof(struct brisk_bytes, data) == offsetof(struct iovec, iov_base) &&
        offsetof(struct brisk_bytes, length) == offsetof(struct iovec, iov_len),
    "brisk_chain_gather promises the layout of an iovec");

void bk_chain_begin(struct brisk_chain *chain)
{
    chain->segments = chain->inline_segments;
    chain->first = 0;
    chain->count = 0;
    chain->capacity = BK_CHAIN_INLINE;
    chain->stream_fd = -1;
}

void bk_chain_end(struct brisk_chain *chain)
{
    brisk_chain_clear(chain);
    if (chain->segments != chain->inline_segments)
        bk_free(chain->segments);
}

struct brisk_chain *brisk_chain_new(void)
{
    struct brisk_chain *chain = bk_malloc(sizeof *chain);
    if (chain != NULL)
        bk_chain_begin(chain);
    return chain;
}

void brisk_chain_free(struct brisk_chain *chain)
{
    if (chain == NULL)
        return;
    bk_chain_end(chain);
    bk_free(chain);
}

static void end_segment(struct bk_segment *segment)
{
    if (bk_segment_is_memory(segment))
        brisk_view_release(&segment->view);
    else if (segment->is_owned)
        close(segment->fd);
}

void bk_chain_drop_first(struct brisk_chain *chain)
{
    end_segment(bk_chain_at(chain, 0));
    chain->count--;
    chain->first = chain->count == 0 ? 0 : chain->first + 1;
}

void brisk_chain_clear(struct brisk_chain *chain)
{
    if (chain == NULL)
        return;
    while (chain->count > 0)
        bk_chain_drop_first(chain);
}

/* Into memory for `capacity` segments, the first at `first`. */
static bool move_segments(struct brisk_chain *chain, size_t capacity, size_t first)
{
    struct bk_segment *segments = bk_calloc(capacity, sizeof *segments);
    if (segments == NULL)
        return false;
    memcpy(segments + first, bk_chain_at(chain, 0), chain->count * sizeof *segments);
    if (chain->segments != chain->inline_segments)
        bk_free(chain->segments);
    chain->segments = segments;
    chain->capacity = capacity;
    chain->first = first;
    return true;
}

static void shift_segments(struct brisk_chain *chain, size_t first)
{
    memmove(chain->segments + first, bk_chain_at(chain, 0), chain->count * sizeof *chain->segments);
    chain->first = first;
}

/* Room for `more` segments behind. Only a chain that is half empty is shifted: amortised O(1). */
static bool reserve_back(struct brisk_chain *chain, size_t more)
{
    if (more <= chain->capacity - chain->first - chain->count)
        return true;
    if (chain->first >= chain->count && more <= chain->capacity - chain->count) {
        shift_segments(chain, 0);
        return true;
    }
    size_t needed;
    if (__builtin_add_overflow(chain->count, more, &needed) || needed > SIZE_MAX / 4)
        return false;
    return move_segments(chain, 2 * needed, 0);
}

bool bk_chain_reserve_front(struct brisk_chain *chain)
{
    if (chain->first > 0)
        return true;
    size_t room = chain->capacity - chain->count;
    if (room > 0 && room >= chain->count / 2) {
        shift_segments(chain, (room + 1) / 2);
        return true;
    }
    return move_segments(chain, 2 * chain->capacity, chain->capacity / 2);
}

static void put_front(struct brisk_chain *chain, const struct bk_segment *segment)
{
    if (chain->count == 0)
        chain->first = 1; /* no memory is needed for a first one */
    chain->first--;
    chain->count++;
    *bk_chain_at(chain, 0) = *segment;
}

void bk_chain_put_front(struct brisk_chain *chain, struct brisk_view view, bool is_copy)
{
    struct bk_segment segment = {.view = view, .fd = -1, .is_copy = is_copy};
    put_front(chain, &segment);
}

static void put_back(struct brisk_chain *chain, const struct bk_segment *segment)
{
    chain->count++;
    *bk_chain_at(chain, chain->count - 1) = *segment;
}

static enum brisk_status check_view(const struct brisk_chain *chain, const struct brisk_view *view)
{
    if (chain == NULL || view == NULL || (view->data == NULL && view->length > 0))
        return BRISK_ERR_INVALID;
    return BRISK_OK;
}

enum brisk_status brisk_chain_append(struct brisk_chain *chain, const struct brisk_view *view)
{
    enum brisk_status status = check_view(chain, view);
    if (status != BRISK_OK || view->length == 0)
        return status;
    if (!reserve_back(chain, 1))
        return BRISK_ERR_NOMEM;
    struct bk_segment segment = {.view = brisk_view_retain(view), .fd = -1};
    put_back(chain, &segment);
    return BRISK_OK;
}

enum brisk_status brisk_chain_prepend(struct brisk_chain *chain, const struct brisk_view *view)
{
    enum brisk_status status = check_view(chain, view);
    if (status != BRISK_OK || view->length == 0)
        return status;
    if (!bk_chain_reserve_front(chain))
        return BRISK_ERR_NOMEM;
    bk_chain_put_front(chain, brisk_view_retain(view), false);
    return BRISK_OK;
}

enum brisk_status brisk_chain_append_copy(struct brisk_chain *chain, struct brisk_bytes bytes)
{
    struct brisk_view view;
    enum brisk_status status = brisk_view_copy(&view, bytes);
    if (status != BRISK_OK)
        return status;
    status = brisk_chain_append(chain, &view);
    brisk_view_release(&view);
    return status;
}

/* Neighbouring ranges of one descriptor are one. */
static bool join(struct bk_segment *front, const struct bk_segment *back)
{
    if (bk_segment_is_memory(front) || front->fd != back->fd || front->is_owned || back->is_owned)
        return false;
    if (front->offset == BRISK_OFFSET_CURRENT || back->offset == BRISK_OFFSET_CURRENT)
        return false;
    if (front->length == BRISK_TO_END || front->offset + (int64_t)front->length != back->offset)
        return false;
    front->length = back->length == BRISK_TO_END ? BRISK_TO_END : front->length + back->length;
    return true;
}

/* Makes *segment of a caller's range. What the caller wants closed is the segment's from here. */
static enum brisk_status make_range(
    struct bk_segment *segment, int fd, int64_t offset, uint64_t length, enum brisk_fd_owner owner)
{
    *segment = (struct bk_segment){
        .fd = fd,
        .is_owned = owner == BRISK_FD_CLOSE && fd >= 0,
        .offset = offset,
        .length = length};
    uint64_t end;
    if (fd < 0 || (unsigned int)owner > BRISK_FD_DUP || offset < BRISK_OFFSET_CURRENT)
        return BRISK_ERR_INVALID;
    if (length != BRISK_TO_END && offset != BRISK_OFFSET_CURRENT &&
        (__builtin_add_overflow((uint64_t)offset, length, &end) || end > INT64_MAX))
        return BRISK_ERR_INVALID;
    if (owner != BRISK_FD_DUP || length == 0)
        return BRISK_OK;
    segment->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    segment->is_owned = segment->fd >= 0;
    return segment->is_owned ? BRISK_OK : BRISK_ERR_SYSTEM;
}

static enum brisk_status add_file(
    struct brisk_chain *chain, bool is_front, int fd, int64_t offset, uint64_t length,
    enum brisk_fd_owner owner)
{
    struct bk_segment segment;
    enum brisk_status status = make_range(&segment, fd, offset, length, owner);
    if (chain == NULL)
        status = BRISK_ERR_INVALID;
    if (status == BRISK_OK && length > 0 && !is_front && chain->count > 0 &&
        join(bk_chain_at(chain, chain->count - 1), &segment))
        return BRISK_OK;
    if (status == BRISK_OK && length > 0 &&
        !(is_front ? bk_chain_reserve_front(chain) : reserve_back(chain, 1)))
        status = BRISK_ERR_NOMEM;
    if (status != BRISK_OK || length == 0) {
        if (segment.is_owned)
            close(segment.fd);
        return status;
    }
    if (is_front)
        put_front(chain, &segment);
    else
        put_back(chain, &segment);
    return BRISK_OK;
}

enum brisk_status brisk_chain_append_file(
    struct brisk_chain *chain, int fd, int64_t offset, uint64_t length, enum brisk_fd_owner owner)
{
    return add_file(chain, false, fd, offset, length, owner);
}

enum brisk_status brisk_chain_prepend_file(
    struct brisk_chain *chain, int fd, int64_t offset, uint64_t length, enum brisk_fd_owner owner)
{
    return add_file(chain, true, fd, offset, length, owner);
}

enum brisk_status brisk_chain_concat(struct brisk_chain *chain, struct brisk_chain *from)
{
    if (chain == NULL || from == NULL || chain == from)
        return BRISK_ERR_INVALID;
    if (!reserve_back(chain, from->count))
        return BRISK_ERR_NOMEM;
    for (size_t i = 0; i < from->count; i++)
        put_back(chain, bk_chain_at(from, i));
    from->first = 0;
    from->count = 0;
    return BRISK_OK;
}

uint64_t brisk_chain_length(const struct brisk_chain *chain)
{
    uint64_t sum = 0;
    for (size_t i = 0; chain != NULL && i < chain->count; i++)
        if (__builtin_add_overflow(sum, bk_segment_length(bk_chain_at(chain, i)), &sum))
            return UINT64_MAX;
    return sum;
}

void bk_chain_advance(struct brisk_chain *chain, uint64_t count)
{
    struct bk_segment *segment = bk_chain_at(chain, 0);
    if (count == bk_segment_length(segment)) {
        bk_chain_drop_first(chain);
    } else if (bk_segment_is_memory(segment)) {
        segment->view.data += count;
        segment->view.length -= (size_t)count;
    } else {
        if (segment->offset != BRISK_OFFSET_CURRENT)
            segment->offset += (int64_t)count;
        if (segment->length != BRISK_TO_END)
            segment->length -= count;
    }
}

/* Whether the first `count` bytes are there and can be dropped without being read. */
static bool can_consume(const struct brisk_chain *chain, uint64_t count)
{
    for (size_t i = 0; i < chain->count && count > 0; i++) {
        const struct bk_segment *segment = bk_chain_at(chain, i);
        uint64_t length = bk_segment_length(segment);
        if (bk_segment_is_stream(segment))
            return false;
        if (length == BRISK_TO_END)
            return count <= (uint64_t)(INT64_MAX - segment->offset);
        count -= count < length ? count : length;
    }
    return count == 0;
}

enum brisk_status brisk_chain_consume(struct brisk_chain *chain, uint64_t count)
{
    if (chain == NULL || !can_consume(chain, count))
        return BRISK_ERR_INVALID;
    while (count > 0) {
        uint64_t length = bk_segment_length(bk_chain_at(chain, 0));
        uint64_t part = count < length ? count : length;
        bk_chain_advance(chain, part);
        count -= part;
    }
    return BRISK_OK;
}

size_t brisk_chain_gather(const struct brisk_chain *chain, struct brisk_bytes *out, size_t max)
{
    size_t count = 0;
    if (chain == NULL || out == NULL)
        return 0;
    while (count < max && count < chain->count) {
        const struct bk_segment *segment = bk_chain_at(chain, count);
        if (!bk_segment_is_memory(segment))
            break;
        out[count++] = brisk_view_bytes(&segment->view);
    }
    return count;
}

static enum brisk_status
read_range(const struct bk_segment *segment, uint8_t *out, size_t length, struct brisk_error *error)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = pread(
            segment->fd, out + done, length - done, segment->offset + (int64_t)done);
        if (count == 0)
            return bk_error_set(
                error, BRISK_ERR_TRUNCATED, 0, "descriptor %d ends %zu bytes before its range",
                segment->fd, length - done);
        if (count > 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return bk_error_set(
                error, BRISK_ERR_SYSTEM, errno, "reading from descriptor %d failed: %s",
                segment->fd, strerrordesc_np(errno));
    }
    return BRISK_OK;
}

/* The first `length` bytes of the chain, which has so many. */
static enum brisk_status
read_front(const struct brisk_chain *chain, uint8_t *out, size_t length, struct brisk_error *error)
{
    for (size_t i = 0; length > 0; i++) {
        const struct bk_segment *segment = bk_chain_at(chain, i);
        uint64_t available = bk_segment_length(segment);
        size_t part = length < available ? length : (size_t)available;
        if (bk_segment_is_memory(segment)) {
            memcpy(out, segment->view.data, part);
        } else {
            enum brisk_status status = read_range(segment, out, part, error);
            if (status != BRISK_OK)
                return status;
        }
        out += part;
        length -= part;
    }
    return BRISK_OK;
}

/* The first `length` bytes become one view at the front of the chain. */
static enum brisk_status
join_front(struct brisk_chain *chain, size_t length, struct brisk_error *error)
{
    struct brisk_buffer *buffer = bk_buffer_new(length);
    if (buffer == NULL || !bk_chain_reserve_front(chain)) {
        if (buffer != NULL)
            bk_buffer_release(buffer);
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory for %zu bytes", length);
    }
    uint8_t *data = bk_buffer_data(buffer);
    enum brisk_status status = read_front(chain, data, length, error);
    if (status == BRISK_OK)
        status = brisk_chain_consume(chain, length);
    if (status != BRISK_OK) {
        bk_buffer_release(buffer);
        return status;
    }
    bk_chain_put_front(chain, bk_view_of(buffer, data, length), false);
    return BRISK_OK;
}

enum brisk_status brisk_chain_linearise(
    struct brisk_chain *chain, uint64_t length, struct brisk_view *out, struct brisk_error *error)
{
    if (out == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no place for the view");
    *out = (struct brisk_view){0};
    if (chain == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no chain");
    uint64_t whole = brisk_chain_length(chain);
    if (length == BRISK_TO_END)
        length = whole;
    if (length == 0)
        return BRISK_OK;
    if (length > whole)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "the chain has %llu bytes, not %llu",
            (unsigned long long)whole, (unsigned long long)length);
    if (length == UINT64_MAX || !can_consume(chain, length))
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, 0,
            "some of the bytes are in a stream or have no known end; read them with "
            "brisk_builder_read_fd");
    const struct bk_segment *front = bk_chain_at(chain, 0);
    if (!bk_segment_is_memory(front) || front->view.length < length) {
        enum brisk_status status = join_front(chain, (size_t)length, error);
        if (status != BRISK_OK)
            return status;
    }
    return brisk_view_slice(out, &bk_chain_at(chain, 0)->view, 0, (size_t)length);
}
