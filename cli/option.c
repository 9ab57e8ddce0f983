/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

enum {
    MOST_OPTIONS = 64,
    HELP_ID = MOST_OPTIONS + 1,
    HELP_COLUMN = 26,
    MOST_WORD = 32,
    MOST_VARIABLE = 64,
};

static const struct cli_option help_option = {HELP_ID, 'h', "help", NULL, "Show this text."};

static const char usual_status[] = "0 if all went well, 2 if the command line or a file was wrong, "
                                   "125 if something else failed, 128 and its number if a signal "
                                   "ended it.";

/* For getopt, in its forms. */
struct parser {
    struct option names[MOST_OPTIONS + 2];
    char letters[2 * MOST_OPTIONS + 6];
};

static void add_letter(struct parser *parser, const struct cli_option *option)
{
    if (option->letter == 0)
        return;
    size_t length = strlen(parser->letters);
    parser->letters[length] = option->letter;
    if (option->argument != NULL)
        parser->letters[length + 1] = ':';
}

static void build(struct parser *parser, const struct cli_verb *verb)
{
    *parser = (struct parser){0};
    strcpy(parser->letters, verb->is_mixed ? ":" : "+:"); /* +: until the first operand */
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct cli_option *option = &verb->options[i];
        int takes = option->argument != NULL ? required_argument : no_argument;
        parser->names[i] = (struct option){option->name, takes, NULL, option->id};
        add_letter(parser, option);
    }
    parser->names[verb->option_count] = (struct option){"help", optional_argument, NULL, HELP_ID};
    add_letter(parser, &help_option);
}

static const struct cli_option *find_option(const struct cli_verb *verb, int id)
{
    for (size_t i = 0; i < verb->option_count; i++)
        if (verb->options[i].id == id || (id != 0 && verb->options[i].letter == id))
            return &verb->options[i];
    return NULL;
}

/* Optimal string alignment: inserted, left out, changed and swapped letters count one each. */
bool cli_is_close(const char *word, const char *candidate)
{
    size_t rows = strlen(word), columns = strlen(candidate);
    unsigned int distance[MOST_WORD + 1][MOST_WORD + 1];
    if (rows > MOST_WORD || columns > MOST_WORD)
        return false;
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                distance[i][j] = (unsigned int)(i + j);
                continue;
            }
            unsigned int best = distance[i - 1][j - 1] + (word[i - 1] != candidate[j - 1]);
            if (distance[i - 1][j] + 1 < best)
                best = distance[i - 1][j] + 1;
            if (distance[i][j - 1] + 1 < best)
                best = distance[i][j - 1] + 1;
            if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] &&
                word[i - 2] == candidate[j - 1] && distance[i - 2][j - 2] + 1 < best)
                best = distance[i - 2][j - 2] + 1;
            distance[i][j] = best;
        }
    }
    return distance[rows][columns] <= (columns < 5 ? 1 : 2);
}

static int fail_at_unknown(const struct cli_verb *verb, const char *word)
{
    char name[MOST_WORD + 1];
    cli_error("brisk %s: unknown option '%s'", verb->name, word);
    snprintf(
        name, sizeof name, "%.*s", (int)strcspn(word + strspn(word, "-"), "="),
        word + strspn(word, "-"));
    for (size_t i = 0; i < verb->option_count; i++) {
        if (cli_is_close(name, verb->options[i].name)) {
            cli_hint("did you mean --%s?", verb->options[i].name);
            return 2;
        }
    }
    cli_hint("brisk %s --help", verb->name);
    return 2;
}

static int fail_at(const struct cli_verb *verb, int answer, char **argv)
{
    const char *word = argv[optind - 1];
    const struct cli_option *option = find_option(verb, optopt);
    if (answer != ':' &&
        (option == NULL || option->argument != NULL || strchr(word, '=') == NULL)) {
        char letter[] = {'-', (char)optopt, '\0'};
        bool is_letter = optopt != 0 && option == NULL && optopt <= 127 && word[1] != '-';
        return fail_at_unknown(verb, is_letter ? letter : word);
    }
    if (answer == ':')
        cli_error("brisk %s: %s needs a value", verb->name, word);
    else
        cli_error("brisk %s: --%s takes no value", verb->name, option->name);
    cli_hint("brisk %s --help", verb->name);
    return 2;
}

static void print_words(const struct cli_verb *verb)
{
    for (size_t i = 0; i < verb->option_count; i++)
        printf("--%s%s\n", verb->options[i].name, verb->options[i].argument != NULL ? "=" : "");
    puts("--help");
}

