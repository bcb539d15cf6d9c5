/* key.c — key files: 32 random bytes that two processes of one user share.
 *
 * The file is opened first and judged by fstat of what was opened, so that
 * nobody can swap it in between. O_NONBLOCK: a FIFO in its place must not
 * stop us. A server writes over what a dead one left, in place: a client that
 * reads meanwhile finds 32 bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static enum px_status
fail_open(const char *path, int error, struct px_err *err)
{
    if (error == ENOENT || error == ENOTDIR)
        return px_fail(err, PX_ENOTFOUND, "there is no key file %s", path);
    if (error == ELOOP)
        return px_fail(err, PX_EDENIED, "key file %s is a symbolic link", path);
    enum px_status status =
        error == EACCES || error == EPERM ? PX_EDENIED : PX_EIO;
    return px_fail_errno(err, status, error, "read the key file %s", path);
}

static enum px_status
check_file(int fd, const char *path, struct px_err *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return px_fail_errno(err, PX_EIO, errno, "look at key file %s", path);
    if (!S_ISREG(info.st_mode))
        return px_fail(err, PX_EDENIED, "key file %s is no regular file", path);
    uid_t own = geteuid();
    if (own != 0 && info.st_uid != own && info.st_uid != 0)
        return px_fail(err, PX_EDENIED, "key file %s belongs to uid %u", path,
                       (unsigned)info.st_uid);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        px_fail(err, PX_EDENIED, "key file %s is open to others (mode %03o)",
                path, (unsigned)info.st_mode & 0777);
        px_err_hint(err, "chmod 600 %s", path);
        return PX_EDENIED;
    }
    return PX_OK;
}

/* Reads up to n bytes; -1 and errno on an error. */
static ssize_t
read_all(int fd, uint8_t *to, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t step = read(fd, to + got, n - got);
        if (step < 0 && errno == EINTR)
            continue;
        if (step < 0)
            return -1;
        if (step == 0)
            break;
        got += (size_t)step;
    }
    return (ssize_t)got;
}

enum px_status
px_key_read(const char *path, uint8_t key[PX_KEY_BYTES], struct px_err *err)
{
    uint8_t bytes[PX_KEY_BYTES + 1];
    ssize_t got;
    int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_open(path, errno, err);
    enum px_status status = check_file(fd, path, err);
    if (status != PX_OK)
        goto out;
    got = read_all(fd, bytes, sizeof bytes);
    if (got < 0) {
        status =
            px_fail_errno(err, PX_EIO, errno, "read the key file %s", path);
    } else if (got != PX_KEY_BYTES) {
        status = px_fail(err, PX_EDENIED,
                         "key file %s does not hold exactly %d bytes", path,
                         PX_KEY_BYTES);
        px_err_hint(err, "make one: head -c 32 /dev/urandom > FILE; "
                         "chmod 600 FILE");
    } else {
        memcpy(key, bytes, PX_KEY_BYTES);
    }
out:
    sodium_memzero(bytes, sizeof bytes);
    close(fd);
    return status;
}

/* At the file's beginning; 0, or errno. */
static int
write_all(int fd, const uint8_t key[PX_KEY_BYTES])
{
    size_t done = 0;
    while (done < PX_KEY_BYTES) {
        ssize_t step = pwrite(fd, key + done, PX_KEY_BYTES - done, (off_t)done);
        if (step < 0 && errno != EINTR)
            return errno;
        if (step > 0)
            done += (size_t)step;
    }
    return 0;
}

enum px_status
px_key_write(const char *path, const uint8_t key[PX_KEY_BYTES],
             struct px_err *err)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return px_fail(err, PX_EBUSY, "there is already a key file %s", path);
    if (fd < 0)
        return px_fail_errno(err, PX_EIO, errno, "make the key file %s", path);
    int error = write_all(fd, key);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0)
        return PX_OK;
    unlink(path);
    return px_fail_errno(err, PX_EIO, error, "write the key file %s", path);
}

/* ---- the file of a running server ---- */

enum px_status
px_key_open(const char *path, int *fd, struct px_err *err)
{
    int made = px_fd_high(open(
        path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        0600));
    if (made < 0)
        return px_fail_errno(err, PX_EIO, errno, "make the key file %s", path);
    *fd = made;
    return PX_OK;
}

static bool
is_at(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

enum px_status
px_key_hold(int fd, const char *path, const uint8_t key[PX_KEY_BYTES],
            struct px_err *err)
{
    /* A file system without locks: as good as it can be. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        px_fail(err, PX_EBUSY, "%s is the key of another server that runs",
                path);
        px_err_hint(err, "take another port, or pass key_file=");
        return PX_EBUSY;
    }
    if (!is_at(fd, path))
        return px_fail(err, PX_AGAIN, "key file %s was removed", path);
    (void)fchmod(fd, 0600);
    enum px_status status = check_file(fd, path, err);
    if (status != PX_OK)
        return status;
    int error = write_all(fd, key);
    if (error == 0 && ftruncate(fd, PX_KEY_BYTES) != 0)
        error = errno;
    if (error == 0)
        return PX_OK;
    unlink(path);
    return px_fail_errno(err, PX_EIO, error, "write the key file %s", path);
}
