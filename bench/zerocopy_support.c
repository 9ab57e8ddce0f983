/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/zerocopy_cases.h"

int zerocopy_file(size_t length)
{
    FILE *file = tmpfile();
    int fd = file == NULL ? -1 : fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    uint8_t block[64 << 10];
    if (fd < 0)
        bench_fail("cannot make a temporary file");
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(i * 131 >> 3);
    for (size_t done = 0; done < length;) {
        size_t part = length - done < sizeof block ? length - done : sizeof block;
        ssize_t count = write(fd, block, part);
        if (count <= 0)
            bench_fail("cannot fill a temporary file");
        done += (size_t)count;
    }
    fclose(file);
    return fd;
}

double zerocopy_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double zerocopy_faulted_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_minflt * (double)sysconf(_SC_PAGESIZE) / 1024;
}
