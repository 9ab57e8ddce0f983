/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_ADDRESS_H
#define BK_MC_ADDRESS_H

#include "cache/memcached/transport.h"

/*
 * Reads "host", "host:port", "[v6]", "[v6]:port" or "/path". BRISK_ERR_INVALID or
 * BRISK_ERR_NOMEM; else bk_free out->host in the end.
 */
enum brisk_status
bk_mc_address_read(struct bk_mc_address *out, const char *text, struct brisk_error *error);

/* What libmemcached, and so the ring, calls it; NULL: no memory. To be bk_freed. */
char *bk_mc_address_name(const struct bk_mc_address *address);

#endif
