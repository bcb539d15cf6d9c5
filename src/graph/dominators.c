/* dominators.c — which object holds which, exactly.
 *
 * The tree of dominators (lengauer.c), and what follows from it. Only objects
 * that hold something have a retained size of their own; that of a leaf is
 * its size. Sums go up the tree: a dominator's number is less than those
 * that it dominates, so one pass from the last to the first does it. The
 * bound of a type takes one walk down and up, along pointers to the next
 * sibling and back to the parent, so that it needs no stack; leaves whose
 * type has only leaves are left out of it.
 *
 * 4 bytes an object and 4 more one that holds something; while it works, 20
 * bytes one that holds something and 12 a leaf that several hold.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"
#include "graph/lengauer.h"
#include "graph/room.h"

#define RETAINED_LARGE UINT32_MAX /* look in over_retained */

struct px_dominators {
    const struct px_graph *graph;
    px_node *parent;    /* by node */
    uint8_t *reached;   /* bitmap by node */
    uint32_t *retained; /* by rank in graph->holding */
    struct overflow over_retained;
    uint64_t *by_type;
};

/* ---- parents ---- */
static inline void
mark_reached(struct px_dominators *d, px_node node, bool is_reached)
{
    if (is_reached)
        d->reached[node / 8] |= (uint8_t)(1u << node % 8);
}

/* A leaf that is no root: held by one object, or by none. Those that several
 * hold come after. */
static void
place_leaf(struct px_dominators *d, const struct lengauer *a, px_node leaf)
{
    const struct px_graph *graph = d->graph;
    struct span span = in_span(graph, leaf);
    d->parent[leaf] = PX_NONE;
    for (uint32_t i = span.first; i < span.end; i++) {
        if ((graph->in_loose[i / 8] >> i % 8 & 1) != 0)
            continue;
        px_node source = graph->in_src[i];
        uint32_t v = a->number[bitrank_of(&graph->holding, source)];
        d->parent[leaf] = source;
        mark_reached(d, leaf, dom_is_reached(a, v));
        return;
    }
}

static void
place_all(struct px_dominators *d, const struct lengauer *a)
{
    const struct px_graph *graph = d->graph;
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if (bitrank_has(&graph->holding, node))
            continue;
        if (dom_is_root(a, node)) {
            d->parent[node] = PX_NONE;
            mark_reached(d, node, true);
        } else {
            place_leaf(d, a, node);
        }
    }
    for (uint32_t v = DOM_FIRST; v < a->n; v++) {
        d->parent[a->vertex[v]] =
            a->dom[v] < DOM_FIRST ? PX_NONE : a->vertex[a->dom[v]];
        mark_reached(d, a->vertex[v], v < a->n_reached);
    }
    for (size_t i = 0; i < a->n_leaves; i++) {
        const struct dom_leaf *leaf = &a->leaves[i];
        d->parent[leaf->node] =
            leaf->next < DOM_FIRST ? PX_NONE : a->vertex[leaf->next];
        /* its first holder was reached if any was: so is its dominator, or
         * there is none because a second root reaches it */
        mark_reached(d, leaf->node,
                     leaf->next == DOM_WHOLE || dom_is_reached(a, leaf->next));
    }
}

/* ---- sums ---- */
static void
sum_up(const struct px_dominators *d, const struct lengauer *a, uint64_t *sums)
{
    const struct px_graph *graph = d->graph;
    const struct bitrank *holding = &graph->holding;
    for (px_node node = 0; node < graph->n_nodes; node++) {
        px_node to = bitrank_has(holding, node) ? node : d->parent[node];
        if (to != PX_NONE)
            sums[bitrank_of(holding, to)] += form_of(graph, node)->bytes;
    }
    for (uint32_t v = a->n - 1; v >= DOM_FIRST; v--) {
        if (a->dom[v] < DOM_FIRST)
            continue;
        uint32_t parent = bitrank_of(holding, a->vertex[a->dom[v]]);
        sums[parent] += sums[bitrank_of(holding, a->vertex[v])];
    }
}

/* Four bytes do for nearly all. */
static enum px_status
keep_sums(struct px_dominators *d, const uint64_t *sums, struct px_err *err)
{
    uint32_t n = d->graph->holding.n;
    enum px_status status = PX_OK;
    d->retained = bulk_column(n, sizeof *d->retained, &status, err);
    for (uint32_t i = 0; status == PX_OK && i < n; i++) {
        bool is_large = sums[i] >= RETAINED_LARGE;
        d->retained[i] = is_large ? RETAINED_LARGE : (uint32_t)sums[i];
        if (is_large)
            status = overflow_add(&d->over_retained, i, sums[i], err);
    }
    return status; /* in order: no need to sort */
}

/* ---- types ---- */
struct family {
    struct px_dominators *d;
    uint32_t *first; /* child of each holder by rank; the top is the last */
    px_node *next;   /* sibling by node */
    uint32_t *depth; /* by type: instances on the way from the top */
    uint8_t *holds;  /* by type: has some instance that holds something */
};

static inline uint32_t *
first_child(const struct family *family, px_node node)
{
    const struct bitrank *holding = &family->d->graph->holding;
    return &family->first[node == PX_NONE ? holding->n
                                          : bitrank_of(holding, node)];
}

static void
link_children(const struct family *family)
{
    const struct px_dominators *d = family->d;
    const struct px_graph *graph = d->graph;
    memset(family->first, 0xff,
           ((size_t)graph->holding.n + 1) * sizeof *family->first);
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if (bitrank_has(&graph->holding, node))
            family->holds[form_of(graph, node)->type] = 1;
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        px_type type = form_of(graph, node)->type;
        if (family->holds[type] == 0) {
            d->by_type[type] += form_of(graph, node)->bytes;
            continue;
        }
        uint32_t *first = first_child(family, d->parent[node]);
        family->next[node] = *first;
        *first = node;
    }
}

