/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum brisk_status brisk_fixture_stop(struct brisk_fixture *fixture, struct brisk_error *error)
{
    if (fixture == NULL)
        return BRISK_OK;
    enum brisk_status status = BRISK_OK;
    if (fixture->process == getpid()) {
        if (fixture->socket_fd >= 0)
            status = bk_fixture_ask(fixture, "stop", NULL, error);
        if (status == BRISK_ERR_UNREACHABLE) /* it has ended before */
            status = BRISK_OK;
        bk_fixture_abandon(fixture);
    }
    /* Those that it needed end after it. */
    for (size_t i = fixture->needed_count; i-- > 0;) {
        enum brisk_status other = brisk_fixture_stop(fixture->needed[i], error);
        status = status < 0 ? status : other;
    }
    bk_fixture_free(fixture);
    return status;
}

void brisk_fixture_detach(struct brisk_fixture *fixture)
{
    if (fixture == NULL)
        return;
    if (fixture->guard_pid != 0)
        brisk_fixture_stop(fixture, NULL); /* it is one's own, which nobody would stop */
    else
        bk_fixture_free(fixture);
}

enum brisk_status brisk_fixture_restart(struct brisk_fixture *fixture, struct brisk_error *error)
{
    return bk_fixture_ask(fixture, "restart", NULL, error);
}

enum brisk_status
brisk_fixture_kill(struct brisk_fixture *fixture, int signal_number, struct brisk_error *error)
{
    char number[16];
    snprintf(number, sizeof number, "%d", signal_number);
    return bk_fixture_ask(fixture, "kill", number, error);
}

enum brisk_status brisk_fixture_pause(struct brisk_fixture *fixture, struct brisk_error *error)
{
    return bk_fixture_ask(fixture, "pause", NULL, error);
}

enum brisk_status brisk_fixture_resume(struct brisk_fixture *fixture, struct brisk_error *error)
{
    return bk_fixture_ask(fixture, "resume", NULL, error);
}

enum brisk_status brisk_fixture_reset(struct brisk_fixture *fixture, struct brisk_error *error)
{
    return bk_fixture_ask(fixture, "reset", NULL, error);
}

const char *brisk_fixture_name(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "name");
}

const char *brisk_fixture_kind_name(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "kind");
}

const char *brisk_fixture_url(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "url");
}

const char *brisk_fixture_host(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "host");
}

uint16_t brisk_fixture_port(const struct brisk_fixture *fixture)
{
    return fixture->port;
}

pid_t brisk_fixture_pid(const struct brisk_fixture *fixture)
{
    return fixture->pid;
}

const char *brisk_fixture_dir(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "dir");
}

const char *brisk_fixture_log(const struct brisk_fixture *fixture)
{
    return bk_fixture_fact(fixture, "log");
}

enum brisk_fixture_state
brisk_fixture_state(struct brisk_fixture *fixture, struct brisk_error *error)
{
    if (bk_fixture_ask(fixture, "facts", NULL, error) < 0)
        return BRISK_FIXTURE_ENDED;
    if (!fixture->is_running)
        return BRISK_FIXTURE_ENDED;
    bool is_paused = strcmp(bk_fixture_fact(fixture, "state"), "paused") == 0;
    return is_paused ? BRISK_FIXTURE_PAUSED : BRISK_FIXTURE_RUNNING;
}

const char *brisk_fixture_variable(const struct brisk_fixture *fixture, const char *name)
{
    char key[256];
    snprintf(key, sizeof key, "export.%.200s", name);
    return bk_variables_get(&fixture->facts, key);
}

/* PREFIX_NAME_WORD, all in capitals but the prefix; "" as name leaves it out. */
static void
make_name(char *into, size_t room, const char *prefix, const char *name, const char *word)
{
    snprintf(
        into, room, "%.80s%s%.100s%s%s", prefix, *name != '\0' ? "_" : "", name,
        *word != '\0' ? "_" : "", word);
    for (char *letter = into + strlen(prefix); *letter != '\0'; letter++)
        *letter = isalnum((unsigned char)*letter) ? (char)toupper((unsigned char)*letter) : '_';
}

static bool each_own(
    const struct brisk_fixture *fixture, const char *prefix, brisk_fixture_variable_fn *fn,
    void *ctx)
{
    static const char *const facts[] = {"url", "host", "port", "pid", "dir"};
    char name[256];
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        make_name(name, sizeof name, prefix, brisk_fixture_name(fixture), facts[i]);
        if (!fn(name, bk_fixture_fact(fixture, facts[i]), ctx))
            return false;
    }
    return true;
}

/* What pifpaf's drivers have in common. */
static bool each_pifpaf(
    const struct brisk_fixture *fixture, const char *prefix, brisk_fixture_variable_fn *fn,
    void *ctx)
{
    const struct {
        const char *middle, *word, *fact;
    } rows[] = {
        {"", "daemon", "kind"},
        {"", "data", "dir"},
        {"", "url", "url"},
        {brisk_fixture_name(fixture), "url", "url"},
    };
    char name[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_name(name, sizeof name, prefix, rows[i].middle, rows[i].word);
        if (!fn(name, bk_fixture_fact(fixture, rows[i].fact), ctx))
            return false;
    }
    return true;
}

/* Facts "SECTION.NAME"; a name that begins with '_' gets the prefix. */
static void each_of_section(
    const struct brisk_fixture *fixture, const char *section, const char *prefix,
    brisk_fixture_variable_fn *fn, void *ctx)
{
    size_t length = strlen(section);
    for (size_t i = 0; i < fixture->facts.count; i++) {
        const struct bk_variable *fact = &fixture->facts.entries[i];
        if (strncmp(fact->name, section, length) != 0)
            continue;
        char name[256];
        const char *rest = fact->name + length;
        snprintf(name, sizeof name, "%.80s%.150s", *rest == '_' ? prefix : "", rest);
        if (!fn(name, fact->value, ctx))
            return;
    }
}

enum brisk_status brisk_fixture_each_variable(
    const struct brisk_fixture *fixture, const char *prefix, bool is_pifpaf,
    brisk_fixture_variable_fn *fn, void *ctx)
{
    if (fn == NULL)
        return BRISK_ERR_INVALID;
    bool goes_on = is_pifpaf ? each_pifpaf(fixture, prefix, fn, ctx)
                             : each_own(fixture, prefix, fn, ctx);
    if (goes_on)
        each_of_section(fixture, is_pifpaf ? "pifpaf." : "export.", prefix, fn, ctx);
    return BRISK_OK;
}
