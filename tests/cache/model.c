/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/model.h"

static void take_out(struct model_queue *queue, size_t at)
{
    queue->length--;
    memmove(
        &queue->items[at], &queue->items[at + 1], (queue->length - at) * sizeof queue->items[0]);
}

static void push(struct model_queue *queue, struct model_entry entry)
{
    queue->items[queue->length++] = entry;
}

static void move_to_newest(struct model_queue *queue, size_t at)
{
    struct model_entry entry = queue->items[at];
    take_out(queue, at);
    push(queue, entry);
}

static size_t position(const struct model_queue *queue, unsigned int key)
{
    size_t at = 0;
    while (at < queue->length && queue->items[at].key != key)
        at++;
    return at;
}

static uint64_t cost_of(const struct model_queue *queue)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < queue->length; i++)
        cost += queue->items[i].cost;
    return cost;
}

void model_init(struct model *model, enum brisk_policy policy, uint64_t capacity)
{
    memset(model, 0, sizeof *model);
    model->policy = policy;
    model->capacity = capacity;
    model->ghost_capacity = (size_t)(capacity * 9 / 10);
}

uint64_t model_total(const struct model *model)
{
    return cost_of(&model->small) + cost_of(&model->main);
}

size_t model_entries(const struct model *model)
{
    return model->small.length + model->main.length;
}

struct model_entry *model_find(struct model *model, unsigned int key)
{
    size_t at = position(&model->small, key);
    if (at < model->small.length)
        return &model->small.items[at];
    at = position(&model->main, key);
    return at < model->main.length ? &model->main.items[at] : NULL;
}

static bool forget_ghost(struct model *model, unsigned int key)
{
    for (size_t i = 0; i < model->ghost_count; i++) {
        if (model->ghosts[i] != key)
            continue;
        model->ghost_count--;
        memmove(
            &model->ghosts[i], &model->ghosts[i + 1],
            (model->ghost_count - i) * sizeof model->ghosts[0]);
        return true;
    }
    return false;
}

static void add_ghost(struct model *model, unsigned int key)
{
    if (model->ghost_capacity == 0)
        return;
    if (model->ghost_count == model->ghost_capacity)
        forget_ghost(model, model->ghosts[0]);
    model->ghosts[model->ghost_count++] = key;
}

bool model_delete(struct model *model, unsigned int key)
{
    struct model_queue *queue = &model->small;
    size_t at = position(queue, key);
    if (at == queue->length) {
        queue = &model->main;
        at = position(queue, key);
        if (at == queue->length)
            return false;
    }
    if (model->has_hand && model->hand == key) {
        model->has_hand = at + 1 < queue->length;
        if (model->has_hand)
            model->hand = queue->items[at + 1].key;
    }
    take_out(queue, at);
    return true;
}

static unsigned int lfu_victim(const struct model *model)
{
    const struct model_entry *items = model->small.items;
    size_t victim = 0;
    for (size_t i = 1; i < model->small.length; i++)
        if (items[i].count < items[victim].count ||
            (items[i].count == items[victim].count && items[i].since < items[victim].since))
            victim = i;
    return items[victim].key;
}

static unsigned int sieve_victim(struct model *model)
{
    struct model_queue *queue = &model->small;
    size_t at = model->has_hand ? position(queue, model->hand) : 0;
    while (queue->items[at].count != 0) {
        queue->items[at].count = 0;
        at = at + 1 < queue->length ? at + 1 : 0;
    }
    model->has_hand = true; /* model_delete moves it on */
    model->hand = queue->items[at].key;
    return model->hand;
}

/* What is in a full cache is its capacity; with costs that is nearly the limit. */
static unsigned int s3fifo_victim(struct model *model)
{
    uint64_t capacity = model_total(model);
    uint64_t small_target = capacity / 10 > 0 ? capacity / 10 : 1;
    for (;;) {
        bool takes_main = model->small.length == 0 ||
                          cost_of(&model->main) > capacity - small_target;
        while (takes_main && model->main.length > 0) {
            struct model_entry *oldest = &model->main.items[0];
            if (oldest->count == 0)
                return oldest->key;
            oldest->count = (oldest->count < 3 ? oldest->count : 3) - 1;
            move_to_newest(&model->main, 0);
        }
        while (model->small.length > 0) {
            struct model_entry oldest = model->small.items[0];
            if (oldest.count < 2)
                return oldest.key;
            oldest.count = 0;
            take_out(&model->small, 0);
            push(&model->main, oldest);
        }
    }
}

