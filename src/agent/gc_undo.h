/* gc_undo.h — what the collector was before clients changed it.
 *
 * One record per field, whoever changed it: what there was before the first
 * change that is not to stay. It is written under the GIL together with the
 * change, in the order in which changes happen, so it is never behind: when
 * the server stops, and in a forked child, all that it holds is put back. But
 * what the program itself has set since is not undone: its value is then
 * another than clients set, and the record of that field ends. Who changed a
 * field, and when the last of them is gone, the I/O thread knows
 * (changes.c).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_GC_UNDO_H
#define AGENT_GC_UNDO_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/gc_state.h"
#include "agent/tags.h"

#define GC_FIELDS (GC_ENABLED | GC_THRESHOLDS | GC_DEBUG)

/* Sets the fields that `settings` names, perhaps none. */
PX_GIL enum px_status gc_undo_set(const struct gc_settings *settings,
                                  struct px_err *err);
/* What there was before, of those `fields` that were changed. */
PX_GIL struct gc_settings gc_undo_get(unsigned fields);
/* These stay as they are now. */
PX_GIL void gc_undo_keep(unsigned fields);
/* Sets `older`, perhaps nothing, and puts the other `fields` back. */
PX_GIL enum px_status gc_undo_restore(const struct gc_settings *older,
                                      unsigned fields, struct px_err *err);
/* All fields. Problems cannot be told to anybody. */
PX_GIL void gc_undo_all(void);
/* From now on a forked child begins with gc_undo_all: its parent's clients
 * are none of its own, and nobody would ever put it back there. The function
 * that Python calls, new reference; NULL with an exception set. */
PX_GIL PyObject *gc_undo_watch_fork(void);

#endif
