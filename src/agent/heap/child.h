/* child.h — the snapshot child: a copy of the target that only reads.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_CHILD_H
#define HEAP_CHILD_H

#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include "agent/heap/walk_arena.h"
#include "agent/heap/walk_run.h"
#include "agent/tags.h"

/* The first thing that the clone runs: puts itself out of the way, walks, and
 * leaves. `parent` is the target's pid in the target's own namespace. */
PX_CHILD noreturn void child_main(struct walk_plan *plan, pid_t parent);

/* Pages of mappings that are not in `arena` which only this process has and
 * has changed: what the child cost the target. Reads an open smaps. */
PX_CHILD uint64_t child_dirty_pages(int smaps_fd, const struct arena *arena);

#endif
