/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RANGE_H
#define BK_RANGE_H

#include "zerocopy/chain.h"
#include "zerocopy/transfer.h"

/* In `unfit`, beside the mechanisms: it could not be read together with its neighbours. */
#define BK_UNFIT_SMALL 0x80u

/*
 * Whether a range, or memory in more than one call, may go to the sink: not to a socket
 * that keeps messages apart. A chain remembers for which descriptor it is known, which saves
 * a system call for each message of a connection.
 */
enum brisk_status bk_range_check_sink(struct bk_transfer *transfer, struct brisk_chain *chain);

/*
 * Moves some of the range at the front of the chain. BRISK_OK: go on, something has changed,
 * be it only that a mechanism is known not to work.
 */
enum brisk_status bk_range_move(struct bk_transfer *transfer, struct brisk_chain *chain);

#endif
