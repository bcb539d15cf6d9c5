/* lengauer.h — immediate dominators of the objects that hold others, and of
 * the leaves that more than one of them holds. Between the files of the
 * dominator analysis only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_LENGAUER_H
#define GRAPH_LENGAUER_H

#include "graph/internal.h"

/* Numbers of the depth-first search. 0 is the whole, which the roots hang
 * below; 1 is `unreachable`, below which one object of each source component
 * of the unreached part hangs, if there is such a part. */
#define DOM_WHOLE 0u
#define DOM_UNREACHABLE 1u
#define DOM_FIRST 2u

/* An object that holds nothing and that several edges refer to. */
struct dom_leaf {
    px_node node;
    uint32_t pred; /* the first of its holders; at last: is it copied? */
    uint32_t next; /* in a bucket; at last the number of its dominator */
};

struct lengauer {
    const struct px_graph *graph;
    uint32_t *number; /* by rank in graph->holding */
    px_node *vertex;  /* by number, as the rest: its node */
    uint32_t *up, *semi, *label, *dom;
    struct dom_leaf *leaves;
    size_t n_leaves;
    uint8_t *is_root;   /* bitmap by node */
    uint32_t n;         /* numbers given */
    uint32_t n_reached; /* numbers below it are reached by roots */
    uint32_t turns;     /* of the search */
};

/* Fills number, vertex, dom, leaves, n and n_reached; the rest is free then.
 * lengauer_done in any case. */
enum px_status lengauer_run(struct lengauer *a, const struct px_graph *graph,
                            struct px_work *work, struct px_err *err);
void lengauer_done(struct lengauer *a);

static inline bool
dom_is_root(const struct lengauer *a, px_node node)
{
    return (a->is_root[node / 8] >> node % 8 & 1) != 0;
}

/* The first of two holders of a leaf decides which part it belongs to. */
static inline bool
dom_is_reached(const struct lengauer *a, uint32_t number)
{
    return number >= DOM_FIRST && number < a->n_reached;
}

#endif
