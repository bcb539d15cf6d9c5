/* dominators.c — which object holds which, exactly.
 *
 * Lengauer and Tarjan, "A fast algorithm for finding dominators in a
 * flowgraph", TOPLAS 1(1), 1979: the simple version with path compression,
 * O(E log N). Not SEMI-NCA, whose second pass walks up the tree and is
 * quadratic on a long chain whose tail shares its referents with a root. Not
 * Cooper-Harvey-Kennedy: heaps have chains of millions.
 *
 * The search numbers the nodes in preorder, and all arrays are by that
 * number. 0 is the whole, which the roots hang below; 1 is `unreachable`,
 * below which one object of each source component of the unreached part
 * hangs, if there is such a part. Nothing recurses: the depth-first search
 * keeps its edges in an array that is free then, and compression turns the
 * pointers on its way up around and back again on its way down.
 *
 * Six arrays of u32, each with two lives:
 *   number   by node: its number
 *   vertex   by number: its node
 *   up       parent in the search, and once processed the ancestor in the
 *            forest: the one is only read before the other is written
 *   semi     before a number is processed the head of its bucket (whose
 *            members are all larger), then its semidominator
 *   label    of the forest
 *   dom      next in the bucket, then the dominator
 *
 * Retained sizes are sums up the tree; a dominator's number is less than
 * those that it dominates, so one pass from the last to the first does it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

#define WHOLE 0u
#define UNREACHABLE 1u
#define FIRST 2u
#define UNSEEN 0u /* as a number: not yet found */

struct px_dominators {
    const struct px_graph *graph;
    px_node *parent;    /* by node */
    uint8_t *reached;   /* bitmap by node */
    uint64_t *retained; /* by node */
    px_node *children;  /* by parent; the top is the last group */
    uint32_t *first;    /* by node: of its children; n + 2 */
    uint64_t *by_type;
};

struct work_arrays {
    const struct px_graph *graph;
    uint32_t *number, *vertex, *up, *semi, *label, *dom;
    uint8_t *is_root;   /* bitmap by node */
    uint32_t n;         /* numbers given */
    uint32_t n_reached; /* numbers below it are reached by roots */
};

/* ---- depth-first numbering ---- */

/* Numbers all that `root` reaches and that has no number. The cursor of the
 * node with number v is semi[v]: the next of its edges to follow. */
static void
number_from(struct work_arrays *a, px_node root, uint32_t parent)
{
    const struct px_graph *graph = a->graph;
    uint32_t now = a->n++;
    a->number[root] = now;
    a->vertex[now] = root;
    a->up[now] = parent;
    a->semi[now] = graph->out_off[root];
    while (now != parent) {
        px_node node = a->vertex[now];
        px_edge e = a->semi[now];
        px_edge end = graph->out_off[node + 1];
        while (e < end && (!edge_holds(&graph->edges[e]) ||
                           a->number[graph->edges[e].target] != UNSEEN))
            e++;
        if (e == end) {
            now = a->up[now];
            continue;
        }
        a->semi[now] = e + 1;
        uint32_t child = a->n++;
        px_node target = graph->edges[e].target;
        a->number[target] = child;
        a->vertex[child] = target;
        a->up[child] = now;
        a->semi[child] = graph->out_off[target];
        now = child;
    }
}

/* All nodes without a number in the order in which a depth-first search
 * leaves them; returns how many. label, dom and semi are its scratch:
 * label[i] is the path, semi[i] its cursors, dom the result. */
