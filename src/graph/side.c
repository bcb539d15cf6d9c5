/* side.c — one piece of work on a thread of its own, if there can be one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/side.h"

#include <signal.h>
#include <time.h>

#include "graph/internal.h"

/* How soon a cancelled wait is passed on. */
#define LOOK_NS 20000000

static void *
run(void *context)
{
    struct side *side = context;
    side->run(side);
    return NULL;
}

void
side_start(struct side *side, bool is_worth_it)
{
    sigset_t all, old;
    if (is_worth_it) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        side->is_running = pthread_create(&side->thread, NULL, run, side) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    if (!side->is_running)
        side->run(side);
}

static void
wait_for(struct side *side, const struct px_work *work)
{
    struct timespec until;
    while (work != NULL && side->work != NULL) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(side->thread, NULL, &until) == 0)
            return;
        if (work_is_canceled(work))
            side->work->canceled = true;
    }
    pthread_join(side->thread, NULL);
}

enum px_status
side_join(struct side *side, const struct px_work *work, enum px_status status,
          struct px_err *err)
{
    if (side->is_running)
        wait_for(side, work);
    side->is_running = false;
    if (status == PX_OK && side->status != PX_OK && err != NULL)
        *err = side->err;
    return status == PX_OK ? side->status : status;
}
