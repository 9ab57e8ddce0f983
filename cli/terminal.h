/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <brisk/export.h>

/* What every verb says to its user, and how. Errors and hints go to stderr. */

/*
 * First of all: SIGINT, SIGTERM and SIGHUP then end the program with 128 and their
 * number after the progress line is gone, and no file takes the place of a standard
 * stream that was closed.
 */
void cli_start(void);

/* "what failed: why", without a final dot; a newline is added. */
void cli_error(const char *format, ...) BRISK_PRINTF(1, 2);
/* One thing to try. */
void cli_hint(const char *format, ...) BRISK_PRINTF(1, 2);

/* Why the verb has failed, by a message of the library: what to try follows its first "; ". */
void cli_failure(const char *verb, const char *message);

/* `auto` (a terminal, NO_COLOR not set, TERM not dumb), `always` or `never`; false: another word.
 */
bool cli_set_color(const char *when);
/* Whether what goes to `stream` may have colours. */
bool cli_has_color(FILE *stream);

/*
 * Writes out what is buffered. `status`, or 125 after saying that stdout could not
 * be written; not if its reader has gone, who knows.
 */
int cli_finish_output(int status);

/*
 * A line on stderr that is overwritten, five times a second at most; only where there
 * may be colours as well.
 */
struct cli_progress {
    uint64_t next_ns;
    bool is_shown;
};
bool cli_progress_is_due(struct cli_progress *progress);
void cli_progress_show(struct cli_progress *progress, const char *format, ...) BRISK_PRINTF(2, 3);
void cli_progress_end(struct cli_progress *progress);

#endif
