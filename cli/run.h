/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>

#include <brisk/fixture.h>

enum {
    RUN_MOST_FIXTURES = 64,
    RUN_NAME_BYTES = 64,
};

/* What `brisk run` is to do. */
struct run {
    const char *prefix;     /* of the variables */
    const char *urls;       /* the variable with all URLs; NULL: PREFIX_URLS */
    const char *log_folder; /* where logs are copied to at the end; NULL: nowhere */
    bool is_pifpaf;
    unsigned int timeout_ms; /* of the command; 0: none */
    struct brisk_fixture_options options;

    struct brisk_fixture_request requests[RUN_MOST_FIXTURES];
    struct brisk_fixture_options each[RUN_MOST_FIXTURES];
    char kinds[RUN_MOST_FIXTURES][4096];
    char names[RUN_MOST_FIXTURES][RUN_NAME_BYTES];
    struct brisk_fixture *fixtures[RUN_MOST_FIXTURES];
    size_t count;

    char **command; /* NULL: eval mode */
    int signal_fd;
};

int cli_run(int argc, char **argv);

/* run_plan.c: reads FIXTURE[:name][=parameter,...]; says what is wrong. */
bool run_add_fixture(struct run *run, const char *text);
/* Two of one name would have the same variables. */
bool run_check_names(const struct run *run);

/* run.c: starts all, with errors and logs on stderr; 0, or the status to exit with. */
int run_start(struct run *run);
/* Copies logs if that is wanted, and stops all. False if that failed, which it has said. */
bool run_stop(struct run *run);

/* Calls `fn` for each variable that the command is to see. */
void run_each_variable(struct run *run, brisk_fixture_variable_fn *fn, void *ctx);

/* run_command.c: runs the command to its end; the status to exit with. */
int run_command(struct run *run);

/* eval.c: prints exports for a shell, and leaves a process that keeps the fixtures. */
int run_eval(struct run *run);

#endif