static bool find_victim(struct model *model, unsigned int *key)
{
    if (model_entries(model) == 0)
        return false;
    switch (model->policy) {
    case BRISK_POLICY_LFU:
        *key = lfu_victim(model);
        return true;
    case BRISK_POLICY_SIEVE:
        *key = sieve_victim(model);
        return true;
    case BRISK_POLICY_S3FIFO:
        *key = s3fifo_victim(model);
        return true;
    case BRISK_POLICY_DEFAULT:
        return model->victim(model, key, model->victim_ctx);
    default:
        *key = model->small.items[0].key;
        return true;
    }
}

static bool evict(struct model *model, unsigned int *key)
{
    if (!find_victim(model, key))
        return false;
    bool is_small = position(&model->small, *key) < model->small.length;
    model_delete(model, *key);
    if (is_small && model->policy == BRISK_POLICY_S3FIFO)
        add_ghost(model, *key);
    return true;
}

void model_hit(struct model *model, unsigned int key)
{
    struct model_entry *entry = model_find(model, key);
    if (model->policy == BRISK_POLICY_LRU) {
        move_to_newest(&model->small, position(&model->small, key));
    } else {
        entry->count++;
        entry->since = ++model->steps;
    }
}

static enum brisk_status insert(struct model *model, struct model_entry entry)
{
    bool was_ghost = forget_ghost(model, entry.key);
    unsigned int key;
    while (model_total(model) + entry.cost > model->capacity)
        if (!evict(model, &key))
            return BRISK_ERR_CORRUPT;
    entry.count = model->policy == BRISK_POLICY_LFU;
    entry.since = ++model->steps;
    push(was_ghost ? &model->main : &model->small, entry);
    return BRISK_OK;
}

enum brisk_status model_set(struct model *model, const struct model_entry *entry)
{
    if (entry->cost > model->capacity) {
        model_delete(model, entry->key);
        return BRISK_ERR_TOO_BIG;
    }
    struct model_entry *old = model_find(model, entry->key);
    if (old == NULL)
        return insert(model, *entry);
    uint64_t more = entry->cost > old->cost ? entry->cost - old->cost : 0;
    while (model_total(model) + more > model->capacity) {
        unsigned int key;
        if (!evict(model, &key))
            return BRISK_ERR_CORRUPT;
        if (key == entry->key) /* its own turn to leave: a newcomer */
            return insert(model, *entry);
    }
    old = model_find(model, entry->key);
    uint64_t count = old->count, since = old->since;
    *old = *entry;
    old->count = count;
    old->since = since;
    model_hit(model, entry->key);
    return BRISK_OK;
}

void model_clear(struct model *model)
{
    model->small.length = model->main.length = model->ghost_count = 0;
    model->has_hand = false;
}

/* Another number of ghosts begins without any. */
enum brisk_status model_resize(struct model *model, uint64_t capacity)
{
    unsigned int key;
    model->capacity = capacity;
    while (model_total(model) > capacity)
        if (!evict(model, &key))
            return BRISK_ERR_CORRUPT;
    if (model->ghost_capacity != (size_t)(capacity * 9 / 10))
        model->ghost_count = 0;
    model->ghost_capacity = (size_t)(capacity * 9 / 10);
    return BRISK_OK;
}

size_t model_expire(struct model *model, uint64_t now)
{
    size_t expired = 0;
    struct model_queue *queues[] = {&model->small, &model->main};
    for (int q = 0; q < 2; q++) {
        for (size_t i = 0; i < queues[q]->length;) {
            if (queues[q]->items[i].deadline > now) {
                i++;
                continue;
            }
            model_delete(model, queues[q]->items[i].key);
            expired++;
        }
    }
    return expired;
}

void model_request(struct model *model, unsigned int key)
{
    if (model_find(model, key) != NULL) {
        model_hit(model, key);
        return;
    }
    model->misses++;
    insert(model, (struct model_entry){.key = key, .cost = 1, .deadline = UINT64_MAX});
}
