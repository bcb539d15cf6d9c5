/* border.h — crossing between C and Python: the GIL, exceptions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_BORDER_H
#define AGENT_BORDER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/tags.h"

/* One stay under the GIL by a thread that is not Python's. */
struct border_stay {
    PyThreadState *state;
    uint64_t wait_ns; /* from asking to having it */
    uint64_t hold_ns; /* how long other threads stood still */
    uint64_t at_ns;
};

/* Waits for the GIL. False: the interpreter is going down and must not be
 * entered, or there is no memory for a thread's state; nothing was taken.
 * While it waits the thread may never come back: up to 3.13 the finalising
 * interpreter ends it with pthread_exit, from 3.14 it hangs (gh-87135). So the
 * caller holds no lock, and nobody joins it without a time limit. */
PX_NOGIL bool border_enter(struct border_stay *stay);
/* Clears any exception: none leaks into the target. */
PX_GIL void border_leave(struct border_stay *stay);

/* Raises what `err` says; returns NULL for `return border_raise(&err);`. */
PX_GIL PyObject *border_raise(const struct px_err *err);

#endif
