/* seen.h — the objects that a search has seen, in their order, each once.
 * The struct is the caller's; all zero is empty, and `n = 0` makes it so
 * again.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_SEEN_H
#define GRAPH_SEEN_H

#include "graph/internal.h"

struct seen_row {
    px_node node;
    px_edge edge;  /* that led to it, from row `from` */
    uint32_t from; /* or what the search makes of it */
    uint32_t slot;
};

struct seen {
    struct seen_row *rows;
    uint32_t n, cap;
    uint32_t *slots; /* number of a row */
    unsigned bits;
};

/* NULL: it was not seen. Valid until the next seen_add. */
struct seen_row *seen_find(const struct seen *seen, px_node node);
/* False if it was seen, there are `most`, or there is no memory. */
bool seen_add(struct seen *seen, uint32_t most, px_node node, px_edge edge,
              uint32_t from);
void seen_done(struct seen *seen);

#endif