static uint32_t
order_of_leaving(struct work_arrays *a, uint8_t *seen)
{
    const struct px_graph *graph = a->graph;
    uint32_t n_left = 0;
    for (px_node start = 0; start < graph->n_nodes; start++) {
        if (a->number[start] != UNSEEN ||
            (seen[start / 8] >> start % 8 & 1) != 0)
            continue;
        uint32_t depth = 1;
        a->label[0] = start;
        a->semi[0] = graph->out_off[start];
        seen[start / 8] |= (uint8_t)(1u << start % 8);
        while (depth > 0) {
            px_node node = a->label[depth - 1];
            px_edge e = a->semi[depth - 1];
            if (e == graph->out_off[node + 1]) {
                a->dom[n_left++] = node;
                depth--;
                continue;
            }
            a->semi[depth - 1] = e + 1;
            px_node target = graph->edges[e].target;
            if (!edge_holds(&graph->edges[e]) || a->number[target] != UNSEEN ||
                (seen[target / 8] >> target % 8 & 1) != 0)
                continue;
            seen[target / 8] |= (uint8_t)(1u << target % 8);
            a->label[depth] = target;
            a->semi[depth++] = graph->out_off[target];
        }
    }
    return n_left;
}

/* The node that the search leaves last lies in a source component (Kosaraju);
 * so does the last one that all before it do not reach, and so on. */
static enum px_status
number_unreached(struct work_arrays *a, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    uint8_t *seen = calloc(graph->n_nodes / 8 + 1, 1);
    if (seen == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for unreached objects");
    uint32_t n = order_of_leaving(a, seen);
    free(seen);
    /* number_from writes semi and up only, and dom is read from its end */
    while (n > 0) {
        px_node node = a->dom[--n];
        if (a->number[node] == UNSEEN)
            number_from(a, node, UNREACHABLE);
    }
    return PX_OK;
}

static enum px_status
number_all(struct work_arrays *a, struct px_dominators *out, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    a->n = FIRST;
    a->up[UNREACHABLE] = WHOLE;
    for (size_t i = 0; i < graph->tables.n_roots; i++) {
        px_node root = graph->tables.roots[i].node;
        if (a->number[root] == UNSEEN)
            number_from(a, root, WHOLE);
    }
    a->n_reached = a->n;
    for (uint32_t v = FIRST; v < a->n; v++)
        out->reached[a->vertex[v] / 8] |= (uint8_t)(1u << a->vertex[v] % 8);
    return number_unreached(a, err);
}

/* ---- the forest ---- */

/* Roots of the forest are the numbers below `now`. Makes `up` of all on the
 * way from v to its root that root, and label[v] the one with the least
 * semidominator on it. */
static void
compress(struct work_arrays *a, uint32_t v, uint32_t now)
{
    uint32_t *up = a->up;
    uint32_t *label = a->label;
    uint32_t below = UINT32_MAX;
    uint32_t at = v;
    while (up[at] >= now) { /* turn the pointers around */
        uint32_t next = up[at];
        up[at] = below;
        below = at;
        at = next;
    }
    uint32_t root = up[at];
    while (below != UINT32_MAX) { /* and back, from the top */
        uint32_t next = up[below];
        if (a->semi[label[at]] < a->semi[label[below]])
            label[below] = label[at];
        up[below] = root;
        at = below;
        below = next;
    }
}

static uint32_t
eval(struct work_arrays *a, uint32_t v, uint32_t now)
{
    if (v < now)
        return v;
    compress(a, v, now);
    return a->label[v];
}

/* The semidominator of `w`; the numbers above it are in the forest. */
static uint32_t
find_semi(struct work_arrays *a, uint32_t w)
{
    const struct px_graph *graph = a->graph;
    px_node node = a->vertex[w];
    uint32_t least = a->up[w];
    uint32_t end = graph->in_off[node + 1];
    px_node last = PX_NONE;
    if ((a->is_root[node / 8] >> node % 8 & 1) != 0)
        return WHOLE;
    for (uint32_t i = graph->in_off[node]; i < end; i++) {
        px_node source = graph->in_src[i];
        if (source == last || (graph->in_loose[i / 8] >> i % 8 & 1) != 0)
            continue;
        last = source;
        uint32_t v = a->number[source];
        if (v >= a->n_reached && w < a->n_reached)
            continue; /* what is unreached holds nothing that is not */
        uint32_t u = eval(a, v, w + 1);
        uint32_t semi = u > w ? a->semi[u] : u;
        if (semi < least)
            least = semi;
    }
    return least;
}

static enum px_status
find_dominators(struct work_arrays *a, struct px_work *work, struct px_err *err)
{
    uint64_t reported = 0;
    memset(a->semi, 0xff, a->n * sizeof *a->semi); /* empty buckets */
    for (uint32_t w = a->n - 1; w >= FIRST; w--) {
        if ((w & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "dominators", a->n - w, a->n);
        }
        uint32_t semi = find_semi(a, w);
        uint32_t parent = a->up[w];
        a->dom[w] = a->semi[semi];
        a->semi[semi] = w;
        a->semi[w] = semi;
        a->label[w] = w;
        uint32_t v = a->semi[parent];
        a->semi[parent] = UINT32_MAX;
        while (v != UINT32_MAX) {
            uint32_t next = a->dom[v];
            uint32_t u = eval(a, v, w);
            a->dom[v] = a->semi[u] < a->semi[v] ? u : parent;
            v = next;
        }
    }
    a->dom[UNREACHABLE] = WHOLE;
    for (uint32_t w = FIRST; w < a->n; w++) {
        if (a->dom[w] != a->semi[w])
            a->dom[w] = a->dom[a->dom[w]];
    }
    return PX_OK;
}

/* ---- what follows from the tree ---- */
static void
sum_up(const struct work_arrays *a, struct px_dominators *out)
{
    const struct px_graph *graph = a->graph;
    for (px_node node = 0; node < graph->n_nodes; node++)
        out->retained[node] = px_node_bytes(graph, node);
    for (uint32_t v = a->n - 1; v >= FIRST; v--) {
        px_node node = a->vertex[v];
        out->parent[node] = PX_NONE;
        if (a->dom[v] < FIRST)
            continue;
        out->parent[node] = a->vertex[a->dom[v]];
        out->retained[out->parent[node]] += out->retained[node];
    }
}

static uint32_t
group_of(const struct px_dominators *d, px_node node)
{
    return d->parent[node] == PX_NONE ? d->graph->n_nodes : d->parent[node];
}

/* first[] has n + 2 places: the top is the group after the last node. */
static void
list_children(struct px_dominators *d)
{
    uint32_t n = d->graph->n_nodes;
    uint32_t sum = 0;
    for (px_node node = 0; node < n; node++)
        d->first[group_of(d, node)]++;
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t count = d->first[i];
        d->first[i] = sum;
        sum += count;
    }
    for (px_node node = 0; node < n; node++)
        d->children[d->first[group_of(d, node)]++] = node;
    memmove(d->first + 1, d->first, ((size_t)n + 1) * sizeof *d->first);
    d->first[0] = 0;
}

