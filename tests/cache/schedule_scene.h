/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SCHEDULE_SCENE_H
#define CACHE_SCHEDULE_SCENE_H

#include "cache/cache.h"
#include "tests/cache/cache_support.h"
#include "tests/cache/schedule.h"

/*
 * A cache of one shard, built anew for each schedule, and what must be in it. Its
 * keys are numbers, chosen by the buckets that they have; its values tell whose
 * they are in each of their words.
 */
enum {
    SCENE_ENTRIES = 512,
    SCENE_QUESTIONS = 4,
    SCENE_VALUE_MAX = 2048,
};

struct scene_value {
    unsigned int version; /* 0: not there */
    unsigned int length;
};

struct scene_entry {
    uint64_t key;
    struct scene_value value;
};

/* What the reader asks, and was answered. */
struct scene_question {
    uint64_t key;
    struct scene_value before, after; /* either is right */
    enum brisk_status status;
    size_t length;
    uint8_t bytes[SCENE_VALUE_MAX];
};

enum scene_call {
    CALL_GET_INTO,
    CALL_GET_INTO_ANEW, /* by a thread whose last cache was another one: without the first try */
    CALL_GET,
    CALL_GET_MANY,
    CALL_GET_MANY_INTO,
    SCENE_CALLS
};

struct scene;
typedef void scene_fn(struct scene *scene);

/*
 * `arrange` fills the cache, chooses the keys to ask for, and asserts that the
 * situation is the one that is meant. `act` is the writer: nothing but calls, its
 * answers go to scene->answer. `expect` says what the model holds from then on.
 */
struct scenario {
    scene_fn *arrange, *act, *expect;
    enum brisk_policy policy;
    size_t max_entries; /* 0: 1000 */
    uint64_t idle_ttl;
    bool has_gap;         /* between the old value of a key and the new one there is none */
    unsigned int samples; /* 0: the usual number */
    bool is_costly;       /* only with brisk_cache_get_into */
    bool is_deep;         /* all schedules that stop the reader twice and the writer once */
};

struct scene {
    const struct scenario *scenario;
    struct brisk_cache *cache;
    struct bk_shard *shard;
    struct bk_index *index;
    struct fake_clock clock;
    struct scene_entry entries[SCENE_ENTRIES];
    size_t entry_count;
    uint64_t last_key;
    uint64_t lookups;                      /* that `arrange` and the reader have made */
    uint64_t subject, newcomer, bystander; /* keys, as the scenario likes */
    enum brisk_status answer;

    enum scene_call call;
    unsigned int first_question, last_question; /* of those that this exploration asks */
    struct scene_question questions[SCENE_QUESTIONS];
    unsigned int question_count;
    struct brisk_view views[SCENE_QUESTIONS];
    uint64_t allocations; /* before the cache was there */
};

/* A key that nobody has yet, with these buckets of the first four. */
uint64_t scene_key(struct scene *scene, size_t home, size_t other);
/* One with the tag and the buckets of `key`. */
uint64_t scene_twin(struct scene *scene, uint64_t key);
uint64_t scene_hash(const struct scene *scene, uint64_t key);
struct bk_bucket *scene_home(const struct scene *scene, uint64_t key);
struct bk_place scene_place(const struct scene *scene, uint64_t key);
bool scene_is_guest(const struct scene *scene, uint64_t key);

/* Calls of the writer, which record their answer. */
void scene_set(struct scene *scene, uint64_t key, unsigned int version, unsigned int length);
void scene_set_with_ttl(
    struct scene *scene, uint64_t key, unsigned int version, unsigned int length, uint64_t ttl);
void scene_delete(struct scene *scene, uint64_t key);

/* The model. */
void scene_learn(struct scene *scene, uint64_t key, unsigned int version, unsigned int length);
void scene_forget(struct scene *scene, uint64_t key);
void scene_forget_all(struct scene *scene);

/* For `arrange`: set and learn, delete and forget, with the version 1. */
void scene_put(struct scene *scene, uint64_t key, unsigned int length);
void scene_drop(struct scene *scene, uint64_t key);
/* Keys of home and other bucket, each with a value of 16 bytes; the last one. */
uint64_t scene_fill(struct scene *scene, size_t home, size_t other, size_t count);
void scene_ask(struct scene *scene, uint64_t key);

/* Explores the scenario with every way to read. */
void scene_explore(const struct scenario *scenario);

#endif
