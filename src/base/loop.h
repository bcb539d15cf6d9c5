/* loop.h — a poll(2) loop: descriptors, timers, and a wake from elsewhere.
 *
 * One thread owns a loop and makes all calls but px_loop_wake. Used by the
 * agent's thread and by the explorer. No globals, no signals, no recursion.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_LOOP_H
#define PX_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "base/fd.h"

struct px_loop;
typedef void px_loop_fd_fn(void *context, int fd, short revents);
typedef void px_loop_timer_fn(void *context);

struct px_loop *px_loop_new(struct px_err *err);
/* Closes only the loop's own descriptors. NULL is fine. */
void px_loop_free(struct px_loop *loop);

/* Watches fd for poll events (0: only errors); a second call for the same fd
 * replaces events and callback. When the number is another file than it was
 * at the first call, the callback is told POLLNVAL alone, as if it were
 * closed: unwatch it then, and do not close it. */
enum px_status px_loop_watch(struct px_loop *loop, int fd, short events,
                             px_loop_fd_fn *callback, void *context,
                             struct px_err *err);
/* Safe from any callback, for any fd; its callback is not called again. */
void px_loop_unwatch(struct px_loop *loop, int fd);

/* One-shot timer; returns its id (> 0), 0 without memory. */
uint64_t px_loop_after(struct px_loop *loop, int64_t ms,
                       px_loop_timer_fn *callback, void *context);
void px_loop_cancel(struct px_loop *loop, uint64_t timer); /* 0 is fine */

/* Ends the step that runs or the next one. Any thread; async-signal-safe. */
void px_loop_wake(struct px_loop *loop);
/* The descriptors behind px_loop_wake, for close in a forked child. */
void px_loop_wake_fds(const struct px_loop *loop, int fds[2],
                      struct px_fd_mark marks[2]);
/* Nobody closed them. Any thread. */
bool px_loop_is_whole(const struct px_loop *loop);

/* Waits until something happens, at most max_wait_ms (-1: no limit), and
 * calls what is due. PX_OK also on EINTR and time-out; PX_EGONE: somebody
 * closed the loop's own descriptors, and it is of no more use. */
enum px_status px_loop_step(struct px_loop *loop, int max_wait_ms,
                            struct px_err *err);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t px_now_ns(void);

#endif
