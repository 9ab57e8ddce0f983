/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <brisk/test.h>

#include "base/error.h"
#include "base/memory.h"

static enum brisk_status refuse(const char *path, int reason, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_INVALID, reason, "%s cannot be run: %s", path, strerror(reason));
}

/* The hook's code names its variable, in any build; that needs no knowledge of the file's format.
 */
static enum brisk_status
look_for_hook(struct bk_program *program, size_t length, struct brisk_error *error)
{
    int fd = open(program->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* it may be allowed to run it, but not to read it */
        return BRISK_OK;
    void *content = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    int failure = errno;
    close(fd);
    if (content == MAP_FAILED)
        return bk_error_set(
            error, failure == ENOMEM ? BRISK_ERR_NOMEM : BRISK_ERR_SYSTEM, failure,
            "%s cannot be read: %s", program->path, strerror(failure));
    program->has_hook = memmem(content, length, BRISK_TEST_HOOK, sizeof BRISK_TEST_HOOK) != NULL;
    munmap(content, length);
    return BRISK_OK;
}

enum brisk_status
bk_program_init(struct bk_program *program, const char *path, struct brisk_error *error)
{
    *program = (struct bk_program){0};
    program->path = bk_strdup(path);
    if (program->path == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory for %s", path);
    const char *slash = strrchr(program->path, '/');
    program->name = slash == NULL ? program->path : slash + 1;

    struct stat file;
    if (stat(path, &file) != 0)
        return refuse(path, errno, error);
    if (!S_ISREG(file.st_mode))
        return refuse(path, S_ISDIR(file.st_mode) ? EISDIR : EACCES, error);
    if (access(path, X_OK) != 0)
        return refuse(path, errno, error);
    return file.st_size == 0 ? BRISK_OK : look_for_hook(program, (size_t)file.st_size, error);
}

static void clear_result(struct bk_result *result)
{
    bk_free(result->group);
    bk_free(result->test);
    bk_free(result->needs);
    bk_free(result->reason);
    bk_free(result->output);
    bk_free(result->logs);
}

void bk_program_drop(struct bk_program *program, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        clear_result(&program->results[i]);
    program->result_count -= count;
    for (size_t i = first; i < program->result_count; i++)
        program->results[i] = program->results[i + count];
}

void bk_program_free(struct bk_program *program)
{
    bk_program_drop(program, 0, program->result_count);
    bk_free(program->results);
    bk_free(program->path);
}

static bool grow(struct bk_program *program)
{
    if (program->result_count < program->result_capacity)
        return true;
    size_t capacity = program->result_capacity == 0 ? 16 : 2 * program->result_capacity;
    struct bk_result *results = bk_realloc(program->results, capacity * sizeof *results);
    if (results == NULL)
        return false;
    program->results = results;
    program->result_capacity = capacity;
    return true;
}

struct bk_result *bk_program_add(struct bk_program *program, const char *group, const char *test)
{
    if (!grow(program))
        return NULL;
    struct bk_result result = {.group = bk_strdup(group), .test = bk_strdup(test)};
    if (result.group == NULL || result.test == NULL) {
        clear_result(&result);
        return NULL;
    }
    program->results[program->result_count] = result;
    return &program->results[program->result_count++];
}

/* Steps to the next field: its letter, and its text, which ends within the reply. */
static const char *next_field(const char **reply, size_t *length, char *letter)
{
    const char *end = *length < 2 ? NULL : memchr(*reply, '\0', *length);
    if (end == NULL)
        return NULL;
    *letter = **reply;
    const char *text = *letter == '\0' ? *reply : *reply + 1;
    *length -= (size_t)(end + 1 - *reply);
    *reply = end + 1;
    return text;
}

/* What the fields before a test say of it. */
struct list {
    const char *group;
    const char *needs;
    size_t group_count;
    size_t test_count; /* of the group */
};

static enum brisk_status add_listed(struct bk_program *program, struct list *list, const char *test)
{
    if (list->group == NULL)
        return BRISK_ERR_CORRUPT;
    struct bk_result *result = bk_program_add(program, list->group, test);
    if (result == NULL)
        return BRISK_ERR_NOMEM;
    result->group_number = list->group_count - 1;
    result->test_number = list->test_count++;
    if (list->needs == NULL)
        return BRISK_OK;
    result->needs = bk_strdup(list->needs);
    return result->needs == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
}

enum brisk_status bk_program_read_list(struct bk_program *program, const char *reply, size_t length)
{
    struct list list = {0};
    enum brisk_status status = BRISK_OK;
    while (length > 0 && status == BRISK_OK) {
        char letter;
        const char *text = next_field(&reply, &length, &letter);
        if (text == NULL)
            return BRISK_ERR_CORRUPT;
        if (letter == 'g')
            list = (struct list){text, NULL, list.group_count + 1, 0};
        else if (letter == 'n' && list.group != NULL)
            list.needs = text;
        else
            status = letter == 't' ? add_listed(program, &list, text) : BRISK_ERR_CORRUPT;
    }
    return status == BRISK_OK && list.group_count == 0 ? BRISK_ERR_CORRUPT : status;
}

long bk_program_read_end(const char *reply, size_t length)
{
    long failed = -1;
    char letter;
    for (const char *text; (text = next_field(&reply, &length, &letter)) != NULL;)
        if (letter == 'd')
            failed = strtol(text, NULL, 10);
    return failed;
}

struct brisk_runner_result
bk_program_show(const struct bk_program *program, const struct bk_result *result)
{
    return (struct brisk_runner_result){
        .path = program->path,
        .program = program->name,
        .group = result->group,
        .test = result->test,
        .outcome = result->outcome,
        .attempts = result->attempts,
        .duration_ns = result->duration_ns,
        .reason = result->reason == NULL ? "" : result->reason,
        .output = {result->output, result->output_length},
        .logs = {result->logs, result->logs_length},
    };
}
