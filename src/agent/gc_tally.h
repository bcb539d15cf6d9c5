/* gc_tally.h — instances by type before and after a collection.
 *
 * A value in the caller's storage, all zero at first. Counting walks the gc
 * lists and makes no Python object.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_GC_TALLY_H
#define AGENT_GC_TALLY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

#include "agent/gc_control.h"

struct gc_tally {
    struct entry *slots; /* open addressing */
    size_t n_slots;      /* a power of two */
    size_t n;
    bool is_after;
    bool failed; /* no memory: nothing is told */
};

PX_GIL void gc_tally_count(struct gc_tally *tally, bool is_after);
/* Moves what became less into out->freed, most first, and frees the table. */
void gc_tally_finish(struct gc_tally *tally, struct gc_collected *out);

/* malloc'ed, as snapshots name types: builtins without their module. NULL
 * without memory. */
PX_GIL char *gc_type_name(PyTypeObject *type);

#endif
