/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/schedule.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <ucontext.h>

#include "tests/support/brisk_test.h"

#ifdef TEST_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef TEST_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

enum {
    STACK_BYTES = 256 * 1024,
    PAGES_BITS = 10,
    TO_THE_END = INT_MAX,
    /* So many words of a copy are stops. */
    COPY_STOPS = 3,
    /* Accesses to one word in a row after which an actor is held to wait for the other. */
    WAITING_STEPS = 40,
    /* Far more of a schedule's steps, and of waits in a turn, than any needs. */
    MOST_STEPS = 1000000,
    MOST_WAITS = 100,
};

/* Where steps are slow, only some of the stops are tried, in each turn others. */
enum {
#if defined(TEST_THREAD_SANITIZER)
    STRIDE = 7
#elif defined(TEST_ADDRESS_SANITIZER)
    STRIDE = 2
#else
    STRIDE = 1
#endif
};

struct actor {
    void (*act)(void *ctx);
    ucontext_t context;
    void *fiber;      /* what ThreadSanitizer knows it by */
    void *fake_stack; /* what AddressSanitizer keeps of it */
    unsigned int stops_left;
    bool has_ended;
    bool is_waiting;
    bool is_thorough;
    const volatile char *last_word;
    bool last_was_store;
    unsigned int repeats; /* of the last word */
    unsigned int copied;  /* words in a row */
};

static struct stage {
    struct actor actors[SCHEDULE_ACTORS];
    struct actor *current; /* NULL: none, nothing is to be stopped */
    ucontext_t context;
    void *fiber;
    void *fake_stack;
    const void *stack; /* for AddressSanitizer */
    size_t stack_bytes;
    void *ctx;
    unsigned int steps;
    struct schedule schedule;
    bool ended_in_turn[SCHEDULE_TURNS];
    bool is_ready;
} stage;

/* Numbers of the pages that were stored to, hashed; 0: none. */
static struct {
    uintptr_t numbers[1 << PAGES_BITS];
    bool has_more; /* one did not find its place */
} stored;

static _Alignas(64) char stacks[SCHEDULE_ACTORS][STACK_BYTES];

static const char *describe(void)
{
    static char text[160];
    const unsigned int *turns = stage.schedule.turns;
    snprintf(
        text, sizeof text, "after stops of reader %u, writer %u, reader %u, writer %u (%s)",
        turns[0], turns[1], turns[2], turns[3], stage.schedule.is_thorough ? "all" : "stores");
    return text;
}

/* From where no assertion can return. */
static void give_up(const char *what)
{
    print_error("%s %s\n", what, describe());
    abort();
}

static void leave_actor(struct actor *actor)
{
    (void)actor;
#ifdef TEST_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&actor->fake_stack, stage.stack, stage.stack_bytes);
#endif
#ifdef TEST_THREAD_SANITIZER
    __tsan_switch_to_fiber(stage.fiber, 0);
#endif
    swapcontext(&actor->context, &stage.context);
#ifdef TEST_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(actor->fake_stack, &stage.stack, &stage.stack_bytes);
#endif
}

static void enter_actor(struct actor *actor)
{
    stage.current = actor;
#ifdef TEST_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&stage.fake_stack, stacks[actor - stage.actors], STACK_BYTES);
#endif
#ifdef TEST_THREAD_SANITIZER
    __tsan_switch_to_fiber(actor->fiber, 0);
#endif
    swapcontext(&stage.context, &actor->context);
#ifdef TEST_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(stage.fake_stack, NULL, NULL);
#endif
    stage.current = NULL;
}

/* What an actor does for ever: an act for each schedule. */
static void live(void)
{
    struct actor *actor = stage.current;
#ifdef TEST_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(NULL, &stage.stack, &stage.stack_bytes);
#endif
    for (;;) {
        actor->act(stage.ctx);
        actor->has_ended = true;
        leave_actor(actor);
    }
}

static void make_actor(struct actor *actor, char *stack)
{
    getcontext(&actor->context);
    actor->context.uc_stack.ss_sp = stack;
    actor->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&actor->context, live, 0);
#ifdef TEST_THREAD_SANITIZER
    actor->fiber = __tsan_create_fiber(0);
#endif
}

static void make_ready(void)
{
    if (stage.is_ready)
        return;
    stage.is_ready = true;
#ifdef TEST_THREAD_SANITIZER
    stage.fiber = __tsan_get_current_fiber();
#endif
    for (int i = 0; i < SCHEDULE_ACTORS; i++)
        make_actor(&stage.actors[i], stacks[i]);
}

static void wait_for_the_other(struct actor *actor)
{
    actor->is_waiting = true;
    leave_actor(actor);
}

/* Whether this access is one to stop before. */
static bool is_stop(struct actor *actor, const volatile char *word, bool is_store)
{
    bool goes_on = actor->last_word != NULL && word == actor->last_word + 8 &&
                   is_store == actor->last_was_store;
    bool was_store = actor->last_was_store;
    actor->copied = goes_on ? actor->copied + 1 : 0;
    actor->repeats = word == actor->last_word ? actor->repeats + 1 : 0;
    actor->last_word = word;
    actor->last_was_store = is_store;
    return actor->copied <= COPY_STOPS && (was_store || actor->is_thorough);
}

static uintptr_t *place_of(uintptr_t number)
{
    return &stored.numbers[number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PAGES_BITS)];
}

static void note_store(uintptr_t number)
{
    uintptr_t *place = place_of(number);
    if (*place != 0 && *place != number)
        stored.has_more = true;
    *place = number;
}

