/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/runner.h"

#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit status of a child, and of the program: 1 = a goal was missed or a case failed. */
enum {
    EXIT_MET = 0,
    EXIT_MISSED = 1,
    EXIT_USAGE = 2
};

/* A case that takes so long hangs. */
enum {
    CASE_TIMEOUT_S = 300
};

enum format {
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_MARKDOWN
};

struct bench {
    const char *program; /* as it was called */
    const char *name;
    const struct bench_case *cases;
    size_t case_count;
    const struct bench_case *current;
    char **patterns;
    int pattern_count;
    int format; /* enum format; getopt_long writes to this and the next three */
    int is_quick;
    int is_list;
    int is_help;
    bool is_missed;
};

void bench_fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_MISSED);
}

size_t bench_scaled(const struct bench *bench, size_t count)
{
    return bench->is_quick ? count / 10 : count;
}

size_t bench_rounds(const struct bench *bench, size_t rounds)
{
    return bench->is_quick && rounds > 3 ? 3 : rounds;
}

static double row_ratio(const struct bench_row *row)
{
    return row->baseline == NULL ? BENCH_NONE : row->value / row->baseline_value;
}

static bool row_is_met(const struct bench_row *row)
{
    double figure = row->baseline == NULL ? row->value : row_ratio(row);

    if (row->goal == 0)
        return true;
    return row->sense == BENCH_AT_MOST ? figure <= row->goal : figure >= row->goal;
}

static const char *suffix_of(const struct bench_row *row)
{
    return row->suffix == NULL ? "" : row->suffix;
}

static void print_number(const char *key, double number)
{
    if (isfinite(number))
        printf(",\"%s\":%.6g", key, number);
    else
        printf(",\"%s\":null", key);
}

static void print_text(const char *key, const char *text)
{
    if (text == NULL)
        printf(",\"%s\":null", key);
    else
        printf(",\"%s\":\"%s\"", key, text);
}

static void print_json(const struct bench *bench, const struct bench_row *row)
{
    printf(
        "{\"bench\":\"%s\",\"case\":\"%s%s\"", bench->name, bench->current->name, suffix_of(row));
    print_number("value", row->value);
    print_text("unit", row->unit);
    print_text("baseline", row->baseline);
    print_number("baseline_value", row->baseline == NULL ? BENCH_NONE : row->baseline_value);
    print_number("ratio", row_ratio(row));
    print_number("goal", row->goal == 0 ? BENCH_NONE : row->goal);
    print_text("sense", row->sense == BENCH_AT_MOST ? "max" : "min");
    printf(",\"runs\":%zu}\n", row->rounds == 0 ? 1 : row->rounds);
}

static const char *verdict_of(const struct bench_row *row)
{
    if (row->goal == 0)
        return "";
    return row_is_met(row) ? "met" : "missed";
}

/* `out` has room for 24 bytes; empty without a goal. */
static const char *describe_goal(const struct bench_row *row, char *out)
{
    out[0] = '\0';
    if (row->goal != 0)
        snprintf(out, 24, "%s %.4g", row->sense == BENCH_AT_MOST ? "<=" : ">=", row->goal);
    return out;
}

static void print_line(const struct bench *bench, const struct bench_row *row)
{
    char name[96];
    char goal[24];

    snprintf(name, sizeof name, "%s%s", bench->current->name, suffix_of(row));
    printf("%-36s %10.4g %-11s", name, row->value, row->unit);
    if (row->baseline == NULL)
        printf(" %-18s %10s %8s", "", "", "");
    else
        printf(" %-18s %10.4g %8.3f", row->baseline, row->baseline_value, row_ratio(row));
    printf("  %-8s %-6s\n", describe_goal(row, goal), verdict_of(row));
}

/* Digits after the point, so that there are three in all or more. */
static int decimals(double number)
{
    return number >= 100 ? 0 : number >= 10 ? 1 : number >= 1 ? 2 : 3;
}

/* A row of the tables in docs/benchmarks.md. */
static void print_markdown(const struct bench *bench, const struct bench_row *row)
{
    const struct bench_case *current = bench->current;
    char goal[24];

    if (row->suffix == NULL)
        printf("| `%s`: %s ", current->name, current->summary);
    else
        printf("| `%s%s` ", current->name, row->suffix);
    printf("| %.*f %s ", decimals(row->value), row->value, row->unit);
    if (row->baseline == NULL)
        printf("| | ");
    else
        printf(
            "| %s %.*f | %.*f ", row->baseline, decimals(row->baseline_value), row->baseline_value,
            decimals(row_ratio(row)), row_ratio(row));
    printf("| %s | %s |\n", describe_goal(row, goal), verdict_of(row));
}

void bench_report(struct bench *bench, const struct bench_row *row)
{
    static void (*const print[])(const struct bench *bench, const struct bench_row *row) = {
        [FORMAT_TEXT] = print_line, [FORMAT_JSON] = print_json, [FORMAT_MARKDOWN] = print_markdown};

    if (!bench->is_quick && !row_is_met(row))
        bench->is_missed = true;
    print[bench->format](bench, row);
    fflush(stdout);
}

static void print_header(const struct bench *bench)
{
    if (bench->format == FORMAT_MARKDOWN)
        puts("| case | value | baseline | ratio | goal | |\n|---|---|---|---|---|---|");
    else if (bench->format == FORMAT_TEXT)
        printf(
            "%-36s %10s %-11s %-18s %10s %8s  %s\n", "case", "value", "unit", "baseline", "value",
            "ratio", "goal");
}

