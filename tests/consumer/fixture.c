/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the fixtures that were installed and, where there is memcached, the guard. */
#include <string.h>

#include <brisk/brisk.h>
#include <brisk/fixture.h>

static bool look(const struct brisk_fixture_kind *kind, void *found)
{
    if (strcmp(kind->name, "memcached") == 0)
        *(bool *)found = true;
    return true;
}

int main(void)
{
    bool is_found = false;
    struct brisk_error error;
    if (brisk_fixture_each_kind(look, &is_found, &error) < 0 || !is_found) {
        fprintf(stderr, "the installed fixtures are not found\n");
        return 1;
    }
    struct brisk_fixture *fixture = brisk_fixture_start("memcached", NULL, &error);
    if (fixture == NULL && strstr(error.message, "is not installed") == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    brisk_fixture_stop(fixture, NULL);
    printf("brisk %s consumed\n", brisk_version());
    return 0;
}
