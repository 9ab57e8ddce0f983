/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/expand.h"

enum {
    MOST_FILE_BYTES = 1 << 20,
};

enum value_form {
    FORM_TEXT,  /* with ${names} */
    FORM_PLAIN, /* without */
    FORM_WORDS, /* a command line */
    FORM_YES_NO,
    FORM_DURATION,
    FORM_SIGNAL,
    FORM_PING,
};

struct known_key {
    const char *section;
    const char *key; /* NULL: any */
    enum value_form form;
};

static const struct known_key known_keys[] = {
    {"fixture", "name", FORM_PLAIN},     {"fixture", "summary", FORM_PLAIN},
    {"fixture", "package", FORM_PLAIN},  {"fixture", "find", FORM_PLAIN},
    {"fixture", "needs", FORM_PLAIN},    {"fixture", "ports", FORM_PLAIN},
    {"fixture", "exec", FORM_WORDS},     {"fixture", "arg", FORM_WORDS},
    {"fixture", "url", FORM_TEXT},       {"param", NULL, FORM_TEXT},
    {"environment", NULL, FORM_TEXT},    {"file", "line", FORM_TEXT},
    {"init", "template", FORM_WORDS},    {"init", "run", FORM_WORDS},
    {"init", "timeout", FORM_DURATION},  {"ready", "notify", FORM_YES_NO},
    {"ready", "log", FORM_PLAIN},        {"ready", "socket", FORM_TEXT},
    {"ready", "ping", FORM_PING},        {"ready", "send", FORM_TEXT},
    {"ready", "expect", FORM_TEXT},      {"ready", "connect", FORM_YES_NO},
    {"ready", "timeout", FORM_DURATION}, {"reset", "ping", FORM_PING},
    {"reset", "send", FORM_TEXT},        {"reset", "expect", FORM_TEXT},
    {"reset", "timeout", FORM_DURATION}, {"stop", "signal", FORM_SIGNAL},
    {"stop", "polite", FORM_SIGNAL},     {"stop", "grace", FORM_DURATION},
    {"export", NULL, FORM_TEXT},         {"pifpaf", NULL, FORM_TEXT},
};

enum {
    KNOWN_KEYS = sizeof known_keys / sizeof known_keys[0],
};

int bk_signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"KILL", SIGKILL},
                   {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"ABRT", SIGABRT},
                   {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"PIPE", SIGPIPE}};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (strcmp(name, signals[i].name) == 0)
            return signals[i].number;
    return 0;
}

/* 0: it is none. */
static unsigned int read_duration_ms(const char *text)
{
    static const struct {
        const char *unit;
        unsigned int ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"min", 60000}};
    if (*text < '0' || *text > '9')
        return 0;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0 && value <= 86400000 / units[i].ms)
            return (unsigned int)value * units[i].ms;
    return 0;
}

static enum brisk_status wrong_value(
    const struct bk_kind *kind, const struct bk_ini_entry *entry, const char *wanted,
    struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0, "%s:%u:%u: %s = %s: %s", kind->ini.path, entry->line,
        entry->value_column, entry->key, entry->value, wanted);
}

static enum brisk_status no_memory(const char *path, struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "%s: out of memory", path);
}

/* Ends the word at *text with a '\0' and moves on to the next; NULL if there is none. */
static char *take_word(char **text)
{
    char *word = *text + strspn(*text, " \t");
    if (*word == '\0')
        return NULL;
    char *end = word + strcspn(word, " \t");
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static bool read_condition(struct bk_section *section, char *word)
{
    char *sign = strchr(word, '=');
    if (sign != NULL) {
        *sign = '\0';
        section->wanted = sign + 1;
    }
    section->condition = word;
    return *word != '\0';
}

static bool split_section(struct bk_section *section, char *text)
{
    section->name = take_word(&text);
    char *word = take_word(&text);
    if (word != NULL && strcmp(word, "if") != 0 && strcmp(word, "unless") != 0) {
        section->argument = word;
        word = take_word(&text);
    }
    if (word == NULL)
        return true;
    section->is_negated = strcmp(word, "unless") == 0;
    if (!section->is_negated && strcmp(word, "if") != 0)
        return false;
    word = take_word(&text);
    return word != NULL && read_condition(section, word) && take_word(&text) == NULL;
}

static enum brisk_status split_sections(struct bk_kind *kind, struct brisk_error *error)
{
    kind->sections = bk_pool_take(&kind->pool, (kind->ini.count + 2) * sizeof *kind->sections);
    if (kind->sections == NULL)
        return no_memory(kind->ini.path, error);
    for (size_t i = 0; i < kind->ini.count; i++) {
        const struct bk_ini_entry *entry = &kind->ini.entries[i];
        if (i > 0 && entry->section_line == kind->ini.entries[i - 1].section_line) {
            kind->sections[i] = kind->sections[i - 1];
            continue;
        }
        char *text = bk_pool_copy(&kind->pool, entry->section, strlen(entry->section));
        if (text == NULL)
            return no_memory(kind->ini.path, error);
        if (!split_section(&kind->sections[i], text))
            return bk_error_set(
                error, BRISK_ERR_INVALID, 0, "%s:%u:2: [%s] is not [NAME if PARAMETER]",
                kind->ini.path, entry->section_line, entry->section);
    }
    return BRISK_OK;
}

static struct bk_parameter *find_parameter(const struct bk_kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->parameter_count; i++)
        if (strcmp(kind->parameters[i].name, name) == 0)
            return &kind->parameters[i];
    return NULL;
}

