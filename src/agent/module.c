/* module.c — the extension module pyexplore._agent.
 *
 * The functions that users call are here, with their docstrings; what they
 * do is in agent.c (the server), file.c and watcher.c (snapshots). There is no
 * module state: the agent is one per process, whatever imports it how often.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/agent.h"
#include "agent/facts.h"
#include "agent/file.h"
#include "agent/gc_control.h"
#include "agent/heap/compat.h"
#include "agent/options.h"
#include "agent/snap.h"
#include "agent/watcher.h"

PyDoc_STRVAR(
    serve_doc,
    "serve(port=9999, *, host='127.0.0.1', unix=True, detail='values',\n"
    "      readonly=False, allow_remote=False, key_file=None, fork='off',\n"
    "      spool_bytes=None)\n"
    "--\n\n"
    "Let pyexplore's programs look into this process.\n\n"
    "Starts a thread that waits for them and costs nothing until one comes.\n"
    "A snapshot pauses the process for a few milliseconds; it is taken by a\n"
    "copy-on-write child, which never runs any code of yours.\n\n"
    "Parameters\n"
    "----------\n"
    "port : int or None\n"
    "    TCP port. When the default is taken, only the Unix socket is used\n"
    "    and a RuntimeWarning names who has it; when a port that you chose is\n"
    "    taken, OSError is raised. 0 takes any, None none.\n"
    "host : str\n"
    "    Address to listen on. Another than the loopback's needs\n"
    "    `allow_remote` and `key_file`; ssh is the better way.\n"
    "unix : bool\n"
    "    Also listen on a Unix socket, which only this user and root can use.\n"
    "detail : {'values', 'names', 'types'}\n"
    "    The most that a client gets to see: previews of values, names of\n"
    "    attributes and keys, or types alone.\n"
    "readonly : bool\n"
    "    Refuse to change the collector.\n"
    "allow_remote : bool\n"
    "    Allow a `host` that other machines can reach.\n"
    "key_file : path-like, optional\n"
    "    File with the 32-byte key of TCP clients; made if it does not exist.\n"
    "    By default a fresh key lies in the user's runtime folder, where the\n"
    "    programs find it.\n"
    "fork : {'off'}\n"
    "    What forked children do: nothing; they may call `serve` themselves.\n"
    "spool_bytes : int, optional\n"
    "    Memory that a snapshot may take on its way to the client,\n"
    "    64 MiB by default.\n\n"
    "Returns\n"
    "-------\n"
    "Server\n"
    "    The running server. Calling `serve` again returns the same one.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    An option is wrong, or differs from those of the running server.\n"
    "OSError\n"
    "    The port that you chose, or its key, cannot be had, or with\n"
    "    ``port=None`` the Unix socket. With the defaults there is only a\n"
    "    RuntimeWarning: your program starts in any case.\n"
    "RuntimeError\n"
    "    This build of Python is not supported.\n\n"
    "Notes\n"
    "-----\n"
    "With PYEXPLORE_DISABLE=1 in the environment nothing is started and the\n"
    "server's addresses are None. Raises an auditing event\n"
    "``pyexplore.serve`` with arguments ``host``, ``port``.\n");

PyDoc_STRVAR(stop_doc,
             "stop()\n"
             "--\n\n"
             "Close the running server, if there is one.\n\n"
             "Clients are disconnected, collector settings that they changed\n"
             "are put back, socket and key file are removed.\n");

PyDoc_STRVAR(
    snapshot_doc,
    "snapshot(path, detail='values')\n"
    "--\n\n"
    "Write a snapshot of all objects to a new file; needs no server.\n\n"
    "Other threads are stopped for a few milliseconds only. The calling\n"
    "thread waits until the file is complete.\n\n"
    "Parameters\n"
    "----------\n"
    "path : path-like\n"
    "    The file to make, usually ending in ``.pxs``. It can be read by this\n"
    "    user only.\n"
    "detail : {'values', 'names', 'types'}\n"
    "    How much it says: previews of values, names of attributes and keys,\n"
    "    or types alone.\n\n"
    "Raises\n"
    "------\n"
    "FileExistsError\n"
    "    The file exists.\n"
    "OSError\n"
    "    It cannot be written; nothing is left of it.\n"
    "RuntimeError\n"
    "    No snapshot can be taken: too little memory, or this build of Python\n"
    "    is not supported.\n\n"
    "Notes\n"
    "-----\n"
    "Raises an auditing event ``pyexplore.snapshot`` with argument "
    "``path``.\n");

static PyObject *
module_serve(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    struct serve_options options;
    if (options_parse(args, kwargs, &options) < 0)
        return NULL;
    PyObject *server = agent_serve(&options);
    options_done(&options);
    return server;
}

static PyObject *
module_stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    agent_stop();
    Py_RETURN_NONE;
}

/* Consumes `path`. */
static PyObject *
take_snapshot(PyObject *path, const char *detail_name,
              struct heap_options *opts)
{
    PyObject *result = NULL;
    int detail = options_detail(detail_name);
    opts->detail = (enum px_detail)detail;
    if (detail >= 0 && PySys_Audit("pyexplore.snapshot", "O", path) == 0 &&
        agent_watch_exit() == 0 && agent_watch_fork() == 0) {
        agent_tell_own();
        result = file_snapshot(path, opts);
    }
    Py_DECREF(path);
    return result;
}

