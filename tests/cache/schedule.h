/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SCHEDULE_H
#define CACHE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Goes through the orders in which two calls can take their steps: a reader, which
 * takes no lock, and a writer. Both are coroutines of one thread, and the one that
 * runs is stopped before an access to a shared word (BK_WORD_STEP in cache/word.h),
 * before a mutex, or before pages are given back. So each order is the same in
 * every run, and a race of a nanosecond is found as surely as any other mistake.
 *
 * What it does not see are the reorderings of a processor with a weak memory
 * model: every step takes effect at once.
 *
 * An actor that cannot go on (the mutex is taken, a word stays as it is however
 * often it is read) lets the other one run until that ends.
 */
enum schedule_actor {
    SCHEDULE_READER,
    SCHEDULE_WRITER,
    SCHEDULE_ACTORS
};

enum {
    SCHEDULE_TURNS = 4
};

/*
 * How many stops the actors pass in turn: the reader, the writer, the reader, the
 * writer. Then the reader runs to its end, then the writer.
 *
 * In a long copy only the first words are stops. The writer stops only behind
 * its stores unless it is `thorough`: only a reader that writes itself can tell.
 */
struct schedule {
    unsigned int turns[SCHEDULE_TURNS];
    bool is_thorough;
};

/* One scenario. `begin` and `end` surround each schedule. */
struct schedule_play {
    void (*begin)(void *ctx);
    void (*act[SCHEDULE_ACTORS])(void *ctx);
    /* What is wrong, or NULL. Runs to its end in any case. */
    const char *(*end)(void *ctx);
    void *ctx;
    unsigned int samples; /* of schedules in which both are stopped twice */
    bool is_deep;         /* see schedule_explore */
};

/*
 * Plays, and asserts that `end` finds nothing wrong after
 * - the reader up to every stop, the writer up to every stop, the reader, the writer;
 * - the writer up to every stop, the reader up to every stop, the writer, the reader;
 * - a sample with two stops of each, chosen by BRISK_TEST_SEED;
 * - if it is deep: all with two stops of the reader and one of the writer in between.
 * Returns the number of schedules.
 */
unsigned int schedule_explore(const struct schedule_play *play);

/* Before each access; stops nobody unless an actor runs. */
void schedule_step(const volatile void *word, bool is_store);

enum {
    SCHEDULE_PAGE_BYTES = 4096
};

/* Whether a step has stored to this page; true in doubt. */
bool schedule_has_stored(const void *page);
void schedule_forget_stores(void);

#endif
