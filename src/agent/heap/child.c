/* child.c — the snapshot child.
 *
 * It comes from a raw clone: no atfork handler ran, glibc still thinks that
 * it is the parent's thread, and every lock of the target may be held for
 * ever. So it does only what needs no lock, in an order that matters:
 *
 *   1 signals are blocked already: the target's handlers must not run here
 *   2 PDEATHSIG, then the look at the parent: it may have died in between
 *   3 the GIL is let go by the parent before we take CPU from it
 *   4 oom_score_adj and smaps are opened before PR_SET_DUMPABLE 0, which
 *     gives /proc/self to root; after it nobody else may trace or dump us
 *   5 descriptors are closed, 0 to 2 too: else the target's peers see no end
 *     of file while we live
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/heap/filter.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture */
#endif

/* So much behind the target's own work, but not so far that the copies of its
 * pages live long. */
#define NICE 5
#define PAUSE_WAIT_NS 200000000u /* 0.2 s */
#define SMAPS_BUFFER 4096
#define DIRENTS_BYTES 4096
#define CLOSE_MAX (1u << 20)

static noreturn void
leave(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

static long
open_file(const char *path, int flags)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

static void
oom_first(void)
{
    long fd = open_file("/proc/self/oom_score_adj", O_WRONLY);
    if (fd >= 0) {
        syscall(SYS_write, (int)fd, "1000", (size_t)4);
        syscall(SYS_close, (int)fd);
    }
}

struct limit {
    uint64_t now;
    uint64_t max;
};

static bool
is_kept(const int *keep, size_t n, unsigned fd)
{
    for (size_t i = 0; i < n; i++) {
        if (keep[i] >= 0 && (unsigned)keep[i] == fd)
            return true;
    }
    return false;
}

/* False: Linux before 5.9. */
static bool
close_ranges(const int *keep, size_t n)
{
    unsigned from = 0;
    for (;;) {
        int next = -1; /* the lowest that is kept at or above `from` */
        for (size_t i = 0; i < n; i++) {
            bool is_next = keep[i] >= 0 && (unsigned)keep[i] >= from &&
                           (next < 0 || keep[i] < next);
            if (is_next)
                next = keep[i];
        }
        if (next < 0)
            return syscall(SYS_close_range, from, ~0u, 0) == 0;
        if ((unsigned)next > from &&
            syscall(SYS_close_range, from, (unsigned)next - 1, 0) != 0)
            return false;
        from = (unsigned)next + 1;
    }
}

/* proc(5): one entry for each descriptor, in their order, so that closing
 * some while reading skips none. */
static bool
close_listed(const int *keep, size_t n)
{
    char bytes[DIRENTS_BYTES] __attribute__((aligned(8)));
    long folder = open_file("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    if (folder < 0)
        return false;
    long got;
    while ((got = syscall(SYS_getdents64, (int)folder, bytes, sizeof bytes)) >
           0) {
        for (long at = 0; at < got;) {
            const struct dirent64 *entry =
                (const struct dirent64 *)(const void *)(bytes + at);
            unsigned fd = 0;
            const char *digit = entry->d_name;
            for (; *digit >= '0' && *digit <= '9'; digit++)
                fd = fd * 10 + (unsigned)(*digit - '0');
            if (digit > entry->d_name && fd != (unsigned)folder &&
                !is_kept(keep, n, fd))
                syscall(SYS_close, fd);
            at += entry->d_reclen;
        }
    }
    syscall(SYS_close, (int)folder);
    return got == 0;
}

/* One by one only where there is no other way: the limit on descriptors is a
 * thousand million in some containers. A filter may kill for close_range, which
 * systemd's @basic-io has from 247 on. */
static void
close_all_but(const int *keep, size_t n)
{
    struct limit limit = {CLOSE_MAX, 0};
    bool is_done = !filter_is_set() && close_ranges(keep, n);
    if (is_done || close_listed(keep, n))
        return;
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    for (unsigned fd = 0; fd < limit.now && fd < CLOSE_MAX; fd++) {
        if (!is_kept(keep, n, fd))
            syscall(SYS_close, fd);
    }
}

/* A filter that forbids to set it is common (systemd's @resources) and may kill
 * who tries: better a child that runs beside the target's work. A real-time
 * policy knows no nice: the child would keep the CPU until it is through. */
static void
priority_lower(void)
{
    static const int no_priority = 0; /* struct sched_param */
    if (filter_is_set())
        return;
    long policy = syscall(SYS_sched_getscheduler, 0) & ~SCHED_RESET_ON_FORK;
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &no_priority);
    /* the system call answers 20 - nice, so that it is never negative */
    long nice = 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0) + NICE;
    syscall(SYS_setpriority, PRIO_PROCESS, 0, nice);
}

