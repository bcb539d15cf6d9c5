/* pools.h — the pools of Python's allocator of small objects, from outside.
 *
 * pymalloc (Objects/obmalloc.c) cuts arenas into pools of equal blocks. A
 * pool's head lies at its start, aligned to its size; a table of arenas, a
 * malloced array, is known to obmalloc.c alone. It is found from what the walk
 * has visited: the pools of some objects say which rows of the table they
 * belong to, and the one pointer in the interpreter's own data that leads to
 * such a table is the right one. Nothing is written, nothing is called; every
 * read of a guess is under the guard.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_POOLS_H
#define HEAP_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/heap/compat.h"
#include "agent/tags.h"

struct walk;

#define POOLS_BYTES ((size_t)1 << COMPAT_POOL_BITS)
#define POOLS_ARENA_BYTES ((size_t)1 << COMPAT_ARENA_BITS)
#define POOLS_ALIGN 16u /* of blocks; a class more every 16 bytes */
#define POOLS_BLOCK_MAX 512u
#define POOLS_CLASSES (POOLS_BLOCK_MAX / POOLS_ALIGN)
#define POOLS_BLOCKS_MAX (POOLS_BYTES / POOLS_ALIGN) /* in one pool */

/* Objects/obmalloc.c, pycore_obmalloc.h: struct pool_header; the same in
 * 3.8–3.15 */
struct pools_pool {
    uint64_t n_used; /* a union of a pointer and an unsigned int */
    void *free_block;
    struct pools_pool *next, *prev;
    uint32_t arena;      /* row of the table */
    uint32_t size_class; /* block size / 16 - 1 */
    uint32_t next_offset;
    uint32_t max_offset;
};
#define POOLS_HEAD_BYTES sizeof(struct pools_pool)

/* struct arena_object */
struct pools_arena {
    uintptr_t address;  /* 0: the row is not in use */
    uintptr_t uncarved; /* the first pool that never was one */
    uint32_t n_free;
    uint32_t n_pools;
    struct pools_pool *free_pools;
    const struct pools_arena *next, *prev;
};

/* Where the interpreter's own data lies: its image's writable segments. */
#define POOLS_SEGMENTS_MAX 8
struct pools_note {
    uintptr_t image_start, image_end;
    struct {
        uintptr_t start, end;
    } segments[POOLS_SEGMENTS_MAX];
    size_t n_segments;
};

/* Before the clone. The dynamic linker has a lock of its own: not with the
 * GIL, which a module's constructor may wait for while it holds that lock, and
 * with no fork meanwhile: the child would keep the lock (glibc's
 * dl_load_write_lock), and its next import would wait for ever. */
PX_NOGIL void pools_note(struct pools_note *note);

/* The table of arenas; kept in the walk, so that a jump can go on. */
#define POOLS_SAMPLES_MAX 32
struct pools {
    const struct pools_arena *arenas; /* NULL: not found */
    size_t n_arenas;                  /* rows */
    size_t n_mapped;       /* of them arenas that there are; 0: not counted */
    uint64_t carved_bytes; /* in pools that were in use at some time */
    bool has_samples;      /* some object lies in what looks like a pool */
    struct pools_sample {
        const struct pools_pool *pool;
        uint32_t arena;
    } samples[POOLS_SAMPLES_MAX];
    size_t n_samples;
    size_t n_tried;
    uintptr_t at; /* cursor of the search */
    size_t segment;
};

/* Looks for the table. Guarded walks only. */
PX_CHILD void pools_find(struct walk *w, struct pools *pools,
                         const struct pools_note *note);

/* The first pool of an arena, and how many of them were carved. */
static inline const struct pools_pool *
pools_of(const struct pools_arena *arena, size_t *n)
{
    uintptr_t first =
        (arena->address + POOLS_BYTES - 1) & ~(uintptr_t)(POOLS_BYTES - 1);
    *n = arena->uncarved > first ? (arena->uncarved - first) / POOLS_BYTES : 0;
    if (*n > arena->n_pools)
        *n = arena->n_pools;
    return (const struct pools_pool *)first;
}

PX_GUESS static inline size_t
pools_block_bytes(const struct pools_pool *pool)
{
    return (pool->size_class + 1) * (size_t)POOLS_ALIGN;
}

/* True if this reads like the head of a pool in use. */
PX_GUESS static inline bool
pools_is_pool(const struct pools_pool *pool)
{
    if (pool->size_class >= POOLS_CLASSES)
        return false;
    size_t bytes = pools_block_bytes(pool);
    size_t next = pool->next_offset;
    uint32_t n_used = (uint32_t)pool->n_used;
    return pool->max_offset == POOLS_BYTES - bytes && next > POOLS_HEAD_BYTES &&
           next <= POOLS_BYTES && (next - POOLS_HEAD_BYTES) % bytes == 0 &&
           n_used >= 1 && n_used <= (next - POOLS_HEAD_BYTES) / bytes;
}

#endif
