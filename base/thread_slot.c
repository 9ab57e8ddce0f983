/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread_slot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"

enum {
    WORDS = BK_THREAD_SLOTS / 64
};

_Thread_local unsigned bk_thread_slot_cached = BK_THREAD_SLOT_UNSET;
static _Thread_local bool is_last_round;

/* Guards `taken`, and hands a slot's memory effects from its old owner to the new one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t taken[WORDS];
static bool has_warned;

typedef void forget_fn(void);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool has_exit_key;

static unsigned take_lowest(void)
{
    for (unsigned word = 0; word < WORDS; word++) {
        if (taken[word] == UINT64_MAX)
            continue;
        unsigned bit = (unsigned)__builtin_ctzll(~taken[word]);
        taken[word] |= UINT64_C(1) << bit;
        return word * 64 + bit;
    }
    return BK_THREAD_SLOT_NONE;
}

static _Atomic(forget_fn *) forget_slot;

void bk_thread_slot_on_release(forget_fn *forget)
{
    atomic_store_explicit(&forget_slot, forget, memory_order_release);
}

static void give_back(unsigned slot)
{
    pthread_mutex_lock(&lock);
    taken[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    pthread_mutex_unlock(&lock);
}

/*
 * Exit handlers of other libraries may still use a cache after this one ran, so
 * the slot is kept for one more round of handlers. Not for all four that POSIX
 * promises: a slot first claimed in such a handler must find rounds left.
 */
static void release_at_exit(void *not_null)
{
    unsigned slot = bk_thread_slot_cached;
    if (!is_last_round && pthread_setspecific(exit_key, not_null) == 0) {
        is_last_round = true;
        return;
    }
    bk_thread_slot_cached = BK_THREAD_SLOT_NONE;
    forget_fn *forget = atomic_load_explicit(&forget_slot, memory_order_acquire);
    if (forget != NULL)
        forget();
    give_back(slot);
}

static void lock_for_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void unlock_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void keep_own_slot_in_child(void)
{
    unsigned slot = bk_thread_slot_cached;
    memset(taken, 0, sizeof taken);
    if (slot < BK_THREAD_SLOTS)
        taken[slot / 64] = UINT64_C(1) << (slot % 64);
    pthread_mutex_unlock(&lock);
}

static void prepare_process(void)
{
    has_exit_key = pthread_key_create(&exit_key, release_at_exit) == 0;
    pthread_atfork(lock_for_fork, unlock_in_parent, keep_own_slot_in_child);
}

/* A slot that could not be given back at the thread's end must not be taken. */
static bool will_be_released(void)
{
    return has_exit_key && pthread_setspecific(exit_key, &exit_key) == 0;
}

unsigned bk_thread_slot_claim(void)
{
    pthread_once(&once, prepare_process);

    unsigned slot = BK_THREAD_SLOT_NONE;
    bool warn = false;
    if (will_be_released()) {
        pthread_mutex_lock(&lock);
        slot = take_lowest();
        warn = slot == BK_THREAD_SLOT_NONE && !has_warned;
        has_warned = has_warned || warn;
        pthread_mutex_unlock(&lock);
    }
    if (slot == BK_THREAD_SLOT_NONE && has_exit_key)
        pthread_setspecific(exit_key, NULL);
    if (warn)
        bk_log(
            BRISK_LOG_WARNING, "more than %d threads are alive: the others use slower shared paths",
            BK_THREAD_SLOTS);
    bk_thread_slot_cached = slot;
    return slot;
}
