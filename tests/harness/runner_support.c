/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/runner_support.h"

#include <sys/stat.h>
#include <unistd.h>

static char *copy(const char *text, size_t length)
{
    char *kept = malloc(length + 1);
    assert_non_null(kept);
    memcpy(kept, text == NULL ? "" : text, length);
    kept[length] = '\0';
    return kept;
}

static char *copy_text(const char *text)
{
    return copy(text, strlen(text));
}

const char *program_beside(const char *name)
{
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    assert_true(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, name);
    return path;
}

static void collect(const struct brisk_runner_result *result, void *ctx)
{
    struct collected *collected = ctx;
    collected->results = realloc(
        collected->results, (collected->count + 1) * sizeof *collected->results);
    assert_non_null(collected->results);
    collected->results[collected->count++] = (struct told){
        .program = copy_text(result->program),
        .group = copy_text(result->group),
        .test = copy_text(result->test),
        .reason = copy_text(result->reason),
        .output = copy(result->output.data, result->output.length),
        .output_length = result->output.length,
        .logs = copy(result->logs.data, result->logs.length),
        .logs_length = result->logs.length,
        .outcome = result->outcome,
        .attempts = result->attempts,
    };
}

struct collected
run_program(const char *path, const char *filter, const struct brisk_runner_options *options)
{
    struct collected collected = {0};
    struct brisk_runner_options all = options == NULL ? brisk_runner_options_default() : *options;
    all.programs = &path;
    all.program_count = 1;
    all.filters = &filter;
    all.filter_count = filter != NULL;
    all.on_result = collect;
    all.ctx = &collected;
    collected.status = brisk_runner_run(&all, &collected.summary, &collected.error);
    return collected;
}

void collected_free(struct collected *collected)
{
    for (size_t i = 0; i < collected->count; i++) {
        free(collected->results[i].program);
        free(collected->results[i].group);
        free(collected->results[i].test);
        free(collected->results[i].reason);
        free(collected->results[i].output);
        free(collected->results[i].logs);
    }
    free(collected->results);
}

const struct told *find_told(const struct collected *collected, const char *test)
{
    for (size_t i = 0; i < collected->count; i++)
        if (strcmp(collected->results[i].test, test) == 0)
            return &collected->results[i];
    assert_that(false, "there is no result of '%s' among %zu", test, collected->count);
    return NULL;
}

void assert_fails(const char *test, enum brisk_runner_outcome outcome, const char *reason)
{
    struct collected collected = run_program(program_beside("sick"), test, NULL);
    assert_ok(collected.status);
    const struct told *told = find_told(&collected, test);
    assert_string_equal(told->reason, reason);
    assert_i64(told->outcome, outcome);
    assert_size(collected.summary.failed_count, 1);
    assert_size(collected.count, 1);
    collected_free(&collected);
}

bool is_alive(long pid)
{
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state != 'X' && state != 'Z';
}

static char scratch_folder[200];
static char scratch_paths[8][256];
static size_t scratch_count;

static void remove_scratch(void)
{
    for (size_t i = 0; i < scratch_count; i++)
        unlink(scratch_paths[i]);
    rmdir(scratch_folder);
}

const char *scratch_file(const char *name)
{
    if (scratch_count == 0) {
        const char *parent = getenv("TMPDIR");
        snprintf(
            scratch_folder, sizeof scratch_folder, "%s/brisk-runner-XXXXXX",
            parent != NULL ? parent : P_tmpdir);
        assert_non_null(mkdtemp(scratch_folder));
        atexit(remove_scratch);
    }
    assert_true(scratch_count < sizeof scratch_paths / sizeof scratch_paths[0]);
    char *path = scratch_paths[scratch_count++];
    snprintf(path, sizeof scratch_paths[0], "%s/%s", scratch_folder, name);
    return path;
}

const char *write_script(const char *name, const char *text)
{
    const char *path = scratch_file(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/bash\n%s", text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = NULL;
    size_t length = 0;
    for (int byte; (byte = fgetc(file)) != EOF;) {
        text = realloc(text, length + 2);
        assert_non_null(text);
        text[length++] = (char)byte;
        text[length] = '\0';
    }
    fclose(file);
    return text == NULL ? copy_text("") : text;
}
