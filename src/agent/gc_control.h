/* gc_control.h — asking and setting the target's collector.
 *
 * Through the functions of the module gc, kept from import time, so that a
 * program that replaces gc.collect does not get us to run its own. Nothing
 * here sets off a collection but gc_collect: the collector is switched off
 * while answers are allocated, or a tuple of ours could be the one that runs
 * everybody's finalizers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_GC_CONTROL_H
#define AGENT_GC_CONTROL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/gc_state.h"
#include "agent/tags.h"

/* Takes the functions; at import, on the importing thread. On failure a
 * Python exception is set. */
PX_GIL int gc_control_init(void);
/* The objects of which it keeps one reference each, some perhaps NULL. */
PX_GIL PyObject *const *gc_control_held(size_t *n);

/* `count_frozen` walks all frozen objects: half a second for three millions,
 * in which the target stands still. Only for who asks for it. */
PX_GIL enum px_status gc_read(struct gc_state *out, bool count_frozen,
                              struct px_err *err);
/* Sets the fields that `settings` names. */
PX_GIL enum px_status gc_apply(const struct gc_settings *settings,
                               struct px_err *err);
PX_GIL enum px_status gc_freeze(bool freeze, struct px_err *err);

struct gc_type_count {
    char *name; /* module.qualname, UTF-8, owned */
    uint64_t count;
};
struct gc_collected {
    int generation;
    int64_t collected;
    int64_t uncollectable;
    uint64_t duration_ns;
    uint64_t rss_before_bytes;
    uint64_t rss_after_bytes;
    struct gc_type_count *freed; /* most first */
    size_t n_freed;
};
/* Collects; runs the target's finalizers and callbacks, which is what was
 * asked for. What was freed is the difference of tracked instances by type
 * before and after: net of what other threads make while finalizers run. */
PX_GIL enum px_status gc_collect(int generation, struct gc_collected *out,
                                 struct px_err *err);
void gc_collected_done(struct gc_collected *collected);

struct gc_garbage_item {
    uint64_t address;
    char *type; /* owned */
};
struct gc_garbage {
    int64_t count;
    struct gc_garbage_item *items;
    size_t n_items;
};
PX_GIL enum px_status gc_list_garbage(size_t limit, struct gc_garbage *out,
                                      struct px_err *err);
void gc_garbage_done(struct gc_garbage *garbage);

/* sys.getallocatedblocks() */
PX_GIL int64_t gc_allocated_blocks(void);

#endif
