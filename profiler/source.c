/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static bool has_range(const struct bk_source *source, uint64_t offset, uint64_t length)
{
    return offset <= source->length && length <= source->length - offset;
}

bool bk_source_read(const struct bk_source *source, uint64_t offset, void *to, size_t length)
{
    if (!has_range(source, offset, length))
        return false;
    if (source->data != NULL) {
        memcpy(to, source->data + offset, length);
        return true;
    }
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(
            source->fd, (uint8_t *)to + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

enum brisk_status
bk_source_load(const struct bk_source *source, uint64_t offset, uint64_t length, uint8_t **bytes)
{
    *bytes = NULL;
    if (length == 0 || !has_range(source, offset, length))
        return BRISK_MISS;
    *bytes = bk_malloc(length);
    if (*bytes == NULL)
        return BRISK_ERR_NOMEM;
    if (bk_source_read(source, offset, *bytes, length))
        return BRISK_OK;
    bk_free(*bytes);
    *bytes = NULL;
    return BRISK_MISS;
}
