/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_REGISTERS_H
#define PROFILER_REGISTERS_H

#include <stdint.h>

/* In the order of DWARF (System V ABI AMD64, figure 3.36), as libunwind numbers them too. */
enum bk_register {
    BK_REGISTER_BP = 6,
    BK_REGISTER_SP = 7,
    BK_REGISTER_IP = 16,
    BK_REGISTERS = 17
};

struct bk_registers {
    uint64_t values[BK_REGISTERS];
};

#endif
