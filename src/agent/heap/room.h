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

#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/tags.h"

#define ROOM_LEVELS_MAX 16
#define ROOM_PATH_MAX 512
#define ROOM_FLOOR_BYTES ((uint64_t)64 << 20)

struct room {
    uint64_t rss_bytes;  /* of the target when room_init looked */
    uint64_t need_bytes; /* max(64 MiB, 10 % of rss) */
    size_t n_levels;
    struct room_level {
        char folder[ROOM_PATH_MAX]; /* of one cgroup */
        bool is_v1;
    } levels[ROOM_LEVELS_MAX];
    /* The file that room_init or room_check reads just now, + 1: reading one
     * may take long, and a forked copy of the target must close it. */
    atomic_int open_fd;
};

void room_init(struct room *room);

/* Free bytes where there are fewest. `where` (may be NULL) becomes the index
 * of the level, -1 for the machine itself. UINT64_MAX if nothing can be read:
 * then nothing limits us that we could know. */
PX_CHILD uint64_t room_look(const struct room *room, int *where);

/* PX_ELIMIT with the figures if there is too little room. */
enum px_status room_check(struct room *room, uint64_t *available,
                          struct px_err *err);

#endif
