/* blocks.c — goes through the pools: explained, stray, or unknown.
 *
 * An object lies in exactly one block, behind at most four words of the
 * collector's. So a block is explained if the bitmap of visited objects, or
 * that of owned blocks, has a bit within it: a pool is a few words of both,
 * and where as many blocks have one as the pool says are in use (nearly
 * everywhere), neither its free list nor its blocks are read. Else the free
 * list tells which of the others are in use, and stray.c what they are.
 *
 * Holders come first: what a stray tuple refers to is no stray. A fault while
 * a pool is read leaves out what was not counted of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_state.h"

#include <string.h>

#include "agent/heap/blocks.h"
#include "agent/heap/pools.h"
#include "agent/heap/stray.h"

#define CHUNK_MAX 8192u /* of a row for each size */
#define WORD_BITS 64u
#define POOL_WORDS (POOLS_BYTES / 8 / WORD_BITS)

/* One pool as it is counted. */
struct tally {
    const struct pools_pool *pool;
    size_t block_bytes;
    size_t n_blocks;                  /* that were ever used */
    uint64_t objects[POOL_WORDS + 1]; /* a bit for every 8 bytes */
    uint64_t owned[POOL_WORDS + 1];
    uint64_t free[POOLS_BLOCKS_MAX / WORD_BITS]; /* a bit for every block */
    uint64_t n[PX_BLOCK_COLUMNS];
};

static void
take_bits(const struct visited *set, const struct pools_pool *pool,
          uint64_t *to)
{
    uintptr_t address = (uintptr_t)pool;
    const uint64_t *leaf = visited_leaf(set, address);
    to[POOL_WORDS] = 0;
    if (leaf == NULL)
        memset(to, 0, POOL_WORDS * sizeof *to);
    else
        memcpy(to, &leaf[(address >> 9) & (VISITED_LEAF_WORDS - 1)],
               POOL_WORDS * sizeof *to);
}

/* The bits of block i; at most 64. */
static inline uint64_t
block_bits(const struct tally *t, const uint64_t *bits, size_t i)
{
    size_t n = t->block_bytes / 8;
    size_t at = (POOLS_HEAD_BYTES + i * t->block_bytes) / 8;
    size_t shift = at % WORD_BITS;
    uint64_t word = bits[at / WORD_BITS] >> shift;
    if (shift != 0)
        word |= bits[at / WORD_BITS + 1] << (WORD_BITS - shift);
    return n == WORD_BITS ? word : word & (((uint64_t)1 << n) - 1);
}

/* Not __builtin_popcountll: a call, on the oldest x86-64. */
static inline unsigned
count_word(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(word * 0x0101010101010101u >> 56);
}

static unsigned
count_bits(const uint64_t *bits)
{
    unsigned n = 0;
    for (size_t i = 0; i < POOL_WORDS; i++)
        n += count_word(bits[i]);
    return n;
}

/* One bit is one block, nearly always: no two objects share one, and an owned
 * block is marked at one place. */
static bool
is_explained(const struct tally *t)
{
    return count_bits(t->objects) + count_bits(t->owned) ==
           t->n[PX_BLOCK_IN_USE];
}

static void
count_explained(struct tally *t)
{
    for (size_t i = 0; i < t->n_blocks; i++) {
        if (block_bits(t, t->objects, i) != 0)
            t->n[PX_BLOCK_OBJECTS]++;
        else if (block_bits(t, t->owned, i) != 0)
            t->n[PX_BLOCK_OWNED]++;
    }
}

/* Some object begins where its block does; the debug allocator puts its marks
 * before every one. */
static bool
has_start(const struct tally *t)
{
    for (size_t i = 0; i < t->n_blocks; i++) {
        if (block_bits(t, t->objects, i) & 1)
            return true;
    }
    return false;
}

