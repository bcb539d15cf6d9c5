/* watcher.c — pyexplore.snapshot_on() and the class SnapshotTrigger.
 *
 * A handle knows the number of its trigger and asks trigger.c, so that one
 * that was closed, or that came through a fork, says that nothing runs. The
 * trigger does not end with its handle: who writes
 * `pyexplore.snapshot_on(signal=…)` at the start of a program need not keep
 * the result.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/watcher.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/border.h"
#include "agent/handle.h"
#include "agent/heap/heap.h"
#include "agent/options.h"

#define PATH_DEFAULT "pyexplore-{pid}-{time}.pxs"
#define INTERVAL_DEFAULT 60.0
#define INTERVAL_MIN 1.0
#define KEEP_DEFAULT 5

const char watcher_doc[] =
    "snapshot_on(path='" PATH_DEFAULT "', *, signal=None, rss=None,\n"
    "            interval=60.0, keep=5, detail='values')\n"
    "--\n\n"
    "Write a snapshot whenever a signal comes, or the process has become "
    "large.\n\n"
    "Needs no server. A thread waits and writes; no Python code runs for it.\n"
    "It goes on when the result is not kept.\n\n"
    "Parameters\n"
    "----------\n"
    "path : path-like\n"
    "    The files to make, with fields: ``{pid}``, ``{time}`` (UTC), ``{n}``\n"
    "    (1, 2, ...) and ``{host}``. ``{time}`` or ``{n}`` must be among "
    "them.\n"
    "    A relative path is meant as of now.\n"
    "signal : int, optional\n"
    "    As in ``signal.SIGUSR2``. A handler that was there before is still\n"
    "    called. One that is installed later replaces this one.\n"
    "rss : int, optional\n"
    "    Bytes of resident memory, looked at once a second. The next snapshot\n"
    "    comes when there is a tenth more than at the last, or when the\n"
    "    process was smaller than `rss` in between.\n"
    "interval : float\n"
    "    Seconds between two snapshots at least. What is asked for sooner is\n"
    "    taken when they are over.\n"
    "keep : int\n"
    "    So many files at most; the oldest of this trigger is removed.\n"
    "detail : {'values', 'names', 'types'}\n"
    "    How much they say, as in `snapshot`.\n\n"
    "Returns\n"
    "-------\n"
    "SnapshotTrigger\n"
    "    With ``taken``, ``last_path``, ``last_error`` and ``close()``.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    An argument is wrong, or the signal would end the process: then\n"
    "    handle it yourself first, or take another.\n"
    "OSError\n"
    "    The folder cannot be written to.\n"
    "RuntimeError\n"
    "    This build of Python is not supported.\n\n"
    "Notes\n"
    "-----\n"
    "With PYEXPLORE_DISABLE=1 in the environment nothing is started. Forked\n"
    "children have no trigger: there, and while the interpreter ends, a "
    "signal\n"
    "that nobody else handles does nothing. Raises an auditing event\n"
    "``pyexplore.snapshot_on`` with argument ``path``.\n";

static PyTypeObject *handle_type;
/* A reference to each handle whose trigger runs, so that no answer shows it. */
static PyObject *handles[TRIGGERS_MAX];

struct trigger_handle {
    PyObject_HEAD unsigned long number; /* 0: inert */
    struct trigger_state state;         /* what was known last */
};

static unsigned long
number_of(PyObject *self)
{
    return ((struct trigger_handle *)self)->number;
}

/* Drops the handles of triggers that are over. */
static void
sweep_handles(void)
{
    for (size_t i = 0; i < TRIGGERS_MAX; i++) {
        if (handles[i] != NULL &&
            trigger_options(number_of(handles[i])) == NULL)
            Py_CLEAR(handles[i]);
    }
}

void
watcher_handles(PyObject *out[TRIGGERS_MAX])
{
    sweep_handles();
    memcpy(out, handles, sizeof handles);
}

static void
keep_handle(PyObject *handle)
{
    sweep_handles();
    for (size_t i = 0; i < TRIGGERS_MAX; i++) {
        if (handles[i] == NULL) {
            Py_INCREF(handle);
            handles[i] = handle;
            break;
        }
    }
    agent_tell_own();
}

/* ---- arguments ---- */

/* A whole number of at least `least`, or -1 with an exception. */
static long long
take_int(PyObject *value, const char *name, long long least)
{
    int overflow = 0;
    if (!PyLong_Check(value) || PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be an int or None, not %s", name,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (overflow != 0 || number < least) {
        PyErr_Format(PyExc_ValueError, "%s must be at least %lld", name, least);
        return -1;
    }
    return number;
}

