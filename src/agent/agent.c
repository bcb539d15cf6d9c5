/* agent.c — the one agent of this process, and the class Server.
 *
 * A Server is a handle: it knows the number of the run that it stands for and
 * asks the agent, so that a handle of an earlier run, or one that came through
 * a fork, answers None instead of something stale.
 *
 * At exit: an atexit callback, registered when the server starts and thus run
 * before those of modules imported earlier, stops the server without the GIL.
 * The I/O thread never takes the GIL, so waiting for it cannot dead-lock; the
 * worker, which may be waiting for the GIL, is waited for with a limit only.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>
#include <unistd.h>

#include "agent/border.h"
#include "agent/file.h"
#include "agent/forget.h"
#include "agent/gc_control.h"
#include "agent/gc_undo.h"
#include "agent/handle.h"
#include "agent/own.h"
#include "agent/server.h"
#include "agent/trigger.h"
#include "agent/watcher.h"

#define EXIT_WAIT_MS 3000

static struct {
    pid_t pid;             /* whose server this is */
    struct server *server; /* NULL: none runs */
    bool starting;         /* a thread is in serve(), perhaps without the GIL */
    int stopping;          /* threads in stop(), without the GIL */
    bool ending;           /* the main interpreter ends: nobody serves again */
    unsigned long run;     /* counts up with every server and every fork */
    PyObject *handle;      /* the Server of the running server, owned */
    PyTypeObject *type;    /* Server */
    PyObject *exit_hook;   /* called by atexit, owned */
    pid_t hooked_pid;      /* in which process it is registered; 0: none */
    PyObject *fork_hook;   /* registered with os, owned; NULL: not yet */
} agent;

struct server_handle {
    PyObject_HEAD unsigned long run; /* 0: inert */
};

/* ---- a fork ---- */

/* Async-signal-safe. The handle and the server's memory are left as they are:
 * freeing them would need locks that nobody may hold any more. */
static void
forget_agent(void)
{
    agent.server = NULL;
    agent.starting = false;
    agent.stopping = 0;
    agent.run++;
    file_in_child();
    trigger_in_child();
}

int
agent_watch_fork(void)
{
    struct px_err err;
    if (forget_install(forget_agent, &err) == PX_OK)
        return 0;
    border_raise(&err);
    return -1;
}

/* The server that runs in this process; a belt for a fork that ran no
 * handlers. */
static struct server *
running(void)
{
    if (agent.server != NULL && agent.pid != getpid())
        forget_agent();
    return agent.server;
}

/* ---- the interpreter's end ---- */

/* Another thread may be in serve() or stop(). It must come to its end now:
 * once the interpreter is finalising, it never gets the GIL back, and socket
 * and key would stay. Gives up after EXIT_WAIT_MS. */
static void
wait_for_others(void)
{
    for (int ms = 0; ms < EXIT_WAIT_MS; ms++) {
        if (!agent.starting && agent.stopping == 0)
            break;
        Py_BEGIN_ALLOW_THREADS
        usleep(1000);
        Py_END_ALLOW_THREADS
    }
}

