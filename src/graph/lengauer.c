/* lengauer.c — Lengauer and Tarjan's dominators, for what holds something.
 *
 * "A fast algorithm for finding dominators in a flowgraph", TOPLAS 1(1),
 * 1979: the simple version with path compression, O(E log N). Not SEMI-NCA,
 * whose second pass walks up the tree and is quadratic on a long chain whose
 * tail shares its referents with a root. Not Cooper-Harvey-Kennedy: heaps
 * have chains of millions.
 *
 * Half of a heap and more are leaves, strings and numbers that hold nothing.
 * They are on nobody's way, so the search, the forest and their arrays leave
 * them out. A leaf with one holder is dominated by it (dominators.c). One
 * with several could be visited right after the first of its holders and
 * before all that this one holds besides: so it is processed just before that
 * holder, where all larger numbers are in the forest, and then waits in the
 * bucket of its semidominator like everybody else.
 *
 * Nothing recurses: the depth-first search keeps its edges in an array that
 * is free then, and compression turns the pointers on its way up around and
 * back again on its way down. Arrays of u32, most with two lives:
 *   number   by rank of the node: its number
 *   up       parent in the search, and once processed the ancestor in the
 *            forest: the one is only read before the other is written
 *   semi     before a number is processed the head of its bucket (whose
 *            members are all larger), then its semidominator
 *   label    before a number is processed the list of leaves that it is the
 *            first holder of, then of the forest
 *   dom      before a number is processed its node (vertex), then the next in
 *            the bucket, then the dominator
 * At the end the nodes of all numbers are written anew, where `up` was.
 * Leaves have numbers of their own in buckets, from n on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/lengauer.h"

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"
#include "graph/sources.h"
#include "graph/room.h"

#define UNSEEN 0u /* as a number: not yet found */
#define NOBODY UINT32_MAX

static inline uint32_t
rank_of(const struct lengauer *a, px_node node)
{
    return bitrank_of(&a->graph->holding, node);
}

/* Whether the search follows this edge; *rank is its target's. */
static inline bool
is_way(const struct lengauer *a, px_edge e, uint32_t *rank)
{
    const struct edge *edge = &a->graph->edges[e];
    if (!bitrank_has(&a->graph->holding, edge->target) || !edge_holds(edge))
        return false;
    *rank = rank_of(a, edge->target);
    return true;
}

/* ---- depth-first numbering ---- */
static uint32_t
give_number(struct lengauer *a, px_node node, uint32_t rank, uint32_t parent)
{
    uint32_t now = a->n++;
    a->number[rank] = now;
    a->vertex[now] = node;
    a->up[now] = parent;
    a->semi[now] = out_start(a->graph, node);
    return now;
}

/* Numbers all that `root` reaches and that has no number. The cursor of the
 * node with number v is semi[v]: the next of its edges to follow. */
static enum px_status
number_from(struct lengauer *a, px_node root, uint32_t parent,
            struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    uint32_t now = give_number(a, root, rank_of(a, root), parent);
    while (now != parent) {
        if (work_turn(work, &a->turns))
            return work_canceled(err);
        px_edge e = a->semi[now];
        px_edge end = out_start(graph, a->vertex[now] + 1);
        uint32_t rank = 0;
        while (e < end && (!is_way(a, e, &rank) || a->number[rank] != UNSEEN))
            e++;
        if (e == end) {
            now = a->up[now];
            continue;
        }
        a->semi[now] = e + 1;
        now = give_number(a, graph->edges[e].target, rank, now);
    }
    return PX_OK;
}

static enum px_status
number_unreached(struct lengauer *a, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    px_node *sources = NULL;
    uint32_t n = 0;
    if (a->n - DOM_FIRST == graph->holding.n)
        return PX_OK;
    uint8_t *reached = bulk_new((size_t)graph->n_nodes / 8 + 1, 1);
    if (reached == NULL)
        return room_fail(err, "no memory for unreached objects");
    for (uint32_t v = DOM_FIRST; v < a->n; v++)
        reached[a->vertex[v] / 8] |= (uint8_t)(1u << a->vertex[v] % 8);
    enum px_status status =
        sources_find(graph, reached, &sources, &n, work, err);
    for (uint32_t i = 0; status == PX_OK && i < n; i++)
        status = number_from(a, sources[i], DOM_UNREACHABLE, work, err);
    free(sources);
    bulk_free(reached);
    return status;
}

