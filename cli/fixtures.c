/* SPDX-License-Identifier: Apache-2.0 */
/* brisk list, ps, gc, doctor: what there is, what runs, what is left, what is possible. */
#include "cli/fixtures.h"

#include <stdio.h>
#include <string.h>

#include <brisk/fixture.h>

#include "base/json_writer.h"
#include "cli/option.h"
#include "cli/terminal.h"

enum {
    OPTION_JSON = 1,
    LINE_BYTES = 16384,
};

static const struct cli_option json_option[] = {
    {OPTION_JSON, 0, "json", NULL, "Print an object per line."}};

static bool set_json(void *is_json, int id, const char *value)
{
    (void)id;
    (void)value;
    *(bool *)is_json = true;
    return true;
}

static bool no_operands(const char *verb, int argc, int first)
{
    if (first == argc)
        return true;
    cli_error("brisk %s: it takes no operands", verb);
    cli_hint("brisk %s --help", verb);
    return false;
}

static int fail(const char *verb, const struct brisk_error *error)
{
    cli_error("brisk %s: %s", verb, error->message);
    return 125;
}

/* An object of strings, printed as a line. */
struct json_line {
    char bytes[LINE_BYTES];
    struct bk_text text;
    struct bk_json json;
};

static void begin_line(struct json_line *line)
{
    line->text = (struct bk_text){.buffer = line->bytes, .capacity = sizeof line->bytes};
    line->json = (struct bk_json){.text = &line->text};
    bk_json_begin(&line->json, '{');
}

static void add_string(struct json_line *line, const char *key, const char *value)
{
    bk_json_key(&line->json, key);
    bk_json_string(&line->json, value);
}

static void add_number(struct json_line *line, const char *key, uint64_t value)
{
    bk_json_key(&line->json, key);
    bk_json_u64(&line->json, value);
}

static void end_line(struct json_line *line)
{
    bk_json_end(&line->json, '}');
    size_t length = line->text.length < LINE_BYTES ? line->text.length : LINE_BYTES;
    printf("%.*s\n", (int)length, line->bytes);
}

static bool print_kind(const struct brisk_fixture_kind *kind, void *is_json)
{
    bool is_installed = kind->program[0] != '\0';
    if (*(bool *)is_json) {
        struct json_line line;
        begin_line(&line);
        add_string(&line, "name", kind->name);
        add_string(&line, "summary", kind->summary);
        add_string(&line, "package", kind->package);
        add_string(&line, "path", kind->path);
        add_string(&line, "program", kind->program);
        end_line(&line);
        return true;
    }
    printf("%-14s %-12s %s\n", kind->name, is_installed ? "installed" : "-", kind->summary);
    return true;
}

int cli_list(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "list",
        .summary = "the fixtures that can be started",
        .operands = "[OPTION]...",
        .description =
            "Reads the fixture files in ./fixtures, ~/.config/brisk/fixtures, the folders of\n"
            "BRISK_FIXTURE_PATH and those that came with brisk. Whoever wants another daemon\n"
            "writes such a file.",
        .examples = "brisk list",
        .options = json_option,
        .option_count = 1};
    int first;
    bool is_json = false;
    struct brisk_error error = {0};
    int status = cli_parse(&verb, argc, argv, set_json, &is_json, &first);
    if (status != CLI_GO_ON)
        return status;
    if (!no_operands("list", argc, first))
        return 2;
    if (brisk_fixture_each_kind(print_kind, &is_json, &error) < 0)
        return fail("list", &error);
    return cli_finish_output(0);
}

static void print_running(struct brisk_fixture *fixture, bool is_json)
{
    static const char *const states[] = {"ended", "running", "paused"};
    const char *state = states[brisk_fixture_state(fixture, NULL)];
    if (!is_json) {
        printf(
            "%-14s %-12s %-8s %7d %6u  %s\n", brisk_fixture_name(fixture),
            brisk_fixture_kind_name(fixture), state, (int)brisk_fixture_pid(fixture),
            brisk_fixture_port(fixture), brisk_fixture_dir(fixture));
        return;
    }
    struct json_line line;
    begin_line(&line);
    add_string(&line, "name", brisk_fixture_name(fixture));
    add_string(&line, "kind", brisk_fixture_kind_name(fixture));
    add_string(&line, "state", state);
    add_number(&line, "pid", (uint64_t)brisk_fixture_pid(fixture));
    add_string(&line, "host", brisk_fixture_host(fixture));
    add_number(&line, "port", brisk_fixture_port(fixture));
    add_string(&line, "url", brisk_fixture_url(fixture));
    add_string(&line, "directory", brisk_fixture_dir(fixture));
    end_line(&line);
}

