/* fd.h — descriptors in a process that is somebody else's.
 *
 * A program may close what it did not open (a daemon does, with closerange),
 * and the number is some other file's then. So whoever keeps a descriptor
 * notes which file it was, and looks before it reads, writes or closes. To look
 * is not to wait for a disk.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_FD_H
#define PX_FD_H

#include <stdbool.h>
#include <sys/types.h>

/* Which file it is: each socket, pipe and memory file has an inode of its
 * own, only what the kernel calls anonymous (eventfd, epoll) has not. */
struct px_fd_mark {
    bool is_file; /* something was open there */
    dev_t device;
    ino_t inode;
};

/* All keep errno, and are async-signal-safe. */
struct px_fd_mark px_fd_mark(int fd);
bool px_fd_is_same(struct px_fd_mark a, struct px_fd_mark b);
/* False also if nothing is open there. */
bool px_fd_is(int fd, struct px_fd_mark mark);
void px_fd_close_if(int fd, struct px_fd_mark mark);

/* The same file above 2, close-on-exec, or -1 and errno; `fd` is closed if it
 * was not. A program without stdio must not find ours there. -1 is fine. */
int px_fd_high(int fd);

#endif
