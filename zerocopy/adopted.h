/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_ADOPTED_H
#define BK_ADOPTED_H

#include "zerocopy/buffer.h"

/* A buffer around memory that a caller handed over. */
struct bk_adopted_buffer {
    struct brisk_buffer base;
    void *data;
    size_t length;
    brisk_release_fn *release;
    void *release_ctx;
};

#endif