/* Down and up the tree with a count of how many of each type are above. */
static void
sum_types(struct px_dominators *d, uint32_t *depth_of_type, px_node *path,
          uint32_t *cursor)
{
    const struct px_graph *graph = d->graph;
    uint32_t depth = 1;
    path[0] = graph->n_nodes;
    cursor[0] = d->first[graph->n_nodes];
    while (depth > 0) {
        px_node node = path[depth - 1];
        if (cursor[depth - 1] == d->first[node + 1]) {
            if (node != graph->n_nodes)
                depth_of_type[px_node_type(graph, node)]--;
            depth--;
            continue;
        }
        px_node child = d->children[cursor[depth - 1]++];
        px_type type = px_node_type(graph, child);
        if (depth_of_type[type]++ == 0)
            d->by_type[type] += d->retained[child];
        path[depth] = child;
        cursor[depth++] = d->first[child];
    }
}

/* ---- making ---- */
static void *
array(size_t n, size_t bytes, enum px_status *status, struct px_err *err)
{
    void *memory = *status == PX_OK ? calloc(n + FIRST, bytes) : NULL;
    if (memory == NULL && *status == PX_OK)
        *status = px_fail(err, PX_ENOMEM,
                          "no memory for the dominators of %zu objects", n);
    return memory;
}

static void
release(struct work_arrays *a)
{
    free(a->number);
    free(a->vertex);
    free(a->up);
    free(a->dom);
    free(a->is_root);
    a->number = a->vertex = a->up = a->dom = NULL;
    a->is_root = NULL;
}

