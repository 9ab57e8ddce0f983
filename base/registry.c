/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/registry.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct entry {
    struct brisk_registry_item item;
    void *object;
    brisk_describe_fn *describe;
    unsigned describing; /* describe calls that run now */
    unsigned references; /* the table's, and one per visit or describe call under way */
    char text[];         /* kind and name */
};

/*
 * Everything is rare and short, so one lock guards all of it, the fields of the
 * entries included. It is never held during a callback.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t described = PTHREAD_COND_INITIALIZER;
static struct entry **table; /* in the order of ids */
static size_t count;
static size_t capacity;
static uint64_t last_id;

/* How many describe functions are on this thread's stack. */
static _Thread_local unsigned describe_depth;

static struct entry *
entry_new(const char *kind, const char *name, void *object, brisk_describe_fn *describe)
{
    size_t kind_size = strlen(kind) + 1, name_size = strlen(name) + 1;
    struct entry *entry = bk_malloc(sizeof *entry + kind_size + name_size);
    if (entry == NULL)
        return NULL;
    memcpy(entry->text, kind, kind_size);
    memcpy(entry->text + kind_size, name, name_size);
    entry->item = (struct brisk_registry_item){0, entry->text, entry->text + kind_size};
    entry->object = object;
    entry->describe = describe;
    entry->describing = 0;
    entry->references = 1;
    return entry;
}

static void drop_locked(struct entry *entry)
{
    if (--entry->references == 0)
        bk_free(entry);
}

static bool make_room_locked(void)
{
    if (count < capacity)
        return true;
    size_t wanted = capacity == 0 ? 8 : capacity * 2;
    struct entry **grown = bk_realloc(table, wanted * sizeof(struct entry *));
    if (grown == NULL)
        return false;
    table = grown;
    capacity = wanted;
    return true;
}

/* Where the first entry with an id of at least `id` stands, or `count`. */
static size_t position_of_locked(uint64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle]->item.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find_locked(uint64_t id)
{
    size_t position = position_of_locked(id);
    if (position == count || table[position]->item.id != id)
        return NULL;
    return table[position];
}

static void take_out_locked(struct entry *entry)
{
    size_t position = position_of_locked(entry->item.id);
    count--;
    memmove(&table[position], &table[position + 1], (count - position) * sizeof(struct entry *));
    if (count == 0) {
        bk_free(table);
        table = NULL;
        capacity = 0;
    }
}

uint64_t brisk_registry_add(
    const char *kind, const char *name, void *object, brisk_describe_fn *describe,
    struct brisk_error *error)
{
    if (kind == NULL || name == NULL || describe == NULL) {
        bk_error_set(error, BRISK_ERR_INVALID, 0, "the kind, the name or describe is NULL");
        return 0;
    }
    struct entry *entry = entry_new(kind, name, object, describe);
    if (entry == NULL)
        goto no_memory;

    pthread_mutex_lock(&lock);
    uint64_t id = 0;
    if (make_room_locked()) {
        id = entry->item.id = ++last_id;
        table[count++] = entry;
    }
    pthread_mutex_unlock(&lock);
    if (id != 0)
        return id;
    bk_free(entry);

no_memory:
    bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory to register %s \"%s\"", kind, name);
    return 0;
}

enum brisk_status brisk_registry_remove(uint64_t id)
{
    if (describe_depth > 0)
        return BRISK_ERR_RECURSION;

    pthread_mutex_lock(&lock);
    struct entry *entry = find_locked(id);
    if (entry != NULL) {
        take_out_locked(entry);
        while (entry->describing > 0)
            pthread_cond_wait(&described, &lock);
        drop_locked(entry);
    }
    pthread_mutex_unlock(&lock);
    return entry == NULL ? BRISK_MISS : BRISK_OK;
}

/* The first object after `id` that is of `kind`, with a reference; NULL at the end. */
static struct entry *next_of_kind(uint64_t id, const char *kind)
{
    struct entry *found = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = position_of_locked(id + 1); i < count && found == NULL; i++)
        if (kind == NULL || strcmp(table[i]->item.kind, kind) == 0)
            found = table[i];
    if (found != NULL)
        found->references++;
    pthread_mutex_unlock(&lock);
    return found;
}

static void drop(struct entry *entry)
{
    pthread_mutex_lock(&lock);
    drop_locked(entry);
    pthread_mutex_unlock(&lock);
}

enum brisk_status
brisk_registry_for_each(const char *kind, brisk_registry_visit_fn *visit, void *ctx)
{
    if (visit == NULL)
        return BRISK_ERR_INVALID;

    enum brisk_status answer = BRISK_OK;
    uint64_t id = 0;
    struct entry *entry;
    while (answer == BRISK_OK && (entry = next_of_kind(id, kind)) != NULL) {
        id = entry->item.id;
        answer = visit(&entry->item, ctx);
        drop(entry);
    }
    return answer;
}

static struct entry *begin_describing(uint64_t id)
{
    pthread_mutex_lock(&lock);
    struct entry *entry = find_locked(id);
    if (entry != NULL) {
        entry->references++;
        entry->describing++;
    }
    pthread_mutex_unlock(&lock);
    return entry;
}

static void end_describing(struct entry *entry)
{
    pthread_mutex_lock(&lock);
    if (--entry->describing == 0)
        pthread_cond_broadcast(&described);
    drop_locked(entry);
    pthread_mutex_unlock(&lock);
}

enum brisk_status brisk_registry_describe(
    uint64_t id, enum brisk_format format, char *buffer, size_t buffer_capacity, size_t *out_length)
{
    if (out_length == NULL || (buffer == NULL && buffer_capacity > 0))
        return BRISK_ERR_INVALID;
    *out_length = 0;

    struct entry *entry = begin_describing(id);
    if (entry == NULL)
        return BRISK_MISS;
    describe_depth++;
    enum brisk_status answer = entry->describe(
        entry->object, format, buffer, buffer_capacity, out_length);
    describe_depth--;
    end_describing(entry);
    return answer;
}
