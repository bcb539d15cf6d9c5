/* walk_arena.h — memory of one walk: zeroed pages straight from mmap.
 *
 * The child may not call malloc: another thread of the target may have held
 * its lock when the child was cloned. Pieces are cut from growing blocks and
 * never given back one by one; arena_done unmaps them all, for walks inside
 * the target. The blocks' ranges stay known, so that the child can tell its
 * own pages from the target's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WALK_ARENA_H
#define HEAP_WALK_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/tags.h"

#define ARENA_BLOCKS_MAX 512

struct arena {
    char *at;
    size_t left;
    size_t block_bytes; /* of the next block */
    size_t n_blocks;
    struct {
        char *base;
        size_t n_bytes;
    } blocks[ARENA_BLOCKS_MAX];
};

static inline void
arena_init(struct arena *arena)
{
    arena->at = NULL;
    arena->left = 0;
    arena->block_bytes = (size_t)1 << 20;
    arena->n_blocks = 0;
}

/* Zeroed, 64-byte aligned; NULL: no memory. */
PX_CHILD void *arena_take(struct arena *arena, size_t n_bytes);
/* Lets a fresh mapping belong to the arena, to be unmapped with it. */
PX_CHILD void arena_adopt(struct arena *arena, void *base, size_t n_bytes);
PX_CHILD bool arena_has(const struct arena *arena, uintptr_t address);
void arena_done(struct arena *arena);

#endif
