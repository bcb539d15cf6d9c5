/* shifted_clock.c — LD_PRELOAD: the time of day is a day behind the kernel's,
 * as libfaketime tells it, or as it is when somebody sets it.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (clock == CLOCK_REALTIME)
        out->tv_sec -= 24 * 60 * 60;
    return result;
}