/* Absolute, for the process may change its folder. */
static int
take_path(PyObject *path, struct trigger_options *out)
{
    const char *text = PyBytes_AS_STRING(path);
    char folder[PX_PATH_MAX] = "";
    bool is_relative = text[0] != '/';
    if (is_relative && getcwd(folder, sizeof folder) == NULL) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    int n = snprintf(out->path, sizeof out->path, "%s%s%s", folder,
                     is_relative ? "/" : "", text);
    if ((size_t)n < sizeof out->path)
        return 0;
    PyErr_SetString(PyExc_ValueError, "path is too long");
    return -1;
}

/* A folder that is known now should be there now: nobody sees the error of a
 * snapshot that cannot be written at night. */
static int
check_folder(const struct trigger_options *options)
{
    char folder[PX_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", options->path);
    char *end = strrchr(folder, '/');
    if (end == NULL)
        return 0;
    end[end == folder] = '\0';
    if (strpbrk(folder, "{}") != NULL)
        return 0;
    if (access(folder, W_OK | X_OK) == 0)
        return 0;
    PyErr_SetFromErrnoWithFilename(PyExc_OSError, folder);
    return -1;
}

static int
take_numbers(PyObject *signal, PyObject *rss, double interval, PyObject *keep,
             struct trigger_options *out)
{
    if (signal == Py_None && rss == Py_None) {
        PyErr_SetString(PyExc_ValueError,
                        "snapshot_on needs signal= or rss=, or both");
        return -1;
    }
    long long number = signal != Py_None ? take_int(signal, "signal", 1) : 0;
    if (number < 0)
        return -1;
    out->signal = number < 65536 ? (int)number : 65536;
    number = rss != Py_None ? take_int(rss, "rss", 1) : 0;
    if (number < 0)
        return -1;
    out->rss_bytes = (uint64_t)number;
    number = keep != NULL ? take_int(keep, "keep", 1) : KEEP_DEFAULT;
    if (number < 0)
        return -1;
    out->keep = number < TRIGGER_KEEP_MAX ? (unsigned)number : TRIGGER_KEEP_MAX;
    if (!(interval >= INTERVAL_MIN && interval < 1e9)) {
        PyErr_Format(PyExc_ValueError, "interval must be at least %d second",
                     (int)INTERVAL_MIN);
        return -1;
    }
    out->interval_ms = (uint64_t)(interval * 1000);
    return 0;
}

static int
parse(PyObject *args, PyObject *kwargs, struct trigger_options *out)
{
    static const char *keywords[] = {"path", "signal", "rss", "interval",
                                     "keep", "detail", NULL};
    PyObject *path = NULL, *given = NULL;
    PyObject *signal = Py_None, *rss = Py_None, *keep = NULL;
    double interval = INTERVAL_DEFAULT;
    const char *detail_name = "values";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OOdOs:snapshot_on",
                                     (char **)keywords, &given, &signal, &rss,
                                     &interval, &keep, &detail_name))
        return -1;
    int detail = options_detail(detail_name);
    if (detail < 0)
        return -1;
    out->detail = (enum px_detail)detail;
    if (take_numbers(signal, rss, interval, keep, out) < 0)
        return -1;
    if (given == NULL)
        path = PyBytes_FromString(PATH_DEFAULT);
    else if (!PyUnicode_FSConverter(given, &path))
        return -1;
    int result = path != NULL ? take_path(path, out) : -1;
    Py_XDECREF(path);
    return result;
}

static PyObject *
new_handle(unsigned long number)
{
    struct trigger_handle *handle =
        PyObject_New(struct trigger_handle, handle_type);
    if (handle != NULL) {
        handle->number = number;
        handle->state = (struct trigger_state){.taken = 0};
    }
    return (PyObject *)handle;
}

/* All that must be there before the thread is. */
static int
prepare(const struct trigger_options *options)
{
    struct px_err err;
    PyObject *path = PyUnicode_DecodeFSDefault(options->path);
    if (path == NULL)
        return -1;
    int result = PySys_Audit("pyexplore.snapshot_on", "O", path);
    Py_DECREF(path);
    if (result < 0 || check_folder(options) < 0)
        return -1;
    if (heap_self_test(&err) != PX_OK) {
        border_raise(&err);
        return -1;
    }
    return agent_watch_fork() < 0 ? -1 : agent_watch_exit();
}

