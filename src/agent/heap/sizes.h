/* sizes.h — how the size of a type's instances is found.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_SIZES_H
#define HEAP_SIZES_H

#include "agent/heap/compat.h"
#include "agent/tags.h"

/* Worked out once per type and kept in its plan (edges.c). */
struct sizes_rule {
    size_t (*size)(PyObject *object); /* __sizeof__ */
    size_t before;                    /* bytes before a gc object */
    bool approximate;
};

PX_CHILD void sizes_rule(PyTypeObject *type, struct sizes_rule *out);

/* __sizeof__ of a numpy array: with its data if that is its own. */
PX_CHILD size_t sizes_ndarray(PyObject *object);

#endif
