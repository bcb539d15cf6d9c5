/* forget.h — what a forked copy of the target must forget.
 *
 * After os.fork() only the forking thread lives on, and the child has a copy
 * of every descriptor of ours. A pthread_atfork handler closes them there and
 * forgets the captures; it removes no file. Whoever makes a descriptor
 * registers it before a fork can happen, which is what forget_lock is for: a
 * fork waits for it, and os.fork() has the GIL. It is held for a few system
 * calls only, never while waiting for the GIL, a peer, a child or a disk. It
 * is held, too, while the dynamic linker's lock is taken, which a forked child
 * would find locked for ever.
 *
 * The program may close what it did not open (closerange in a daemon), and the
 * number may be the file of another part of ours then: whoever registers a
 * descriptor keeps the mark of its file (fd.h), by which alone it closes and
 * unregisters it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_FORGET_H
#define AGENT_FORGET_H

#include <pyexplore/err.h>

#include "agent/heap/heap.h"
#include "base/fd.h"
#include "base/loop.h"

#define FORGET_FDS_MAX 96
#define FORGET_CAPTURES_MAX 16

/* Installs the handlers, once per process; `in_child` is called last in every
 * forked child and must be async-signal-safe. */
enum px_status forget_install(void (*in_child)(void), struct px_err *err);

void forget_lock(void);
void forget_unlock(void);

/* Around a call that takes CPython's lock of the thread states without the
 * GIL: a fork waits for that one 0.1 s at most, for the call may wait for the
 * GIL before it takes that lock. */
void forget_lock_heads(void);
void forget_unlock_heads(void);

/* With the lock held; `mark` says which file it is, also on failure.
 * PX_ELIMIT if there is no room: close it then. */
enum px_status forget_fd_add(int fd, struct px_fd_mark *mark,
                             struct px_err *err);
/* Takes the lock: closes it if it is that file still, and unregisters it.
 * fd < 0 is fine. */
void forget_fd_close(int fd, struct px_fd_mark mark);

/* Take the lock: a loop with its own descriptors registered. */
struct px_loop *forget_loop_new(struct px_err *err);
void forget_loop_free(struct px_loop *loop);

/* Make and free a capture so that a fork in between leaves nothing behind.
 * Both take the lock for a moment; free also ends a child that still runs. */
PX_NOGIL struct heap_capture *forget_capture_new(
    const struct heap_options *opts, struct px_err *err);
PX_NOGIL void forget_capture_free(struct heap_capture *capture);

#endif