/* In roff, where a hyphen and a dot at the start of a line mean something else. */
static void print_roff(const char *text)
{
    for (bool is_start = true; *text != '\0'; is_start = *text == '\n', text++) {
        if (is_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

static void print_man_option(const struct cli_option *option)
{
    fputs(".TP\n.B ", stdout);
    if (option->letter != 0)
        printf("\\-%c, ", option->letter);
    fputs("\\-\\-", stdout);
    print_roff(option->name);
    if (option->argument != NULL) {
        putchar(' ');
        print_roff(option->argument);
    }
    putchar('\n');
    print_roff(option->help);
    putchar('\n');
}

static void name_variable(const struct cli_option *option, char name[MOST_VARIABLE])
{
    snprintf(name, MOST_VARIABLE, "BRISK_%s", option->name);
    for (; *name != '\0'; name++)
        *name = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
}

static void print_man_variables(const struct cli_verb *verb)
{
    char name[MOST_VARIABLE];
    for (const int *id = verb->variables; id != NULL && *id != 0; id++) {
        const struct cli_option *option = find_option(verb, *id);
        name_variable(option, name);
        printf(".TP\n.B %s\nThe default of \\-\\-%s.\n", name, option->name);
    }
    puts(".TP\n.B NO_COLOR\nIf it is not empty: no colours and no progress.");
}

static void print_man(const struct cli_verb *verb)
{
    printf(
        ".TH BRISK\\-%s 1 \"\" \"brisk %s\"\n.SH NAME\nbrisk\\-", verb->name, BRISK_VERSION_STRING);
    print_roff(verb->name);
    fputs(" \\- ", stdout);
    print_roff(verb->summary);
    printf("\n.SH SYNOPSIS\n.B brisk %s\n", verb->name);
    print_roff(verb->operands);
    fputs("\n.SH DESCRIPTION\n", stdout);
    print_roff(verb->description);
    fputs("\n.SH OPTIONS\n", stdout);
    for (size_t i = 0; i < verb->option_count; i++)
        print_man_option(&verb->options[i]);
    print_man_option(&help_option);
    fputs(".SH EXAMPLES\n.nf\n", stdout);
    print_roff(verb->examples);
    fputs("\n.fi\n.SH ENVIRONMENT\n", stdout);
    print_man_variables(verb);
    fputs(".SH EXIT STATUS\n", stdout);
    print_roff(verb->status != NULL ? verb->status : usual_status);
    putchar('\n');
}

static void print_help_option(const struct cli_option *option)
{
    char left[80];
    const char *text = option->help;
    int used = option->letter != 0
                   ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                   : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->argument != NULL)
        used += snprintf(left + used, sizeof left - (size_t)used, " %s", option->argument);
    fputs(left, stdout);
    if (used >= HELP_COLUMN - 1) {
        putchar('\n');
        used = 0;
    }
    for (;;) {
        int length = (int)strcspn(text, "\n");
        printf("%*s%.*s\n", HELP_COLUMN - used, "", length, text);
        used = 0;
        if (text[length] == '\0')
            return;
        text += length + 1;
    }
}

static void print_help_variables(const struct cli_verb *verb)
{
    char name[MOST_VARIABLE];
    puts("\nenvironment:");
    for (const int *id = verb->variables; id != NULL && *id != 0; id++) {
        const struct cli_option *option = find_option(verb, *id);
        name_variable(option, name);
        printf("  %-*sThe default of --%s.\n", HELP_COLUMN - 2, name, option->name);
    }
    printf("  %-*sIf it is not empty: no colours and no progress.\n", HELP_COLUMN - 2, "NO_COLOR");
}

void cli_print_help(const struct cli_verb *verb)
{
    printf(
        "brisk %s: %s\n\nusage: brisk %s %s\n\n", verb->name, verb->summary, verb->name,
        verb->operands);
    for (const char *line = verb->examples; *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
    printf("\n%s\n\noptions:\n", verb->description);
    for (size_t i = 0; i < verb->option_count; i++)
        print_help_option(&verb->options[i]);
    print_help_option(&help_option);
    print_help_variables(verb);
}

static int print_any_help(const struct cli_verb *verb, const char *form)
{
    if (form != NULL && strcmp(form, "man") == 0)
        print_man(verb);
    else if (form != NULL && strcmp(form, "words") == 0)
        print_words(verb);
    else
        cli_print_help(verb);
    return cli_finish_output(0);
}

static bool set_from_environment(const struct cli_verb *verb, cli_set_fn *set, void *ctx)
{
    char name[MOST_VARIABLE];
    for (const int *id = verb->variables; id != NULL && *id != 0; id++) {
        const struct cli_option *option = find_option(verb, *id);
        name_variable(option, name);
        const char *value = getenv(name);
        if (value == NULL || *value == '\0' || set(ctx, option->id, value))
            continue;
        cli_hint("the environment says %s=%s", name, value);
        return false;
    }
    return true;
}

int cli_parse(
    const struct cli_verb *verb, int argc, char **argv, cli_set_fn *set, void *ctx, int *operand)
{
    struct parser parser;
    build(&parser, verb);
    opterr = 0;
    if (!set_from_environment(verb, set, ctx))
        return 2;
    for (;;) {
        int answer = getopt_long(argc, argv, parser.letters, parser.names, NULL);
        if (answer == -1)
            break;
        if (answer == HELP_ID || answer == 'h')
            return print_any_help(verb, answer == HELP_ID ? optarg : NULL);
        if (answer == '?' || answer == ':')
            return fail_at(verb, answer, argv);
        const struct cli_option *option = find_option(verb, answer);
        if (!set(ctx, option->id, optarg))
            return 2;
    }
    *operand = optind;
    return CLI_GO_ON;
}