static enum px_status
number_all(struct lengauer *a, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    enum px_status status = PX_OK;
    a->n = DOM_FIRST;
    a->up[DOM_UNREACHABLE] = DOM_WHOLE;
    for (size_t i = 0; status == PX_OK && i < graph->tables.n_roots; i++) {
        px_node root = graph->tables.roots[i].node;
        if (bitrank_has(&graph->holding, root) &&
            a->number[rank_of(a, root)] == UNSEEN)
            status = number_from(a, root, DOM_WHOLE, work, err);
    }
    a->n_reached = a->n;
    return status == PX_OK ? number_unreached(a, work, err) : status;
}

/* ---- the forest ---- */

/* Roots of the forest are the numbers below `now`. Makes `up` of all on the
 * way from v to its root that root, and label[v] the one with the least
 * semidominator on it. */
static void
compress(struct lengauer *a, uint32_t v, uint32_t now)
{
    uint32_t *up = a->up;
    uint32_t *label = a->label;
    uint32_t below = NOBODY;
    uint32_t at = v;
    while (up[at] >= now) { /* turn the pointers around */
        uint32_t next = up[at];
        up[at] = below;
        below = at;
        at = next;
    }
    uint32_t root = up[at];
    while (below != NOBODY) { /* and back, from the top */
        uint32_t next = up[below];
        if (a->semi[label[at]] < a->semi[label[below]])
            label[below] = label[at];
        up[below] = root;
        at = below;
        below = next;
    }
}

static inline uint32_t
eval(struct lengauer *a, uint32_t v, uint32_t now)
{
    if (v < now)
        return v;
    if (a->up[v] >= now)
        compress(a, v, now);
    return a->label[v];
}

/* The least of `least` and what the holders of a node give, where numbers
 * from `now` on are in the forest. */
static uint32_t
least_semi(struct lengauer *a, px_node node, uint32_t now, uint32_t least,
           bool is_reached)
{
    const struct px_graph *graph = a->graph;
    struct span span = in_span(graph, node);
    px_node last = PX_NONE;
    for (uint32_t i = span.first; i < span.end; i++) {
        px_node source = graph->in_src[i];
        if (source == last || (graph->in_loose[i / 8] >> i % 8 & 1) != 0)
            continue;
        last = source;
        uint32_t v = a->number[rank_of(a, source)];
        if (v >= a->n_reached && is_reached)
            continue; /* what is unreached holds nothing that is not */
        uint32_t u = eval(a, v, now);
        uint32_t semi = u >= now ? a->semi[u] : u;
        if (semi < least)
            least = semi;
    }
    return least;
}

/* ---- leaves ---- */

/* The first holder of a leaf; DOM_WHOLE: none. *n_sources: how many different
 * objects hold it, 2 for any more. */
static uint32_t
first_holder(const struct lengauer *a, px_node leaf, unsigned *n_sources)
{
    const struct px_graph *graph = a->graph;
    struct span span = in_span(graph, leaf);
    uint32_t first = NOBODY;
    px_node last = PX_NONE;
    *n_sources = 0;
    for (uint32_t i = span.first; i < span.end; i++) {
        px_node source = graph->in_src[i];
        if (source == last || (graph->in_loose[i / 8] >> i % 8 & 1) != 0)
            continue;
        last = source;
        *n_sources += *n_sources < 2;
        uint32_t v = a->number[rank_of(a, source)];
        first = v < first ? v : first;
    }
    return first;
}

/* Hangs each leaf with several holders on the first of them. */
static void
add_leaves(struct lengauer *a)
{
    const struct px_graph *graph = a->graph;
    memset(a->label, 0xff, a->n * sizeof *a->label);
    for (px_node node = 0; node < graph->n_nodes; node++) {
        struct span span = in_span(graph, node);
        unsigned n_sources;
        if (span.end - span.first < 2 || bitrank_has(&graph->holding, node) ||
            dom_is_root(a, node))
            continue;
        uint32_t first = first_holder(a, node, &n_sources);
        if (n_sources < 2)
            continue;
        a->leaves[a->n_leaves] =
            (struct dom_leaf){node, first, a->label[first]};
        a->label[first] = (uint32_t)a->n_leaves++;
    }
}

/* The leaves whose first holder is `w`, which is about to be processed. */
static void
process_leaves(struct lengauer *a, uint32_t w)
{
    uint32_t at = a->label[w];
    while (at != NOBODY) {
        struct dom_leaf *leaf = &a->leaves[at];
        uint32_t next = leaf->next;
        uint32_t semi =
            least_semi(a, leaf->node, w + 1, w, dom_is_reached(a, w));
        if (semi == w) {
            leaf->next = w;
            leaf->pred = false;
        } else {
            leaf->next = a->semi[semi];
            a->semi[semi] = a->n + at;
        }
        at = next;
    }
}

