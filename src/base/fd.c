/* fd.c — descriptors in a process that is somebody else's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* fstat() of a file on another machine waits until that has all that was
 * written, to tell its times; which file it is, is known here. Not known to
 * kernels before 4.11 and to some seccomp filters. */
static bool
ask_here(int fd, struct px_fd_mark *mark)
{
#ifdef STATX_INO
    struct statx info;
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                STATX_TYPE | STATX_INO, &info) != 0)
        return false;
    *mark = (struct px_fd_mark){
        true, makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino};
    return true;
#else
    (void)fd;
    (void)mark;
    return false;
#endif
}

struct px_fd_mark
px_fd_mark(int fd)
{
    struct stat info;
    struct px_fd_mark mark = {.is_file = false};
    int saved = errno;
    if (fd >= 0 && !ask_here(fd, &mark) && fstat(fd, &info) == 0)
        mark = (struct px_fd_mark){true, info.st_dev, info.st_ino};
    errno = saved;
    return mark;
}

bool
px_fd_is_same(struct px_fd_mark a, struct px_fd_mark b)
{
    return a.is_file && b.is_file && a.device == b.device && a.inode == b.inode;
}

bool
px_fd_is(int fd, struct px_fd_mark mark)
{
    return px_fd_is_same(px_fd_mark(fd), mark);
}

void
px_fd_close_if(int fd, struct px_fd_mark mark)
{
    int saved = errno;
    if (px_fd_is(fd, mark))
        close(fd);
    errno = saved;
}

int
px_fd_high(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int saved = errno;
    close(fd);
    errno = saved;
    return high;
}
