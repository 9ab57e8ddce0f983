/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum brisk_status bk_error_set(
    struct brisk_error *error, enum brisk_status status, int sys_errno, const char *format, ...)
{
    if (error == NULL)
        return status;

    error->status = status;
    error->sys_errno = sys_errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}
