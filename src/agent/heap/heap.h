/* heap.h — the door between the agent and the snapshot child.
 *
 * The agent makes a capture without the GIL, clones the child while it holds
 * the GIL (the only pause of the target), then lets the GIL go and reads the
 * spool while the child walks the frozen heap. One capture is one child; the
 * agent's thread owns it. The spool is a memfd that holds whole chunks
 * (snapshot.h), HEADER first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pyexplore/err.h>
#include <pyexplore/snapshot.h>

#include "agent/tags.h"

#define HEAP_SPOOL_DEFAULT (64u << 20)

struct heap_options {
    enum px_detail detail;
    enum px_codec codec;  /* NONE or LZ4 */
    uint64_t spool_bytes; /* unread bytes at most; 0: no bound (a file) */
    int slow_peer_ms;     /* full for so long: SLOW_PEER; 0: 10,000 */
    int time_limit_ms;    /* of the walk; 0: 10 minutes, 30 s in-process */
    bool stop_the_world;  /* walk in-process under the GIL instead */
    bool mark_only;       /* bench: visit everything, write nothing */
    bool count_dirty;     /* bench and tests: PX_FOOTER_DIRTY_PAGES */
};

struct heap_capture;

/* Decides once per process whether this interpreter's layout is understood
 * (cpython.md 1.2): list invariants and the youngest generation only, so it
 * costs the same on any heap. PX_EUNSUPPORTED says in one sentence what is
 * not. Also finds the list heads, and is cached. */
PX_GIL enum px_status heap_self_test(struct px_err *err);

/* Addresses that no answer may show: pyexplore's own objects. Replaces the
 * set; at most HEAP_OWN_MAX. */
#define HEAP_OWN_MAX 64
PX_GIL void heap_set_own(void *const *objects, size_t n);

/* Memory only: nothing else is made or looked at yet. */
PX_NOGIL struct heap_capture *heap_capture_new(const struct heap_options *opts,
                                               struct px_err *err);
/* Looks whether there is room (design 2): in every ancestor cgroup and in
 * MemAvailable at least max(64 MiB, 10 % of rss). PX_ELIMIT with the figures
 * if not. Reads files of the kernel, which may take milliseconds, and leaves
 * no descriptor open. */
PX_NOGIL enum px_status heap_capture_check(struct heap_capture *capture,
                                           struct px_err *err);

/* Makes spool, shared page and event fd, and asks the dynamic linker: a few
 * system calls, and a lock for a moment, in which no fork may come. */
PX_NOGIL enum px_status heap_capture_open(struct heap_capture *capture,
                                          struct px_err *err);

/* Writes the HEADER chunk, notes what must be read under the GIL (threads,
 * interpreters, heads) and clones the child; with stop_the_world it walks
 * here and now. Returns at once otherwise. */
PX_GIL enum px_status heap_capture_clone(struct heap_capture *capture,
                                         const char *header_json,
                                         size_t n_bytes, struct px_err *err);

/* Tells the child for its footer what the clone cost. Right after the GIL was
 * released. */
PX_NOGIL void heap_capture_set_pause(struct heap_capture *capture,
                                     uint64_t gil_wait_ns, uint64_t pause_ns);

/* Readable (POLLIN) whenever more was published or the child has ended. */
int heap_capture_event_fd(const struct heap_capture *capture);
/* -1: the program closed it, or has another file there. */
int heap_capture_spool_fd(const struct heap_capture *capture);
pid_t heap_capture_pid(const struct heap_capture *capture);

struct heap_progress {
    uint64_t published_bytes; /* whole chunks in the spool, from its start */
    uint64_t objects;
    bool ended;      /* the child is gone and was reaped */
    enum px_end end; /* valid when ended */
};
/* Reads the shared page, drains the event fd, reaps the child when it has
 * ended (waitpid with __WCLONE; never another child's). A child that died
 * without a footer: the agent side appends a FOOTER with PX_END_KILLED or
 * PX_END_FAULT, so that every stream of a live agent ends with one. */
PX_NOGIL void heap_capture_poll(struct heap_capture *capture,
                                struct heap_progress *out);

/* All peers have read up to `offset`: frees the pages, lets the child go on. */
PX_NOGIL void heap_capture_release(struct heap_capture *capture,
                                   uint64_t offset);
/* Ends the child (its own footer says CANCELED if it still can). Also from
 * another thread, during heap_capture_clone: ends a walk in-process. */
PX_NOGIL void heap_capture_cancel(struct heap_capture *capture);
/* Kills and reaps a child that still runs, and frees the spool's pages. */
PX_NOGIL void heap_capture_end(struct heap_capture *capture);
/* Ends it, closes and frees. NULL is fine. */
PX_NOGIL void heap_capture_free(struct heap_capture *capture);
/* In a forked copy of the target: forgets the capture without touching the
 * child or waiting. Async-signal-safe but for close(). */
void heap_capture_forget(struct heap_capture *capture);

#endif
