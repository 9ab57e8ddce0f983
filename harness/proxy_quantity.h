/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_QUANTITY_H
#define BK_PROXY_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * Amounts as people write them. All of the `length` characters must belong to the amount;
 * false if they do not, or it is too large.
 */

/* "250us", "50ms", "1.5s", "2m"; a number without a unit is none, but for 0. */
bool bk_duration_read(uint64_t *ns, const char *word, size_t length);

/* "100", "64K", "2M", "1G"; units of 1024. */
bool bk_size_read(uint64_t *bytes, const char *word, size_t length);

/* A number of decimal digits. */
bool bk_number_read(uint64_t *number, const char *word, size_t length);

/* Exactly, in the largest unit without a rest. */
void bk_duration_print(struct bk_text *text, uint64_t ns);
void bk_size_print(struct bk_text *text, uint64_t bytes);

#endif
