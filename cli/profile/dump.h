/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROFILE_DUMP_H
#define CLI_PROFILE_DUMP_H

/* The verb `dump`; argv[0] is its name. The status to exit with. */
int profile_dump(int argc, char **argv);

#endif
