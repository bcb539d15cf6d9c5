/* code.h — what a code object says about its variables and place.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_CODE_H
#define HEAP_CODE_H

#include "agent/heap/compat.h"
#include "agent/tags.h"

/* How a slot of a frame holds its variable. A cell variable that is also an
 * argument is CODE_CELL. */
enum code_kind { CODE_LOCAL, CODE_CELL, CODE_FREE };

/* The name of slot i of a frame of this code (a str), NULL beyond the last. */
PX_CHILD PyObject *code_slot_name(PyCodeObject *code, int i,
                                  enum code_kind *kind);
/* The name of co_freevars[i] without making that tuple; NULL beyond. */
PX_CHILD PyObject *code_free_name(PyCodeObject *code, Py_ssize_t i);

/* "qualname() file.py:41", not NUL-terminated; returns the bytes written. The
 * qualified name is the function's where the code has none (3.8–3.10). */
#define CODE_LABEL_MAX 256
PX_CHILD size_t code_label(PyCodeObject *code, PyObject *function, int line,
                           char to[CODE_LABEL_MAX]);

#endif
