/* SPDX-License-Identifier: Apache-2.0 */
/* Starting: one fixture with what it needs, or several at the same time. */
#include "harness/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "harness/find.h"

enum {
    MOST_DEPTH = 4, /* of fixtures that need fixtures: there is a circle */
    FIRST_OPTIONS_BYTES = sizeof(struct brisk_fixture_options), /* of the first release */
};

static enum brisk_status start_needing(
    struct brisk_fixture **fixture, const char *name, const struct brisk_fixture_options *options,
    unsigned int depth, struct brisk_error *error);

/* One start: the file and options while they are needed, and how far it is. */
struct start {
    struct bk_pool pool;
    struct bk_kind kind;
    struct brisk_fixture_options options;
    char *path;
    struct brisk_fixture *fixture;
    bool has_begun;
    bool has_finished;
};

static enum brisk_status no_memory(struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory to start a fixture");
}

static enum brisk_status
check_options(const struct brisk_fixture_options *options, struct brisk_error *error)
{
    if ((unsigned int)options->isolation > BRISK_FIXTURE_ISOLATION_NONE)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "isolation is %d, not one of enum brisk_fixture_isolation",
            (int)options->isolation);
    const char *name = options->name;
    if (name != NULL && (*name == '\0' || strlen(name) > 60 || strpbrk(name, "/\n=,:") != NULL))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "the name '%.60s' is empty, longer than 60 bytes, or has one of / = , : in it", name);
    return BRISK_OK;
}

static enum brisk_status prepare(
    struct start *start, const char *name, const struct brisk_fixture_options *options,
    struct brisk_error *error)
{
    enum brisk_status status = bk_options_read(
        &start->options, sizeof start->options, options, FIRST_OPTIONS_BYTES, error);
    if (status == BRISK_OK)
        status = check_options(&start->options, error);
    if (status == BRISK_OK)
        status = bk_find_kind(&start->path, &start->pool, name, error);
    if (status == BRISK_OK)
        status = bk_kind_load(&start->kind, start->path, start->options.parameters, error);
    if (status < 0)
        return status;
    start->fixture = bk_fixture_new(error);
    return start->fixture == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
}

static void forget(struct start *start)
{
    bk_kind_free(&start->kind);
    bk_pool_free(&start->pool);
}

/* Calls off or stops what there is. */
static void undo(struct start *start)
{
    if (start->fixture == NULL)
        return;
    if (start->has_begun && !start->has_finished)
        bk_fixture_abandon(start->fixture);
    brisk_fixture_stop(start->fixture, NULL);
    start->fixture = NULL;
}

/* The next name of [fixture] needs from *at on, in the pool; NULL at the end. */
static const char *next_need(struct start *start, const char **at)
{
    *at += strspn(*at, " \t");
    size_t length = strcspn(*at, " \t");
    if (length == 0)
        return NULL;
    const char *need = bk_pool_copy(&start->pool, *at, length);
    *at += length;
    return need;
}

static const char *needs_of(const struct start *start)
{
    return bk_kind_get(&start->kind, "fixture", "needs", "");
}

/* Those of this call are shared. */
static const struct start *find_start(const struct start *starts, size_t count, const char *kind)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(bk_kind_get(&starts[i].kind, "fixture", "name", ""), kind) == 0)
            return &starts[i];
    return NULL;
}

static void
add_facts(struct bk_message *order, const char *need, const struct brisk_fixture *fixture)
{
    for (size_t i = 0; i < fixture->facts.count; i++) {
        const struct bk_variable *fact = &fixture->facts.entries[i];
        char name[128];
        if (strchr(fact->name, '.') != NULL)
            continue;
        snprintf(name, sizeof name, "%.60s.%.60s", need, fact->name);
        bk_message_add(order, name);
        bk_message_add(order, fact->value);
    }
}

static enum brisk_status add_needs(
    struct start *start, const struct start *all, size_t count, unsigned int depth,
    struct bk_message *order, struct brisk_error *error)
{
    const char *at = needs_of(start);
    for (const char *need; (need = next_need(start, &at)) != NULL;) {
        const struct start *shared = find_start(all, count, need);
        if (shared != NULL) {
            add_facts(order, need, shared->fixture);
            continue;
        }
        struct brisk_fixture *fixture = start->fixture;
        if (fixture->needed_count == BK_FIXTURE_NEEDS || depth == MOST_DEPTH)
            return bk_error_set(
                error, BRISK_ERR_INVALID, 0, "%s needs too many fixtures, or itself", start->path);
        struct brisk_fixture_options options = brisk_fixture_options_default();
        options.isolation = start->options.isolation;
        options.log = start->options.log;
        options.cancel = start->options.cancel;
        options.ctx = start->options.ctx;
        struct brisk_fixture **needed = &fixture->needed[fixture->needed_count];
        enum brisk_status status = start_needing(needed, need, &options, depth + 1, error);
        if (status < 0)
            return status;
        fixture->needed_count++;
        add_facts(order, need, *needed);
    }
    return BRISK_OK;
}

