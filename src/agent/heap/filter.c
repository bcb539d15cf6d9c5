/* filter.c — seccomp filters, which may end who makes a system call.
 *
 * systemd's SystemCallFilter= does, unless SystemCallErrorNumber= is set too;
 * and systemd.exec(5) recommends ~memfd_create beside MemoryDenyWriteExecute=.
 * A filter cannot be asked what it allows, so a child tries first. It is the
 * raw clone that the snapshot's is (capture.c): a filter is per thread, and
 * one that shares our memory would take us with it when it dumps core.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/filter.h"

#include <errno.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool
filter_is_set(void)
{
    return syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0) ==
           SECCOMP_MODE_FILTER;
}

PX_CHILD static noreturn void
try_it(void)
{
    /* the core would be the target's memory */
    syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    syscall(SYS_memfd_create, "pyexplore-try", MFD_CLOEXEC);
    for (;;)
        syscall(SYS_exit_group, 0);
}

/* Where no child can be made a snapshot says so, in better words. */
static bool
ends_who_tries(void)
{
    sigset_t all, before;
    int status = 0;
    pid_t got;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0)
        try_it();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return false;
    do {
        got = waitpid((pid_t)pid, &status, (int)__WCLONE);
    } while (got < 0 && errno == EINTR);
    return got == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

enum px_status
filter_check(struct px_err *err)
{
    /* Once in each process: it costs as much as the clone of a snapshot. */
    static _Atomic pid_t allowed_in;
    pid_t self = getpid();
    if (atomic_load(&allowed_in) == self || !filter_is_set())
        return PX_OK;
    if (!ends_who_tries()) {
        atomic_store(&allowed_in, self);
        return PX_OK;
    }
    px_fail(err, PX_ELIMIT,
            "a seccomp filter would end the process for a snapshot");
    px_err_hint(err, "let it allow memfd_create (systemd: SystemCallFilter=), "
                     "or answer with an error");
    return PX_ELIMIT;
}
