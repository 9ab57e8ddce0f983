/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_SIGPIPE_H
#define BK_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

/*
 * Keeps the SIGPIPE of a write to a closed peer from the program, for calls that
 * have no flag for that. All zero is the state outside.
 *
 * The signal is sent to the thread that writes. It is blocked there and, if a write
 * said EPIPE, taken back, unless one was pending before: that one is the program's.
 */
struct bk_sigpipe {
    bool is_held;
    bool was_blocked;
    bool was_pending;
    sigset_t old;
};

/* Returns the number of system calls. Does nothing if it is held already. */
unsigned int bk_sigpipe_hold(struct bk_sigpipe *sigpipe);

/* After a call that said EPIPE, while held. */
unsigned int bk_sigpipe_take_back(struct bk_sigpipe *sigpipe);

unsigned int bk_sigpipe_let_go(struct bk_sigpipe *sigpipe);

#endif
