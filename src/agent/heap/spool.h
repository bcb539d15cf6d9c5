/* spool.h — the chunks' way from the child to the agent.
 *
 * A memfd that holds whole chunks, one page that both processes share, and a
 * pipe. The child appends and publishes the length; the agent reads at any
 * offset below it and releases what all peers have read, which frees the
 * pages and lets a waiting child go on. The pipe's read end is the event fd:
 * it is readable when something was published and, because the child holds
 * the only write end, when the child is gone however it died. (A pidfd would
 * tell the same, but not on kernels before 5.3, and would need an epoll fd to
 * be one descriptor with the rest.)
 *
 * The writing half is PX_CHILD: nothing but system calls.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_SPOOL_H
#define HEAP_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/tags.h"
#include "base/fd.h"

/* What both processes see. Each field has one writer. */
struct spool_page {
    /* the writer's */
    _Atomic uint64_t published; /* bytes, whole chunks */
    _Atomic uint64_t objects;
    _Atomic uint64_t edges;
    _Atomic uint32_t sequence; /* of the next chunk */
    _Atomic uint32_t end;      /* enum px_end + 1 once the footer is out */
    /* the agent's */
    _Atomic uint64_t released;
    _Atomic uint64_t gil_wait_ns;
    _Atomic uint64_t pause_ns;
    _Atomic uint32_t pause_known;
    _Atomic uint32_t cancel;
    _Atomic uint32_t turn; /* counts up when one of the above changed */
};

struct spool {
    struct spool_page *page;
    int fd;         /* the memfd */
    int event_fd;   /* the pipe's read end, the agent's */
    int wake_fd;    /* its write end, the writer's; -1 once the child has it */
    uint64_t bound; /* unread bytes at most, 0: none */
    struct px_fd_mark file;
    struct px_fd_mark pipe;
};

/* All descriptors are close-on-exec and not 0, 1 or 2. */
void spool_none(struct spool *spool);
enum px_status spool_init(struct spool *spool, uint64_t bound,
                          struct px_err *err);
void spool_done(struct spool *spool);

enum spool_result {
    SPOOL_OK,
    SPOOL_SLOW,      /* full for `patience_ns` */
    SPOOL_CANCEL,    /* the agent said so while we waited */
    SPOOL_NO_ROOM,   /* the memfd could not take it */
    SPOOL_FILE_LIMIT /* RLIMIT_FSIZE counts for memfds too */
};
/* Appends one chunk and publishes it. Waits while the spool is full, unless
 * `patience_ns` is 0: then the bound does not count (header and footer). */
PX_CHILD enum spool_result spool_put(struct spool *spool, const void *head,
                                     size_t head_bytes, const void *body,
                                     size_t body_bytes, uint64_t patience_ns);
/* Waits until the agent told the pause, or at most `patience_ns`. */
PX_CHILD void spool_wait_pause(struct spool *spool, uint64_t patience_ns);
PX_CHILD uint64_t spool_now_ns(void);

/* The agent's half. False: the program closed what it did not open, and the
 * descriptors may be its own files now. */
bool spool_is_ours(const struct spool *spool);
void spool_close_wake(struct spool *spool);
/* Frees its pages; nobody reads or writes it any more. */
void spool_empty(struct spool *spool);
void spool_release(struct spool *spool, uint64_t offset);
void spool_drain(struct spool *spool, bool *at_end);
void spool_tell_pause(struct spool *spool, uint64_t gil_wait_ns,
                      uint64_t pause_ns);
void spool_cancel(struct spool *spool);

#endif