/* ---- dominators ---- */

/* Empties the bucket of `parent`, now that `w` below it is in the forest. */
static void
empty_bucket(struct lengauer *a, uint32_t parent, uint32_t w)
{
    uint32_t v = a->semi[parent];
    a->semi[parent] = NOBODY;
    while (v != NOBODY) {
        struct dom_leaf *leaf = v < a->n ? NULL : &a->leaves[v - a->n];
        uint32_t next = leaf == NULL ? a->dom[v] : leaf->next;
        uint32_t u = eval(a, leaf == NULL ? v : leaf->pred, w);
        bool is_copied = a->semi[u] < parent;
        if (leaf == NULL)
            a->dom[v] = is_copied ? u : parent;
        else
            *leaf = (struct dom_leaf){leaf->node, is_copied,
                                      is_copied ? u : parent};
        v = next;
    }
}

static enum px_status
find_dominators(struct lengauer *a, struct px_work *work, struct px_err *err)
{
    uint64_t reported = 0;
    memset(a->semi, 0xff, a->n * sizeof *a->semi); /* empty buckets */
    for (uint32_t w = a->n - 1; w >= DOM_FIRST; w--) {
        if ((w & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "dominators", a->n - w, a->n);
        }
        process_leaves(a, w);
        px_node node = a->vertex[w]; /* gone with dom[w] */
        uint32_t parent = a->up[w];
        uint32_t semi =
            dom_is_root(a, node)
                ? DOM_WHOLE
                : least_semi(a, node, w + 1, parent, dom_is_reached(a, w));
        a->dom[w] = a->semi[semi];
        a->semi[semi] = w;
        a->semi[w] = semi;
        a->label[w] = w;
        empty_bucket(a, parent, w);
    }
    a->dom[DOM_UNREACHABLE] = DOM_WHOLE;
    for (uint32_t w = DOM_FIRST; w < a->n; w++) {
        if (a->dom[w] != a->semi[w])
            a->dom[w] = a->dom[a->dom[w]];
    }
    for (size_t i = 0; i < a->n_leaves; i++) {
        struct dom_leaf *leaf = &a->leaves[i];
        leaf->next = leaf->pred != 0 ? a->dom[leaf->next] : leaf->next;
    }
    return PX_OK;
}

/* ---- making ---- */
static void
write_vertices(struct lengauer *a)
{
    const struct bitrank *holding = &a->graph->holding;
    uint32_t rank = 0;
    for (px_node node = 0; node < a->graph->n_nodes; node++) {
        if (bitrank_has(holding, node))
            a->vertex[a->number[rank++]] = node;
    }
}

enum px_status
lengauer_run(struct lengauer *a, const struct px_graph *graph,
             struct px_work *work, struct px_err *err)
{
    enum px_status status = PX_OK;
    size_t n = graph->holding.n;
    *a = (struct lengauer){.graph = graph};
    a->is_root = bulk_column(graph->n_nodes / 8, 1, &status, err);
    a->number = bulk_column(n + DOM_FIRST, sizeof *a->number, &status, err);
    a->up = bulk_column(n + DOM_FIRST, sizeof *a->up, &status, err);
    a->semi = bulk_column(n + DOM_FIRST, sizeof *a->semi, &status, err);
    a->label = bulk_column(n + DOM_FIRST, sizeof *a->label, &status, err);
    a->dom = a->vertex =
        bulk_column(n + DOM_FIRST, sizeof *a->dom, &status, err);
    for (size_t i = 0; status == PX_OK && i < graph->tables.n_roots; i++) {
        px_node root = graph->tables.roots[i].node;
        a->is_root[root / 8] |= (uint8_t)(1u << root % 8);
    }
    if (status == PX_OK)
        status = number_all(a, work, err);
    /* few leaves are shared, and memory that is not touched is none */
    a->leaves =
        bulk_column(graph->n_nodes - n, sizeof *a->leaves, &status, err);
    if (status == PX_OK)
        add_leaves(a);
    if (status == PX_OK)
        status = find_dominators(a, work, err);
    bulk_free(a->semi);
    bulk_free(a->label);
    a->vertex = a->up;
    a->up = a->semi = a->label = NULL;
    if (status == PX_OK)
        write_vertices(a);
    return status;
}

void
lengauer_done(struct lengauer *a)
{
    bulk_free(a->number);
    bulk_free(a->vertex);
    bulk_free(a->dom);
    bulk_free(a->leaves);
    bulk_free(a->is_root);
    *a = (struct lengauer){0};
}
