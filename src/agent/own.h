/* own.h — which Python objects are pyexplore's own, so that no answer shows
 * them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_OWN_H
#define AGENT_OWN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/tags.h"

/* Finds them and tells the heap (heap_set_own). `extra` are objects that only
 * the agent knows, `held` others of which it holds one reference each; NULLs
 * are skipped. Runs nothing, changes nothing. */
PX_GIL void own_refresh(PyObject *const *extra, size_t n_extra,
                        PyObject *const *held, size_t n_held);

#endif