static enum px_status
make_arrays(struct work_arrays *a, struct px_err *err)
{
    const struct px_graph *graph = a->graph;
    size_t n = graph->n_nodes;
    enum px_status status = PX_OK;
    a->number = array(n, sizeof *a->number, &status, err);
    a->vertex = array(n, sizeof *a->vertex, &status, err);
    a->up = array(n, sizeof *a->up, &status, err);
    a->semi = array(n, sizeof *a->semi, &status, err);
    a->label = array(n, sizeof *a->label, &status, err);
    a->dom = array(n, sizeof *a->dom, &status, err);
    a->is_root = array(n / 8, 1, &status, err);
    for (size_t i = 0; status == PX_OK && i < graph->tables.n_roots; i++) {
        px_node root = graph->tables.roots[i].node;
        a->is_root[root / 8] |= (uint8_t)(1u << root % 8);
    }
    return status;
}

static enum px_status
make_tree(struct px_dominators *out, struct work_arrays *a,
          struct px_work *work, struct px_err *err)
{
    size_t n = out->graph->n_nodes;
    size_t n_types = px_graph_n_types(out->graph);
    enum px_status status = make_arrays(a, err);
    out->reached = array(n / 8, 1, &status, err);
    if (status == PX_OK)
        status = number_all(a, out, err);
    if (status == PX_OK)
        status = find_dominators(a, work, err);
    out->parent = array(n, sizeof *out->parent, &status, err);
    out->retained = array(n, sizeof *out->retained, &status, err);
    if (status == PX_OK)
        sum_up(a, out);
    release(a);
    out->children = array(n, sizeof *out->children, &status, err);
    out->first = array(n, sizeof *out->first, &status, err);
    out->by_type = array(n_types, sizeof *out->by_type, &status, err);
    uint32_t *depths = array(n_types, sizeof *depths, &status, err);
    if (status == PX_OK) {
        list_children(out);
        sum_types(out, depths, a->label, a->semi);
    }
    free(depths);
    return status;
}

struct px_dominators *
px_dominators_new(const struct px_graph *graph, struct px_work *work,
                  struct px_err *err)
{
    struct work_arrays a = {.graph = graph};
    struct px_dominators *out = calloc(1, sizeof *out);
    if (out == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for dominators");
        return NULL;
    }
    out->graph = graph;
    enum px_status status = make_tree(out, &a, work, err);
    release(&a);
    free(a.semi);
    free(a.label);
    if (status != PX_OK) {
        px_dominators_free(out);
        return NULL;
    }
    return out;
}

void
px_dominators_free(struct px_dominators *dominators)
{
    if (dominators == NULL)
        return;
    free(dominators->parent);
    free(dominators->reached);
    free(dominators->retained);
    free(dominators->children);
    free(dominators->first);
    free(dominators->by_type);
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
    return dominators->retained[node];
}

uint64_t
px_dominators_type_retained(const struct px_dominators *dominators,
                            px_type type)
{
    return dominators->by_type[type];
}

static int
compare_retained(const void *a, const void *b, void *context)
{
    const struct px_dominators *d = context;
    px_node left = *(const px_node *)a;
    px_node right = *(const px_node *)b;
    if (d->retained[left] != d->retained[right])
        return d->retained[left] > d->retained[right] ? -1 : 1;
    return (left > right) - (left < right);
}

enum px_status
px_dominators_children(const struct px_dominators *dominators, px_node node,
                       px_node **out, uint32_t *n, struct px_err *err)
{
    uint32_t group = node == PX_NONE ? dominators->graph->n_nodes : node;
    uint32_t first = dominators->first[group];
    uint32_t count = dominators->first[group + 1] - first;
    px_node *nodes = malloc(((size_t)count + 1) * sizeof *nodes);
    if (nodes == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a list of %lu objects",
                       (unsigned long)count);
    memcpy(nodes, dominators->children + first, count * sizeof *nodes);
    qsort_r(nodes, count, sizeof *nodes, compare_retained,
            (void *)(uintptr_t)dominators);
    *out = nodes;
    *n = count;
    return PX_OK;
}