static enum brisk_status collect_parameters(struct bk_kind *kind, struct brisk_error *error)
{
    kind->parameters = bk_pool_take(&kind->pool, (kind->ini.count + 1) * sizeof *kind->parameters);
    if (kind->parameters == NULL)
        return no_memory(kind->ini.path, error);
    kind->parameters[kind->parameter_count++] = (struct bk_parameter){"port", ""};
    kind->parameters[kind->parameter_count++] = (struct bk_parameter){"proxy", ""};
    for (size_t i = 0; i < kind->ini.count; i++) {
        const struct bk_ini_entry *entry = &kind->ini.entries[i];
        if (strcmp(kind->sections[i].name, "param") != 0)
            continue;
        struct bk_parameter *known = find_parameter(kind, entry->key);
        if (known == NULL)
            known = &kind->parameters[kind->parameter_count++];
        *known = (struct bk_parameter){entry->key, entry->value};
    }
    return BRISK_OK;
}

static enum brisk_status
unknown_setting(const struct bk_kind *kind, const char *name, struct brisk_error *error)
{
    char names[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < kind->parameter_count && length < sizeof names - 1; i++) {
        const char *comma = i == 0 ? "" : ", ";
        size_t room = sizeof names - length;
        int more = snprintf(names + length, room, "%s%s", comma, kind->parameters[i].name);
        length += (size_t)more;
    }
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0, "%s has no parameter '%s'; it has %s", kind->ini.path, name,
        names);
}

static enum brisk_status
apply_settings(struct bk_kind *kind, const char *settings, struct brisk_error *error)
{
    char *text = bk_pool_copy(&kind->pool, settings, strlen(settings));
    if (text == NULL)
        return no_memory(kind->ini.path, error);
    while (*text != '\0') {
        char *next = text + strcspn(text, ",");
        if (*next == ',')
            *next++ = '\0';
        char *sign = strchr(text, '=');
        if (sign != NULL)
            *sign = '\0';
        struct bk_parameter *parameter = find_parameter(kind, text);
        if (parameter == NULL)
            return unknown_setting(kind, text, error);
        parameter->value = sign == NULL ? "yes" : sign + 1;
        text = next;
    }
    return BRISK_OK;
}

static const struct known_key *find_known(const char *section, const char *key)
{
    for (size_t i = 0; i < KNOWN_KEYS; i++)
        if (strcmp(known_keys[i].section, section) == 0 &&
            (known_keys[i].key == NULL || strcmp(known_keys[i].key, key) == 0))
            return &known_keys[i];
    return NULL;
}

static bool is_known_section(const char *section)
{
    for (size_t i = 0; i < KNOWN_KEYS; i++)
        if (strcmp(known_keys[i].section, section) == 0)
            return true;
    return false;
}

static const char *what_is_wrong(enum value_form form, const char *value)
{
    switch (form) {
    case FORM_YES_NO:
        return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ? NULL : "not yes or no";
    case FORM_DURATION:
        return read_duration_ms(value) > 0 ? NULL : "no duration like 500ms, 10s or 2min";
    case FORM_SIGNAL:
        return bk_signal_number(value) > 0 ? NULL : "no signal like TERM, INT or KILL";
    case FORM_PING:
        return strcmp(value, "postgresql") == 0 ? NULL : "the one built-in ping is postgresql";
    case FORM_TEXT:
    case FORM_PLAIN:
    case FORM_WORDS:
        break;
    }
    return NULL;
}

/* Whether `word` is one of those that the values of [fixture] `key` list. */
static bool is_listed(const struct bk_kind *kind, const char *key, const char *word, size_t length)
{
    const struct bk_ini_entry *entry;
    for (size_t cursor = 0; (entry = bk_kind_next(kind, "fixture", key, &cursor)) != NULL;) {
        const char *at = entry->value;
        while (*(at += strspn(at, " \t")) != '\0') {
            size_t span = strcspn(at, " \t");
            if (span == length && memcmp(at, word, length) == 0)
                return true;
            at += span;
        }
    }
    return false;
}

