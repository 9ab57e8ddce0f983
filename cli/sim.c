/* SPDX-License-Identifier: Apache-2.0 */
/* brisk sim: replays requests on simulated caches. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/option.h"
#include "cli/sim/output.h"
#include "cli/terminal.h"

enum option_id {
    OPTION_POLICY = 1,
    OPTION_SIZE,
    OPTION_TTL,
    OPTION_MRC,
    OPTION_FIELD,
    OPTION_SIZE_FIELD,
    OPTION_CSV,
    OPTION_JSON,
    OPTION_PLOT,
    OPTION_OUTPUT,
    OPTION_QUIET,
    OPTION_COLOR,
};

static const struct cli_option options[] = {
    {OPTION_POLICY, 'p', "policy", "LIST",
     "Policies, with commas between: default, s3fifo, sieve, lru, lfu,\nfifo, or all (the "
     "default)."},
    {OPTION_SIZE, 's', "size", "LIST",
     "Sizes: 5% of the unique keys, 1000 objects, 64M bytes (B, K, M, G).\n"
     "Default: 0.1%,1%,5%,10%,20%."},
    {OPTION_TTL, 0, "ttl", "REQUESTS",
     "Entries expire after so many requests, unless their line says\notherwise. Default: never."},
    {OPTION_MRC, 0, "mrc", NULL,
     "Also estimate the miss ratio curves from a sample of 8,192 keys, as\na live cache can, and "
     "say how far they are from the truth."},
    {OPTION_FIELD, 'f', "field", "N",
     "The key is the n-th field of each line, as in an access log\n"
     "(7 in the common log format). Default: lines are `key size [ttl]`."},
    {OPTION_SIZE_FIELD, 0, "size-field", "N",
     "The size in bytes is the n-th field. Default: every size is 1."},
    {OPTION_CSV, 0, "csv", NULL, "Print comma-separated values, with a header."},
    {OPTION_JSON, 0, "json", NULL, "Print an object per trace and line."},
    {OPTION_PLOT, 0, "plot", "FILE", "Also write the curves to FILE, as SVG; of one trace only."},
    {OPTION_OUTPUT, 'o', "output", "FILE", "Write to FILE in place of the standard output."},
    {OPTION_QUIET, 'q', "quiet", NULL, "No progress, no chart and no advice."},
    {OPTION_COLOR, 0, "color", "WHEN", "auto (the default: on a terminal), always or never."},
};

static const struct cli_verb verb = {
    .name = "sim",
    .summary = "replay requests: which policy and size a cache needs",
    .operands = "[OPTION]... TRACE...",
    .description =
        "Reads each TRACE, text that may be compressed with zstd (- is the standard\n"
        "input), and counts the misses of simulated caches, which use the policies of\n"
        "the library. A miss ratio counts first requests, which no cache can serve.\n"
        "Sizes in bytes count the sizes of the lines alone; an object larger than the\n"
        "cache is a miss and not stored. Percentages need the number of unique keys, so\n"
        "files are then read twice, and the standard input is copied to TMPDIR; so with\n"
        "--mrc.",
    .examples = "brisk sim requests.trace.zst\n"
                "brisk sim --policy lru,s3fifo --size 1%,10%,1000,64M requests.trace\n"
                "brisk sim --field 7 --size-field 10 --plot curves.svg access.log\n"
                "brisk sim --mrc --policy lru,s3fifo,lfu requests.trace\n"
                "zcat access.log.*.gz | brisk sim --field 7 --csv -",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .variables = (const int[]){OPTION_POLICY, OPTION_SIZE, OPTION_COLOR, 0},
    .is_mixed = true,
};

enum form {
    FORM_TABLE,
    FORM_CSV,
    FORM_JSON
};

struct command {
    struct sim_plan plan;
    struct trace_format format;
    uint64_t ttl;
    bool has_estimates;
    enum form form;
    const char *plot_path;
    const char *output_path;
    bool is_output_begun;
    bool is_quiet;
    struct cli_progress progress;
};

/* `value` may go on behind a comma. */
static bool refuse(const char *option, const char *value, const char *hint)
{
    cli_error("brisk sim: --%s: '%.*s' is wrong", option, (int)strcspn(value, ","), value);
    cli_hint("%s", hint);
    return false;
}