bool schedule_has_stored(const void *page)
{
    uintptr_t number = (uintptr_t)page / SCHEDULE_PAGE_BYTES;
    return stored.has_more || *place_of(number) == number;
}

void schedule_forget_stores(void)
{
    memset(&stored, 0, sizeof stored);
}

void schedule_step(const volatile void *word, bool is_store)
{
    struct actor *actor = stage.current;
    if (is_store)
        note_store((uintptr_t)word / SCHEDULE_PAGE_BYTES);
    if (actor == NULL)
        return;
    if (++stage.steps > MOST_STEPS)
        give_up("it does not end");
    bool may_stop = is_stop(actor, word, is_store);
    if (actor->repeats >= WAITING_STEPS)
        wait_for_the_other(actor);
    else if (may_stop && --actor->stops_left == 0)
        leave_actor(actor);
}

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

/* The linker sends the library's calls here (--wrap). */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (stage.current == NULL)
        return __real_pthread_mutex_lock(mutex);
    schedule_step(mutex, true);
    int failed;
    while ((failed = pthread_mutex_trylock(mutex)) == EBUSY)
        wait_for_the_other(stage.current);
    return failed;
}

/* Runs an actor. False if it must wait for the other. */
static bool run(struct actor *actor, unsigned int stops)
{
    actor->stops_left = stops;
    actor->is_waiting = false;
    actor->repeats = 0;
    enter_actor(actor);
    return !actor->is_waiting;
}

/* Lets an actor pass so many stops. While it must wait, the other one runs to its end. */
static void take_turn(enum schedule_actor who, unsigned int stops)
{
    struct actor *actor = &stage.actors[who];
    struct actor *other = &stage.actors[SCHEDULE_ACTORS - 1 - who];
    if (stops == 0 || actor->has_ended)
        return;
    for (unsigned int waits = 0; !run(actor, stops); waits++) {
        if (other->has_ended || waits == MOST_WAITS)
            give_up("one waits for ever");
        run(other, TO_THE_END); /* or until it waits for this one in turn */
        stops = actor->stops_left;
    }
}

static const char *perform(const struct schedule_play *play, struct schedule schedule)
{
    make_ready();
    stage.ctx = play->ctx;
    stage.steps = 0;
    stage.schedule = schedule;
    for (int i = 0; i < SCHEDULE_ACTORS; i++) {
        struct actor *actor = &stage.actors[i];
        actor->act = play->act[i];
        actor->has_ended = actor->is_waiting = actor->last_was_store = false;
        actor->last_word = NULL;
        actor->repeats = actor->copied = 0;
        actor->is_thorough = i == SCHEDULE_READER || schedule.is_thorough;
    }

    play->begin(play->ctx);
    for (int turn = 0; turn < SCHEDULE_TURNS; turn++) {
        enum schedule_actor who = turn % 2 == 0 ? SCHEDULE_READER : SCHEDULE_WRITER;
        take_turn(who, schedule.turns[turn]);
        stage.ended_in_turn[turn] = stage.actors[who].has_ended;
    }
    take_turn(SCHEDULE_READER, TO_THE_END);
    take_turn(SCHEDULE_WRITER, TO_THE_END);
    return play->end(play->ctx);
}

static void play_one(const struct schedule_play *play, struct schedule schedule)
{
    const char *wrong = perform(play, schedule);
    assert_that(wrong == NULL, "%s %s", wrong, describe());
}

/*
 * The turns from `first` up to `last` go through all their stops; an actor that
 * has ended in one of them has no more. `schedule` says what the others are.
 */
static unsigned int
play_all(const struct schedule_play *play, struct schedule schedule, int first, int last)
{
    unsigned int count = 0;
    bool has_ended = false;
    unsigned int begin = first == 0 ? 1 : 1 + schedule.turns[first - 1] % STRIDE;
    for (unsigned int stops = begin; !has_ended; stops += STRIDE) {
        schedule.turns[first] = stops;
        if (first < last) {
            count += play_all(play, schedule, first + 1, last);
        } else {
            play_one(play, schedule);
            count++;
        }
        has_ended = stage.ended_in_turn[first];
    }
    return count;
}

/* How many stops one has when it runs alone. */
static unsigned int stops_of(const struct schedule_play *play, int turn)
{
    struct schedule schedule = {.is_thorough = true};
    schedule.turns[turn] = TO_THE_END;
    play_one(play, schedule);
    return TO_THE_END - stage.actors[turn].stops_left;
}

static struct test_random seeded(void)
{
    const char *wanted = getenv("BRISK_TEST_SEED");
    return test_random_seeded(wanted == NULL ? 1 : strtoull(wanted, NULL, 0));
}

static unsigned int play_sample(const struct schedule_play *play)
{
    struct test_random random = seeded();
    unsigned int stops[2] = {stops_of(play, SCHEDULE_READER), stops_of(play, SCHEDULE_WRITER)};
    unsigned int samples = scaled(play->samples);
    for (unsigned int i = 0; i < samples; i++) {
        struct schedule schedule = {.is_thorough = true};
        for (int turn = 0; turn < SCHEDULE_TURNS; turn++)
            schedule.turns[turn] = 1 + (unsigned int)test_random_below(&random, stops[turn % 2]);
        play_one(play, schedule);
    }
    return samples + 2;
}

unsigned int schedule_explore(const struct schedule_play *play)
{
    static const struct schedule reader_first = {.turns = {0}};
    static const struct schedule writer_first = {.turns = {[3] = TO_THE_END}};
    unsigned int count = play_all(play, writer_first, 1, 2) + play_sample(play);
    return count + (play->is_deep ? play_all(play, writer_first, 0, 2)
                                  : play_all(play, reader_first, 0, 1));
}
