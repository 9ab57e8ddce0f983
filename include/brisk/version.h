/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_VERSION_H
#define BRISK_VERSION_H

#include <brisk/export.h>

BRISK_BEGIN

/* Of the headers. While MAJOR is 0, a new MINOR may change or remove what is public. */
#define BRISK_VERSION_MAJOR 0
#define BRISK_VERSION_MINOR 1
#define BRISK_VERSION_PATCH 0

/* "0.1.0": of the library that runs, which may be newer than the headers. Never NULL. */
BRISK_API const char *brisk_version(void);

BRISK_END

#endif
