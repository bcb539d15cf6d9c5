/* thread.h — the agent's own threads: all signals blocked, named, a stack of
 * a known size.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_THREAD_H
#define AGENT_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include <pyexplore/err.h>

enum thread_role {
    THREAD_SERVES, /* sockets only */
    THREAD_CLONES  /* takes the GIL and clones: 8 MiB, since tp_traverse and
                    * finalizers of the target run on it */
};

/* Joinable. Signals are blocked from its first instruction, so that the
 * target's handlers never run there, nor in a child that it clones. */
enum px_status thread_start(pthread_t *out, enum thread_role role,
                            void *(*run)(void *), void *context,
                            struct px_err *err);

/* Joins for at most `ms`; false: it still runs. */
bool thread_join(pthread_t thread, int ms);

#endif
