/* owned.h — the blocks that an object owns beside its own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_OWNED_H
#define HEAP_OWNED_H

#include "agent/heap/compat.h"
#include "agent/tags.h"

struct walk;

/* Tells walk_owns of every table, array and buffer of `object`. */
typedef void (*owned_fn)(struct walk *w, PyObject *object);

/* For instances of a type; NULL: they own nothing, but perhaps the values
 * that edges_instance.c knows. */
PX_CHILD owned_fn owned_rule(PyTypeObject *type);

#endif
