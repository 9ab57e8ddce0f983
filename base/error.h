/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_ERROR_H
#define BK_ERROR_H

#include <brisk/status.h>

/*
 * Fills *error, if there is one, and returns `status`:
 *
 *     return bk_error_set(error, BRISK_ERR_INVALID, 0, "ttl_jitter_percent is %u, not 0 to 50", n);
 *
 * A message that is too long is cut.
 */
enum brisk_status bk_error_set(
    struct brisk_error *error, enum brisk_status status, int sys_errno, const char *format, ...)
    BRISK_PRINTF(4, 5);

#endif
