/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_REGISTRY_H
#define BRISK_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include <brisk/status.h>

BRISK_BEGIN

/*
 * The objects of this process that can describe themselves: caches, clients,
 * profilers. Whoever shows statistics (a command, a debug endpoint, a metrics
 * exporter) finds them here without knowing their types.
 *
 * Thread safety: any thread, for every function; no callback runs with a lock
 * held. Signals: not in a handler. Fork: in the child of a process with several
 * threads the registry is left alone.
 */
enum brisk_format {
    BRISK_FORMAT_TEXT = 0,      /* lines for a reader */
    BRISK_FORMAT_JSON = 1,      /* one object, without a newline at the end */
    BRISK_FORMAT_PROMETHEUS = 2 /* exposition format, version 0.0.4 */
};

/*
 * Renders the present statistics of `object` as text, with a final '\0'.
 * *out_length is the text's length without it. If `capacity` is too small the
 * answer is BRISK_ERR_SHORT_BUFFER, *out_length is what is needed, and `buffer`
 * holds nothing of use; the next call may need more again.
 * BRISK_ERR_UNSUPPORTED if the object has nothing in that format.
 */
typedef enum brisk_status brisk_describe_fn(
    void *object, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length);

/*
 * Enters `object` and returns its id, which is never used again in this process;
 * 0 on failure, with the reason in *error. `kind` is what sort of thing it is
 * ("cache"), `name` which one; both are copied, neither need be unique.
 * `describe` is called from any thread, also in several at once, until
 * brisk_registry_remove returns.
 */
BRISK_API uint64_t brisk_registry_add(
    const char *kind, const char *name, void *object, brisk_describe_fn *describe,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1, 2, 4);

/*
 * Takes the object out and waits for the describe calls on it that run: after
 * BRISK_OK none runs and none will, and the object may be freed. BRISK_MISS if
 * there is no such id (0 included). BRISK_ERR_RECURSION inside a describe
 * function, of this or another object, where the wait could be for ever; the
 * object stays.
 */
BRISK_API enum brisk_status brisk_registry_remove(uint64_t id);

/* An object as brisk_registry_for_each shows it. The strings are valid for the call. */
struct brisk_registry_item {
    uint64_t id;
    const char *kind;
    const char *name;
};

/* BRISK_OK to go on; anything else stops the walk. May add, remove and describe. */
typedef enum brisk_status
brisk_registry_visit_fn(const struct brisk_registry_item *item, void *ctx);

/*
 * Visits the objects of `kind`, or all if that is NULL, oldest first. One that
 * is added or removed meanwhile may be visited or not. BRISK_OK at the end, else
 * what `visit` answered.
 */
BRISK_API enum brisk_status
brisk_registry_for_each(const char *kind, brisk_registry_visit_fn *visit, void *ctx)
    BRISK_NONNULL(2);

/*
 * Calls the describe function of object `id` and returns its answer; BRISK_MISS
 * if the object is gone. `buffer` may be NULL if `capacity` is 0.
 */
BRISK_API enum brisk_status brisk_registry_describe(
    uint64_t id, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length)
    BRISK_MUST_CHECK BRISK_NONNULL(5);

BRISK_END

#endif
