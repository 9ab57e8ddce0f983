/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_KEY_H
#define BK_MC_KEY_H

#include <stdbool.h>

#include <brisk/memcached.h>

/* A key as it is sent. */
struct bk_mc_key {
    char text[BRISK_MEMCACHED_KEY_MAX];
    size_t length;
    bool is_hashed; /* the caller's key stands beside the value */
};

/* Bytes that end a word of the protocol, or could: what is not above a space, and DEL. */
bool bk_mc_is_sendable(struct brisk_bytes text);

/*
 * Puts prefix and key together. BRISK_ERR_INVALID: an empty key, or one that cannot be
 * sent, unless `may_hash`.
 */
enum brisk_status bk_mc_key_make(
    struct bk_mc_key *out, struct brisk_bytes prefix, struct brisk_bytes key, bool may_hash,
    struct brisk_error *error);

#endif
