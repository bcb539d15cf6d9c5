/* worker.h — the thread that takes the GIL, apart from the one that serves.
 *
 * The I/O thread must answer peers while the target sits in C code for
 * minutes with the GIL held, so what needs the GIL is an operation that it
 * hands over here and gets back when it is done. The worker runs one after
 * the other in the order of their coming. It starts with the first operation
 * and is sent home when no peer is left: an idle server has one thread. It
 * also clones snapshot children, and they die with it (PR_SET_PDEATHSIG is
 * the thread's, not the process's), so it stays while one lives.
 *
 * No lock is held while it waits for the GIL. The finalising interpreter may
 * end the thread right there, or hang it from 3.14 on: then its operation
 * never comes back, and the worker's memory is left behind.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/facts.h"
#include "agent/gc_control.h"
#include "agent/heap/heap.h"
#include "agent/snap.h"
#include "agent/tags.h"

/* What an operation does. */
enum op_kind {
    OP_STATUS,
    OP_MEMORY,
    OP_GC_STATE,
    OP_GC_SET,
    OP_GC_RESTORE,
    OP_GC_COLLECT,
    OP_GC_FREEZE,
    OP_GC_UNFREEZE,
    OP_GC_GARBAGE,
    OP_CLONE
};

struct session;
struct share;

/* Belongs to the I/O thread before submit and after take; to the worker in
 * between, but for `canceled` and the part that is the I/O thread's own. */
struct op {
    enum op_kind kind;
    atomic_bool canceled; /* do not begin it */

    /* the I/O thread's */
    struct session *session; /* NULL: gone, or nobody waits */
    uint64_t id;             /* of the request */
    unsigned msg;
    uint64_t asked_ns;
    struct op *next_pending;
    struct share *share; /* OP_CLONE */

    /* arguments */
    struct gc_settings settings; /* to be set, perhaps none */
    unsigned keep;               /* OP_GC_SET: fields that then stay */
    unsigned put_back;           /* OP_GC_RESTORE: fields */
    bool ask_malloc;             /* OP_MEMORY */
    bool count_frozen;           /* OP_GC_STATE */
    int generation;
    size_t limit;
    struct heap_capture *capture; /* borrowed from the share */
    struct snap_header *header;   /* borrowed from the share */

    /* results */
    bool ran;
    enum px_status status;
    struct px_err err;
    uint64_t gil_wait_ns;
    uint64_t gil_hold_ns;
    struct gc_settings undo;  /* OP_GC_SET: what undoes it */
    struct gc_settings first; /* beside `state`: what is to be put back */
    struct gc_state state;
    struct gc_collected collected;
    struct gc_garbage garbage;
    int64_t allocated_blocks;
    struct facts_malloc malloc;

    struct op *next; /* in a queue of the worker */
};

struct op *op_new(enum op_kind kind);
void op_free(struct op *op);

struct worker;

/* `wake` is called on the worker's thread whenever something is done. */
struct worker *worker_new(void (*wake)(void *context), void *context,
                          struct px_err *err);
/* Takes the operation; starts the thread if need be. If it cannot, or after
 * worker_stop, the operation comes back by worker_take with ran == false. */
PX_NOGIL void worker_submit(struct worker *worker, struct op *op);
/* The next operation that is done, or NULL. */
struct op *worker_take(struct worker *worker);
/* Sends the thread home; only when all operations were taken back. */
PX_NOGIL void worker_rest(struct worker *worker);
/* Ends: lets the running operation finish, waits at most `ms`. Operations
 * that had not begun come back by worker_take with ran == false. False: one
 * is still out, and so is what it borrowed. */
PX_NOGIL bool worker_stop(struct worker *worker, int ms);
/* After worker_stop. */
void worker_free(struct worker *worker);

#endif
