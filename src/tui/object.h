/* object.h — the state of the object view, shared by its two files:
 * view_object.c (facts, referrers, referents, layout) and object_chain.c (how
 * it is held).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_OBJECT_H
#define TUI_OBJECT_H

#include "tui/rows.h"
#include "tui/view.h"

#define STEPS_MAX 256
#define WAYS_MAX 64
#define FACTS_MAX 8
#define EDGE_CACHE 256u

enum { PANE_CHAIN, PANE_SUBJECT, PANE_REFERRERS, PANE_REFERENTS };

struct fact {
    struct cell_out text;
    struct subject subject;
};

struct object {
    struct px_step *steps;
    uint32_t n_steps;
    size_t n_steps_ever; /* more than n_steps: the middle is left out */
    px_edge ways[WAYS_MAX];
    uint32_t n_ways;
    uint32_t way;
    struct fact facts[FACTS_MAX];
    uint32_t n_facts;
    const px_node *referrers;
    uint32_t n_referrers;
    px_edge first_referent;
    uint32_t n_referents;
    struct {
        uint32_t row; /* + 1; 0: free */
        px_edge edge;
    } cache[EDGE_CACHE];
};

static inline struct object *
object_of(const void *context)
{
    return ((const struct view *)context)->state;
}

/* The edge of the referrer in `row`; PX_NONE if it is not found. */
px_edge object_referrer_edge(const struct view *view, uint32_t row);
/* Does the path of `from` lead through the object? Also true if it is too
 * long to tell. */
bool object_leads_through(const struct view *view, px_node from);
/* Finds the ways that hold the object, and the steps of the chosen one. */
void object_find_ways(struct view *view);
void object_make_chain(struct view *view);

/* object_facts.c: size, retained size, who holds it, its class. */
void object_make_facts(struct view *view);

extern const struct rows_ops object_chain_rows;
extern const struct rows_ops object_facts_rows;
extern const struct rows_ops object_referrers_rows;
extern const struct rows_ops object_referents_rows;

#endif
