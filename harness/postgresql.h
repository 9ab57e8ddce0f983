/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_POSTGRESQL_H
#define BK_POSTGRESQL_H

#include "harness/talk.h"

/*
 * As much of PostgreSQL's protocol (version 3.0) as starting and resetting need, for a user that
 * is trusted. What the server says when a call fails is in `answer`.
 */
enum {
    BK_POSTGRESQL_ANSWER_BYTES = 160,
};

/* Logs in to a database on a connection; false also while the server still starts (57P03). */
bool bk_postgresql_login(
    struct bk_talk *talk, const char *user, const char *database, char *answer);

/* Executes one statement, whose rows are dropped. */
bool bk_postgresql_execute(struct bk_talk *talk, const char *statement, char *answer);

#endif
