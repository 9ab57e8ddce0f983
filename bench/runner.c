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

struct bench {
    const char *name;
    const struct bench_case *cases;
    size_t case_count;
    const struct bench_case *current;
    char **patterns;
    int pattern_count;
    bool is_json;
    bool is_quick;
    bool is_list;
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

    if (isnan(row->goal))
        return true;
    return row->sense == BENCH_AT_MOST ? figure <= row->goal : figure >= row->goal;
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
    printf("{\"bench\":\"%s\",\"case\":\"%s%s\"", bench->name, bench->current->name, row->suffix);
    print_number("value", row->value);
    print_text("unit", row->unit);
    print_text("baseline", row->baseline);
    print_number("baseline_value", row->baseline == NULL ? BENCH_NONE : row->baseline_value);
    print_number("ratio", row_ratio(row));
    print_number("goal", row->goal);
    print_text("sense", row->sense == BENCH_AT_MOST ? "max" : "min");
    printf(",\"runs\":%zu}\n", row->rounds);
}

static void print_line(const struct bench *bench, const struct bench_row *row)
{
    char name[96];
    char verdict[48] = "";

    snprintf(name, sizeof name, "%s%s", bench->current->name, row->suffix);
    if (!isnan(row->goal))
        snprintf(
            verdict, sizeof verdict, "%s (goal %s %.4g)", row_is_met(row) ? "met" : "missed",
            row->sense == BENCH_AT_MOST ? "<=" : ">=", row->goal);
    printf("%-36s %10.4g %-11s", name, row->value, row->unit);
    if (row->baseline == NULL)
        printf(" %-18s %10s %8s", "", "", "");
    else
        printf(" %-18s %10.4g %8.3f", row->baseline, row->baseline_value, row_ratio(row));
    printf("  %s\n", verdict);
}

void bench_report(struct bench *bench, const struct bench_row *row)
{
    if (!row_is_met(row))
        bench->is_missed = true;
    if (bench->is_json)
        print_json(bench, row);
    else
        print_line(bench, row);
    fflush(stdout);
}

void bench_report_absent(struct bench *bench, const char *why)
{
    struct bench_row row = {
        .suffix = "", .value = BENCH_NONE, .unit = "absent", .goal = BENCH_NONE};

    if (bench->is_json)
        print_json(bench, &row);
    else
        printf("%-36s %10s %s\n", bench->current->name, "absent:", why);
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
        fprintf(stderr, "%s: no case is named '%s'\n", bench->name, bench->patterns[i]);
        fprintf(stderr, "hint: %s --list\n", bench->name);
        return false;
    }
    return true;
}

static void run_child(struct bench *bench)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(CASE_TIMEOUT_S);
    bench->current->run(bench, bench->current->argument);
    exit(bench->is_missed ? EXIT_MISSED : EXIT_MET);
}

static bool run_case(struct bench *bench, const struct bench_case *chosen)
{
    int status = 0;
    pid_t child;

    bench->current = chosen;
    fflush(stdout);
    child = fork();
    if (child == 0)
        run_child(bench);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("bench: cannot run a case");
        return false;
    }
    if (WIFSIGNALED(status))
        fprintf(stderr, "bench: %s: %s\n", chosen->name, strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MET;
}

static int run_cases(struct bench *bench)
{
    int result = EXIT_MET;

    if (!bench->is_json)
        printf(
            "%-36s %10s %-11s %-18s %10s %8s\n", "case", "value", "unit", "baseline", "value",
            "ratio");
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
        "usage: %s [--list] [--case NAME]... [--json] [--quick]\n"
        "\n"
        "  --list       names and subjects of the cases\n"
        "  --case NAME  only this case; repeatable, shell patterns allowed\n"
        "  --json       one object per line instead of a table\n"
        "  --quick      a tenth of the work: checks the program, the figures mean little\n"
        "\n"
        "Exit status: 0 all goals met, 1 a goal was missed or a case failed, 2 usage.\n",
        bench->name);
}

/* EXIT_MET to go on, otherwise the exit status; help counts as done. */
static int read_options(struct bench *bench, int argc, char **argv, bool *is_done)
{
    static const struct option known[] = {
        {"list", no_argument, NULL, 'l'}, {"case", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'}, {"quick", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (option == 'l')
            bench->is_list = true;
        else if (option == 'c')
            bench->patterns[bench->pattern_count++] = optarg;
        else if (option == 'j')
            bench->is_json = true;
        else if (option == 'q')
            bench->is_quick = true;
        else if (option == 'h')
            *is_done = true;
        else
            return EXIT_USAGE;
    }
    if (*is_done)
        print_help(bench);
    if (optind == argc)
        return EXIT_MET;
    fprintf(stderr, "%s: unexpected argument '%s'\n", bench->name, argv[optind]);
    return EXIT_USAGE;
}

int bench_main(
    int argc, char **argv, const char *name, const struct bench_case *cases, size_t count)
{
    struct bench bench = {.name = name, .cases = cases, .case_count = count};
    bool is_done = false;
    int result;

    bench.patterns = calloc((size_t)argc + 1, sizeof *bench.patterns);
    if (bench.patterns == NULL)
        return EXIT_MISSED;
    result = read_options(&bench, argc, argv, &is_done);
    if (result == EXIT_MET && !is_done) {
        if (!check_patterns(&bench))
            result = EXIT_USAGE;
        else if (bench.is_list)
            print_list(&bench);
        else
            result = run_cases(&bench);
    }
    free(bench.patterns);
    return result;
}