static enum brisk_status begin(
    struct start *start, const struct start *all, size_t count, unsigned int depth,
    struct brisk_error *error)
{
    struct bk_message *order = bk_malloc(sizeof *order);
    if (order == NULL)
        return no_memory(error);
    const struct brisk_fixture_options *options = &start->options;
    bk_message_clear(order);
    bk_message_add(order, start->path);
    bk_message_add(order, options->name == NULL ? "" : options->name);
    bk_message_add(order, options->parameters == NULL ? "" : options->parameters);
    bk_message_add_number(order, options->start_timeout_ms);
    bk_message_add_number(order, options->stop_timeout_ms);
    bk_message_add_number(order, options->isolation);
    bk_message_add_number(order, options->is_polite);
    bk_message_add_number(order, options->keep_directory);
    enum brisk_status status = add_needs(start, all, count, depth, order, error);
    if (status == BRISK_OK)
        status = bk_fixture_begin(start->fixture, order, error);
    start->has_begun = status == BRISK_OK;
    bk_free(order);
    return status;
}

static enum brisk_status finish(struct start *start, struct brisk_error *error)
{
    start->has_finished = true;
    return bk_fixture_finish(start->fixture, &start->options, error);
}

static enum brisk_status start_needing(
    struct brisk_fixture **fixture, const char *name, const struct brisk_fixture_options *options,
    unsigned int depth, struct brisk_error *error)
{
    struct start start = {0};
    enum brisk_status status = prepare(&start, name, options, error);
    if (status == BRISK_OK)
        status = begin(&start, NULL, 0, depth, error);
    if (status == BRISK_OK)
        status = finish(&start, error);
    if (status < 0)
        undo(&start);
    *fixture = start.fixture;
    forget(&start);
    return status;
}

struct brisk_fixture *brisk_fixture_start(
    const char *name, const struct brisk_fixture_options *options, struct brisk_error *error)
{
    struct brisk_fixture *fixture = NULL;
    if (name == NULL)
        bk_error_set(error, BRISK_ERR_INVALID, 0, "the fixture has no name");
    else
        start_needing(&fixture, name, options, 0, error);
    return fixture;
}

/* Whether all of this call that it needs are ready. */
static bool can_begin(struct start *start, const struct start *all, size_t count)
{
    const char *at = needs_of(start);
    for (const char *need; (need = next_need(start, &at)) != NULL;) {
        const struct start *shared = find_start(all, count, need);
        if (shared != NULL && !shared->has_finished)
            return false;
    }
    return true;
}

static enum brisk_status begin_all(struct start *starts, size_t count, struct brisk_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (starts[i].has_begun || !can_begin(&starts[i], starts, count))
            continue;
        enum brisk_status status = begin(&starts[i], starts, count, 0, error);
        if (status < 0)
            return status;
    }
    return BRISK_OK;
}

/* The next that has begun; false: none has. */
static bool
finish_one(struct start *starts, size_t count, enum brisk_status *status, struct brisk_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!starts[i].has_begun || starts[i].has_finished)
            continue;
        *status = finish(&starts[i], error);
        return true;
    }
    return false;
}

static enum brisk_status run_all(struct start *starts, size_t count, struct brisk_error *error)
{
    for (size_t done = 0; done < count; done++) {
        enum brisk_status status = begin_all(starts, count, error);
        if (status == BRISK_OK && !finish_one(starts, count, &status, error))
            return bk_error_set(
                error, BRISK_ERR_INVALID, 0, "%s needs itself, by way of others", starts[0].path);
        if (status < 0)
            return status;
    }
    return BRISK_OK;
}

enum brisk_status brisk_fixture_start_all(
    const struct brisk_fixture_request *requests, size_t count, struct brisk_fixture **fixtures,
    struct brisk_error *error)
{
    struct start *starts = bk_calloc(count + 1, sizeof *starts);
    if (starts == NULL)
        return no_memory(error);
    enum brisk_status status = BRISK_OK;
    for (size_t i = 0; i < count && status == BRISK_OK; i++)
        status = prepare(&starts[i], requests[i].name, requests[i].options, error);
    if (status == BRISK_OK)
        status = run_all(starts, count, error);
    for (size_t i = count; i-- > 0;) {
        if (status < 0)
            undo(&starts[i]);
        forget(&starts[i]);
    }
    for (size_t i = 0; i < count; i++)
        fixtures[i] = starts[i].fixture;
    bk_free(starts);
    return status;
}