static void
mark_free(struct tally *t)
{
    uintptr_t base = (uintptr_t)t->pool + POOLS_HEAD_BYTES;
    const void *const *block = t->pool->free_block;
    memset(t->free, 0, sizeof t->free);
    for (size_t n = 0; block != NULL && n < t->n_blocks; n++) {
        uintptr_t offset = (uintptr_t)block - base;
        size_t i = offset / t->block_bytes;
        if (offset % t->block_bytes != 0 || i >= t->n_blocks)
            return; /* somebody wrote over it */
        t->free[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
        block = (const void *const *)*block;
    }
}

static void
count_others(struct walk *w, struct tally *t)
{
    const char *base = (const char *)t->pool + POOLS_HEAD_BYTES;
    uint64_t explained = t->n[PX_BLOCK_OBJECTS] + t->n[PX_BLOCK_OWNED];
    mark_free(t);
    for (size_t i = 0; i < t->n_blocks; i++) {
        bool is_free = (t->free[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
        if (is_free || block_bits(t, t->objects, i) != 0 ||
            block_bits(t, t->owned, i) != 0)
            continue;
        const void *block = base + i * t->block_bytes;
        enum px_block_column column =
            stray_judge(w, block, t->block_bytes, w->blocks.pass);
        t->n[column]++;
        explained++;
    }
    /* A block that was explained and is free: the two sides would differ. */
    if (explained > t->n[PX_BLOCK_IN_USE])
        t->n[PX_BLOCK_IN_USE] = explained;
    t->n[PX_BLOCK_UNKNOWN] += t->n[PX_BLOCK_IN_USE] - explained;
}

/* Pools that the first pass finds explained are counted there, and are not in
 * `open`, which the second goes through. */
static void
count_pool(struct walk *w, const struct pools_pool *pool)
{
    struct tally t;
    struct blocks *blocks = &w->blocks;
    bool is_first = blocks->pass == BLOCKS_HOLDERS;
    if ((uint32_t)pool->n_used == 0) /* wholly free: its head is stale */
        return;
    if (!pools_is_pool(pool)) {
        blocks->state = PX_BLOCKS_STRANGE;
        return;
    }
    t.pool = pool;
    t.block_bytes = pools_block_bytes(pool);
    t.n_blocks = (pool->next_offset - POOLS_HEAD_BYTES) / t.block_bytes;
    memset(t.n, 0, sizeof t.n);
    t.n[PX_BLOCK_POOLS] = 1;
    t.n[PX_BLOCK_IN_USE] = (uint32_t)pool->n_used;
    take_bits(&w->visited, pool, t.objects);
    take_bits(&blocks->owned, pool, t.owned);
    blocks->has_starts = blocks->has_starts || has_start(&t);
    if (is_first && is_explained(&t)) {
        t.n[PX_BLOCK_OBJECTS] = count_bits(t.objects);
        t.n[PX_BLOCK_OWNED] = count_bits(t.owned);
    } else {
        if (is_first && visited_add(&blocks->open, (uintptr_t)pool) < 0)
            walk_stop(w, PX_END_NO_ROOM);
        count_explained(&t);
        count_others(w, &t);
        if (is_first)
            return;
    }
    for (size_t i = 0; i < PX_BLOCK_COLUMNS; i++)
        blocks->counts[pool->size_class][i] += t.n[i];
}

/* Goes on at the cursors until the last arena. */
static void
find_holders(struct walk *w)
{
    struct blocks *blocks = &w->blocks;
    for (; blocks->arena < blocks->pools.n_arenas; blocks->arena++) {
        const struct pools_arena *arena = &blocks->pools.arenas[blocks->arena];
        size_t n = 0;
        if (arena->address == 0)
            continue;
        const struct pools_pool *first = pools_of(arena, &n);
        while (blocks->pool < n) {
            const char *at = (const char *)first + blocks->pool++ * POOLS_BYTES;
            guard_mark();
            __builtin_prefetch(at + POOLS_BYTES);
            count_pool(w, (const struct pools_pool *)(const void *)at);
            w->guard->progress++;
        }
        blocks->pool = 0;
        walk_tick(w);
    }
}

static void
find_atoms(struct walk *w)
{
    struct blocks *blocks = &w->blocks;
    for (;;) {
        uintptr_t address = visited_next(&blocks->open, blocks->pool);
        if (address == 0)
            break;
        blocks->pool = address + 8;
        guard_mark();
        w->guard->progress++;
        count_pool(w, (const struct pools_pool *)address);
    }
}

/* The strays that this pass has found become nodes. */
static void
walk_strays(struct walk *w, void (*walk_steps)(struct walk *w))
{
    struct blocks *blocks = &w->blocks;
    if (sigsetjmp(w->object_landing, 0) != 0)
        object_failed(w);
    w->guard->landing = &w->object_landing;
    for (;;) {
        uintptr_t address = visited_next(&blocks->strays, blocks->stray);
        if (address == 0)
            break;
        PyObject *object = (PyObject *)address;
        blocks->stray = address + 8;
        guard_mark();
        if (visited_add(&w->visited, address) == 1)
            object_walk(w, object, type_of(w, Py_TYPE(object)),
                        PX_GEN_UNTRACKED | PX_NODE_STRAY);
    }
    w->guard->landing = &w->finish;
    walk_steps(w);
}

static void
one_pass(struct walk *w, void (*walk_steps)(struct walk *w))
{
    struct blocks *blocks = &w->blocks;
    blocks->pool = blocks->pass == BLOCKS_HOLDERS ? 0 : 8;
    if (sigsetjmp(w->object_landing, 0) != 0)
        guard_enter(w->guard);
    w->guard->landing = &w->object_landing;
    if (blocks->pass == BLOCKS_HOLDERS)
        find_holders(w);
    else
        find_atoms(w);
    w->guard->landing = &w->finish;
    blocks->stray = 8;
    walk_strays(w, walk_steps);
}

void
blocks_walk(struct walk *w, void (*walk_steps)(struct walk *w))
{
    struct blocks *blocks = &w->blocks;
    blocks->state = PX_BLOCKS_INSIDE;
    if (!blocks->wanted)
        return;
    pools_find(w, &blocks->pools, &w->plan->pools);
    blocks->state = PX_BLOCKS_OTHER;
    if (!blocks->pools.has_samples)
        return;
    blocks->state = PX_BLOCKS_STRANGE;
    if (blocks->pools.arenas == NULL)
        return;
    blocks->state = PX_BLOCKS_KNOWN;
    for (int pass = 0; pass < BLOCKS_PASSES; pass++) {
        blocks->pass = (enum blocks_pass)pass;
        one_pass(w, walk_steps);
    }
    for (size_t i = 0; i < POOLS_CLASSES; i++) {
        blocks->counts[i][PX_BLOCK_OBJECTS] -= blocks->n_holders[i];
        blocks->counts[i][PX_BLOCK_STRAYS] += blocks->n_holders[i];
    }
    if (!blocks->has_starts)
        blocks->state = PX_BLOCKS_DEBUG;
}

void
blocks_put(struct walk *w)
{
    const struct blocks *blocks = &w->blocks;
    writer_reserve(&w->writer, ROLE_BLOCKS, CHUNK_MAX);
    struct chunk *chunk = &w->writer.chunks[ROLE_BLOCKS];
    uint8_t *at = chunk->at;
    *at++ = (uint8_t)blocks->state;
    if (blocks->state == PX_BLOCKS_KNOWN) {
        at = px_put_varint(at, PX_BLOCK_COLUMNS);
        for (size_t i = 0; i < POOLS_CLASSES; i++) {
            if (blocks->counts[i][PX_BLOCK_POOLS] == 0)
                continue;
            at = px_put_varint(at, (i + 1) * POOLS_ALIGN);
            for (size_t k = 0; k < PX_BLOCK_COLUMNS; k++)
                at = px_put_varint(at, blocks->counts[i][k]);
        }
    }
    chunk->at = at;
}
