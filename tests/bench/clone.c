/* clone.c — what a bare copy-on-write clone of this process costs.
 *
 * The yardstick of `make bench` for the pause of a snapshot: SYS_clone with
 * no flags, the child leaves at once. Loaded with ctypes.PyDLL, so the GIL is
 * held all along, as it is while the agent clones.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds that the caller stood still, or -1. */
int64_t
bare_clone_ns(void)
{
    int64_t start = now_ns();
    long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    int64_t end = now_ns();
    if (pid < 0)
        return -1;
    waitpid((pid_t)pid, NULL, __WCLONE);
    return end - start;
}
