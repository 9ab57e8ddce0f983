/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/profiler/subject_support.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "profiler/process_info.h"

enum {
    WAIT_MS = 30000
};

static void wait_for_ready(const struct subject *subject, int ready)
{
    static const char line[] = "ready\n";
    for (size_t expected = (size_t)ready * (sizeof line - 1); expected > 0;) {
        char bytes[4096];
        struct pollfd poller = {.fd = subject->out, .events = POLLIN};
        assert_that(poll(&poller, 1, WAIT_MS) == 1, "the program is not ready");
        ssize_t got = read(subject->out, bytes, expected < sizeof bytes ? expected : sizeof bytes);
        assert_that(got > 0, "the program has ended");
        expected -= (size_t)got;
    }
}

struct subject subject_start(const char *program, const char *mode, int count, int ready)
{
    int out[2], in[2];
    char number[16];
    assert_i64(pipe(out), 0);
    assert_i64(pipe(in), 0);
    snprintf(number, sizeof number, "%d", count);
    pid_t pid = fork();
    assert_that(pid >= 0, "cannot fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        dup2(out[1], 1);
        dup2(in[0], 0);
        close(out[0]);
        close(in[1]);
        execl(program, program, mode, number, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(in[0]);
    struct subject subject = {.pid = pid, .out = out[0], .in = in[1]};
    wait_for_ready(&subject, ready);
    return subject;
}

int subject_stop(struct subject *subject)
{
    int status = 0;
    kill(subject->pid, SIGKILL);
    waitpid(subject->pid, &status, 0);
    close(subject->out);
    close(subject->in);
    return status;
}

char subject_state(const struct subject *subject)
{
    char name[BK_THREAD_NAME_BYTES], state;
    return bk_thread_info(subject->pid, subject->pid, name, &state) ? state : '?';
}

bool subject_wait_for_state(const struct subject *subject, const char *states)
{
    for (int ms = 0; ms < WAIT_MS; ms++) {
        if (strchr(states, subject_state(subject)) != NULL)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

static bool
is_function(const struct brisk_dump *dump, size_t thread, size_t index, const char *function)
{
    struct brisk_dump_frame frame;
    return brisk_dump_get_frame(dump, thread, index, &frame) == BRISK_OK &&
           frame.function != NULL && strcmp(frame.function, function) == 0;
}

bool has_chain(const struct brisk_dump *dump, size_t index, const char *const *functions)
{
    struct brisk_dump_thread thread;
    if (brisk_dump_get_thread(dump, index, &thread) != BRISK_OK)
        return false;
    for (size_t first = 0; first < thread.frames; first++) {
        size_t matched = 0;
        while (functions[matched] != NULL &&
               is_function(dump, index, first + matched, functions[matched]))
            matched++;
        if (functions[matched] == NULL)
            return true;
    }
    return false;
}

void show_stack(const struct brisk_dump *dump, size_t index)
{
    struct brisk_dump_frame frame;
    for (size_t i = 0; i < 64 && brisk_dump_get_frame(dump, index, i, &frame) == BRISK_OK; i++)
        print_error(
            "%3zu 0x%" PRIx64 " %s (%s)\n", i, frame.address,
            frame.function != NULL ? frame.function : "?",
            frame.module != NULL ? frame.module : "?");
}
