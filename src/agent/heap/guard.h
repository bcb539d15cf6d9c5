/* guard.h — leaving a bad object alive.
 *
 * In the child a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT) or
 * an object that takes too long ends with a jump to `landing`. Nothing is
 * done per object: all state of the walk lies in memory, so one sigsetjmp
 * before a loop is enough and the loop goes on where it was. The watchdog is
 * a timer's tick that looks whether `progress` moved.
 *
 * The handlers find their guard through their own stack: it lies at the foot
 * of the aligned block that holds the alternate signal stack. A global would
 * dirty a page of the target. For the child only; the target's handlers are
 * never touched.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_GUARD_H
#define HEAP_GUARD_H

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/heap/walk_arena.h"
#include "agent/tags.h"

enum guard_why {
    GUARD_NONE,
    GUARD_FAULT, /* the memory could not be read, or worse */
    GUARD_HUNG   /* no progress for a second */
};

struct guard {
    sigjmp_buf *landing;        /* NULL: a fault ends the child */
    volatile uint64_t progress; /* the walk counts it up at each object */
    volatile uint64_t extra_ns; /* patience beyond a second */
    volatile sig_atomic_t busy; /* our own code runs: no jump by the clock */
    volatile sig_atomic_t why;  /* read after a jump */
    /* the watchdog's own */
    uint64_t seen;
    uint64_t seen_cpu_ns;
    uint64_t seen_real_ns;
};

/* Takes the guard and its stack, installs the handlers, starts the clock.
 * NULL: no memory. */
PX_CHILD struct guard *guard_start(struct arena *arena);

/* Brackets around code that must not be left by the clock. */
static inline void
guard_enter(struct guard *guard)
{
    guard->busy = 1;
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void
guard_leave(struct guard *guard)
{
    atomic_signal_fence(memory_order_seq_cst);
    guard->busy = 0;
}

/* After a cursor was moved and before what it stands at is read: the compiler
 * may not keep it in a register, or a jump would come back to the same place
 * for ever (gcc 15 does). */
static inline void
guard_mark(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

#endif
