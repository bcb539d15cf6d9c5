/* seen.c — the objects that a search has seen.
 *
 * Open addressing over the rows. An old slot is told from one that counts by
 * its row, which has to say the same slot: so a list that is made empty for
 * the next of a million searches need not be cleared.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/seen.h"

#include <stdlib.h>

void
seen_done(struct seen *seen)
{
    free(seen->rows);
    free(seen->slots);
    *seen = (struct seen){0};
}

/* The slot of a node, or the free one where it would be. */
static uint32_t
seen_slot(const struct seen *seen, px_node node)
{
    uint32_t mask = (1u << seen->bits) - 1;
    uint32_t slot = node * 0x9e3779b1u >> (32 - seen->bits);
    for (;; slot = (slot + 1) & mask) {
        uint32_t number = seen->slots[slot];
        if (number >= seen->n || seen->rows[number].slot != slot ||
            seen->rows[number].node == node)
            return slot;
    }
}

struct seen_row *
seen_find(const struct seen *seen, px_node node)
{
    if (seen->n == 0)
        return NULL;
    uint32_t slot = seen_slot(seen, node);
    uint32_t number = seen->slots[slot];
    bool is_there = number < seen->n && seen->rows[number].slot == slot;
    return is_there ? &seen->rows[number] : NULL;
}

static bool
seen_grow(struct seen *seen)
{
    uint32_t cap = seen->cap == 0 ? 128 : seen->cap * 2;
    unsigned bits = seen->cap == 0 ? 9 : seen->bits + 1;
    struct seen_row *rows = realloc(seen->rows, cap * sizeof *rows);
    if (rows == NULL)
        return false;
    seen->rows = rows;
    uint32_t *slots =
        bits > 31 ? NULL : calloc((size_t)1 << bits, sizeof *slots);
    if (slots == NULL)
        return false;
    free(seen->slots);
    seen->slots = slots;
    seen->cap = cap;
    seen->bits = bits;
    uint32_t n = seen->n;
    for (seen->n = 0; seen->n < n; seen->n++) {
        struct seen_row *row = &seen->rows[seen->n];
        row->slot = seen_slot(seen, row->node);
        seen->slots[row->slot] = seen->n;
    }
    return true;
}

bool
seen_add(struct seen *seen, uint32_t most, px_node node, px_edge edge,
         uint32_t from)
{
    if (seen_find(seen, node) != NULL || seen->n == most ||
        (seen->n == seen->cap && !seen_grow(seen)))
        return false;
    uint32_t slot = seen_slot(seen, node);
    seen->slots[slot] = seen->n;
    seen->rows[seen->n++] = (struct seen_row){node, edge, from, slot};
    return true;
}
