/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MD5_H
#define BK_MD5_H

#include <stddef.h>
#include <stdint.h>

/*
 * RFC 1321. No protection against anybody: the ring places keys by it because
 * every ketama does.
 */
void bk_md5(const void *data, size_t length, uint8_t digest[16]);

#endif
