/* worker.c — the thread that takes the GIL, apart from the one that serves.
 *
 * Two queues under one mutex: asked and done. The worker struct is counted,
 * since a thread that waits for the GIL may outlive the server.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "agent/border.h"
#include "agent/gc_undo.h"
#include "agent/thread.h"

#define REST_MS 1000

struct queue {
    struct op *first;
    struct op **last;
};

struct worker {
    atomic_int refs;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct queue asked;
    struct queue done;
    bool quit;
    bool stopped; /* worker_stop was called: nothing starts any more */
    void (*wake)(void *context);
    void *context;
    /* the I/O thread's */
    bool has_thread;
    pthread_t thread;
};

struct op *
op_new(enum op_kind kind)
{
    struct op *op = calloc(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->kind = kind;
    atomic_init(&op->canceled, false);
    return op;
}

void
op_free(struct op *op)
{
    if (op == NULL)
        return;
    gc_collected_done(&op->collected);
    gc_garbage_done(&op->garbage);
    free(op);
}

static void
queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void
queue_put(struct queue *queue, struct op *op)
{
    op->next = NULL;
    *queue->last = op;
    queue->last = &op->next;
}

static struct op *
queue_take(struct queue *queue)
{
    struct op *op = queue->first;
    if (op == NULL)
        return NULL;
    queue->first = op->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    op->next = NULL;
    return op;
}

/* ---- under the GIL ---- */

PX_GIL static enum px_status
read_state(struct op *op)
{
    op->first = gc_undo_get(GC_FIELDS);
    return gc_read(&op->state, op->count_frozen, &op->err);
}

PX_GIL static enum px_status
run_set(struct op *op)
{
    enum px_status status = gc_undo_set(&op->settings, &op->err);
    if (status != PX_OK)
        return status;
    op->undo = gc_undo_get(op->settings.fields | op->keep);
    gc_undo_keep(op->keep);
    return read_state(op);
}

PX_GIL static enum px_status
run_restore(struct op *op)
{
    enum px_status status =
        gc_undo_restore(&op->settings, op->put_back, &op->err);
    return status == PX_OK ? read_state(op) : status;
}

PX_GIL static enum px_status
run_freeze(struct op *op, bool freeze)
{
    enum px_status status = gc_freeze(freeze, &op->err);
    return status == PX_OK ? read_state(op) : status;
}

PX_GIL static enum px_status
run_op(struct op *op)
{
    switch (op->kind) {
    case OP_STATUS:
    case OP_MEMORY:
        op->allocated_blocks = gc_allocated_blocks();
        return PX_OK;
    case OP_GC_STATE:
        return read_state(op);
    case OP_GC_SET:
        return run_set(op);
    case OP_GC_RESTORE:
        return run_restore(op);
    case OP_GC_COLLECT:
        return gc_collect(op->generation, &op->collected, &op->err);
    case OP_GC_FREEZE:
        return run_freeze(op, true);
    case OP_GC_UNFREEZE:
        return run_freeze(op, false);
    case OP_GC_GARBAGE:
        return gc_list_garbage(op->limit, &op->garbage, &op->err);
    case OP_CLONE:
        return snap_clone(op->capture, op->header, &op->err);
    }
    return px_fail(&op->err, PX_EPROTO, "unknown operation");
}

/* Finalizers make processes, which inherit our mask and would be deaf to
 * SIGTERM for ever. So in a collection, and nowhere else, this thread blocks
 * what the main thread blocks: the kernel gives a signal of the process to the
 * main thread if that takes it at all, so none of its sleeps misses one. */
PX_GIL static bool
unblock(const struct op *op, sigset_t *before)
{
    sigset_t mask;
    return op->kind == OP_GC_COLLECT && facts_main_blocks(&mask) &&
           pthread_sigmask(SIG_SETMASK, &mask, before) == 0;
}

static void
enter_and_run(struct op *op)
{
    struct border_stay stay;
    sigset_t before;
    if (atomic_load(&op->canceled)) {
        op->status = px_fail(&op->err, PX_ECANCELED, "cancelled");
        return;
    }
    if (op->kind == OP_MEMORY && op->ask_malloc)
        facts_malloc_read(&op->malloc); /* may wait for malloc's locks */
    if (!border_enter(&stay)) {
        op->status = px_fail(&op->err, PX_EGONE, "the interpreter is ending");
        return;
    }
    bool is_unblocked = unblock(op, &before);
    if (atomic_load(&op->canceled)) {
        op->status = px_fail(&op->err, PX_ECANCELED, "cancelled");
    } else {
        op->ran = true;
        op->status = run_op(op);
    }
    border_leave(&stay); /* what the thread held in threading.local ends */
    if (is_unblocked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    op->gil_wait_ns = stay.wait_ns;
    op->gil_hold_ns = stay.hold_ns;
    if (op->kind == OP_CLONE && op->ran && op->status == PX_OK)
        heap_capture_set_pause(op->capture, stay.wait_ns, stay.hold_ns);
}

/* ---- the thread ---- */

static void
unref(struct worker *worker)
{
    if (atomic_fetch_sub(&worker->refs, 1) != 1)
        return;
    struct op *op = NULL;
    while ((op = queue_take(&worker->asked)) != NULL)
        op_free(op);
    while ((op = queue_take(&worker->done)) != NULL)
        op_free(op);
    pthread_cond_destroy(&worker->more);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

static void *
worker_thread(void *context)
{
    struct worker *worker = context;
    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        while (worker->asked.first == NULL && !worker->quit)
            pthread_cond_wait(&worker->more, &worker->mutex);
        if (worker->quit)
            break;
        struct op *op = queue_take(&worker->asked);
        pthread_mutex_unlock(&worker->mutex);
        enter_and_run(op);
        pthread_mutex_lock(&worker->mutex);
        queue_put(&worker->done, op);
        if (!worker->stopped) /* or the loop behind it may be gone */
            worker->wake(worker->context);
    }
    pthread_mutex_unlock(&worker->mutex);
    unref(worker);
    return NULL;
}

/* ---- the I/O thread's side ---- */

struct worker *
worker_new(void (*wake)(void *context), void *context, struct px_err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a thread");
        return NULL;
    }
    atomic_init(&worker->refs, 1);
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->more, NULL);
    queue_init(&worker->asked);
    queue_init(&worker->done);
    worker->wake = wake;
    worker->context = context;
    return worker;
}

