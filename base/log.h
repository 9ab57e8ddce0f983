/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_LOG_H
#define BK_LOG_H

#include <brisk/hooks.h>

/* Goes to the callback of brisk_set_log, if there is one. Not for hot paths. */
void bk_log(enum brisk_log_level level, const char *format, ...) BRISK_PRINTF(2, 3);

#endif
