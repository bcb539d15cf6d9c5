/* frames.h — frames as the walkers emit them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_FRAMES_H
#define HEAP_FRAMES_H

#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

/* The variables of a frame, as edges of the node that is walked now. */
PX_CHILD void frames_walk_slots(struct walk *w,
                                const struct layout_frame *frame,
                                enum px_edge_kind kind);
/* The stack of a frame whose depth is known, without its topmost `skip`. */
PX_CHILD void frames_walk_stack(struct walk *w,
                                const struct layout_frame *frame, int skip);

/* A <frame> node for a frame that is no object (3.11+). */
PX_CHILD void frames_walk_bare(struct walk *w,
                               const struct layout_frame *frame);
/* What to call the object that stands for a frame. */
PX_CHILD void frames_label(struct walk *w, const struct layout_frame *frame);
/* The stack of a frame that runs, whose depth is unknown: at the end, when all
 * objects are known. Nothing for others. */
PX_CHILD void frames_walk_running(struct walk *w,
                                  const struct layout_frame *frame);
/* The stack of each frame that runs now, as far as it is known, as edges of
 * the frame. */
PX_CHILD void frames_walk_stacks(struct walk *w, PyThreadState *tstate);

/* A <thread> node with the frames that run on it, outermost first. */
PX_CHILD void frames_walk_thread(struct walk *w, PyThreadState *tstate,
                                 const char *label, size_t label_bytes);

#endif
