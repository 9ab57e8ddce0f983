/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stddef.h>
#include <stdint.h>

/*
 * An application's settings, kept in a memcached. Whatever happens to the server, a call answers
 * with one of these within two seconds: never a crash, never a wrong value.
 */
enum settings_answer {
    SETTINGS_OK,
    SETTINGS_LOST,       /* the server does not know it (any more) */
    SETTINGS_NO_SERVER,  /* nobody answers */
    SETTINGS_NO_SETTING, /* the name or value cannot be one */
    SETTINGS_NONSENSE    /* what answers is no memcached */
};

struct settings {
    const char *host; /* an IPv4 address */
    uint16_t port;
};

enum {
    SETTINGS_NAME_BYTES = 250, /* at most, as memcached's keys */
    SETTINGS_VALUE_BYTES = 1000
};

enum settings_answer
settings_store(const struct settings *settings, const char *name, const char *value);

/* Into `value`, with a '\0'; "" if the answer is not SETTINGS_OK. */
enum settings_answer settings_retrieve(
    const struct settings *settings, const char *name, char value[SETTINGS_VALUE_BYTES + 1]);

const char *settings_answer_text(enum settings_answer answer);

#endif
