/* border.c — crossing between C and Python: the GIL, exceptions.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/border.h"

#include "agent/forget.h"
#include "agent/heap/compat.h"
#include "base/loop.h"

static bool
is_finalizing(void)
{
#if COMPAT_IS_FINALIZING
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

/* PyGILState_Ensure in two steps. The first takes CPython's lock of the thread
 * states without the GIL, so a fork may come meanwhile, and up to 3.11 the
 * child takes that lock before it makes it anew: it would wait for ever. Before
 * that it asks for memory, for which tracemalloc takes the GIL. */
static PyThreadState *
new_state(void)
{
    if (COMPAT_FORK_NEEDS_HEADS)
        forget_lock_heads();
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    if (COMPAT_FORK_NEEDS_HEADS)
        forget_unlock_heads();
    return state;
}

bool
border_enter(struct border_stay *stay)
{
    /* Shrinks the window, does not close it: see the header. */
    if (!Py_IsInitialized() || is_finalizing())
        return false;
    uint64_t asked_ns = px_now_ns();
    stay->state = new_state();
    if (stay->state == NULL)
        return false;
    PyEval_RestoreThread(stay->state);
    stay->at_ns = px_now_ns();
    stay->wait_ns = stay->at_ns - asked_ns;
    stay->hold_ns = 0;
    return true;
}

void
border_leave(struct border_stay *stay)
{
    PyErr_Clear();
    PyThreadState_Clear(stay->state);
    PyThreadState_DeleteCurrent();
    stay->hold_ns = px_now_ns() - stay->at_ns;
}

/* enum px_status → exception; what is not here is a RuntimeError. */
static PyObject *
exception_of(enum px_status status)
{
    if (status == PX_ENOMEM)
        return PyExc_MemoryError;
    if (status == PX_EINVAL)
        return PyExc_ValueError;
    if (status == PX_EDENIED)
        return PyExc_PermissionError;
    if (status == PX_EIO || status == PX_ECONNECT)
        return PyExc_OSError;
    return PyExc_RuntimeError;
}

PyObject *
border_raise(const struct px_err *err)
{
    if (err->hint[0] != '\0')
        PyErr_Format(exception_of(err->status), "%s: %s", err->msg, err->hint);
    else
        PyErr_SetString(exception_of(err->status), err->msg);
    return NULL;
}
