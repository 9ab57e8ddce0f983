/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_PAUSE_H
#define BK_CACHE_PAUSE_H

#include <time.h>

enum {
    BK_PAUSE_SPINS = 100
};

/*
 * Waits a moment for another thread that is in the middle of a few stores. If it
 * takes longer, that thread has lost its processor: sleep, rather than yield, so
 * that it runs again even where this one has real-time priority.
 */
static inline void bk_pause(unsigned int tries)
{
    if (tries < BK_PAUSE_SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
        return;
    }
    struct timespec moment = {.tv_nsec = 50000};
    nanosleep(&moment, NULL);
}

#endif