void bench_report_absent(struct bench *bench, const char *why)
{
    const char *name = bench->current->name;

    if (bench->format == FORMAT_JSON)
        print_json(bench, &(struct bench_row){.value = BENCH_NONE, .unit = "absent"});
    else if (bench->format == FORMAT_MARKDOWN)
        printf("| `%s` | absent: %s | | | | |\n", name, why);
    else
        printf("%-36s %10s %s\n", name, "absent:", why);
    fflush(stdout);
}

static bool is_chosen(const struct bench *bench, const struct bench_case *candidate)
{
    if (bench->pattern_count == 0)
        return true;
    for (int i = 0; i < bench->pattern_count; i++)
        if (fnmatch(bench->patterns[i], candidate->name, 0) == 0)
            return true;
    return false;
}

static bool check_patterns(const struct bench *bench)
{
    for (int i = 0; i < bench->pattern_count; i++) {
        size_t at = 0;

        while (at < bench->case_count && fnmatch(bench->patterns[i], bench->cases[at].name, 0) != 0)
            at++;
        if (at < bench->case_count)
            continue;
        fprintf(stderr, "%s: no case is named '%s'\n", bench->program, bench->patterns[i]);
        fprintf(stderr, "hint: %s --list\n", bench->program);
        return false;
    }
    return true;
}

static bool is_written(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    fputs("bench: cannot write the result\n", stderr);
    return false;
}

static void run_child(struct bench *bench, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_MISSED);
    alarm(CASE_TIMEOUT_S);
    bench->current->run(bench, bench->current->argument);
    if (!is_written())
        exit(EXIT_MISSED);
    exit(bench->is_missed ? EXIT_MISSED : EXIT_MET);
}

static bool run_case(struct bench *bench, const struct bench_case *chosen)
{
    pid_t parent = getpid();
    int status = 0;
    pid_t child;

    bench->current = chosen;
    fflush(stdout);
    child = fork();
    if (child == 0)
        run_child(bench, parent);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("bench: cannot run a case");
        return false;
    }
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGPIPE || WTERMSIG(status) == SIGINT))
        raise(WTERMSIG(status)); /* nobody reads any more, or wants more */
    if (WIFSIGNALED(status))
        fprintf(stderr, "bench: %s: %s\n", chosen->name, strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MET;
}

static int run_cases(struct bench *bench)
{
    int result = EXIT_MET;

    print_header(bench);
    for (size_t i = 0; i < bench->case_count; i++)
        if (is_chosen(bench, &bench->cases[i]) && !run_case(bench, &bench->cases[i]))
            result = EXIT_MISSED;
    return result;
}

static void print_list(const struct bench *bench)
{
    for (size_t i = 0; i < bench->case_count; i++)
        if (is_chosen(bench, &bench->cases[i]))
            printf("%-26s %s\n", bench->cases[i].name, bench->cases[i].summary);
}

static void print_help(const struct bench *bench)
{
    printf(
        "usage: %s [--list] [--case NAME]... [--json | --markdown] [--quick]\n"
        "\n"
        "  --list       names and subjects of the cases\n"
        "  --case NAME  only this case; repeatable, shell patterns allowed\n"
        "  --json       one object per line instead of a table\n"
        "  --markdown   a table for docs/benchmarks.md\n"
        "  --quick      a tenth of the work: checks the program, the figures mean little\n"
        "\n"
        "Exit status: 0 all goals met, 1 a goal was missed (without --quick) or a case failed,\n"
        "2 usage.\n",
        bench->program);
}

static bool read_options(struct bench *bench, int argc, char **argv)
{
    const struct option known[] = {
        {"list", no_argument, &bench->is_list, true},
        {"case", required_argument, NULL, 'c'},
        {"json", no_argument, &bench->format, FORMAT_JSON},
        {"markdown", no_argument, &bench->format, FORMAT_MARKDOWN},
        {"quick", no_argument, &bench->is_quick, true},
        {"help", no_argument, &bench->is_help, true},
        {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'c')
            bench->patterns[bench->pattern_count++] = optarg;
        else if (option != 0)
            return false;
    }
    if (optind < argc)
        fprintf(stderr, "%s: unexpected argument '%s'\n", bench->program, argv[optind]);
    return optind == argc;
}

static int run(struct bench *bench)
{
    if (bench->is_help)
        print_help(bench);
    else if (!check_patterns(bench))
        return EXIT_USAGE;
    else if (bench->is_list)
        print_list(bench);
    else
        return run_cases(bench);
    return EXIT_MET;
}

int bench_main(
    int argc, char **argv, const char *name, const struct bench_case *cases, size_t count)
{
    struct bench bench = {.program = argv[0], .name = name, .cases = cases, .case_count = count};
    int result;

    bench.patterns = calloc((size_t)argc + 1, sizeof *bench.patterns);
    if (bench.patterns == NULL)
        return EXIT_MISSED;
    if (read_options(&bench, argc, argv)) {
        result = run(&bench);
        if (!is_written() && result == EXIT_MET)
            result = EXIT_MISSED;
    } else {
        fprintf(stderr, "hint: %s --help\n", bench.program);
        result = EXIT_USAGE;
    }
    free(bench.patterns);
    return result;
}