static bool read_count(const char *text, uint64_t most, uint64_t *count)
{
    char *end;
    errno = 0;
    *count = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *count > 0 &&
           *count <= most;
}

static bool read_field(const char *name, const char *value, unsigned int *field)
{
    uint64_t count;
    if (!read_count(value, 10000, &count))
        return refuse(name, value, "fields count from 1, as in awk: --field 7");
    *field = (unsigned int)count;
    return true;
}

static const char *find_close_policy(const char *list)
{
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(list, ","), list);
    for (unsigned int i = 0; i < SIM_POLICIES; i++)
        if (cli_is_close(word, sim_policies[i].name))
            return sim_policies[i].name;
    return NULL;
}

static bool refuse_policy(const char *list)
{
    const char *close = find_close_policy(list);
    refuse("policy", list, "policies are default, s3fifo, sieve, lru, lfu, fifo and all");
    if (close != NULL)
        cli_hint("did you mean %s?", close);
    return false;
}

static bool set_list(struct command *command, int id, const char *value)
{
    const char *wrong = value;
    if (id == OPTION_POLICY && !sim_plan_read_policies(&command->plan, value, &wrong))
        return refuse_policy(wrong);
    if (id == OPTION_SIZE && !sim_plan_read_sizes(&command->plan, value, &wrong))
        return refuse(
            "size", wrong, "sizes are like 5%, 1000 (objects) or 64M (bytes), 100 at most");
    return true;
}

static bool set_option(void *ctx, int id, const char *value)
{
    struct command *command = ctx;
    switch ((enum option_id)id) {
    case OPTION_POLICY:
    case OPTION_SIZE:
        return set_list(command, id, value);
    case OPTION_TTL:
        return read_count(value, TRACE_MOST_SIZE, &command->ttl) ||
               refuse("ttl", value, "a number of requests: --ttl 100000");
    case OPTION_MRC:
        command->has_estimates = true;
        return true;
    case OPTION_FIELD:
        return read_field("field", value, &command->format.key_field);
    case OPTION_SIZE_FIELD:
        return read_field("size-field", value, &command->format.size_field);
    case OPTION_CSV:
        command->form = FORM_CSV;
        return true;
    case OPTION_JSON:
        command->form = FORM_JSON;
        return true;
    case OPTION_PLOT:
        command->plot_path = value;
        return true;
    case OPTION_OUTPUT:
        command->output_path = value;
        return true;
    case OPTION_QUIET:
        command->is_quiet = true;
        return true;
    case OPTION_COLOR:
        return cli_set_color(value) || refuse("color", value, "auto, always or never");
    }
    return false;
}

static void show_progress(void *ctx, const char *what, double done, uint64_t requests)
{
    struct command *command = ctx;
    if (command->is_quiet || !cli_progress_is_due(&command->progress))
        return;
    if (done >= 0)
        cli_progress_show(
            &command->progress, "%s: %.0f %%, %" PRIu64 " requests", what, 100 * done, requests);
    else
        cli_progress_show(&command->progress, "%s: %" PRIu64 " requests", what, requests);
}

/* An old file keeps its content until there is a new one. */
static void begin_output(struct command *command, FILE *out)
{
    if (command->output_path != NULL && !command->is_output_begun && ftruncate(fileno(out), 0) != 0)
        errno = 0; /* no regular file */
    if (command->form == FORM_CSV && !command->is_output_begun)
        sim_print_csv_header(out, command->has_estimates);
    if (command->form == FORM_TABLE && command->is_output_begun)
        fputc('\n', out);
    command->is_output_begun = true;
}

/* False if there is no memory. */
static bool print_result(FILE *out, struct command *command, const struct sim_result *result)
{
    begin_output(command, out);
    if (command->form == FORM_CSV) {
        sim_print_csv(out, result);
        return true;
    }
    if (command->form == FORM_JSON)
        return sim_print_json(out, result);
    sim_print_table(out, &command->plan, result);
    if (command->is_quiet)
        return true;
    if (command->plan.size_count >= 3 && result->requests != 0)
        sim_print_chart(out, &command->plan, result);
    sim_print_advice(out, result);
    return true;
}

static int fail(const struct brisk_error *error, const char *hint)
{
    cli_error("brisk sim: %s", error->message);
    if (error->status == BRISK_ERR_NOMEM)
        hint = "take fewer policies and sizes at a time";
    if (hint != NULL)
        cli_hint("%s", hint);
    return error->status == BRISK_ERR_NOMEM ? 125 : 2;
}

