/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_BRISK_H
#define BRISK_BRISK_H

/* All of libbrisk; or include only the headers that you use. */
#include <brisk/cache.h>
#include <brisk/clock.h>
#include <brisk/curve.h>
#include <brisk/hooks.h>
#include <brisk/key.h>
#include <brisk/label.h>
#include <brisk/memo.h>
#include <brisk/registry.h>
#include <brisk/status.h>
#include <brisk/version.h>
#include <brisk/view.h>

#endif
