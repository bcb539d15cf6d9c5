/* file.h — pyexplore.snapshot(): one capture, written to a file.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_FILE_H
#define AGENT_FILE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>

#include "agent/heap/heap.h"
#include "agent/tags.h"

/* Writes the whole snapshot to a new file of this name (bytes as the file
 * system has them); of `opts` the spool's bounds are ours. Returns None, or
 * NULL with an exception; the file is then removed. The GIL is free while the
 * child walks; Ctrl-C cancels. */
PX_GIL PyObject *file_snapshot(PyObject *path, const struct heap_options *opts);

/* The same by a thread of ours that waits for it, without Python; it ends
 * early once `*cancel`. After agent_watch_fork. */
PX_NOGIL enum px_status file_write(const char *path,
                                   const struct heap_options *opts,
                                   const atomic_bool *cancel,
                                   struct px_err *err);

/* The interpreter is about to end: cancels what runs and waits for it, at
 * most `ms`. */
PX_NOGIL void file_cancel_all(int ms);
/* In a forked child: there is none. Async-signal-safe. */
void file_in_child(void);

#endif
