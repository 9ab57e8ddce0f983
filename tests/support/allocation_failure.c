/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/mman.h>

#include "tests/support/brisk_test.h"

/*
 * The linker sends every call of malloc and its relatives in the library and
 * the test to __wrap_X (--wrap). libc's own calls are not seen.
 */
static _Thread_local uint64_t seen;
static _Thread_local uint64_t failing_call; /* 0: none */
static _Thread_local bool has_failed;

static bool must_fail(void)
{
    seen++;
    if (seen != failing_call)
        return false;
    has_failed = true;
    errno = ENOMEM;
    return true;
}

uint64_t allocation_count(void)
{
    return seen;
}

void for_each_allocation_failure(brisk_test_step_fn *step, void *ctx)
{
    for (uint64_t call = 1;; call++) {
        has_failed = false;
        failing_call = seen + call;
        step(true, ctx);
        failing_call = 0;
        if (!has_failed)
            break;
    }
    step(false, ctx);
}

void *__real_malloc(size_t length);
void *__real_calloc(size_t count, size_t length);
void *__real_realloc(void *memory, size_t length);
void *__real_aligned_alloc(size_t alignment, size_t length);
int __real_posix_memalign(void **out, size_t alignment, size_t length);
void *__real_mmap(void *address, size_t length, int access, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t length);
void *__wrap_calloc(size_t count, size_t length);
void *__wrap_realloc(void *memory, size_t length);
void *__wrap_aligned_alloc(size_t alignment, size_t length);
int __wrap_posix_memalign(void **out, size_t alignment, size_t length);
void *__wrap_mmap(void *address, size_t length, int access, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t length)
{
    return must_fail() ? NULL : __real_malloc(length);
}

void *__wrap_calloc(size_t count, size_t length)
{
    return must_fail() ? NULL : __real_calloc(count, length);
}

void *__wrap_realloc(void *memory, size_t length)
{
    return must_fail() ? NULL : __real_realloc(memory, length);
}

void *__wrap_aligned_alloc(size_t alignment, size_t length)
{
    return must_fail() ? NULL : __real_aligned_alloc(alignment, length);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t length)
{
    return must_fail() ? ENOMEM : __real_posix_memalign(out, alignment, length);
}

void *__wrap_mmap(void *address, size_t length, int access, int flags, int fd, off_t offset)
{
    if (must_fail())
        return MAP_FAILED;
    return __real_mmap(address, length, access, flags, fd, offset);
}
