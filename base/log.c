/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static brisk_log_fn *log_hook;
static void *log_hook_ctx;

void brisk_set_log(brisk_log_fn *log, void *ctx)
{
    log_hook = log;
    log_hook_ctx = ctx;
}

void bk_log(enum brisk_log_level level, const char *format, ...)
{
    if (log_hook == NULL)
        return;

    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log_hook(level, message, log_hook_ctx);
}
