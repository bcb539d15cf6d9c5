/* walk_arena.c — memory of one walk.
 *
 * Blocks double from 1 MiB to 32 MiB: small heaps stay small, large ones need
 * few mappings. MADV_DONTDUMP also keeps the kernel from merging a block with
 * a neighbour of the target, which would spoil the count of dirty pages.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_arena.h"

#include <sys/mman.h>

#define BLOCK_MAX ((size_t)32 << 20)
#define ALIGN ((size_t)64)
#define PAGE ((size_t)4096)

void
arena_adopt(struct arena *arena, void *base, size_t n_bytes)
{
    madvise(base, n_bytes, MADV_DONTDUMP);
    arena->blocks[arena->n_blocks].base = base;
    arena->blocks[arena->n_blocks].n_bytes = n_bytes;
    arena->n_blocks++;
}

static char *
block_map(struct arena *arena, size_t n_bytes)
{
    if (arena->n_blocks == ARENA_BLOCKS_MAX)
        return NULL;
    void *base = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    arena_adopt(arena, base, n_bytes);
    return base;
}

void *
arena_take(struct arena *arena, size_t n_bytes)
{
    if (n_bytes > SIZE_MAX / 2)
        return NULL;
    n_bytes = (n_bytes + ALIGN - 1) & ~(ALIGN - 1);
    if (n_bytes > arena->left) {
        if (n_bytes >= arena->block_bytes / 2) /* a block of its own */
            return block_map(arena, (n_bytes + PAGE - 1) & ~(PAGE - 1));
        char *block = block_map(arena, arena->block_bytes);
        if (block == NULL)
            return NULL;
        arena->at = block;
        arena->left = arena->block_bytes;
        if (arena->block_bytes < BLOCK_MAX)
            arena->block_bytes *= 2;
    }
    void *piece = arena->at;
    arena->at += n_bytes;
    arena->left -= n_bytes;
    return piece;
}

bool
arena_has(const struct arena *arena, uintptr_t address)
{
    for (size_t i = 0; i < arena->n_blocks; i++) {
        uintptr_t base = (uintptr_t)arena->blocks[i].base;
        if (address >= base && address - base < arena->blocks[i].n_bytes)
            return true;
    }
    return false;
}

void
arena_done(struct arena *arena)
{
    for (size_t i = 0; i < arena->n_blocks; i++)
        munmap(arena->blocks[i].base, arena->blocks[i].n_bytes);
    arena_init(arena);
}
