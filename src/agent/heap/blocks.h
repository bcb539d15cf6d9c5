/* blocks.h — how much of the allocator's blocks the walk has explained.
 *
 * A str, bytes, int or float that C code has leaked is in no gc list, and
 * nothing reaches it. But its block is in use, and no object that was visited
 * lies in it or owns it. After the lists and roots the walk goes through all
 * pools, finds these blocks, and makes nodes of those that hold an object:
 * strays. The rest is told by size (PX_CHUNK_BLOCKS).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_BLOCKS_H
#define HEAP_BLOCKS_H

#include <pyexplore/snapshot.h>

#include "agent/heap/pools.h"
#include "agent/heap/visited.h"
#include "agent/tags.h"

struct walk;

enum blocks_pass {
    BLOCKS_HOLDERS, /* finds strays that may refer to others */
    BLOCKS_ATOMS,   /* finds the others, and counts */
    BLOCKS_PASSES
};

struct blocks {
    bool wanted;
    struct visited owned;  /* blocks that some object owns beside itself */
    struct visited open;   /* pools with blocks that nothing explains */
    struct visited strays; /* found, whether they are walked yet or not */
    struct pools pools;
    enum px_blocks_state state;
    uint64_t n_holders[POOLS_CLASSES]; /* strays of the first pass */
    bool has_starts; /* some object is at the start of its block */
    uint64_t counts[POOLS_CLASSES][PX_BLOCK_COLUMNS];
    /* cursors */
    enum blocks_pass pass;
    size_t arena;
    uintptr_t pool; /* number within the arena; address in the second pass */
    uintptr_t stray;
};

/* Finds strays until there are no more, walks them with `walk_steps`, and
 * counts. Then blocks_put writes the chunk. */
PX_CHILD void blocks_walk(struct walk *w, void (*walk_steps)(struct walk *w));
PX_CHILD void blocks_put(struct walk *w);

#endif
