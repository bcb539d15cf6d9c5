/* agent.h — the one agent of this process: its life between serve() and
 * stop(), the interpreter's end, and a fork.
 *
 * One static object guarded by its pid, not module state: a fork handler
 * must reach it without Python. All functions need the GIL, which also
 * orders them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "agent/options.h"
#include "agent/tags.h"

/* The class Server. */
PX_GIL int agent_add_types(PyObject *module);

/* A new reference to the running Server, or NULL with an exception. */
PX_GIL PyObject *agent_serve(const struct serve_options *options);
/* Lets the GIL go while the server's threads end. */
PX_GIL void agent_stop(void);

/* Tells the heap which objects are ours: before each snapshot by this API,
 * and when a server or trigger begins or ends. */
PX_GIL void agent_tell_own(void);

/* Asks to be called when the interpreter ends; 0, or -1 with an exception. */
PX_GIL int agent_watch_exit(void);
/* The same for a fork. */
PX_GIL int agent_watch_fork(void);
/* PYEXPLORE_DISABLE=1, or the interpreter ends: nothing may start. */
PX_GIL bool agent_is_off(void);

#endif
