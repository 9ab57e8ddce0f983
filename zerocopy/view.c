/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/view.h>

#include <string.h>

#include "zerocopy/adopted.h"
#include "zerocopy/buffer.h"

static const struct brisk_view empty_view;

/* A plain count: the price of an atomic addition is most of the price of a slice. */
static void retain_local(struct brisk_buffer *buffer)
{
    uint32_t old = atomic_load_explicit(&buffer->references, memory_order_relaxed);
    if (old < BK_BUFFER_SATURATED)
        atomic_store_explicit(&buffer->references, old + 1, memory_order_relaxed);
}

static void release_local(struct brisk_buffer *buffer)
{
    uint32_t old = atomic_load_explicit(&buffer->references, memory_order_relaxed);
    if (old == 1)
        bk_buffer_end(buffer, old);
    else if (old < BK_BUFFER_SATURATED)
        atomic_store_explicit(&buffer->references, old - 1, memory_order_relaxed);
}

static inline void retain(struct brisk_buffer *buffer)
{
    if (buffer == NULL)
        return;
    if ((buffer->kind & BK_BUFFER_LOCAL) != 0)
        retain_local(buffer);
    else
        bk_buffer_retain(buffer);
}

void brisk_view_release(struct brisk_view *view)
{
    if (view == NULL)
        return;
    struct brisk_buffer *buffer = view->buffer;
    *view = empty_view;
    if (buffer == NULL)
        return;
    if ((buffer->kind & BK_BUFFER_LOCAL) != 0)
        release_local(buffer);
    else
        bk_buffer_release(buffer);
}

struct brisk_view brisk_view_retain(const struct brisk_view *view)
{
    if (view == NULL)
        return empty_view;
    retain(view->buffer);
    return *view;
}

enum brisk_status brisk_view_copy(struct brisk_view *out, struct brisk_bytes bytes)
{
    if (out == NULL)
        return BRISK_ERR_INVALID;
    *out = empty_view;
    if (bytes.length == 0)
        return BRISK_OK;
    if (bytes.data == NULL)
        return BRISK_ERR_INVALID;

    struct brisk_buffer *buffer = bk_buffer_new(bytes.length);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    uint8_t *data = bk_buffer_data(buffer);
    memcpy(data, bytes.data, bytes.length);
    *out = bk_view_of(buffer, data, bytes.length);
    return BRISK_OK;
}

static struct brisk_buffer *
adopt(void *data, size_t length, uint32_t kind, brisk_release_fn *release, void *release_ctx)
{
    if (length > PTRDIFF_MAX - sizeof(struct bk_adopted_buffer))
        return NULL;
    struct bk_adopted_buffer *adopted = bk_malloc(sizeof *adopted);
    if (adopted == NULL)
        return NULL;
    atomic_init(&adopted->base.references, 1);
    adopted->base.kind = kind;
    adopted->base.held_bytes = sizeof *adopted + length;
    atomic_init(&adopted->base.account, NULL);
    adopted->data = data;
    adopted->length = length;
    adopted->release = release;
    adopted->release_ctx = release_ctx;
    return &adopted->base;
}

enum brisk_status brisk_view_adopt_as(
    struct brisk_view *out, void *data, size_t length, unsigned int flags,
    brisk_release_fn *release, void *ctx)
{
    if (out == NULL)
        return BRISK_ERR_INVALID;
    *out = empty_view;
    if (release == NULL || (data == NULL && length > 0) ||
        (flags & ~(BRISK_ADOPT_WRITABLE | BRISK_ADOPT_LOCAL)) != 0)
        return BRISK_ERR_INVALID;

    uint32_t kind = BK_BUFFER_ADOPTED;
    if ((flags & BRISK_ADOPT_WRITABLE) != 0)
        kind |= BK_BUFFER_WRITABLE;
    if ((flags & BRISK_ADOPT_LOCAL) != 0)
        kind |= BK_BUFFER_LOCAL;
    struct brisk_buffer *buffer = adopt(data, length, kind, release, ctx);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    *out = bk_view_of(buffer, data, length);
    return BRISK_OK;
}

enum brisk_status brisk_view_adopt(
    struct brisk_view *out, void *data, size_t length, brisk_release_fn *release, void *ctx)
{
    return brisk_view_adopt_as(out, data, length, 0, release, ctx);
}

enum brisk_status brisk_view_slice(
    struct brisk_view *out, const struct brisk_view *view, size_t offset, size_t length)
{
    if (out == NULL || out == view)
        return BRISK_ERR_INVALID;
    bool is_inside = view != NULL && offset <= view->length && length <= view->length - offset;
    if (!is_inside || length == 0) {
        *out = empty_view;
        return is_inside ? BRISK_OK : BRISK_ERR_INVALID;
    }

    retain(view->buffer);
    *out = bk_view_of(view->buffer, view->data + offset, length);
    return BRISK_OK;
}

enum brisk_status brisk_view_split(struct brisk_view *view, size_t at, struct brisk_view *front)
{
    enum brisk_status status = brisk_view_slice(front, view, 0, at);
    return status == BRISK_OK ? brisk_view_advance(view, at) : status;
}

enum brisk_status brisk_view_advance(struct brisk_view *view, size_t count)
{
    if (view == NULL || count > view->length)
        return BRISK_ERR_INVALID;
    if (count == view->length) {
        brisk_view_release(view);
        return BRISK_OK;
    }
    view->data += count;
    view->length -= count;
    return BRISK_OK;
}

enum brisk_status brisk_view_truncate(struct brisk_view *view, size_t length)
{
    if (view == NULL || length > view->length)
        return BRISK_ERR_INVALID;
    if (length == 0)
        brisk_view_release(view);
    else
        view->length = length;
    return BRISK_OK;
}

/* A buffer of its own in place of what the view saw. */
static enum brisk_status move_out(struct brisk_view *view)
{
    struct brisk_view copy;
    enum brisk_status status = brisk_view_copy(&copy, brisk_view_bytes(view));
    if (status != BRISK_OK)
        return status;
    brisk_view_release(view);
    *view = copy;
    return BRISK_OK;
}

static bool is_writable(const struct brisk_view *view)
{
    return view->buffer != NULL && bk_buffer_is_unique(view->buffer) &&
           (view->buffer->kind & (BK_BUFFER_OWNED | BK_BUFFER_WRITABLE)) != 0;
}

enum brisk_status brisk_view_make_mutable(struct brisk_view *view, uint8_t **data)
{
    if (data == NULL)
        return BRISK_ERR_INVALID;
    *data = NULL;
    if (view == NULL)
        return BRISK_ERR_INVALID;
    if (view->length == 0)
        return BRISK_OK;
    if (!is_writable(view)) {
        enum brisk_status status = move_out(view);
        if (status != BRISK_OK)
            return status;
    }
    uintptr_t writable = (uintptr_t)view->data; /* const for all but the only holder */
    *data = (uint8_t *)writable;
    return BRISK_OK;
}

size_t brisk_view_pinned_bytes(const struct brisk_view *view)
{
    return view == NULL || view->buffer == NULL ? 0 : view->buffer->held_bytes;
}

enum brisk_status brisk_view_compact(struct brisk_view *view, size_t max_waste_bytes)
{
    if (view == NULL)
        return BRISK_ERR_INVALID;
    size_t pinned_bytes = brisk_view_pinned_bytes(view);
    if (pinned_bytes <= view->length || pinned_bytes - view->length <= max_waste_bytes)
        return BRISK_OK;
    return move_out(view);
}