static PyObject *
at_exit(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    /* of a subinterpreter: the others may still serve */
    agent.ending = PyThreadState_Get()->interp == PyInterpreterState_Main();
    agent.hooked_pid = 0;
    Py_CLEAR(agent.exit_hook);
    Py_CLEAR(agent.fork_hook);
    wait_for_others();
    agent_stop();
    trigger_at_exit();
    Py_BEGIN_ALLOW_THREADS
    file_cancel_all(EXIT_WAIT_MS);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef at_exit_method = {"_pyexplore_at_exit", at_exit, METH_NOARGS,
                                     NULL};

/* Once more in a forked child: from 3.13 on multiprocessing drops there what
 * the parent had registered. To be called twice is harmless. */
int
agent_watch_exit(void)
{
    if (agent.hooked_pid == getpid())
        return 0;
    if (agent.exit_hook == NULL)
        agent.exit_hook = PyCFunction_New(&at_exit_method, NULL);
    PyObject *module = PyImport_ImportModule("atexit");
    PyObject *result = NULL;
    if (module != NULL && agent.exit_hook != NULL)
        result = PyObject_CallMethod(module, "register", "O", agent.exit_hook);
    Py_XDECREF(module);
    if (result == NULL)
        return -1;
    Py_DECREF(result);
    agent.hooked_pid = getpid();
    return 0;
}

/* ---- serve and stop ---- */

static PyObject *
new_handle(unsigned long run)
{
    struct server_handle *handle =
        PyObject_New(struct server_handle, agent.type);
    if (handle != NULL)
        handle->run = run;
    return (PyObject *)handle;
}

static PyObject *
raise_busy(const struct px_err *err)
{
    char text[PX_ERR_TEXT + PX_ERR_HINT + 2];
    if (err->status != PX_EBUSY)
        return border_raise(err);
    snprintf(text, sizeof text, "%s%s%s", err->msg,
             err->hint[0] != '\0' ? ": " : "", err->hint);
    PyObject *arguments = Py_BuildValue("(is)", EADDRINUSE, text);
    if (arguments != NULL)
        PyErr_SetObject(PyExc_OSError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

/* The program must boot: it gets a server that nobody can reach. */
static PyObject *
serve_nobody(const struct px_err *err)
{
    if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                         "pyexplore: %s; nobody can connect to this process",
                         err->msg) < 0)
        return NULL;
    return new_handle(0);
}

/* All that can be refused before anything is made. */
static int
prepare(const struct serve_options *options)
{
    struct px_err err;
    PyObject *threading = NULL;
    if (PySys_Audit("pyexplore.serve", "si", options->host, options->port) < 0)
        return -1;
    /* Without snapshots there are still the collector and the process. */
    enum px_status status = heap_self_test(&err);
    if (status == PX_EUNSUPPORTED) {
        if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                             "%s. No snapshots can be taken of this process; "
                             "its collector can be looked at and controlled.",
                             err.msg) < 0)
            return -1;
        status = PX_OK;
    }
    if (status != PX_OK) {
        border_raise(&err);
        return -1;
    }
    if (agent_watch_fork() < 0)
        return -1;
    /* A collection that a client asks for runs finalizers on our thread. Were
     * one of them the first to import threading, Python 3.8 to 3.12 would take
     * our thread for the main one and print an AssertionError at exit. */
    threading = PyImport_ImportModule("threading");
    Py_XDECREF(threading);
    if (threading == NULL || agent_watch_exit() < 0)
        return -1;
    if (agent.fork_hook == NULL)
        agent.fork_hook = gc_undo_watch_fork();
    return agent.fork_hook != NULL ? 0 : -1;
}

static int
warn(const struct server_notes *notes, const struct serve_options *options)
{
    /* Not if its default port was taken. Asked first: a warning runs code,
     * which may stop the server. */
    bool has_tcp = server_address(agent.server) != NULL;
    if (notes->warning[0] != '\0' &&
        PyErr_WarnEx(PyExc_RuntimeWarning, notes->warning, 1) < 0)
        return -1;
    if (has_tcp && !options->loopback &&
        PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                         "pyexplore listens on %s, which other machines can "
                         "reach: whoever has the key file sees every object",
                         options->address) < 0)
        return -1;
    return 0;
}

void
agent_tell_own(void)
{
    PyObject *extra[3 + TRIGGERS_MAX] = {agent.handle, agent.exit_hook,
                                         agent.fork_hook};
    size_t n_held;
    watcher_handles(extra + 3);
    PyObject *const *held = gc_control_held(&n_held);
    own_refresh(extra, sizeof extra / sizeof extra[0], held, n_held);
}

/* At the interpreter's end there is nobody to serve, and an exception in
 * somebody's daemon thread would be printed. */
bool
agent_is_off(void)
{
    const char *disabled = getenv("PYEXPLORE_DISABLE");
    return agent.ending || (disabled != NULL && strcmp(disabled, "1") == 0);
}

