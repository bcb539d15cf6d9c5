/* room.h — is there memory for a snapshot beside its target?
 *
 * Pages that the target changes while the child lives are copied, and charged
 * to the target's cgroup; so before a clone there must be room in MemAvailable
 * and in every cgroup above us, v1 and v2. The figures come from files that
 * are found once (room_init) and may be read again by the child (room_look).
 * Values only; no descriptor stays open.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_ROOM_H
#define HEAP_ROOM_H

#include <stdatomic.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/tags.h"
#include "base/memory.h"

#define ROOM_FLOOR_BYTES ((uint64_t)64 << 20)

struct room {
    uint64_t rss_bytes;  /* of the target when room_init looked */
    uint64_t need_bytes; /* max(64 MiB, 10 % of rss) */
    struct px_memory memory;
    /* The file that room_init or room_check reads just now, + 1: reading one
     * may take long, and a forked copy of the target must close it. */
    atomic_int open_fd;
};

void room_init(struct room *room);

/* Free bytes where there are fewest; see px_memory_free. */
PX_CHILD uint64_t room_look(const struct room *room);

/* PX_ELIMIT with the figures if there is too little room. */
enum px_status room_check(struct room *room, uint64_t *available,
                          struct px_err *err);

#endif