/* ${port.NAME} of [fixture] ports, ${NAME.host} and the like of [fixture] needs. */
static bool is_known_pair(const struct bk_kind *kind, const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        return false;
    if (strncmp(name, "port.", 5) == 0)
        return is_listed(kind, "ports", dot + 1, strlen(dot + 1));
    return is_listed(kind, "needs", name, (size_t)(dot - name)) && bk_expand_is_built_in(dot + 1);
}

static enum brisk_status
check_names(const struct bk_kind *kind, const struct bk_ini_entry *entry, struct brisk_error *error)
{
    size_t at = 0;
    const char *name;
    size_t length;
    while ((name = bk_expand_find(entry->value, &at, &length)) != NULL) {
        if (length == 0)
            return wrong_value(kind, entry, "${ without its }", error);
        char copy[64];
        snprintf(copy, sizeof copy, "%.*s", (int)length, name);
        if (bk_expand_is_built_in(copy) || find_parameter(kind, copy) != NULL ||
            is_known_pair(kind, copy))
            continue;
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s:%u:%u: ${%s} is neither built in nor in [param]",
            kind->ini.path, entry->line,
            entry->value_column + (unsigned int)(name - entry->value) - 2, copy);
    }
    return BRISK_OK;
}

static enum brisk_status
check_entry(const struct bk_kind *kind, size_t i, struct brisk_error *error)
{
    const struct bk_ini_entry *entry = &kind->ini.entries[i];
    const struct bk_section *section = &kind->sections[i];
    if (!is_known_section(section->name))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s:%u:2: there is no section [%s]", kind->ini.path,
            entry->section_line, section->name);
    if ((section->argument != NULL) != (strcmp(section->name, "file") == 0))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "%s:%u:2: [file NAME] has a name behind it, and no other section has", kind->ini.path,
            entry->section_line);
    if (section->condition != NULL && find_parameter(kind, section->condition) == NULL)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s:%u:2: '%s' of [%s] is not in [param]", kind->ini.path,
            entry->section_line, section->condition, entry->section);

    const struct known_key *known = find_known(section->name, entry->key);
    if (known == NULL)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s:%u:1: [%s] has no key '%s'", kind->ini.path,
            entry->line, section->name, entry->key);
    const char *wrong = what_is_wrong(known->form, entry->value);
    if (wrong != NULL)
        return wrong_value(kind, entry, wrong, error);
    if (known->form == FORM_WORDS && !bk_words_are_closed(entry->value))
        return wrong_value(kind, entry, "a quote is not closed", error);
    bool is_expanded = known->form == FORM_TEXT || known->form == FORM_WORDS;
    return is_expanded ? check_names(kind, entry, error) : BRISK_OK;
}

static enum brisk_status check_port(const struct bk_kind *kind, struct brisk_error *error)
{
    const char *port = bk_kind_parameter(kind, "port");
    char *end;
    long number = *port == '\0' ? 1 : strtol(port, &end, 10);
    if (*port == '\0' || (*end == '\0' && number >= 1 && number <= 65535))
        return BRISK_OK;
    return bk_error_set(error, BRISK_ERR_INVALID, 0, "port=%s is not 1 to 65535", port);
}

static enum brisk_status check(const struct bk_kind *kind, struct brisk_error *error)
{
    for (size_t i = 0; i < kind->ini.count; i++) {
        enum brisk_status status = check_entry(kind, i, error);
        if (status < 0)
            return status;
    }
    if (!bk_kind_has(kind, "fixture", "name") || !bk_kind_has(kind, "fixture", "exec"))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "%s:1:1: [fixture] needs the keys name and exec",
            kind->ini.path);
    return check_port(kind, error);
}

enum brisk_status bk_kind_parse(
    struct bk_kind *kind, const char *path, const char *text, size_t length, const char *settings,
    struct brisk_error *error)
{
    *kind = (struct bk_kind){0};
    enum brisk_status status = bk_ini_parse(&kind->ini, &kind->pool, path, text, length, error);
    if (status == BRISK_OK)
        status = split_sections(kind, error);
    if (status == BRISK_OK)
        status = collect_parameters(kind, error);
    if (status == BRISK_OK && settings != NULL)
        status = apply_settings(kind, settings, error);
    return status == BRISK_OK ? check(kind, error) : status;
}

