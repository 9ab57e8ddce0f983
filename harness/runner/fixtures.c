/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/find.h"

enum {
    LOG_BYTES = 16 * 1024, /* of the end of a log */
    LOG_LINES = 50,
    SPEC_BYTES = 4096,
};

/* What brisk_fixture_start_all takes, and the strings that it points to. */
struct plan {
    char texts[BK_TEST_FIXTURES][SPEC_BYTES]; /* specs that are cut at their marks */
    const char *specs[BK_TEST_FIXTURES];      /* to tell doubles */
    size_t lengths[BK_TEST_FIXTURES];
    struct brisk_fixture_request requests[BK_TEST_FIXTURES];
    struct brisk_fixture_options options[BK_TEST_FIXTURES];
    size_t count;
    int line;
    int log_fd;
};

static void put(int fd, const char *text, size_t length)
{
    if (write(fd, text, length) < 0)
        return; /* a log is a help, not a result */
}

static void put_line(const char *line, void *ctx)
{
    const struct plan *plan = ctx;
    put(plan->log_fd, line, strlen(line));
    put(plan->log_fd, "\n", 1);
}

/* The runner has closed its end of the line. */
static bool is_called_off(void *ctx)
{
    const struct plan *plan = ctx;
    struct pollfd line = {plan->line, POLLIN, 0};
    return poll(&line, 1, 0) > 0;
}

/* A colon in a path is part of it. */
static char *find_colon(char *text)
{
    char *slash = strrchr(text, '/');
    return strchr(slash == NULL ? text : slash, ':');
}

/* FIXTURE[:NAME][=PARAMETER,...] */
static void cut_spec(struct plan *plan, size_t i)
{
    char *text = plan->texts[i];
    struct brisk_fixture_options *options = &plan->options[i];
    *options = brisk_fixture_options_default();
    options->log = put_line;
    options->cancel = is_called_off;
    options->ctx = plan;
    char *parameters = strchr(text, '=');
    if (parameters != NULL) {
        *parameters = '\0';
        options->parameters = parameters + 1;
    }
    char *name = find_colon(text);
    if (name != NULL) {
        *name = '\0';
        options->name = name + 1;
    }
    plan->requests[i] = (struct brisk_fixture_request){text, options};
}

static enum brisk_status
add_spec(struct plan *plan, const char *spec, size_t length, struct brisk_error *error)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->lengths[i] == length && memcmp(plan->specs[i], spec, length) == 0)
            return BRISK_OK;
    if (plan->count == BK_TEST_FIXTURES)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "a test needs more than %d fixtures", BK_TEST_FIXTURES);
    if (length == 0 || length >= SPEC_BYTES)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "the name of a fixture has %zu bytes, not 1 to %d", length,
            SPEC_BYTES - 1);
    plan->specs[plan->count] = spec;
    plan->lengths[plan->count] = length;
    memcpy(plan->texts[plan->count], spec, length);
    cut_spec(plan, plan->count);
    plan->count++;
    return BRISK_OK;
}

static enum brisk_status add_words(struct plan *plan, const char *words, struct brisk_error *error)
{
    static const char blanks[] = " \t\n";
    enum brisk_status status = BRISK_OK;
    while (status == BRISK_OK && *(words += strspn(words, blanks)) != '\0') {
        size_t length = strcspn(words, blanks);
        status = add_spec(plan, words, length, error);
        words += length;
    }
    return status;
}

static const char *name_of(const struct plan *plan, size_t i)
{
    return plan->options[i].name != NULL ? plan->options[i].name : plan->requests[i].name;
}

/* Two of one name would have the same variables. */
static enum brisk_status check_names(const struct plan *plan, struct brisk_error *error)
{
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(name_of(plan, i), name_of(plan, j)) == 0)
                return bk_error_set(
                    error, BRISK_ERR_INVALID, 0,
                    "two fixtures are named '%.60s'; give one another name: %.60s:second",
                    name_of(plan, i), plan->requests[i].name);
    return BRISK_OK;
}

