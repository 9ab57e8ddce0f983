/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_LABEL_H
#define BRISK_LABEL_H

#include <stddef.h>

#include <brisk/export.h>

BRISK_BEGIN

/*
 * What the calling thread is doing, in a few words: a stack of names. A cache
 * pushes its name while a loader runs, a program what it likes ("request",
 * "rebuild index"); a profiler reads the stack with each sample.
 *
 * Thread safety: any thread; each has a stack of its own.
 * Signals: brisk_label_read may be called in a handler and shows the stack of the
 * thread that the signal interrupted, also in the middle of a push or pop. The
 * other two may not.
 * Fork: the child's thread keeps the stack of the thread that forked.
 */

/* Labels that are kept. Deeper ones are counted only, so that pops stay in step. */
#define BRISK_LABEL_DEPTH 32

/* `name` stays where it is, unchanged, until it is popped. */
BRISK_API void brisk_label_push(const char *name) BRISK_NONNULL(1);

/* Takes the newest label off; on an empty stack it does nothing. */
BRISK_API void brisk_label_pop(void);

/*
 * Fills names[0], the oldest label, up to names[n - 1], and returns n: the
 * number of labels that are kept, at most `capacity`. The names are valid until
 * they are popped. `names` may be NULL if `capacity` is 0.
 */
BRISK_API size_t brisk_label_read(const char **names, size_t capacity) BRISK_MUST_CHECK;

BRISK_END

#endif