static PyObject *
module_snapshot(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *keywords[] = {"path", "detail", NULL};
    PyObject *path = NULL;
    const char *detail_name = "values";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|s:snapshot",
                                     (char **)keywords, PyUnicode_FSConverter,
                                     &path, &detail_name))
        return NULL;
    struct heap_options opts = {.codec = PX_CODEC_LZ4};
    return take_snapshot(path, detail_name, &opts);
}

/* For `make bench` and the tests, not for users: the same with the options
 * that only measuring needs, and uncompressed as for a peer on this host. */
static PyObject *
module_measure(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *keywords[] = {"path", "detail", "mark_only",
                                     "count_dirty", NULL};
    PyObject *path = NULL;
    const char *detail_name = "values";
    int mark_only = 0;
    int count_dirty = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|spp:_measure",
                                     (char **)keywords, PyUnicode_FSConverter,
                                     &path, &detail_name, &mark_only,
                                     &count_dirty))
        return NULL;
    struct heap_options opts = {.codec = PX_CODEC_NONE,
                                .mark_only = mark_only != 0,
                                .count_dirty = count_dirty != 0};
    return take_snapshot(path, detail_name, &opts);
}

#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))
static PyMethodDef methods[] = {
    {"serve", WITH_KEYWORDS(module_serve), METH_VARARGS | METH_KEYWORDS,
     serve_doc},
    {"stop", module_stop, METH_NOARGS, stop_doc},
    {"snapshot", WITH_KEYWORDS(module_snapshot), METH_VARARGS | METH_KEYWORDS,
     snapshot_doc},
    {"snapshot_on", WITH_KEYWORDS(watcher_new), METH_VARARGS | METH_KEYWORDS,
     watcher_doc},
    {"_measure", WITH_KEYWORDS(module_measure), METH_VARARGS | METH_KEYWORDS,
     NULL},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    if (gc_control_init() < 0)
        return -1;
    if (PyModule_AddStringConstant(module, "__version__", PX_VERSION) < 0)
        return -1;
    return agent_add_types(module) < 0 ? -1 : watcher_add_types(module);
}

static PyModuleDef_Slot slots[] = {
    /* ISO C has no such conversion, POSIX and CPython rely on it */
    {Py_mod_exec, __extension__(void *) module_exec},
#if COMPAT_MODULE_INTERPRETERS
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if COMPAT_MODULE_GIL
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "pyexplore._agent",
    .m_doc = "The part of pyexplore inside the process that is looked at.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

/* PyMODINIT_FUNC of 3.8 says nothing of visibility. */
__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__agent(void);

PyMODINIT_FUNC
PyInit__agent(void)
{
    return PyModuleDef_Init(&definition);
}