/* With the mutex held. */
static enum px_status
need_thread(struct worker *worker, struct px_err *err)
{
    if (worker->stopped)
        return px_fail(err, PX_ECANCELED, "the server stops");
    if (worker->has_thread)
        return PX_OK;
    worker->quit = false;
    atomic_fetch_add(&worker->refs, 1);
    enum px_status status = thread_start(&worker->thread, THREAD_CLONES,
                                         worker_thread, worker, err);
    worker->has_thread = status == PX_OK;
    if (status != PX_OK)
        atomic_fetch_sub(&worker->refs, 1);
    return status;
}

void
worker_submit(struct worker *worker, struct op *op)
{
    pthread_mutex_lock(&worker->mutex);
    op->status = need_thread(worker, &op->err);
    if (op->status == PX_OK) {
        queue_put(&worker->asked, op);
        pthread_cond_signal(&worker->more);
    } else {
        queue_put(&worker->done, op);
        worker->wake(worker->context);
    }
    pthread_mutex_unlock(&worker->mutex);
}

struct op *
worker_take(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    struct op *op = queue_take(&worker->done);
    pthread_mutex_unlock(&worker->mutex);
    return op;
}

static bool
end_thread(struct worker *worker, int ms)
{
    if (!worker->has_thread)
        return true;
    pthread_mutex_lock(&worker->mutex);
    worker->quit = true;
    /* all: one that did not rest in time may have been called back */
    pthread_cond_broadcast(&worker->more);
    pthread_mutex_unlock(&worker->mutex);
    worker->has_thread = false;
    if (thread_join(worker->thread, ms))
        return true;
    pthread_detach(worker->thread);
    return false;
}

void
worker_rest(struct worker *worker)
{
    end_thread(worker, REST_MS);
}

bool
worker_stop(struct worker *worker, int ms)
{
    pthread_mutex_lock(&worker->mutex);
    worker->stopped = true;
    pthread_mutex_unlock(&worker->mutex);
    bool ended = end_thread(worker, ms);
    pthread_mutex_lock(&worker->mutex);
    struct op *op = NULL;
    while ((op = queue_take(&worker->asked)) != NULL) {
        op->status = px_fail(&op->err, PX_ECANCELED, "the server stops");
        queue_put(&worker->done, op);
    }
    pthread_mutex_unlock(&worker->mutex);
    return ended;
}

void
worker_free(struct worker *worker)
{
    if (worker != NULL)
        unref(worker);
}
