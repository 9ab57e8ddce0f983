/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_FIXTURES_H
#define CLI_FIXTURES_H

#include <brisk/fixture.h>

/* The verbs that look at fixtures (fixtures.c), and those that act on running ones. */
int cli_list(int argc, char **argv);
int cli_ps(int argc, char **argv);
int cli_gc(int argc, char **argv);
int cli_doctor(int argc, char **argv);

int cli_stop(int argc, char **argv);
int cli_restart(int argc, char **argv);
int cli_kill(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_reset(int argc, char **argv);
int cli_logs(int argc, char **argv);
int cli_fault(int argc, char **argv);

/* The running fixture that a user means by a name; to be detached. */
struct brisk_fixture *cli_attach(const char *name, struct brisk_error *error);

#endif
