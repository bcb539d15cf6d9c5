/* worker.h — one thread for long work, so that the screen never waits.
 *
 * A job runs on the worker and is handed back on the UI thread: px_loop_wake
 * ends the loop's step, worker_collect calls `done`. Jobs run one at a time,
 * urgent ones before the others. All functions but `run` are called on the UI
 * thread. A job belongs to whoever submitted it until `done` was called,
 * which is called exactly once.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_WORKER_H
#define TUI_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/graph.h>

#include "base/loop.h"

struct worker;

struct job {
    void (*run)(struct job *job);  /* on the worker; looks at work.canceled */
    void (*done)(struct job *job); /* on the UI thread; may free the job */
    bool urgent;
    struct px_work work;
    /* filled by px_work's reports, read by the screen */
    _Atomic(const char *) stage;
    atomic_uint_fast64_t n_done;
    atomic_uint_fast64_t n_total;
    /* the worker's own */
    bool is_finished;
    struct job *next;
};

struct worker *worker_new(struct px_loop *loop, struct px_err *err);
/* Cancels what runs, waits for it, calls `done` for all. NULL is fine. */
void worker_free(struct worker *worker);

void worker_submit(struct worker *worker, struct job *job);
/* Asks a job to end soon; its `done` comes later. */
void worker_cancel(struct worker *worker, struct job *job);
/* Cancels and waits until `run` has returned (or will never be called), then
 * calls `done`. For short jobs that read what is about to change. */
void worker_stop(struct worker *worker, struct job *job);
/* Calls `done` of all that have finished; true if there were any. */
bool worker_collect(struct worker *worker);
bool worker_is_idle(struct worker *worker);

#endif
