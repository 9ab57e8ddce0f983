/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/zerocopy/faults.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

_Thread_local struct faults faults;

static bool must_fail(bool is_in_kernel)
{
    if (!faults.is_on)
        return false;
    faults.calls++;
    if (is_in_kernel && faults.unfit_error != 0) {
        errno = faults.unfit_error;
        return true;
    }
    if (faults.calls != faults.failing_call)
        return false;
    faults.has_failed = true;
    errno = faults.error_number;
    return true;
}

static size_t cut(size_t length)
{
    return faults.is_on && faults.most_bytes != 0 && length > faults.most_bytes ? faults.most_bytes
                                                                                : length;
}

/* A vector that is cut to its first part, and that to most_bytes. */
static int cut_parts(struct iovec *first, const struct iovec *parts, int count)
{
    *first = parts[0];
    first->iov_len = cut(first->iov_len);
    return faults.is_on && faults.most_bytes != 0 ? 1 : count;
}

ssize_t __real_send(int fd, const void *data, size_t length, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __real_sendfile(int out, int in, off_t *offset, size_t length);
ssize_t __real_splice(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags);
ssize_t __real_copy_file_range(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags);
ssize_t __real_pread(int fd, void *data, size_t length, off_t offset);
ssize_t __real_read(int fd, void *data, size_t length);
ssize_t __real_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t length);

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t length);
ssize_t __wrap_splice(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags);
ssize_t __wrap_copy_file_range(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags);
ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset);
ssize_t __wrap_read(int fd, void *data, size_t length);
ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t length);

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags)
{
    return must_fail(false) ? -1 : __real_send(fd, data, cut(length), flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec first;
    if (must_fail(false))
        return -1;
    int count = cut_parts(&first, message->msg_iov, (int)message->msg_iovlen);
    if (count == (int)message->msg_iovlen)
        return __real_sendmsg(fd, message, flags);
    return __real_send(fd, first.iov_base, first.iov_len, flags);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    struct iovec first;
    if (must_fail(false))
        return -1;
    return cut_parts(&first, parts, count) == count ? __real_writev(fd, parts, count)
                                                    : __real_writev(fd, &first, 1);
}

ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t length)
{
    return must_fail(true) ? -1 : __real_sendfile(out, in, offset, cut(length));
}

ssize_t __wrap_splice(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags)
{
    return must_fail(true) ? -1 : __real_splice(in, in_offset, out, out_offset, cut(length), flags);
}

ssize_t __wrap_copy_file_range(
    int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags)
{
    return must_fail(true)
               ? -1
               : __real_copy_file_range(in, in_offset, out, out_offset, cut(length), flags);
}

ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset)
{
    return must_fail(false) ? -1 : __real_pread(fd, data, cut(length), offset);
}

ssize_t __wrap_read(int fd, void *data, size_t length)
{
    return must_fail(false) ? -1 : __real_read(fd, data, cut(length));
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return must_fail(false) ? -1 : __real_pwrite(fd, data, cut(length), offset);
}

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
    return must_fail(false) ? -1 : __real_write(fd, data, cut(length));
}