static void
core_off(void)
{
    struct limit none = {0, 0};
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
}

/* The spool counts as a file: the child's own limit goes as high as it may. */
static void
file_limit_lift(void)
{
    struct limit limit;
    if (syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) != 0)
        return;
    limit.now = limit.max;
    syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, &limit, NULL);
}

void
child_main(struct walk_plan *plan, pid_t parent)
{
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_getppid) != parent)
        leave(1);
    /* The parent still holds the GIL: on a busy machine every instant that we
     * run now is one that all its threads wait. The footer needs it as well. */
    spool_wait_pause(plan->spool, PAUSE_WAIT_NS);
    syscall(SYS_prctl, PR_SET_NAME, "pyexplore-snap", 0, 0, 0);
    oom_first();
    plan->smaps_fd = -1;
    if (plan->options.count_dirty)
        plan->smaps_fd = (int)open_file("/proc/self/smaps", O_RDONLY);
    syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    core_off();
    file_limit_lift();
    priority_lower();
    const int keep[] = {plan->spool->fd, plan->spool->wake_fd, plan->smaps_fd};
    close_all_but(keep, sizeof keep / sizeof keep[0]);
    enum px_end end = walk_run(plan);
    leave(end == PX_END_COMPLETE ? 0 : 1);
}

/* ---- what it cost the target ---- */

struct smaps {
    const struct arena *arena;
    uint64_t kib;
    bool is_ours; /* the mapping whose lines come now */
};

static uint64_t
hex_at(const char **text)
{
    uint64_t value = 0;
    for (;; (*text)++) {
        char c = **text;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

/* A mapping begins with "start-end perms …"; its figures are "Name: n kB". */
static void
smaps_line(struct smaps *smaps, const char *line)
{
    static const char dirty[] = "Private_Dirty:";
    const char *at = line;
    uint64_t start = hex_at(&at);
    if (at > line && *at == '-') {
        smaps->is_ours = arena_has(smaps->arena, start);
        return;
    }
    size_t i = 0;
    while (dirty[i] != '\0' && line[i] == dirty[i])
        i++;
    if (dirty[i] != '\0' || smaps->is_ours)
        return;
    uint64_t kib = 0;
    for (at = line + i; *at == ' '; at++)
        ;
    for (; *at >= '0' && *at <= '9'; at++)
        kib = kib * 10 + (uint64_t)(*at - '0');
    smaps->kib += kib;
}

uint64_t
child_dirty_pages(int smaps_fd, const struct arena *arena)
{
    struct smaps smaps = {arena, 0, false};
    char buffer[SMAPS_BUFFER];
    size_t used = 0;
    for (;;) {
        long n = syscall(SYS_read, smaps_fd, buffer + used,
                         sizeof buffer - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
        size_t line = 0;
        for (size_t i = 0; i < used; i++) {
            if (buffer[i] != '\n')
                continue;
            buffer[i] = '\0';
            smaps_line(&smaps, buffer + line);
            line = i + 1;
        }
        if (line == 0) /* a line longer than the buffer: not one of ours */
            line = used;
        for (size_t i = line; i < used; i++)
            buffer[i - line] = buffer[i];
        used -= line;
    }
    return smaps.kib * 1024 / 4096;
}
