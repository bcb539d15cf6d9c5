/* handle.h — handles: Python objects that only say which thing of ours they
 * stand for, and ask for it each time. Their classes (Server, SnapshotTrigger)
 * share how they are made, entered and freed.
 *
 * A handle is no gc object and holds nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_HANDLE_H
#define AGENT_HANDLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/tags.h"

/* For tables of methods and slots. */
PX_GIL PyObject *handle_enter(PyObject *self, PyObject *args);
PX_GIL void handle_dealloc(PyObject *self);

/* What a getter returns for a text of ours; None for NULL and "". */
PX_GIL PyObject *handle_text(const char *text);

/* For tp_new: raises TypeError that names what makes one. NULL.
 * (Py_TPFLAGS_DISALLOW_INSTANTIATION came with 3.10 and names nothing.) */
PX_GIL PyObject *handle_refuse_new(PyTypeObject *type, const char *maker);

/* Makes the class and adds it to the module under the last part of its name.
 * Owned by the caller; NULL with an exception. */
PX_GIL PyTypeObject *handle_add_type(PyObject *module, PyType_Spec *spec);

#endif
