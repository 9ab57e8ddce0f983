/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/capture.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void add_to_tail(struct bk_capture *capture, const char *data, size_t length)
{
    if (length > BK_CAPTURE_TAIL) {
        size_t passed = length - BK_CAPTURE_TAIL;
        capture->length += passed;
        data += passed;
        length = BK_CAPTURE_TAIL;
    }
    size_t at = (size_t)((capture->length - BK_CAPTURE_HEAD) % BK_CAPTURE_TAIL);
    size_t first = min_size(length, BK_CAPTURE_TAIL - at);
    memcpy(capture->tail + at, data, first);
    memcpy(capture->tail, data + first, length - first);
    capture->length += length;
}

void bk_capture_add(struct bk_capture *capture, const char *data, size_t length)
{
    if (capture->length < BK_CAPTURE_HEAD) {
        size_t first = min_size(length, BK_CAPTURE_HEAD - (size_t)capture->length);
        memcpy(capture->head + capture->length, data, first);
        capture->length += first;
        data += first;
        length -= first;
    }
    if (length > 0)
        add_to_tail(capture, data, length);
}

static void put_tail(struct bk_text *text, const struct bk_capture *capture)
{
    uint64_t length = capture->length - BK_CAPTURE_HEAD;
    if (length <= BK_CAPTURE_TAIL) {
        bk_text_put(text, capture->tail, (size_t)length);
        return;
    }
    size_t at = (size_t)(length % BK_CAPTURE_TAIL);
    bk_text_puts(text, "\n[brisk test: ");
    bk_text_u64(text, length - BK_CAPTURE_TAIL);
    bk_text_puts(text, " bytes are left out here]\n");
    bk_text_put(text, capture->tail + at, BK_CAPTURE_TAIL - at);
    bk_text_put(text, capture->tail, at);
}

static void put_all(struct bk_text *text, const struct bk_capture *capture)
{
    bk_text_put(
        text, capture->head,
        (size_t)(capture->length < BK_CAPTURE_HEAD ? capture->length : BK_CAPTURE_HEAD));
    if (capture->length > BK_CAPTURE_HEAD)
        put_tail(text, capture);
}

char *bk_capture_copy(const struct bk_capture *capture, size_t *out_length)
{
    struct bk_text measure = {0};
    put_all(&measure, capture);
    char *copy = bk_malloc(measure.length + 1);
    if (copy == NULL)
        return NULL;
    struct bk_text text = {copy, measure.length, 0};
    put_all(&text, capture);
    copy[measure.length] = '\0';
    *out_length = measure.length;
    return copy;
}
