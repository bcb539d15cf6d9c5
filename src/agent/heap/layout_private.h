/* layout_private.h — CPython's internal headers, for layout*.c only.
 *
 * Must come first in a file: Py_BUILD_CORE changes what Python.h declares.
 * Only the layouts of objects are taken from them (frames, dict tables, which
 * stay fixed within a minor version) and the first fields of the interpreter
 * state; no inline function of theirs is called.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_LAYOUT_PRIVATE_H
#define HEAP_LAYOUT_PRIVATE_H

#define Py_BUILD_CORE 1

#include "agent/heap/layout.h"

#if COMPAT_INTERP_HEADER
#include <internal/pycore_interp.h>
#else
#include <internal/pycore_pystate.h>
#endif
#if COMPAT_BARE_FRAMES
#include <internal/pycore_dict.h>
#include <opcode.h>
#include <internal/pycore_frame.h>
#if COMPAT_TAGGED_SLOTS
#include <internal/pycore_interpframe_structs.h>
#endif
#else
/* Objects/dict-common.h of 3.8–3.10 is not installed; this is the head of
 * its struct, which did not change between them. */
struct _dictkeysobject {
    Py_ssize_t dk_refcnt;
    Py_ssize_t dk_size;
    void *dk_lookup;
    Py_ssize_t dk_usable;
    Py_ssize_t dk_nentries;
    char dk_indices[];
};
struct layout_entry {
    Py_hash_t me_hash;
    PyObject *me_key;
    PyObject *me_value;
};
#endif

#endif
