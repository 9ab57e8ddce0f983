/* SPDX-License-Identifier: Apache-2.0 */
/* Prints where every thread of a process is: stacks PID. Without one, of a child that sleeps. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <brisk/dump.h>

static void print_thread(const struct brisk_dump *dump, size_t index, int is_child)
{
    struct brisk_dump_frame frame;
    for (size_t k = 0; brisk_dump_get_frame(dump, index, k, &frame) == BRISK_OK; k++)
        if (!is_child)
            printf("  %s\n", frame.function != NULL ? frame.function : "?");
        else if (frame.function != NULL && strcmp(frame.function, "main") == 0)
            puts("the child was found in main");
}

int main(int argc, char **argv)
{
    int is_child = argc < 2;
    pid_t pid = is_child ? fork() : (pid_t)atoi(argv[1]);
    while (is_child && pid == 0)
        pause();

    struct brisk_error error;
    struct brisk_dump *dump = brisk_dump_new(pid, NULL, &error);
    if (dump == NULL)
        fprintf(stderr, "stacks: %s\n", error.message);
    struct brisk_dump_thread thread;
    for (size_t i = 0; dump != NULL && brisk_dump_get_thread(dump, i, &thread) == BRISK_OK; i++) {
        if (!is_child)
            printf("thread %zu\n", i + 1);
        print_thread(dump, i, is_child);
    }
    bool is_shown = dump != NULL;
    brisk_dump_free(dump);
    if (is_child)
        kill(pid, SIGKILL);
    return !is_shown || fflush(stdout) != 0 || ferror(stdout);
}