static enum brisk_status read_file(
    struct bk_pool *pool, const char *path, const char **text, size_t *length,
    struct brisk_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat file;
    if (fd < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        int reason = fd < 0 ? errno : EISDIR;
        if (fd >= 0)
            close(fd);
        return bk_error_set(
            error, reason == ENOENT ? BRISK_ERR_UNSUPPORTED : BRISK_ERR_SYSTEM, reason,
            "fixture file %s: %s", path, strerror(reason));
    }
    size_t capacity = MOST_FILE_BYTES;
    size_t wanted = file.st_size > MOST_FILE_BYTES ? capacity : (size_t)file.st_size;
    char *buffer = bk_pool_take(pool, wanted + 1);
    ssize_t got = buffer == NULL ? 0 : read(fd, buffer, wanted);
    int reason = errno;
    close(fd);
    if (buffer == NULL)
        return no_memory(path, error);
    if (got < 0 || file.st_size > MOST_FILE_BYTES)
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, got < 0 ? reason : EFBIG, "fixture file %s: %s", path,
            got < 0 ? strerror(reason) : "more than 1 MB");
    *text = buffer;
    *length = (size_t)got;
    return BRISK_OK;
}

enum brisk_status bk_kind_load(
    struct bk_kind *kind, const char *path, const char *settings, struct brisk_error *error)
{
    *kind = (struct bk_kind){0};
    struct bk_pool pool = {0};
    const char *text = NULL;
    size_t length = 0;
    enum brisk_status status = read_file(&pool, path, &text, &length, error);
    const char *kept_path = status == BRISK_OK ? bk_pool_copy(&pool, path, strlen(path)) : NULL;
    if (status == BRISK_OK && kept_path == NULL)
        status = no_memory(path, error);
    if (status == BRISK_OK) {
        status = bk_kind_parse(kind, kept_path, text, length, settings, error);
        kind->file_pool = pool;
        return status;
    }
    bk_pool_free(&pool);
    return status;
}

void bk_kind_free(struct bk_kind *kind)
{
    bk_pool_free(&kind->pool);
    bk_pool_free(&kind->file_pool);
}

static bool is_set(const char *value)
{
    return *value != '\0' && strcmp(value, "no") != 0;
}

static bool counts(const struct bk_kind *kind, const struct bk_section *section)
{
    if (section->condition == NULL)
        return true;
    const struct bk_parameter *parameter = find_parameter(kind, section->condition);
    const char *value = parameter == NULL ? "" : parameter->value;
    bool is_true = section->wanted == NULL ? is_set(value) : strcmp(value, section->wanted) == 0;
    return is_true != section->is_negated;
}

const struct bk_ini_entry *
bk_kind_next(const struct bk_kind *kind, const char *section, const char *key, size_t *cursor)
{
    for (size_t i = *cursor; i < kind->ini.count; i++) {
        if (strcmp(kind->sections[i].name, section) != 0 || !counts(kind, &kind->sections[i]))
            continue;
        if (key != NULL && strcmp(kind->ini.entries[i].key, key) != 0)
            continue;
        *cursor = i + 1;
        return &kind->ini.entries[i];
    }
    *cursor = kind->ini.count;
    return NULL;
}

const char *
bk_kind_get(const struct bk_kind *kind, const char *section, const char *key, const char *otherwise)
{
    const char *value = otherwise;
    size_t cursor = 0;
    const struct bk_ini_entry *entry;
    while ((entry = bk_kind_next(kind, section, key, &cursor)) != NULL)
        value = entry->value;
    return value;
}

bool bk_kind_has(const struct bk_kind *kind, const char *section, const char *key)
{
    return bk_kind_get(kind, section, key, NULL) != NULL;
}

bool bk_kind_is(const struct bk_kind *kind, const char *section, const char *key)
{
    return strcmp(bk_kind_get(kind, section, key, "no"), "yes") == 0;
}

unsigned int bk_kind_duration_ms(
    const struct bk_kind *kind, const char *section, const char *key, unsigned int otherwise)
{
    const char *value = bk_kind_get(kind, section, key, NULL);
    return value == NULL ? otherwise : read_duration_ms(value);
}

const char *bk_kind_argument(const struct bk_kind *kind, const struct bk_ini_entry *entry)
{
    return kind->sections[entry - kind->ini.entries].argument;
}

const char *bk_kind_parameter(const struct bk_kind *kind, const char *name)
{
    const struct bk_parameter *parameter = find_parameter(kind, name);
    return parameter == NULL ? NULL : parameter->value;
}

bool bk_kind_has_proxy(const struct bk_kind *kind)
{
    const char *proxy = bk_kind_parameter(kind, "proxy");
    return *proxy != '\0' && strcmp(proxy, "no") != 0;
}
