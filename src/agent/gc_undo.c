/* gc_undo.c — what the collector was before clients changed it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/gc_undo.h"

#include "agent/gc_control.h"

/* Guarded by the GIL. */
static struct gc_settings first;

struct gc_settings
gc_undo_get(unsigned fields)
{
    struct gc_settings got = first;
    got.fields &= fields;
    return got;
}

enum px_status
gc_undo_set(const struct gc_settings *settings, struct px_err *err)
{
    struct gc_state before;
    if (settings->fields == 0)
        return PX_OK;
    enum px_status status = gc_read(&before, false, err);
    if (status != PX_OK)
        return status;
    /* Before it is set: half of a change that fails is put back too. */
    before.now.fields &= settings->fields;
    gc_settings_merge(&first, &before.now);
    return gc_apply(settings, err);
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
