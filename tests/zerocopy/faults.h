/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The linker sends the library's system calls that move bytes through here, where each can be made
 * to fail or to move less. One thread at a time.
 */
struct faults {
    uint64_t failing_call; /* the n-th one from now on fails, with */
    int error_number;
    size_t most_bytes; /* 0: as it comes */
    int unfit_error; /* what sendfile, splice and copy_file_range always fail with; 0: they work */
    uint64_t calls;
    bool has_failed;
    bool is_on;
};

extern _Thread_local struct faults faults;

#endif
