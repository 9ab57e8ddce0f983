/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/view.h>

#include <string.h>

#include "zerocopy/adopted.h"
#include "zerocopy/buffer.h"

static const struct brisk_view empty_view;

void brisk_view_release(struct brisk_view *view)
{
    if (view == NULL)
        return;
    struct brisk_buffer *buffer = view->buffer;
    *view = empty_view;
    if (buffer != NULL)
        bk_buffer_release(buffer);
}

struct brisk_view brisk_view_retain(const struct brisk_view *view)
{
    if (view == NULL)
        return empty_view;
    if (view->buffer != NULL)
        bk_buffer_retain(view->buffer);
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
adopt(void *data, size_t length, brisk_release_fn *release, void *release_ctx)
{
    if (length > PTRDIFF_MAX - sizeof(struct bk_adopted_buffer))
        return NULL;
    struct bk_adopted_buffer *adopted = bk_malloc(sizeof *adopted);
    if (adopted == NULL)
        return NULL;
    atomic_init(&adopted->base.references, 1);
    adopted->base.kind = BK_BUFFER_ADOPTED;
    adopted->base.held_bytes = sizeof *adopted + length;
    atomic_init(&adopted->base.account, NULL);
    adopted->data = data;
    adopted->length = length;
    adopted->release = release;
    adopted->release_ctx = release_ctx;
    return &adopted->base;
}

enum brisk_status brisk_view_adopt(
    struct brisk_view *out, void *data, size_t length, brisk_release_fn *release, void *ctx)
{
    if (out == NULL)
        return BRISK_ERR_INVALID;
    *out = empty_view;
    if (release == NULL || (data == NULL && length > 0))
        return BRISK_ERR_INVALID;

    struct brisk_buffer *buffer = adopt(data, length, release, ctx);
    if (buffer == NULL)
        return BRISK_ERR_NOMEM;
    *out = bk_view_of(buffer, data, length);
    return BRISK_OK;
}

enum brisk_status brisk_view_slice(
    struct brisk_view *out, const struct brisk_view *view, size_t offset, size_t length)
{
    if (out == NULL || out == view)
        return BRISK_ERR_INVALID;
    *out = empty_view;
    if (view == NULL || offset > view->length || length > view->length - offset)
        return BRISK_ERR_INVALID;
    if (length == 0)
        return BRISK_OK;

    *out = brisk_view_retain(view);
    out->data += offset;
    out->length = length;
    return BRISK_OK;
}
