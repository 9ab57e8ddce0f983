/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <brisk/buffer.h>

#include "base/error.h"

static enum brisk_status fail(struct brisk_error *error, const char *what)
{
    int number = errno;
    enum brisk_status status = number == ENOMEM ? BRISK_ERR_NOMEM : BRISK_ERR_SYSTEM;
    return bk_error_set(error, status, number, "%s failed: %s", what, strerrordesc_np(number));
}

static bool write_all(int fd, struct brisk_bytes bytes)
{
    const uint8_t *data = bytes.data;
    for (size_t done = 0; done < bytes.length;) {
        ssize_t count = write(fd, data + done, bytes.length - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

enum brisk_status brisk_memfd_seal(struct brisk_bytes bytes, int *fd, struct brisk_error *error)
{
    if (fd == NULL || (bytes.data == NULL && bytes.length > 0))
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there are no bytes, or no place for fd");
    *fd = -1;
    int file = memfd_create("brisk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return fail(error, "making an anonymous file");

    enum brisk_status status = BRISK_OK;
    if (!write_all(file, bytes))
        status = fail(error, "filling an anonymous file");
    else if (
        fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        status = fail(error, "sealing an anonymous file");
    if (status == BRISK_OK)
        *fd = file;
    else
        close(file);
    return status;
}

static void unmap(void *data, size_t length, void *ctx)
{
    (void)ctx;
    munmap(data, length);
}

enum brisk_status brisk_memfd_open(struct brisk_view *out, int fd, struct brisk_error *error)
{
    if (out == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no place for the view");
    *out = (struct brisk_view){0};
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_WRITE) == 0 || (seals & F_SEAL_SHRINK) == 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, seals < 0 ? errno : 0,
            "descriptor %d is no file that is sealed against writing and shrinking; make one with "
            "brisk_memfd_seal",
            fd);
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return fail(error, "looking at a sealed file");
    if (facts.st_size == 0)
        return BRISK_OK;

    size_t length = (size_t)facts.st_size;
    void *data = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return fail(error, "mapping a sealed file");
    enum brisk_status status = brisk_view_adopt(out, data, length, unmap, NULL);
    if (status != BRISK_OK) {
        munmap(data, length);
        return bk_error_set(error, status, 0, "there is no memory for the view");
    }
    return BRISK_OK;
}
