/* side.h — one piece of work on a thread of its own, if there can be one.
 *
 * Caller's storage, zero-initialised; it must stay where it is until the
 * join. The thread takes no signals: they are the other threads'.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_SIDE_H
#define GRAPH_SIDE_H

#include <pthread.h>
#include <stdbool.h>

#include <pyexplore/graph.h>

struct side {
    void (*run)(struct side *side);
    void *context;
    struct px_work *work; /* cancels it; may be NULL */
    pthread_t thread;
    bool is_running;
    enum px_status status; /* of the work, set by it */
    struct px_err err;
};

/* Runs it at once if it is not worth a thread, or if there is none. */
void side_start(struct side *side, bool is_worth_it);
/* Waits. With `work` its cancelling is passed on to side->work meanwhile. If
 * `status` is fine, the side's becomes the result. */
enum px_status side_join(struct side *side, const struct px_work *work,
                         enum px_status status, struct px_err *err);

#endif
