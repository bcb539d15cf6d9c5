/* trigger.h — snapshots that the process takes of itself: on a signal, or
 * when it has become large.
 *
 * Each trigger has a thread of its own that sleeps; nothing of it runs in the
 * target's threads but a signal handler of a few instructions. A trigger is
 * known by its number, which is never used again, so that a handle of one
 * that is over, or that came through a fork, finds nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_TRIGGER_H
#define AGENT_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>
#include <pyexplore/proto.h>
#include <pyexplore/snapshot.h>

#include "agent/tags.h"

#define TRIGGERS_MAX 8
#define TRIGGER_KEEP_MAX 1000

struct trigger_options {
    int signal;           /* 0: none */
    uint64_t rss_bytes;   /* 0: none */
    uint64_t interval_ms; /* between the starts of two snapshots, at least */
    unsigned keep;        /* files of this trigger */
    enum px_detail detail;
    char path[PX_PATH_MAX]; /* absolute, with fields: template.h */
};

/* What it did so far. */
struct trigger_state {
    unsigned long taken;
    char last_path[PX_PATH_MAX]; /* "": none */
    char last_error[PX_ERR_TEXT];
};

/* The GIL orders all but the last. */

/* The number of a new trigger, 0 on failure. */
PX_GIL unsigned long trigger_start(const struct trigger_options *options,
                                   struct px_err *err);
/* Puts the signal's handler back, cancels a snapshot that is being written,
 * and waits for the thread without the GIL. One that is over is fine. */
PX_GIL void trigger_stop(unsigned long number);
/* All of them, but a signal that would end the process now does nothing: who
 * sends it means a snapshot, and the program is not through with its end. */
PX_GIL void trigger_at_exit(void);
/* NULL: it is over. Constant while it runs. */
PX_GIL const struct trigger_options *trigger_options(unsigned long number);
/* False: it is over. */
PX_GIL bool trigger_look(unsigned long number, struct trigger_state *out);

/* In a forked child: there is none, and the signals do as after
 * trigger_at_exit. Async-signal-safe. */
void trigger_in_child(void);

#endif
