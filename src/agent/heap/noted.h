/* noted.h — objects that a walker met and that become roots at the end.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_NOTED_H
#define HEAP_NOTED_H

#include "agent/heap/compat.h"
#include "agent/heap/walk.h"

struct noted_block;
struct noted {
    struct walk *walk; /* NULL: nothing is noted */
    struct noted_block *blocks;
};

PX_CHILD void noted_begin(struct noted *noted, struct walk *w);
/* Twice in a row is once: a walker may be asked again for its object. */
PX_CHILD void noted_add(struct noted *noted, PyObject *object);
/* Runs `part` for each, with the object as its context. */
PX_CHILD void noted_each(const struct noted *noted, walk_part *part);

#endif