static int simulate(struct command *command, const char *path, FILE *out)
{
    struct brisk_error error = {0};
    struct trace *trace = trace_open(path, &command->format, &error);
    if (trace == NULL)
        return fail(&error, NULL);
    struct sim_options sim_options = {
        .plan = &command->plan,
        .ttl = command->ttl,
        .has_estimates = command->has_estimates,
        .progress = show_progress,
        .progress_ctx = command};
    struct sim_result result;
    int status = 0;
    if (sim_run(trace, &sim_options, &result, &error) != BRISK_OK) {
        cli_progress_end(&command->progress);
        status = fail(&error, trace_hint(trace));
        trace_close(trace);
        return status;
    }
    cli_progress_end(&command->progress);
    if (!print_result(out, command, &result)) {
        cli_error("brisk sim: no memory for the result of %s", path);
        status = 125;
    }
    fflush(out); /* what is known is not lost by what ends the next trace */
    if (command->plot_path != NULL && !sim_write_svg(command->plot_path, &command->plan, &result)) {
        cli_error("brisk sim: %s: %s", command->plot_path, strerror(errno));
        status = 125;
    }
    sim_result_free(&result);
    trace_close(trace);
    return status;
}

static bool is_trace(const char *path, const char *trace)
{
    struct stat of_path, of_trace;
    bool is_there = strcmp(trace, "-") == 0 ? fstat(STDIN_FILENO, &of_trace) == 0
                                            : stat(trace, &of_trace) == 0;
    return is_there && stat(path, &of_path) == 0 && of_path.st_dev == of_trace.st_dev &&
           of_path.st_ino == of_trace.st_ino && S_ISREG(of_path.st_mode);
}

/*
 * Opens a file for results before the work is done that would be lost without it;
 * -1 if it cannot be written or is one of the traces.
 */
static int open_result(const char *path, int count, char **traces)
{
    for (int i = 0; i < count; i++) {
        if (is_trace(path, traces[i])) {
            cli_error("brisk sim: %s: it is a TRACE and would be overwritten", path);
            cli_hint("name another file for the results");
            return -1;
        }
    }
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        cli_error("brisk sim: %s: %s", path, strerror(errno));
    return file;
}

static bool open_results(struct command *command, int count, char **traces)
{
    if (command->output_path != NULL && strcmp(command->output_path, "-") == 0)
        command->output_path = NULL;
    if (command->output_path != NULL) {
        int file = open_result(command->output_path, count, traces);
        if (file < 0 || dup2(file, STDOUT_FILENO) < 0)
            return false;
        close(file);
    }
    if (command->plot_path != NULL) {
        int file = open_result(command->plot_path, count, traces);
        if (file < 0)
            return false;
        close(file);
    }
    return true;
}

static int simulate_all(struct command *command, int count, char **paths)
{
    int status = 0;
    for (int i = 0; i < count && status == 0; i++)
        status = simulate(command, paths[i], stdout);
    int end = cli_finish_output(status);
    return status != 0 ? status : end;
}

int main(int argc, char **argv)
{
    struct command command = {0};
    const char *wrong;
    sim_plan_read_policies(&command.plan, "all", &wrong);
    sim_plan_read_sizes(&command.plan, "0.1%,1%,5%,10%,20%", &wrong);
    int first;
    cli_start();
    int status = cli_parse(&verb, argc, argv, set_option, &command, &first);
    if (status != CLI_GO_ON)
        return status;
    if (first == argc) {
        cli_error("brisk sim: there is no TRACE");
        cli_hint("brisk sim --help, or - for the standard input");
        return 2;
    }
    if (command.format.size_field != 0 && command.format.key_field == 0) {
        cli_error("brisk sim: --size-field needs --field");
        cli_hint("brisk sim --field 7 --size-field 10 access.log");
        return 2;
    }
    if (command.plot_path != NULL && argc - first > 1) {
        cli_error("brisk sim: --plot takes one TRACE, not %d", argc - first);
        cli_hint("run it for each of them");
        return 2;
    }
    if (!open_results(&command, argc - first, argv + first))
        return 2;
    return simulate_all(&command, argc - first, argv + first);
}