PyObject *
watcher_new(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    struct trigger_options options = {.signal = 0};
    struct px_err err = {.status = PX_OK};
    if (parse(args, kwargs, &options) < 0)
        return NULL;
    if (agent_is_off())
        return new_handle(0);
    if (prepare(&options) < 0)
        return NULL;
    struct trigger_handle *handle = (struct trigger_handle *)new_handle(0);
    if (handle == NULL)
        return NULL;
    handle->number = trigger_start(&options, &err);
    if (handle->number == 0) {
        Py_DECREF(handle);
        return border_raise(&err);
    }
    keep_handle((PyObject *)handle);
    return (PyObject *)handle;
}

/* ---- the class ---- */
static PyObject *
handle_path(PyObject *self, void *Py_UNUSED(closure))
{
    const struct trigger_options *options = trigger_options(number_of(self));
    return handle_text(options != NULL ? options->path : NULL);
}

/* What it did, also once it is closed. */
static const struct trigger_state *
state_of(PyObject *self)
{
    struct trigger_handle *handle = (struct trigger_handle *)self;
    trigger_look(handle->number, &handle->state);
    return &handle->state;
}

static PyObject *
handle_taken(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(state_of(self)->taken);
}

static PyObject *
handle_last_path(PyObject *self, void *Py_UNUSED(closure))
{
    return handle_text(state_of(self)->last_path);
}

static PyObject *
handle_last_error(PyObject *self, void *Py_UNUSED(closure))
{
    return handle_text(state_of(self)->last_error);
}

static PyObject *
handle_close(PyObject *self, PyObject *Py_UNUSED(args))
{
    state_of(self);
    trigger_stop(number_of(self));
    agent_tell_own(); /* the address may soon be another object's */
    Py_RETURN_NONE;
}

static PyObject *
handle_repr(PyObject *self)
{
    const struct trigger_options *options = trigger_options(number_of(self));
    if (options == NULL)
        return PyUnicode_FromString("<pyexplore.SnapshotTrigger closed>");
    PyObject *path = PyUnicode_DecodeFSDefault(options->path);
    PyObject *repr =
        path == NULL
            ? NULL
            : PyUnicode_FromFormat("<pyexplore.SnapshotTrigger %R, %lu taken>",
                                   path, state_of(self)->taken);
    Py_XDECREF(path);
    return repr;
}

static PyMethodDef handle_methods[] = {
    {"close", handle_close, METH_NOARGS,
     "close()\n--\n\nEnd it; the signal does again what it did before. A "
     "snapshot that\nis being written is cancelled. Closing twice is fine."},
    {"__enter__", handle_enter, METH_NOARGS, NULL},
    {"__exit__", handle_close, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef handle_getset[] = {
    {"path", handle_path, NULL, "The files, absolute and with fields; or None.",
     NULL},
    {"taken", handle_taken, NULL, "How many snapshots it has written.", NULL},
    {"last_path", handle_last_path, NULL, "The last of them, or None.", NULL},
    {"last_error", handle_last_error, NULL,
     "Why the last attempt failed, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static char handle_doc[] =
    "A running trigger, from `pyexplore.snapshot_on`.\n\n"
    "A context manager that closes it. Once it is closed, in a forked child,\n"
    "and with PYEXPLORE_DISABLE=1 its path is None.";

static PyObject *
refuse_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
           PyObject *Py_UNUSED(kwargs))
{
    return handle_refuse_new(type, "pyexplore.snapshot_on()");
}

static PyType_Slot type_slots[] = {
    {Py_tp_new, __extension__(void *) refuse_new},
    {Py_tp_doc, handle_doc},
    {Py_tp_dealloc, __extension__(void *) handle_dealloc},
    {Py_tp_repr, __extension__(void *) handle_repr},
    {Py_tp_methods, handle_methods},
    {Py_tp_getset, handle_getset},
    {0, NULL},
};

static PyType_Spec type_spec = {
    .name = "pyexplore.SnapshotTrigger",
    .basicsize = sizeof(struct trigger_handle),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = type_slots,
};

int
watcher_add_types(PyObject *module)
{
    PyTypeObject *type = handle_add_type(module, &type_spec);
    if (type == NULL)
        return -1;
    /* An earlier one may have died with its interpreter: not released. */
    handle_type = type;
    return 0;
}
