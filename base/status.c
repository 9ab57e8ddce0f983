/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/status.h>

struct description {
    const char *name;
    const char *text;
};

#define NAMED(status, words)                                                                       \
    case status:                                                                                   \
        description->name = #status;                                                               \
        description->text = words;                                                                 \
        break

static struct description describe(enum brisk_status status)
{
    struct description found = {"BRISK_UNKNOWN_STATUS", "this version does not know the status"};
    struct description *description = &found;
    switch (status) {
        NAMED(BRISK_OK, "done");
        NAMED(BRISK_MISS, "the key is not there");
        NAMED(BRISK_CONFLICT, "somebody else wrote first");
        NAMED(BRISK_NOT_STORED, "the condition of the write did not hold");
        NAMED(BRISK_STALE, "the value has expired, and the caller allows that");
        NAMED(BRISK_AGAIN, "done in part; call again with the rest");
        NAMED(BRISK_ERR_NOMEM, "out of memory");
        NAMED(BRISK_ERR_INVALID, "an argument is invalid");
        NAMED(BRISK_ERR_SYSTEM, "a system call failed");
        NAMED(BRISK_ERR_PERMISSION, "the kernel refused permission");
        NAMED(BRISK_ERR_TIMEOUT, "the deadline passed");
        NAMED(BRISK_ERR_UNREACHABLE, "no server answered");
        NAMED(BRISK_ERR_CORRUPT, "the bytes are damaged or not brisk's");
        NAMED(BRISK_ERR_UNSUPPORTED, "this build, kernel or server cannot do it");
        NAMED(BRISK_ERR_UNKNOWN_OUTCOME, "the write was sent, but no reply came");
        NAMED(BRISK_ERR_TRUNCATED, "the source ended too early");
        NAMED(BRISK_ERR_TOO_BIG, "the key, value or request is over the limit");
        NAMED(BRISK_ERR_SHORT_BUFFER, "the buffer is too small");
        NAMED(BRISK_ERR_RECURSION, "a callback asked for what waits for it");
        NAMED(BRISK_ERR_CANCELLED, "a callback asked to stop");
    }
    return found;
}

const char *brisk_status_name(enum brisk_status status)
{
    return describe(status).name;
}

const char *brisk_status_text(enum brisk_status status)
{
    return describe(status).text;
}
