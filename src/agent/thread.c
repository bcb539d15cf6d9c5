/* thread.c — the agent's own threads.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "agent/forget.h"

static const struct {
    size_t stack_bytes;
    const char *name; /* at most 15 bytes: what ps and gdb show */
} roles[] = {
    [THREAD_SERVES] = {512u << 10, "pyexplore-io"},
    [THREAD_CLONES] = {8u << 20, "pyexplore-gil"},
};

/* glibc takes the static TLS of all libraries out of the size that is asked
 * for (sourceware.org/PR11787), and a library may have hundreds of KiB. */
static size_t
least_stack_bytes(const pthread_attr_t *attributes)
{
    size_t (*ask)(const pthread_attr_t *) = NULL;
    forget_lock(); /* the dynamic linker has a lock of its own */
    void *found = dlsym(RTLD_DEFAULT, "__pthread_get_minstack");
    forget_unlock();
    if (found == NULL)
        return 0;
    memcpy(&ask, &found, sizeof ask);
    return ask(attributes);
}

enum px_status
thread_start(pthread_t *out, enum thread_role role, void *(*run)(void *),
             void *context, struct px_err *err)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int code = pthread_attr_init(&attributes);
    if (code != 0)
        return px_fail_errno(err, PX_ENOMEM, code, "start a thread");
    pthread_attr_setstacksize(&attributes, roles[role].stack_bytes +
                                               least_stack_bytes(&attributes));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(out, &attributes, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (code != 0) {
        px_fail_errno(err, PX_ENOMEM, code, "start a thread");
        px_err_hint(err, "a limit on threads (pids.max, RLIMIT_NPROC) or on "
                         "memory is reached");
        return PX_ENOMEM;
    }
    pthread_setname_np(*out, roles[role].name);
    return PX_OK;
}

/* pthread_timedjoin_np goes by the time of day, which may be set meanwhile, and
 * which libfaketime tells us otherwise than the kernel; pthread_clockjoin_np
 * came with glibc 2.31. */
bool
thread_join(pthread_t thread, int ms)
{
    for (int waited = 0; pthread_tryjoin_np(thread, NULL) == EBUSY; waited++) {
        if (waited == ms)
            return false;
        usleep(1000);
    }
    return true;
}
