/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/buffer.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "zerocopy/buffer.h"

enum {
    FIRST_CAPACITY = 256
};

struct brisk_builder {
    struct brisk_buffer *buffer; /* NULL: no memory yet */
    size_t length;
    size_t capacity;
    struct brisk_builder_options options;
};

void brisk_builder_free(struct brisk_builder *builder)
{
    if (builder == NULL)
        return;
    if (builder->buffer != NULL) {
        struct brisk_view own = bk_view_of(builder->buffer, NULL, 0);
        brisk_view_release(&own);
    }
    bk_free(builder);
}

/* Whether no view shows the memory. */
static bool is_alone(const struct brisk_builder *builder)
{
    return bk_buffer_is_unique(builder->buffer);
}

/* The same bytes in new memory; views keep the old. */
static enum brisk_status move_out(struct brisk_builder *builder, size_t capacity)
{
    struct brisk_buffer *buffer = bk_buffer_new(capacity);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    if (builder->options.is_local)
        buffer->kind |= BK_BUFFER_LOCAL;
    if (builder->buffer != NULL) {
        memcpy(bk_buffer_data(buffer), bk_buffer_data(builder->buffer), builder->length);
        struct brisk_view old = bk_view_of(builder->buffer, NULL, 0);
        brisk_view_release(&old);
    }
    builder->buffer = buffer;
    builder->capacity = capacity;
    return BRISK_OK;
}

/* For memory that nobody else sees: large blocks are moved by their page tables. */
static enum brisk_status resize_alone(struct brisk_builder *builder, size_t capacity)
{
    if (capacity > PTRDIFF_MAX - sizeof(struct brisk_buffer))
        return BRISK_ERR_NOMEM;
    size_t total = sizeof(struct brisk_buffer) + capacity;
    struct brisk_buffer *buffer = bk_realloc(builder->buffer, total);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    buffer->held_bytes = total;
    builder->buffer = buffer;
    builder->capacity = capacity;
    return BRISK_OK;
}

static size_t grown_capacity(const struct brisk_builder *builder, size_t needed)
{
    size_t max_bytes = builder->options.max_bytes;
    size_t capacity = builder->capacity <= SIZE_MAX / 2 ? 2 * builder->capacity : needed;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    if (capacity < builder->options.capacity_bytes)
        capacity = builder->options.capacity_bytes;
    if (max_bytes != 0 && capacity > max_bytes)
        capacity = max_bytes;
    return capacity < needed ? needed : capacity;
}

/* Room for `length` bytes in all. */
static enum brisk_status make_room(struct brisk_builder *builder, size_t length)
{
    if (builder->options.max_bytes != 0 && length > builder->options.max_bytes)
        return BRISK_ERR_TOO_BIG;
    if (length <= builder->capacity)
        return BRISK_OK;
    size_t capacity = grown_capacity(builder, length);
    if (builder->buffer == NULL || !is_alone(builder))
        return move_out(builder, capacity);
    return resize_alone(builder, capacity);
}

