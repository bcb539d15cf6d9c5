/* gc_undo.c — what the collector was before clients changed it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/gc_undo.h"

#include <string.h>

#include "agent/gc_control.h"

/* Guarded by the GIL. `first`: what there was before; `last`: what its fields
 * were when a client had set them. */
static struct gc_settings first;
static struct gc_settings last;

/* The program has set a field since: what it says now is its last word, and
 * what was before ours is of no interest any more. */
static void
forget_overruled(const struct gc_settings *now)
{
    if (now->enabled != last.enabled)
        first.fields &= ~(unsigned)GC_ENABLED;
    if (memcmp(now->thresholds, last.thresholds, sizeof last.thresholds) != 0)
        first.fields &= ~(unsigned)GC_THRESHOLDS;
    if (now->debug != last.debug)
        first.fields &= ~(unsigned)GC_DEBUG;
}

/* Reads what there is, and brings the record up to it. */
static enum px_status
look(struct gc_settings *now, struct px_err *err)
{
    struct gc_state state;
    enum px_status status = gc_read(&state, false, err);
    if (status != PX_OK)
        return status;
    *now = state.now;
    forget_overruled(now);
    return PX_OK;
}

struct gc_settings
gc_undo_get(unsigned fields)
{
    struct gc_settings now;
    if (first.fields != 0)
        look(&now, NULL);
    struct gc_settings got = first;
    got.fields &= fields;
    return got;
}

/* What was set is read again: not every Python has three thresholds. */
static enum px_status
note_set(unsigned fields, struct px_err *err)
{
    struct gc_state state;
    enum px_status status = gc_read(&state, false, err);
    if (status != PX_OK)
        return status;
    struct gc_settings set = state.now;
    set.fields = fields;
    gc_settings_merge(&set, &last);
    last = set;
    return PX_OK;
}

enum px_status
gc_undo_set(const struct gc_settings *settings, struct px_err *err)
{
    struct gc_settings before;
    if (settings->fields == 0)
        return PX_OK;
    enum px_status status = look(&before, err);
    if (status != PX_OK)
        return status;
    /* Before it is set: half of a change that fails is put back too. */
    before.fields &= settings->fields;
    gc_settings_merge(&first, &before);
    status = gc_apply(settings, err);
    enum px_status noted =
        note_set(settings->fields, status == PX_OK ? err : NULL);
    return status == PX_OK ? noted : status;
}

void
gc_undo_keep(unsigned fields)
{
    first.fields &= ~fields;
}

enum px_status
gc_undo_restore(const struct gc_settings *older, unsigned fields,
                struct px_err *err)
{
    struct gc_settings all = *older;
    struct gc_settings mine = gc_undo_get(fields);
    gc_settings_merge(&all, &mine);
    enum px_status status = all.fields != 0 ? gc_apply(&all, err) : PX_OK;
    if (status == PX_OK)
        gc_undo_keep(all.fields);
    return status;
}

void
gc_undo_all(void)
{
    static const struct gc_settings none = {.fields = 0};
    gc_undo_restore(&none, GC_FIELDS, NULL);
}

/* ---- a fork ---- */

static PyObject *
after_fork(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    gc_undo_all();
    Py_RETURN_NONE;
}

static PyMethodDef after_fork_method = {"_pyexplore_after_fork", after_fork,
                                        METH_NOARGS, NULL};

/* Not by pthread_atfork as all else (forget.h): what sets the collector is
 * Python, which may be called when PyOS_AfterFork_Child is through with the
 * interpreter's own locks, and its callbacks come last. The record is right
 * at that moment, for whoever forks has the GIL. From the module posix, of
 * which os has a copy that programs replace. */
PyObject *
gc_undo_watch_fork(void)
{
    PyObject *hook = PyCFunction_New(&after_fork_method, NULL);
    PyObject *posix = NULL, *take = NULL, *named = NULL, *result = NULL;
    PyObject *none = hook != NULL ? PyTuple_New(0) : NULL;
    if (none != NULL)
        posix = PyImport_ImportModule("posix");
    if (posix != NULL)
        take = PyObject_GetAttrString(posix, "register_at_fork");
    if (take != NULL)
        named = Py_BuildValue("{s:O}", "after_in_child", hook);
    if (named != NULL)
        result = PyObject_Call(take, none, named);
    if (result == NULL)
        Py_CLEAR(hook);
    Py_XDECREF(result);
    Py_XDECREF(named);
    Py_XDECREF(take);
    Py_XDECREF(posix);
    Py_XDECREF(none);
    return hook;
}
