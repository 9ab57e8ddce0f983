/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings store NAME VALUE, settings retrieve NAME: in the memcached of BRISK_MEMCACHED_HOST and
 * BRISK_MEMCACHED_PORT:
 *
 *     brisk run memcached -- sh -c 'settings store colour blue; settings retrieve colour'
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/settings/settings.h"

static int finish(enum settings_answer answer, const char *text)
{
    if (answer != SETTINGS_OK)
        fprintf(stderr, "settings: %s\n", settings_answer_text(answer));
    else if (puts(text) < 0 || fflush(stdout) != 0)
        return 1;
    return answer == SETTINGS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    char value[SETTINGS_VALUE_BYTES + 1];
    const char *host = getenv("BRISK_MEMCACHED_HOST"), *port = getenv("BRISK_MEMCACHED_PORT");
    if (host == NULL || port == NULL) {
        fputs("settings: there is no BRISK_MEMCACHED_HOST; try brisk run memcached\n", stderr);
        return 2;
    }
    struct settings settings = {host, (uint16_t)strtoul(port, NULL, 10)};
    if (argc == 4 && strcmp(argv[1], "store") == 0)
        return finish(settings_store(&settings, argv[2], argv[3]), "stored");
    if (argc == 3 && strcmp(argv[1], "retrieve") == 0)
        return finish(settings_retrieve(&settings, argv[2], value), value);
    fputs("usage: settings store NAME VALUE | settings retrieve NAME\n", stderr);
    return 2;
}