struct brisk_builder *
brisk_builder_new(const struct brisk_builder_options *options, struct brisk_error *error)
{
    struct brisk_builder_options known;
    if (bk_options_read(&known, sizeof known, options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (known.max_bytes != 0 && known.capacity_bytes > known.max_bytes) {
        bk_error_set(
            error, BRISK_ERR_INVALID, 0, "capacity_bytes is %zu, more than max_bytes, %zu",
            known.capacity_bytes, known.max_bytes);
        return NULL;
    }
    struct brisk_builder *builder = bk_calloc(1, sizeof *builder);
    if (builder != NULL) {
        builder->options = known;
        if (make_room(builder, known.capacity_bytes) == BRISK_OK)
            return builder;
    }
    brisk_builder_free(builder);
    bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory for a builder");
    return NULL;
}

struct brisk_bytes brisk_builder_bytes(const struct brisk_builder *builder)
{
    if (builder == NULL || builder->length == 0)
        return brisk_bytes_of(NULL, 0);
    return brisk_bytes_of(bk_buffer_data(builder->buffer), builder->length);
}

/* The memory may be one byte larger than a message, see brisk_builder_printf. */
static size_t room_of(const struct brisk_builder *builder)
{
    size_t max_bytes = builder->options.max_bytes;
    size_t end = max_bytes != 0 && max_bytes < builder->capacity ? max_bytes : builder->capacity;
    return end - builder->length;
}

enum brisk_status
brisk_builder_reserve(struct brisk_builder *builder, size_t want, uint8_t **tail, size_t *room)
{
    if (builder == NULL || tail == NULL)
        return BRISK_ERR_INVALID;
    *tail = NULL;
    size_t needed;
    if (__builtin_add_overflow(builder->length, want, &needed))
        return BRISK_ERR_TOO_BIG;
    enum brisk_status status = make_room(builder, needed);
    if (status != BRISK_OK)
        return status;
    if (builder->buffer != NULL)
        *tail = bk_buffer_data(builder->buffer) + builder->length;
    if (room != NULL)
        *room = room_of(builder);
    return BRISK_OK;
}

enum brisk_status brisk_builder_commit(struct brisk_builder *builder, size_t count)
{
    if (builder == NULL || count > room_of(builder))
        return BRISK_ERR_INVALID;
    builder->length += count;
    return BRISK_OK;
}

enum brisk_status brisk_builder_append(struct brisk_builder *builder, struct brisk_bytes bytes)
{
    if (builder == NULL || (bytes.data == NULL && bytes.length > 0))
        return BRISK_ERR_INVALID;
    if (bytes.length == 0)
        return BRISK_OK;
    uint8_t *tail;
    size_t start = SIZE_MAX; /* where they are in the builder itself, whose memory may move */
    if (builder->buffer != NULL) {
        uintptr_t first = (uintptr_t)bk_buffer_data(builder->buffer);
        if ((uintptr_t)bytes.data - first < builder->length)
            start = (uintptr_t)bytes.data - first;
    }
    enum brisk_status status = brisk_builder_reserve(builder, bytes.length, &tail, NULL);
    if (status != BRISK_OK)
        return status;
    const void *data = start == SIZE_MAX ? bytes.data : bk_buffer_data(builder->buffer) + start;
    memmove(tail, data, bytes.length);
    return brisk_builder_commit(builder, bytes.length);
}

enum brisk_status brisk_builder_fill(struct brisk_builder *builder, uint8_t byte, size_t count)
{
    uint8_t *tail;
    enum brisk_status status = brisk_builder_reserve(builder, count, &tail, NULL);
    if (status != BRISK_OK || count == 0)
        return status;
    memset(tail, byte, count);
    return brisk_builder_commit(builder, count);
}

static int print_to_tail(struct brisk_builder *builder, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* What vsnprintf says; writes as much as there is room for, and a '\0'. */
static int print_to_tail(struct brisk_builder *builder, const char *format, va_list arguments)
{
    size_t room = builder->capacity - builder->length;
    if (room == 0)
        return vsnprintf(NULL, 0, format, arguments);
    char *tail = (char *)bk_buffer_data(builder->buffer) + builder->length;
    return vsnprintf(tail, room, format, arguments);
}

enum brisk_status brisk_builder_printf(struct brisk_builder *builder, const char *format, ...)
{
    if (builder == NULL || format == NULL)
        return BRISK_ERR_INVALID;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    enum brisk_status status = BRISK_OK;
    int length = print_to_tail(builder, format, arguments);
    if (length < 0)
        status = BRISK_ERR_INVALID;
    else if ((size_t)length >= builder->capacity - builder->length && length > 0) {
        uint8_t *tail;
        /* One more for the '\0', which the limit of one message does not know. */
        size_t max_bytes = builder->options.max_bytes;
        builder->options.max_bytes = max_bytes == 0 || max_bytes == SIZE_MAX ? 0 : max_bytes + 1;
        status = brisk_builder_reserve(builder, (size_t)length + 1, &tail, NULL);
        builder->options.max_bytes = max_bytes;
        (void)tail;
        if (status == BRISK_OK)
            length = print_to_tail(builder, format, again);
    }
    va_end(again);
    va_end(arguments);
    return status == BRISK_OK ? brisk_builder_commit(builder, (size_t)length) : status;
}

enum brisk_status brisk_builder_truncate(struct brisk_builder *builder, size_t length)
{
    if (builder == NULL || length > builder->length)
        return BRISK_ERR_INVALID;
    if (length < builder->length && !is_alone(builder)) { /* what comes next would be seen */
        size_t whole = builder->length;
        builder->length = length;
        enum brisk_status status = move_out(builder, builder->capacity);
        if (status != BRISK_OK)
            builder->length = whole;
        return status;
    }
    builder->length = length;
    return BRISK_OK;
}

/* From `at` on; *got counts. The memory is there and is the builder's alone. */
static enum brisk_status read_into(
    uint8_t *into, int fd, int64_t file_offset, size_t want, size_t *got, struct brisk_error *error)
{
    while (*got < want) {
        ssize_t count = file_offset == BRISK_OFFSET_CURRENT
                            ? read(fd, into + *got, want - *got)
                            : pread(fd, into + *got, want - *got, file_offset + (int64_t)*got);
        if (count == 0)
            return BRISK_OK;
        if (count > 0)
            *got += (size_t)count;
        else if (errno == EAGAIN)
            return BRISK_AGAIN;
        else if (errno != EINTR)
            return bk_error_set(
                error, BRISK_ERR_SYSTEM, errno, "reading from descriptor %d failed: %s", fd,
                strerrordesc_np(errno));
    }
    return BRISK_OK;
}

enum brisk_status brisk_builder_read_fd(
    struct brisk_builder *builder, size_t at, int fd, int64_t file_offset, size_t want, size_t *got,
    struct brisk_error *error)
{
    if (got == NULL || builder == NULL)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "there is no builder, or nowhere to count");
    *got = 0;
    if (at == BRISK_BUILDER_END)
        at = builder->length;
    int64_t file_end;
    if (at > builder->length || file_offset < BRISK_OFFSET_CURRENT ||
        __builtin_add_overflow(file_offset, want, &file_end))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "byte %zu of %zu from offset %lld on is no place to read to", at, builder->length,
            (long long)file_offset);
    size_t end;
    if (__builtin_add_overflow(at, want, &end))
        return bk_error_set(error, BRISK_ERR_TOO_BIG, 0, "%zu bytes are too many", want);

    enum brisk_status status = make_room(builder, end);
    if (status == BRISK_OK && at < builder->length && !is_alone(builder))
        status = move_out(builder, builder->capacity);
    if (status != BRISK_OK)
        return bk_error_set(error, status, 0, "there is no room for %zu bytes more", want);
    if (want == 0)
        return BRISK_OK;
    status = read_into(bk_buffer_data(builder->buffer) + at, fd, file_offset, want, got, error);
    if (at + *got > builder->length)
        builder->length = at + *got;
    return status;
}

enum brisk_status brisk_builder_view(const struct brisk_builder *builder, struct brisk_view *out)
{
    if (out == NULL)
        return BRISK_ERR_INVALID;
    *out = (struct brisk_view){0};
    if (builder == NULL)
        return BRISK_ERR_INVALID;
    if (builder->length == 0)
        return BRISK_OK;
    struct brisk_view own = bk_view_of(
        builder->buffer, bk_buffer_data(builder->buffer), builder->length);
    *out = brisk_view_retain(&own);
    return BRISK_OK;
}

enum brisk_status brisk_builder_freeze(struct brisk_builder *builder, struct brisk_view *out)
{
    if (out == NULL)
        return BRISK_ERR_INVALID;
    *out = (struct brisk_view){0};
    if (builder == NULL)
        return BRISK_ERR_INVALID;
    if (builder->length == 0)
        return BRISK_OK;
    /* What was reserved but not used is given back, where that is worth a call. */
    if (is_alone(builder) && builder->capacity - builder->length > builder->length / 4)
        (void)!resize_alone(builder, builder->length);
    *out = bk_view_of(builder->buffer, bk_buffer_data(builder->buffer), builder->length);
    builder->buffer = NULL;
    builder->length = 0;
    builder->capacity = 0;
    return BRISK_OK;
}