static enum brisk_status
make_plan(struct plan *plan, const struct bk_test_needs *needs, struct brisk_error *error)
{
    enum brisk_status status = BRISK_OK;
    for (size_t i = 0; i < needs->count && status == BRISK_OK; i++)
        status = add_spec(plan, needs->specs[i], strlen(needs->specs[i]), error);
    if (status == BRISK_OK && needs->words != NULL)
        status = add_words(plan, needs->words, error);
    return status == BRISK_OK ? check_names(plan, error) : status;
}

/* Whether the file of one is missing, which no installed daemon would change. */
static bool is_any_unknown(const struct plan *plan)
{
    bool is_unknown = false;
    for (size_t i = 0; i < plan->count; i++) {
        struct bk_pool pool = {0};
        char *path;
        is_unknown |= bk_find_kind(&path, &pool, plan->requests[i].name, NULL) != BRISK_OK;
        bk_pool_free(&pool);
    }
    return is_unknown;
}

enum brisk_status bk_test_fixtures_start(
    struct bk_test_fixtures *fixtures, const struct bk_test_needs *needs, int line, int log_fd,
    struct brisk_error *error)
{
    fixtures->count = 0;
    struct plan *plan = bk_calloc(1, sizeof *plan);
    if (plan == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "there is no memory to start fixtures");
    plan->line = line;
    plan->log_fd = log_fd;
    enum brisk_status status = make_plan(plan, needs, error);
    if (status == BRISK_OK)
        status = brisk_fixture_start_all(plan->requests, plan->count, fixtures->all, error);
    if (status == BRISK_OK)
        fixtures->count = plan->count;
    if (status == BRISK_ERR_UNSUPPORTED && is_any_unknown(plan))
        status = BRISK_ERR_INVALID;
    bk_free(plan);
    return status;
}

static bool set_variable(const char *name, const char *value, void *ctx)
{
    (void)ctx;
    setenv(name, value, 1);
    return true;
}

void bk_test_fixtures_export(const struct bk_test_fixtures *fixtures)
{
    static char urls[32 * 1024];
    const char *before = getenv("BRISK_URLS");
    size_t used = (size_t)snprintf(urls, sizeof urls, "%s", before == NULL ? "" : before);
    for (size_t i = 0; i < fixtures->count; i++) {
        brisk_fixture_each_variable(fixtures->all[i], "BRISK", false, set_variable, NULL);
        if (used < sizeof urls)
            used += (size_t)snprintf(
                urls + used, sizeof urls - used, "%s%s", used > 0 ? ";" : "",
                brisk_fixture_url(fixtures->all[i]));
    }
    setenv("BRISK_URLS", urls, 1);
}

static void put_last_lines(int log_fd, const char *path)
{
    char text[LOG_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    off_t from = size > LOG_BYTES ? size - LOG_BYTES : 0;
    ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof text, from);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return;
    size_t start = (size_t)length;
    for (size_t lines = 0; start > 0; start--)
        if (text[start - 1] == '\n' && start < (size_t)length && ++lines == LOG_LINES)
            break;
    put(log_fd, text + start, (size_t)length - start);
    if (text[length - 1] != '\n')
        put(log_fd, "\n", 1);
}

/* The daemon may be dead some milliseconds before its namespaces are taken down, and its guard
 * knows. */
static bool has_ended(struct brisk_fixture *fixture)
{
    return brisk_fixture_state(fixture, NULL) == BRISK_FIXTURE_ENDED ||
           (kill(brisk_fixture_pid(fixture), 0) != 0 && errno == ESRCH);
}

void bk_test_fixtures_write_logs(const struct bk_test_fixtures *fixtures, int log_fd)
{
    for (size_t i = 0; i < fixtures->count; i++) {
        struct brisk_fixture *fixture = fixtures->all[i];
        char head[128];
        int length = snprintf(
            head, sizeof head, "[log of %.60s%s]\n", brisk_fixture_name(fixture),
            has_ended(fixture) ? ", which has ended" : "");
        put(log_fd, head, (size_t)length);
        put_last_lines(log_fd, brisk_fixture_log(fixture));
    }
}

void bk_test_fixtures_stop(struct bk_test_fixtures *fixtures)
{
    while (fixtures->count > 0)
        brisk_fixture_stop(fixtures->all[--fixtures->count], NULL);
}