/* One that starts or ends just now is left out. */
static bool visit_running(const char *folder, void *is_json)
{
    struct brisk_fixture *fixture = brisk_fixture_attach(folder, NULL);
    if (fixture == NULL)
        return true;
    print_running(fixture, *(bool *)is_json);
    brisk_fixture_detach(fixture);
    return true;
}

int cli_ps(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "ps",
        .summary = "the fixtures of this user that run",
        .operands = "[OPTION]...",
        .description = "Shows the name, kind, state, process, port and folder of each.",
        .examples = "brisk ps\nbrisk ps --json",
        .options = json_option,
        .option_count = 1};
    int first;
    bool is_json = false;
    struct brisk_error error = {0};
    int status = cli_parse(&verb, argc, argv, set_json, &is_json, &first);
    if (status != CLI_GO_ON)
        return status;
    if (!no_operands("ps", argc, first))
        return 2;
    if (!is_json)
        printf(
            "%-14s %-12s %-8s %7s %6s  %s\n", "NAME", "KIND", "STATE", "PID", "PORT", "DIRECTORY");
    if (brisk_fixture_each_running(visit_running, &is_json, &error) < 0)
        return fail("ps", &error);
    return cli_finish_output(0);
}

int cli_gc(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "gc",
        .summary = "remove what killed runs have left behind",
        .operands = "",
        .description =
            "Removes folders whose guard does not live, after the processes that belong to\n"
            "them. Each start of a fixture does so as well.",
        .examples = "brisk gc"};
    int first;
    size_t removed;
    struct brisk_error error = {0};
    int status = cli_parse(&verb, argc, argv, NULL, NULL, &first);
    if (status != CLI_GO_ON)
        return status;
    if (!no_operands("gc", argc, first))
        return 2;
    if (brisk_fixture_collect(&removed, &error) < 0)
        return fail("gc", &error);
    printf("%zu removed\n", removed);
    return cli_finish_output(0);
}

struct examination {
    size_t missing;
    char packages[1024];
};

static bool examine(const struct brisk_fixture_kind *kind, void *ctx)
{
    struct examination *examination = ctx;
    if (kind->program[0] != '\0') {
        printf("  %-14s %s\n", kind->name, kind->program);
        return true;
    }
    printf("  %-14s not installed\n", kind->name);
    examination->missing++;
    size_t used = strlen(examination->packages);
    if (kind->package[0] != '\0' && strstr(examination->packages, kind->package) == NULL)
        snprintf(
            examination->packages + used, sizeof examination->packages - used, " %s",
            kind->package);
    return true;
}

int cli_doctor(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "doctor",
        .summary = "what is installed, what the machine allows, and what to install",
        .operands = "",
        .description = "Ends with status 1 if something is missing.",
        .examples = "brisk doctor"};
    int first;
    struct brisk_error error = {0};
    struct examination examination = {0};
    int status = cli_parse(&verb, argc, argv, NULL, NULL, &first);
    if (status != CLI_GO_ON)
        return status;
    if (!no_operands("doctor", argc, first))
        return 2;
    puts("daemons:");
    if (brisk_fixture_each_kind(examine, &examination, &error) < 0)
        return fail("doctor", &error);
    bool is_isolated = brisk_fixture_check_isolation(&error) == BRISK_OK;
    puts("\nisolation:");
    printf("  %s\n", is_isolated ? "full: daemons run in namespaces of their own" : error.message);
    if (!is_isolated)
        puts("  without it daemons are found by descent: a guard that is killed together with\n"
             "  its run leaves processes behind until the next start or brisk gc");
    if (examination.packages[0] != '\0') {
        fflush(stdout);
        cli_hint("apt-get install%s", examination.packages);
    }
    return cli_finish_output(examination.missing > 0 || !is_isolated);
}