PyObject *
agent_serve(const struct serve_options *options)
{
    if (agent_is_off())
        return new_handle(0);
    if (running() != NULL && server_has_ended(agent.server))
        agent_stop(); /* it lost its descriptors: see server_has_ended */
    if (running() != NULL) {
        if (options_equal(options, server_options(agent.server))) {
            Py_INCREF(agent.handle);
            return agent.handle;
        }
        PyErr_SetString(PyExc_ValueError,
                        "pyexplore serves already, with other options: call "
                        "pyexplore.stop() first");
        return NULL;
    }
    if (agent.starting) {
        PyErr_SetString(PyExc_RuntimeError,
                        "another thread is in pyexplore.serve()");
        return NULL;
    }
    struct server_notes notes = {.warning = ""};
    struct px_err err = {.status = PX_OK};
    struct server *server = NULL;
    bool started = false;
    PyObject *handle = NULL;
    agent.starting = true; /* prepare() runs Python code: a hook, an import */
    if (prepare(options) == 0)
        handle = new_handle(agent.run + 1);
    if (handle == NULL) {
        agent.starting = false;
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    server = server_new(options, &notes, &err);
    started = server != NULL && server_start(server, &err) == PX_OK;
    if (!started)
        server_free(server);
    Py_END_ALLOW_THREADS
    agent.starting = false;
    if (!started) {
        Py_DECREF(handle);
        return options_can_do_without(options, err.status) ? serve_nobody(&err)
                                                           : raise_busy(&err);
    }
    agent.pid = getpid();
    agent.server = server;
    agent.run++;
    Py_XDECREF(agent.handle);
    agent.handle = handle;
    agent_tell_own();
    Py_INCREF(handle);
    if (warn(&notes, options) < 0) { /* warnings are errors here */
        Py_DECREF(handle);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        agent_stop();
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    return handle;
}

void
agent_stop(void)
{
    struct server *server = running();
    if (server == NULL)
        return;
    agent.server = NULL; /* nobody else stops it now */
    agent.run++;
    Py_CLEAR(agent.handle);
    agent.stopping++;
    Py_BEGIN_ALLOW_THREADS
    server_stop(server);
    Py_END_ALLOW_THREADS
    gc_undo_all();
    Py_BEGIN_ALLOW_THREADS
    server_free(server);
    Py_END_ALLOW_THREADS
    agent.stopping--;
    agent_tell_own(); /* the handle's address may soon be another object's */
}

/* ---- the class Server ---- */

/* The server that it stands for, ended or not. */
static struct server *
handle_run(PyObject *self)
{
    struct server_handle *handle = (struct server_handle *)self;
    struct server *server = running();
    return handle->run != 0 && handle->run == agent.run ? server : NULL;
}

static struct server *
handle_server(PyObject *self)
{
    struct server *server = handle_run(self);
    return server != NULL && !server_has_ended(server) ? server : NULL;
}

static PyObject *
handle_address(PyObject *self, void *Py_UNUSED(closure))
{
    struct server *server = handle_server(self);
    return handle_text(server != NULL ? server_address(server) : NULL);
}

static PyObject *
handle_unix_path(PyObject *self, void *Py_UNUSED(closure))
{
    struct server *server = handle_server(self);
    return handle_text(server != NULL ? server_unix_path(server) : NULL);
}

static PyObject *
handle_close(PyObject *self, PyObject *Py_UNUSED(args))
{
    if (handle_run(self) != NULL)
        agent_stop();
    Py_RETURN_NONE;
}

static PyObject *
handle_repr(PyObject *self)
{
    struct server *server = handle_server(self);
    if (server == NULL)
        return PyUnicode_FromString("<pyexplore.Server closed>");
    const char *address = server_address(server);
    const char *path = server_unix_path(server);
    return PyUnicode_FromFormat(
        "<pyexplore.Server%s%s%s%s>", address != NULL ? " " : "",
        address != NULL ? address : "", path != NULL ? " " : "",
        path != NULL ? path : "");
}

static PyMethodDef handle_methods[] = {
    {"close", handle_close, METH_NOARGS,
     "close()\n--\n\nStop serving. Closing twice, or a server that has been "
     "replaced,\nis fine."},
    {"__enter__", handle_enter, METH_NOARGS, NULL},
    {"__exit__", handle_close, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef handle_getset[] = {
    {"address", handle_address, NULL,
     "The TCP address as ``HOST:PORT``, or None.", NULL},
    {"unix_path", handle_unix_path, NULL,
     "The path of the Unix socket (an abstract one begins with ``@``), or "
     "None.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static char handle_doc[] =
    "The running server, from `pyexplore.serve`.\n\n"
    "A context manager that closes it. When it was closed, in a forked\n"
    "child, and with PYEXPLORE_DISABLE=1 its addresses are None.";

static PyObject *
refuse_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
           PyObject *Py_UNUSED(kwargs))
{
    return handle_refuse_new(type, "pyexplore.serve()");
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
    .name = "pyexplore.Server",
    .basicsize = sizeof(struct server_handle),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = type_slots,
};

int
agent_add_types(PyObject *module)
{
    agent.ending = false; /* an embedding program started Python again */
    PyTypeObject *type = handle_add_type(module, &type_spec);
    if (type == NULL)
        return -1;
    /* An earlier one may have died with its interpreter: not released. */
    agent.type = type;
    return 0;
}
