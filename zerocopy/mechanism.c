/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "zerocopy/transfer.h"

static const char *const names[BRISK_MECHANISMS] = {
    [BRISK_MECHANISM_AUTO] = "auto",     [BRISK_MECHANISM_MEMORY] = "memory",
    [BRISK_MECHANISM_COPY] = "copy",     [BRISK_MECHANISM_SENDFILE] = "sendfile",
    [BRISK_MECHANISM_SPLICE] = "splice", [BRISK_MECHANISM_COPY_RANGE] = "copy_range",
};

const char *brisk_mechanism_name(enum brisk_mechanism mechanism)
{
    return (unsigned int)mechanism < BRISK_MECHANISMS ? names[mechanism] : "unknown";
}

static enum brisk_mechanism of_environment = BRISK_MECHANISM_AUTO;

static void read_environment(void)
{
    const char *wanted = secure_getenv("BRISK_SEND_MECHANISM");
    if (wanted == NULL || wanted[0] == '\0')
        return;
    for (unsigned int i = 0; i < BRISK_MECHANISMS; i++)
        if (i != BRISK_MECHANISM_MEMORY && strcmp(wanted, names[i]) == 0) {
            of_environment = (enum brisk_mechanism)i;
            return;
        }
    bk_log(
        BRISK_LOG_WARNING,
        "BRISK_SEND_MECHANISM is '%.40s', not auto, copy, sendfile, splice or copy_range: it is "
        "taken for auto",
        wanted);
}

enum brisk_mechanism bk_mechanism_of_environment(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    return of_environment;
}
