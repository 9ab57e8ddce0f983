/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

unsigned int bk_sigpipe_hold(struct bk_sigpipe *sigpipe)
{
    if (sigpipe->is_held)
        return 0;
    sigset_t set = only_sigpipe();
    if (pthread_sigmask(SIG_BLOCK, &set, &sigpipe->old) != 0)
        return 1;
    sigpipe->is_held = true;
    sigpipe->was_blocked = sigismember(&sigpipe->old, SIGPIPE) == 1;
    sigpipe->was_pending = false;
    if (!sigpipe->was_blocked) /* a pending one would have been delivered by now */
        return 1;
    sigset_t pending;
    sigpipe->was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    return 2;
}

unsigned int bk_sigpipe_take_back(struct bk_sigpipe *sigpipe)
{
    if (!sigpipe->is_held || sigpipe->was_pending)
        return 0;
    sigset_t set = only_sigpipe();
    struct timespec at_once = {0, 0};
    unsigned int calls = 1;
    while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
        calls++;
    return calls;
}

unsigned int bk_sigpipe_let_go(struct bk_sigpipe *sigpipe)
{
    if (!sigpipe->is_held)
        return 0;
    sigpipe->is_held = false;
    if (sigpipe->was_blocked)
        return 0;
    pthread_sigmask(SIG_SETMASK, &sigpipe->old, NULL);
    return 1;
}
