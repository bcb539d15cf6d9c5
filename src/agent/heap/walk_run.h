/* walk_run.h — one whole walk, from the lists to the footer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WALK_RUN_H
#define HEAP_WALK_RUN_H

#include "agent/heap/walk.h"

#include "agent/heap/heads.h"
#include "agent/heap/pools.h"
#include "agent/heap/room.h"
#include "agent/heap/spool.h"

struct walk_plan {
    struct heap_options options;
    const struct heads *heads;
    const struct heap_notes *notes;
    struct pools_note pools;
    const struct room *room;
    struct spool *spool;
    void *const *own;
    size_t n_own;
    uint64_t start_ns; /* of the clone, CLOCK_MONOTONIC */
    int smaps_fd;      /* for count_dirty, -1: none */
    bool in_child;
};

/* Walks, writes, and ends the stream with a footer. Inside the target
 * (in_child false) the GIL is held all along, and no handler is installed. */
PX_CHILD enum px_end walk_run(const struct walk_plan *plan);

#endif
