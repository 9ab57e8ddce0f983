/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/guard.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "harness/template.h"

enum {
    INIT_TIMEOUT_MS = 120000,
    BUSY_WAIT_NS = 5000000,
};

static bool owner_is_gone(void *ctx)
{
    return !bk_guard_has_owner(ctx);
}

/* Runs the lines of [init] `key`, one after the other. */
static enum brisk_status
run_lines(struct bk_guard *guard, const char *key, struct brisk_error *error)
{
    unsigned int timeout_ms = bk_kind_duration_ms(&guard->kind, "init", "timeout", INIT_TIMEOUT_MS);
    uint64_t deadline_ns = bk_now_ns() + timeout_ms * UINT64_C(1000000);
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0; (entry = bk_kind_next(&guard->kind, "init", key, &cursor)) != NULL;) {
        struct bk_words command = {0};
        if (!bk_words_add(&command, &guard->pool, &guard->variables, entry->value))
            return bk_error_set(error, BRISK_ERR_NOMEM, 0, "brisk-guard: out of memory");
        enum brisk_status status = bk_guard_run_to_end(guard, &command, deadline_ns, error);
        if (status < 0)
            return status;
    }
    return BRISK_OK;
}

/* Over all that decides what the template is: the program, the commands, the user. */
static uint64_t hash_of(const struct bk_guard *guard)
{
    struct stat program = {0};
    stat(guard->program, &program);
    uint64_t hash = bk_hash_string(BK_HASH_START, guard->program);
    hash = bk_hash_u64(hash, (uint64_t)program.st_size);
    hash = bk_hash_u64(hash, (uint64_t)program.st_mtim.tv_sec);
    hash = bk_hash_u64(hash, (uint64_t)program.st_mtim.tv_nsec);
    hash = bk_hash_u64(hash, geteuid());
    hash = bk_hash_string(hash, guard->kind.ini.path);
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0;
         (entry = bk_kind_next(&guard->kind, "init", "template", &cursor)) != NULL;)
        hash = bk_hash_string(hash, entry->value);
    for (size_t i = 0; i < guard->kind.parameter_count; i++) {
        if (strcmp(guard->kind.parameters[i].name, "port") == 0)
            continue;
        hash = bk_hash_string(hash, guard->kind.parameters[i].name);
        hash = bk_hash_string(hash, guard->kind.parameters[i].value);
    }
    return hash;
}

static enum brisk_status
copy_template(struct bk_guard *guard, const char *from, const char *data, struct brisk_error *error)
{
    uid_t owner = !guard->is_isolated && geteuid() == 0 ? BK_WORLD_NOBODY : (uid_t)-1;
    return bk_tree_copy(from, data, owner, owner_is_gone, guard, error);
}

static enum brisk_status fill_from_template(struct bk_guard *guard, struct brisk_error *error)
{
    const char *data = bk_variables_get(&guard->variables, "data");
    struct bk_template template;
    bk_template_name(&template, bk_kind_get(&guard->kind, "fixture", "name", ""), hash_of(guard));
    enum bk_template_state state;
    while ((state = bk_template_open(&template)) == BK_TEMPLATE_BUSY)
        bk_guard_wait(guard, -1, 0, bk_now_ns() + BUSY_WAIT_NS);
    if (state == BK_TEMPLATE_READY)
        return copy_template(guard, template.path, data, error);

    enum brisk_status status = run_lines(guard, "template", error);
    if (state == BK_TEMPLATE_ABSENT && status == BRISK_OK)
        bk_template_keep(&template, data, owner_is_gone, guard);
    else
        bk_template_close(&template);
    return status;
}

enum brisk_status bk_guard_fill_data(struct bk_guard *guard, struct brisk_error *error)
{
    enum brisk_status status = BRISK_OK;
    if (bk_kind_has(&guard->kind, "init", "template"))
        status = fill_from_template(guard, error);
    return status == BRISK_OK ? run_lines(guard, "run", error) : status;
}
