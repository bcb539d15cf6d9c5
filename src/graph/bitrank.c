/* bitrank.c — a set of nodes that knows the rank of each member.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/bitrank.h"

#include "graph/bulk.h"
#include "graph/room.h"

enum px_status
bitrank_init(struct bitrank *set, size_t size, struct px_err *err)
{
    *set = (struct bitrank){.bits = bulk_new(size / 64 + 1, sizeof *set->bits)};
    set->before = bulk_new(size / 64 + 1, sizeof *set->before);
    if (set->bits != NULL && set->before != NULL)
        return PX_OK;
    bitrank_done(set);
    return room_fail(err, "no memory for a set of %zu objects", size);
}

void
bitrank_done(struct bitrank *set)
{
    bulk_free(set->bits);
    bulk_free(set->before);
    *set = (struct bitrank){0};
}

void
bitrank_seal(struct bitrank *set, size_t size)
{
    uint32_t n = 0;
    for (size_t i = 0; i < size / 64 + 1; i++) {
        set->before[i] = n;
        n += count_bits(set->bits[i]);
    }
    set->n = n;
}
