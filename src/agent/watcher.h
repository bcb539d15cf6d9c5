/* watcher.h — pyexplore.snapshot_on() and the class SnapshotTrigger, the
 * handle of a trigger.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_WATCHER_H
#define AGENT_WATCHER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/tags.h"
#include "agent/trigger.h"

extern const char watcher_doc[];

PX_GIL PyObject *watcher_new(PyObject *module, PyObject *args,
                             PyObject *kwargs);
/* The class SnapshotTrigger; 0, or -1 with an exception. */
PX_GIL int watcher_add_types(PyObject *module);
/* The handles of those that run; NULLs between them. Borrowed. */
PX_GIL void watcher_handles(PyObject *out[TRIGGERS_MAX]);

#endif
