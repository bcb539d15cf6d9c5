/* walk_map.c — from an address to a value: adding.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_map.h"

static void
put(struct map *map, uintptr_t key, uint64_t value)
{
    size_t mask = map_n_slots(map) - 1;
    size_t i = map_hash(key, map->shift);
    while (map->slots[i & mask].key != 0)
        i++;
    map->slots[i & mask].value = value;
    map->slots[i & mask].key = key;
    map->n++;
}

bool
map_put(struct map *map, uintptr_t key, uint64_t value)
{
    if ((map->n + 1) * 2 > map_n_slots(map)) {
        struct map grown;
        if (!map_init(&grown, map->arena, 65 - map->shift))
            return false;
        for (size_t i = 0; i < map_n_slots(map); i++) {
            if (map->slots[i].key != 0)
                put(&grown, map->slots[i].key, map->slots[i].value);
        }
        *map = grown;
    }
    put(map, key, value);
    return true;
}
