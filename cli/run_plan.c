/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include <string.h>

#include "cli/terminal.h"

static bool refuse(const char *text, const char *why)
{
    cli_error("brisk run: %s: %s", text, why);
    cli_hint("a fixture is NAME[:instance][=parameter,...]: memcached:sessions=memory=16");
    return false;
}

/* A colon in a path is part of it: the name follows the last slash. */
static const char *find_colon(const char *text, size_t length)
{
    for (size_t i = length; i > 0 && text[i - 1] != '/'; i--)
        if (text[i - 1] == ':')
            return text + i - 1;
    return NULL;
}

bool run_add_fixture(struct run *run, const char *text)
{
    if (run->count == RUN_MOST_FIXTURES)
        return refuse(text, "more than 64 fixtures");
    size_t i = run->count, length = strcspn(text, "=");
    const char *colon = find_colon(text, length);
    size_t kind_length = colon == NULL ? length : (size_t)(colon - text);
    size_t name_length = colon == NULL ? 0 : length - kind_length - 1;
    if (kind_length == 0)
        return refuse(text, "there is no name");
    if (kind_length >= sizeof run->kinds[i] || name_length >= RUN_NAME_BYTES)
        return refuse(text, "the name is too long");
    if (colon != NULL && name_length == 0)
        return refuse(text, "there is no instance behind the colon");

    memcpy(run->kinds[i], text, kind_length);
    if (colon != NULL)
        memcpy(run->names[i], colon + 1, name_length);
    run->each[i] = run->options;
    run->each[i].name = colon == NULL ? NULL : run->names[i];
    run->each[i].parameters = text[length] == '=' ? text + length + 1 : NULL;
    run->requests[i] = (struct brisk_fixture_request){run->kinds[i], &run->each[i]};
    run->count++;
    return true;
}

static const char *name_of(const struct run *run, size_t i)
{
    return run->each[i].name != NULL ? run->each[i].name : run->kinds[i];
}

bool run_check_names(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(name_of(run, i), name_of(run, k)) != 0)
                continue;
            cli_error("brisk run: two fixtures are named '%s'", name_of(run, i));
            cli_hint("give one another name: %s:second", run->kinds[i]);
            return false;
        }
    }
    return true;
}
