/* walk_map.h — from an address to a 64-bit value, in the walk's arena.
 *
 * Open addressing with linear probing, at most half full, multiplicative
 * hashing. Key 0 is free. Nothing is ever removed; a map that grows leaves
 * its old table to the arena.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WALK_MAP_H
#define HEAP_WALK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/heap/walk_arena.h"
#include "agent/tags.h"

struct map_slot {
    uintptr_t key;
    uint64_t value;
};

struct map {
    struct map_slot *slots;
    unsigned shift; /* 64 - log2 of the number of slots */
    size_t n;
    struct arena *arena;
};

static inline size_t
map_hash(uintptr_t key, unsigned shift)
{
    return (size_t)(((uint64_t)key * 0x9e3779b97f4a7c15u) >> shift);
}

static inline size_t
map_n_slots(const struct map *map)
{
    return (size_t)1 << (64 - map->shift);
}

static inline bool
map_init(struct map *map, struct arena *arena, unsigned log2_slots)
{
    map->arena = arena;
    map->shift = 64 - log2_slots;
    map->n = 0;
    map->slots = arena_take(arena, map_n_slots(map) * sizeof *map->slots);
    return map->slots != NULL;
}

/* NULL: not there. The pointer is good until the next map_put. */
static inline struct map_slot *
map_find(const struct map *map, uintptr_t key)
{
    size_t mask = map_n_slots(map) - 1;
    for (size_t i = map_hash(key, map->shift);; i++) {
        struct map_slot *slot = &map->slots[i & mask];
        if (slot->key == key)
            return slot;
        if (slot->key == 0)
            return NULL;
    }
}

/* Adds a key that is not there; false: no memory, and nothing changed. */
PX_CHILD bool map_put(struct map *map, uintptr_t key, uint64_t value);

#endif
