/* visited.c — a set of addresses: the slow paths.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/visited.h"

bool
visited_init(struct visited *set, struct arena *arena)
{
    set->arena = arena;
    set->top = arena_take(arena, VISITED_TOP_N * sizeof *set->top);
    return set->top != NULL;
}

uint64_t *
visited_leaf_new(struct visited *set, uintptr_t address)
{
    uint64_t ***mid = &set->top[address >> VISITED_TOP_SHIFT];
    if (*mid == NULL) {
        *mid = arena_take(set->arena, VISITED_MID_N * sizeof **mid);
        if (*mid == NULL)
            return NULL;
    }
    uint64_t **leaf =
        &(*mid)[(address >> VISITED_LEAF_SHIFT) & (VISITED_MID_N - 1)];
    if (*leaf == NULL)
        *leaf = arena_take(set->arena, VISITED_LEAF_WORDS * sizeof **leaf);
    return *leaf;
}

/* The first member of one leaf from bit `bit` on, or -1. */
static int
leaf_next(const uint64_t *leaf, size_t bit)
{
    size_t i = bit >> 6;
    uint64_t word = leaf[i] & (~(uint64_t)0 << (bit & 63));
    while (word == 0) {
        if (++i == VISITED_LEAF_WORDS)
            return -1;
        word = leaf[i];
    }
    return (int)(i * 64 + (size_t)__builtin_ctzll(word));
}

uintptr_t
visited_next_far(const struct visited *set, uintptr_t from)
{
    size_t top = from >> VISITED_TOP_SHIFT;
    size_t mid = (from >> VISITED_LEAF_SHIFT) & (VISITED_MID_N - 1);
    size_t bit = (from & (((uintptr_t)1 << VISITED_LEAF_SHIFT) - 1)) >> 3;
    for (; top < VISITED_TOP_N; top++, mid = 0, bit = 0) {
        uint64_t **leaves = set->top[top];
        if (leaves == NULL)
            continue;
        for (; mid < VISITED_MID_N; mid++, bit = 0) {
            int at = leaves[mid] == NULL ? -1 : leaf_next(leaves[mid], bit);
            if (at >= 0)
                return ((uintptr_t)top << VISITED_TOP_SHIFT) |
                       ((uintptr_t)mid << VISITED_LEAF_SHIFT) |
                       ((uintptr_t)at << 3);
        }
    }
    return 0;
}
