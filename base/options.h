/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_OPTIONS_H
#define BK_OPTIONS_H

#include <brisk/status.h>

/*
 * Reads a caller's options struct, whose first member is its `size_t size`,
 * into the struct of `known_size` bytes that this library knows.
 *
 * NULL and what an older program does not have become zero, the default. What
 * a newer program has beyond `known_size` must be zero: a default that this
 * library need not know. BRISK_ERR_INVALID otherwise, or if the size is below
 * `min_size`, that of the first release; *into is then all zero.
 */
enum brisk_status bk_options_read(
    void *into, size_t known_size, const void *options, size_t min_size, struct brisk_error *error);

#endif
