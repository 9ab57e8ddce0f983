/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TEST_H
#define CLI_TEST_H

/* brisk test: runs test programs. argv[0] is the verb. The status to exit with. */
int cli_test(int argc, char **argv);

#endif