static void
sum_types(const struct family *family)
{
    const struct px_dominators *d = family->d;
    const struct px_graph *graph = d->graph;
    px_node node = *first_child(family, PX_NONE);
    while (node != PX_NONE) {
        px_type type = form_of(graph, node)->type;
        if (family->depth[type]++ == 0)
            d->by_type[type] += px_dominators_retained(d, node);
        px_node below = bitrank_has(&graph->holding, node)
                            ? *first_child(family, node)
                            : PX_NONE;
        while (below == PX_NONE && node != PX_NONE) { /* leave it */
            family->depth[form_of(graph, node)->type]--;
            below = family->next[node];
            node = d->parent[node];
        }
        node = below;
    }
}

static enum px_status
make_types(struct px_dominators *d, struct px_err *err)
{
    const struct px_graph *graph = d->graph;
    size_t n_types = px_graph_n_types(graph);
    enum px_status status = PX_OK;
    struct family family = {.d = d};
    d->by_type = bulk_column(n_types, sizeof *d->by_type, &status, err);
    family.first =
        bulk_column(graph->holding.n, sizeof *family.first, &status, err);
    family.next =
        bulk_column(graph->n_nodes, sizeof *family.next, &status, err);
    family.depth = bulk_column(n_types, sizeof *family.depth, &status, err);
    family.holds = bulk_column(n_types, 1, &status, err);
    if (status == PX_OK) {
        link_children(&family);
        sum_types(&family);
    }
    bulk_free(family.first);
    bulk_free(family.next);
    bulk_free(family.depth);
    bulk_free(family.holds);
    return status;
}

/* ---- making ---- */
static enum px_status
make_tree(struct px_dominators *d, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = d->graph;
    struct lengauer a;
    enum px_status status = lengauer_run(&a, graph, work, err);
    d->parent = bulk_column(graph->n_nodes, sizeof *d->parent, &status, err);
    d->reached = bulk_column(graph->n_nodes / 8, 1, &status, err);
    if (status == PX_OK)
        place_all(d, &a);
    bulk_free(a.number);
    bulk_free(a.leaves);
    a.number = NULL;
    a.leaves = NULL;
    uint64_t *sums = bulk_column(graph->holding.n, sizeof *sums, &status, err);
    if (status == PX_OK)
        sum_up(d, &a, sums);
    lengauer_done(&a);
    if (status == PX_OK)
        status = keep_sums(d, sums, err);
    bulk_free(sums);
    return status == PX_OK ? make_types(d, err) : status;
}

struct px_dominators *
px_dominators_new(const struct px_graph *graph, struct px_work *work,
                  struct px_err *err)
{
    struct px_dominators *d = calloc(1, sizeof *d);
    if (d == NULL) {
        room_fail(err, "no memory for dominators");
        return NULL;
    }
    d->graph = graph;
    if (make_tree(d, work, err) != PX_OK) {
        px_dominators_free(d);
        return NULL;
    }
    return d;
}

void
px_dominators_free(struct px_dominators *dominators)
{
    if (dominators == NULL)
        return;
    bulk_free(dominators->parent);
    bulk_free(dominators->reached);
    bulk_free(dominators->retained);
    overflow_done(&dominators->over_retained);
    bulk_free(dominators->by_type);
    free(dominators);
}

/* ---- reading ---- */
px_node
px_dominators_parent(const struct px_dominators *dominators, px_node node)
{
    return dominators->parent[node];
}

bool
px_dominators_is_reached(const struct px_dominators *dominators, px_node node)
{
    return (dominators->reached[node / 8] >> node % 8 & 1) != 0;
}

uint64_t
px_dominators_retained(const struct px_dominators *dominators, px_node node)
{
    const struct bitrank *holding = &dominators->graph->holding;
    if (!bitrank_has(holding, node))
        return px_node_bytes(dominators->graph, node);
    uint32_t rank = bitrank_of(holding, node);
    uint32_t bytes = dominators->retained[rank];
    return bytes < RETAINED_LARGE
               ? bytes
               : overflow_get(&dominators->over_retained, rank);
}

uint64_t
px_dominators_type_retained(const struct px_dominators *dominators,
                            px_type type)
{
    return dominators->by_type[type];
}

struct child {
    uint64_t retained;
    px_node node;
};

static int
compare_retained(const void *a, const void *b)
{
    const struct child *left = a;
    const struct child *right = b;
    if (left->retained != right->retained)
        return left->retained > right->retained ? -1 : 1;
    return (left->node > right->node) - (left->node < right->node);
}

enum px_status
px_dominators_children(const struct px_dominators *dominators, px_node node,
                       px_node **out, uint32_t *n, struct px_err *err)
{
    const px_node *parent = dominators->parent;
    uint32_t n_nodes = dominators->graph->n_nodes;
    uint32_t count = 0;
    for (px_node i = 0; i < n_nodes; i++)
        count += parent[i] == node;
    px_node *nodes = malloc(((size_t)count + 1) * sizeof *nodes);
    struct child *children = bulk_new((size_t)count + 1, sizeof *children);
    if (nodes == NULL || children == NULL) {
        free(nodes);
        bulk_free(children);
        return room_fail(err, "no memory for a list of %lu objects",
                         (unsigned long)count);
    }
    uint32_t found = 0;
    for (px_node i = 0; found < count; i++) {
        if (parent[i] == node)
            children[found++] =
                (struct child){px_dominators_retained(dominators, i), i};
    }
    qsort(children, count, sizeof *children, compare_retained);
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = children[i].node;
    bulk_free(children);
    *out = nodes;
    *n = count;
    return PX_OK;
}
