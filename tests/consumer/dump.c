/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps a child with the installed profiler, where that is allowed. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <brisk/dump.h>
#include <brisk/version.h>

int main(void)
{
    struct brisk_error error;
    pid_t pid = fork();
    while (pid == 0)
        pause();
    struct brisk_dump *dump = brisk_dump_new(pid, NULL, &error);
    kill(pid, SIGKILL);
    if (dump == NULL && error.status != BRISK_ERR_PERMISSION) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    brisk_dump_free(dump);
    printf("brisk %s consumed\n", brisk_version());
    return 0;
}
