/* SPDX-License-Identifier: Apache-2.0 */
/* brisk dump: where every thread of a process is now. */
#include "cli/profile/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/dump.h>

#include "base/json_writer.h"
#include "cli/option.h"
#include "cli/terminal.h"

enum option_id {
    OPTION_PID = 1,
    OPTION_JSON,
    OPTION_VERBOSE,
};

static const struct cli_option options[] = {
    {OPTION_PID, 'p', "pid", "PID", "The process."},
    {OPTION_JSON, 0, "json", NULL, "Print one object, with addresses."},
    {OPTION_VERBOSE, 'v', "verbose", NULL,
     "Also print addresses, offsets, and how the frames were found."},
};

static const struct cli_verb verb = {
    .name = "dump",
    .summary = "print the stack of every thread of a process",
    .operands = "-p PID [OPTION]...",
    .description = "Stops each thread for some ten microseconds, one after the other, copies its\n"
                   "registers and stack, and prints who called whom, innermost first. Nothing is\n"
                   "put into the process, and no thread stays stopped, also if brisk is killed.\n"
                   "Works on optimised programs without frame pointers. Functions without a\n"
                   "symbol are shown by the address in their file, for addr2line.",
    .examples = "brisk dump -p 1234\n"
                "brisk dump -p $(pidof -s memcached) -v\n"
                "brisk dump --json -p 1234",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

struct command {
    pid_t pid; /* 0: not given */
    bool is_json;
    bool is_verbose;
};

static bool set_pid(struct command *command, const char *value)
{
    char *end;
    errno = 0;
    long pid = strtol(value, &end, 10);
    if (errno == 0 && *value >= '0' && *value <= '9' && *end == '\0' && pid > 0 &&
        pid <= INT32_MAX) {
        command->pid = (pid_t)pid;
        return true;
    }
    cli_error("brisk dump: --pid: '%s' is wrong", value);
    cli_hint("a number of a process: pidof NAME tells it");
    return false;
}

static bool set_option(void *ctx, int id, const char *value)
{
    struct command *command = ctx;
    switch ((enum option_id)id) {
    case OPTION_PID:
        return set_pid(command, value);
    case OPTION_JSON:
        command->is_json = true;
        return true;
    case OPTION_VERBOSE:
        command->is_verbose = true;
        return true;
    }
    return false;
}

/* Names are of the process's choice: what could steer a terminal is shown as '?'. */
static void print_name(const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char)*name;
        putchar(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

static void
print_frame(const struct command *command, size_t index, const struct brisk_dump_frame *frame)
{
    printf("  %3zu  ", index);
    if (command->is_verbose)
        printf("0x%016" PRIx64 "  ", frame->address);
    if (frame->function != NULL) {
        print_name(frame->function);
        if (command->is_verbose)
            printf("+0x%" PRIx64, frame->function_offset);
        if (frame->module != NULL) {
            fputs("  (", stdout);
            print_name(command->is_verbose ? frame->module : last_part(frame->module));
            putchar(')');
        }
    } else if (frame->module != NULL) {
        print_name(command->is_verbose ? frame->module : last_part(frame->module));
        printf("+0x%" PRIx64, frame->module_offset);
    } else {
        printf("0x%" PRIx64 "  (no file)", frame->address);
    }
    putchar('\n');
}

static void print_thread(
    const struct command *command, const struct brisk_dump *dump, size_t index,
    const struct brisk_dump_thread *thread)
{
    printf("thread %d \"", (int)thread->tid);
    print_name(thread->name);
    printf("\" %c", thread->state);
    if (!thread->is_stopped) {
        puts(", did not stop in time: it sleeps uninterruptibly");
        return;
    }
    printf(", paused %.0f us\n", (double)thread->pause_ns / 1000);
    struct brisk_dump_frame frame;
    for (size_t i = 0; brisk_dump_get_frame(dump, index, i, &frame) == BRISK_OK; i++)
        print_frame(command, i, &frame);
    if (thread->is_truncated)
        puts("       [truncated]");
}

static void print_text(const struct command *command, const struct brisk_dump *dump)
{
    struct brisk_dump_info info = {.size = sizeof info};
    struct brisk_dump_thread thread;
    for (size_t i = 0; brisk_dump_get_thread(dump, i, &thread) == BRISK_OK; i++) {
        if (i > 0)
            putchar('\n');
        print_thread(command, dump, i, &thread);
    }
    if (command->is_verbose && brisk_dump_get_info(dump, &info) == BRISK_OK)
        printf(
            "\n%" PRIu64 " threads, %" PRIu64 " frames: %" PRIu64 " by libunwind, %" PRIu64
            " by frame pointer, the rest by tables\n",
            info.threads, info.frames, info.fallback_frames, info.frame_pointer_frames);
}

static void put_optional(struct bk_json *json, const char *key, const char *value)
{
    bk_json_key(json, key);
    if (value != NULL)
        bk_json_string(json, value);
    else
        bk_json_null(json);
}

static void put_u64(struct bk_json *json, const char *key, uint64_t value)
{
    bk_json_key(json, key);
    bk_json_u64(json, value);
}

static void put_frame(struct bk_json *json, const struct brisk_dump_frame *frame)
{
    bk_json_begin(json, '{');
    put_u64(json, "address", frame->address);
    put_optional(json, "function", frame->function);
    put_u64(json, "function_offset", frame->function_offset);
    put_optional(json, "module", frame->module);
    put_u64(json, "module_offset", frame->module_offset);
    bk_json_end(json, '}');
}

static void put_thread(
    struct bk_json *json, const struct brisk_dump *dump, size_t index,
    const struct brisk_dump_thread *thread)
{
    const char state[2] = {thread->state, '\0'};
    bk_json_begin(json, '{');
    put_u64(json, "tid", (uint64_t)thread->tid);
    put_optional(json, "name", thread->name);
    put_optional(json, "state", state);
    bk_json_key(json, "stopped");
    bk_json_bool(json, thread->is_stopped);
    bk_json_key(json, "truncated");
    bk_json_bool(json, thread->is_truncated);
    put_u64(json, "pause_ns", thread->pause_ns);
    put_u64(json, "work_ns", thread->work_ns);
    bk_json_key(json, "frames");
    bk_json_begin(json, '[');
    struct brisk_dump_frame frame;
    for (size_t i = 0; brisk_dump_get_frame(dump, index, i, &frame) == BRISK_OK; i++)
        put_frame(json, &frame);
    bk_json_end(json, ']');
    bk_json_end(json, '}');
}

static void
put_dump(struct bk_json *json, const struct command *command, const struct brisk_dump *dump)
{
    struct brisk_dump_info info = {.size = sizeof info};
    brisk_dump_get_info(dump, &info);
    bk_json_begin(json, '{');
    put_u64(json, "pid", (uint64_t)command->pid);
    put_u64(json, "frames", info.frames);
    put_u64(json, "fallback_frames", info.fallback_frames);
    put_u64(json, "frame_pointer_frames", info.frame_pointer_frames);
    bk_json_key(json, "threads");
    bk_json_begin(json, '[');
    struct brisk_dump_thread thread;
    for (size_t i = 0; brisk_dump_get_thread(dump, i, &thread) == BRISK_OK; i++)
        put_thread(json, dump, i, &thread);
    bk_json_end(json, ']');
    bk_json_end(json, '}');
}

/* Twice: the first time finds the length. */
static int print_json(const struct command *command, const struct brisk_dump *dump)
{
    struct bk_text text = {0};
    put_dump(&(struct bk_json){.text = &text}, command, dump);
    size_t length = text.length;
    char *buffer = malloc(length + 1);
    if (buffer == NULL) {
        cli_error("brisk dump: no memory for %zu bytes of JSON", length);
        return 125;
    }
    text = (struct bk_text){.buffer = buffer, .capacity = length};
    put_dump(&(struct bk_json){.text = &text}, command, dump);
    fwrite(buffer, 1, length, stdout);
    putchar('\n');
    free(buffer);
    return 0;
}

static int fail(const struct brisk_error *error)
{
    cli_error("brisk dump: %s", error->message);
    if (error->status == BRISK_ERR_UNREACHABLE)
        cli_hint("ps -e lists the processes");
    if (error->status == BRISK_ERR_INVALID)
        cli_hint("brisk dump -p PID");
    if (error->status == BRISK_ERR_PERMISSION)
        cli_hint("sudo brisk dump -p PID");
    return error->status == BRISK_ERR_INVALID ? 2 : 125;
}

int profile_dump(int argc, char **argv)
{
    struct command command = {0};
    int first;
    int status = cli_parse(&verb, argc, argv, set_option, &command, &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc) {
        cli_error("brisk dump: '%s' is too much", argv[first]);
        cli_hint("brisk dump -p %s", argv[first]);
        return 2;
    }
    if (command.pid == 0) {
        cli_error("brisk dump: there is no PID");
        cli_hint("brisk dump -p PID");
        return 2;
    }
    struct brisk_error error = {0};
    struct brisk_dump *dump = brisk_dump_new(command.pid, NULL, &error);
    if (dump == NULL)
        return fail(&error);
    if (command.is_json)
        status = print_json(&command, dump);
    else
        print_text(&command, dump);
    brisk_dump_free(dump);
    int end = cli_finish_output(status > 0 ? status : 0);
    return status > 0 ? status : end;
}
