/* paths.c — the shortest named path from a root to every object.
 *
 * One breadth-first search, rank of root classes by rank (modules first, then
 * threads, …), so that an object that a module reaches has the module's path
 * however long. Edges that may be leftovers on an evaluation stack come after
 * everything else. Weak and alias edges are not followed.
 *
 * Among paths of one length the first in the order of their steps wins
 * (order.c). A search that visits the edges of each object in that order
 * finds just these: the queue is then sorted by path, and the first edge that
 * finds an object is its best. So the edges need no comparison of paths, only
 * the children that one object adds to the queue are sorted, and nearly
 * always they already are: a list's items by index, an object's attributes
 * after a few swaps.
 *
 * An edge .__dict__ (order_is_inner) has length 0: the dict's values are
 * children of its owner. A dict that waits in the queue for a longer path is
 * taken over. An empty one never waits: it is taken over if it was found from
 * the layer of the queue that is being searched, that of its owner.
 *
 * O(N + E) and 4 bytes an object; 4 more one that holds something while it
 * searches.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"
#include "graph/room.h"

#define SMALL_SORT 24u

struct search {
    struct px_paths *paths;
    const struct px_graph *graph;
    uint32_t *parent;
    px_node *queue;
    uint32_t head, tail;
    uint8_t *expanded; /* bitmap by node */
    /* queue[layer … layer_end - 1] have paths of one length; in_layer, a
     * bitmap by node, has those before `marked`: it is seldom asked */
    uint32_t layer, marked, layer_end;
    uint8_t *in_layer;
    px_edge *maybe; /* stack edges, for the end */
    size_t n_maybe, cap_maybe;
};

/* The object whose children are being queued. */
struct family {
    px_node node;
    px_node inner;  /* its __dict__ or frame; PX_NONE: none */
    uint32_t start; /* of the children in the queue */
    uint64_t last_key;
    bool is_sorted;
};

static inline bool
is_expanded(const struct search *s, px_node node)
{
    return (s->expanded[node / 8] >> node % 8 & 1) != 0;
}

/* ---- sorting the children of one object ---- */
static inline bool
is_from(const struct px_graph *graph, px_node node, px_edge edge)
{
    return node != PX_NONE && edge >= out_start(graph, node) &&
           edge < out_start(graph, node + 1);
}

static uint64_t
child_key(const struct search *s, const struct family *family, px_edge edge)
{
    bool in_inner = !is_from(s->graph, family->node, edge);
    return order_key(&s->paths->order, edge, in_inner);
}

struct child {
    uint64_t key;
    px_edge edge;
    px_node node;
    bool in_inner;
};

static bool
is_before(const struct child *a, const struct child *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    if (a->in_inner != b->in_inner)
        return b->in_inner;
    return a->edge < b->edge;
}

static int
compare_children(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : 1;
}

static struct child
child_at(const struct search *s, const struct family *family, px_node node)
{
    px_edge edge = s->parent[node];
    return (struct child){child_key(s, family, edge), edge, node,
                          !is_from(s->graph, family->node, edge)};
}

static void
insertion_sort(struct child *children, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct child child = children[i];
        uint32_t j = i;
        for (; j > 0 && is_before(&child, &children[j - 1]); j--)
            children[j] = children[j - 1];
        children[j] = child;
    }
}

static enum px_status
sort_children(struct search *s, const struct family *family, struct px_err *err)
{
    uint32_t n = s->tail - family->start;
    px_node *nodes = s->queue + family->start;
    struct child few[SMALL_SORT];
    struct child *children = few;
    if (n > SMALL_SORT) {
        children = malloc(n * sizeof *children);
        if (children == NULL)
            return room_fail(err, "no memory to sort %lu references",
                             (unsigned long)n);
    }
    for (uint32_t i = 0; i < n; i++)
        children[i] = child_at(s, family, nodes[i]);
    if (n > SMALL_SORT)
        qsort(children, n, sizeof *children, compare_children);
    else
        insertion_sort(children, n);
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = children[i].node;
    if (children != few)
        free(children);
    return PX_OK;
}

/* ---- layers ---- */
static void
next_layer(struct search *s)
{
    for (uint32_t i = s->layer; i < s->marked; i++)
        s->in_layer[s->queue[i] / 8] = 0;
    s->layer = s->marked = s->head;
    s->layer_end = s->tail;
}

static bool
is_in_layer(struct search *s, px_node node)
{
    for (; s->marked < s->head; s->marked++) {
        px_node at = s->queue[s->marked];
        s->in_layer[at / 8] |= (uint8_t)(1u << at % 8);
    }
    return (s->in_layer[node / 8] >> node % 8 & 1) != 0;
}

/* Whether the path of an inner object that was not expanded is longer than by
 * its owner, whose turn it is. */
static bool
has_longer_path(struct search *s, px_node inner)
{
    const struct px_graph *graph = s->graph;
    px_edge known = s->parent[inner];
    if (known == PARENT_NONE || bitrank_has(&graph->holding, inner))
        return true;
    px_node source = px_edge_source(graph, known);
    px_edge above = s->parent[source];
    if (above < PARENT_ROOT && order_is_inner(&s->paths->order, above))
        source = px_edge_source(graph, above);
    return is_in_layer(s, source);
}

/* ---- searching ---- */
static enum px_status
postpone(struct search *s, px_edge edge, struct px_err *err)
{
    enum px_status status =
        rows_need(&s->maybe, s->n_maybe, &s->cap_maybe, sizeof *s->maybe, err);
    if (status == PX_OK)
        s->maybe[s->n_maybe++] = edge;
    return status;
}

/* What holds nothing has no children and need not wait for its turn. */
static inline bool
enqueue(struct search *s, px_node node)
{
    bool is_holder = bitrank_has(&s->graph->holding, node);
    if (is_holder)
        s->queue[s->tail++] = node;
    return is_holder;
}

/* An edge that finds a child, or finds again one of this family. */
static void
find_child(struct search *s, struct family *family, px_edge edge,
           px_node target)
{
    px_edge known = s->parent[target];
    if (known == PARENT_NONE) {
        s->parent[target] = edge;
        if (!enqueue(s, target))
            return;
        uint64_t key = child_key(s, family, edge);
        family->is_sorted &= key >= family->last_key;
        family->last_key = key;
        return;
    }
    if (known == PARENT_ROOT || (!is_from(s->graph, family->node, known) &&
                                 !is_from(s->graph, family->inner, known)))
        return;
    if (target == family->inner || is_expanded(s, target))
        return;
    struct child old = child_at(s, family, target);
    struct child now = {child_key(s, family, edge), edge, target,
                        !is_from(s->graph, family->node, edge)};
    if (is_before(&now, &old)) {
        s->parent[target] = edge;
        family->is_sorted = false; /* if it is in the queue */
    }
}

static enum px_status
find_children(struct search *s, struct family *family, px_node from,
              struct px_err *err)
{
    const struct px_graph *graph = s->graph;
    px_edge end = out_start(graph, from + 1);
    s->expanded[from / 8] |= (uint8_t)(1u << from % 8);
    for (px_edge e = out_start(graph, from); e < end; e++) {
        const struct edge *row = &graph->edges[e];
        px_node target = row->target;
        if (!edge_holds(row) || s->parent[target] == PARENT_ROOT)
            continue;
        if (edge_kind(row) == PX_EDGE_STACK) {
            if (s->parent[target] == PARENT_NONE) {
                enum px_status status = postpone(s, e, err);
                if (status != PX_OK)
                    return status;
            }
        } else if (family->inner == PX_NONE && from == family->node &&
                   !is_expanded(s, target) &&
                   order_is_inner(&s->paths->order, e) &&
                   has_longer_path(s, target)) {
            s->parent[target] = e;
            family->inner = target;
        } else {
            find_child(s, family, e, target);
        }
    }
    return PX_OK;
}

static enum px_status
expand(struct search *s, px_node node, struct px_err *err)
{
    struct family family = {
        .node = node, .inner = PX_NONE, .start = s->tail, .is_sorted = true};
    enum px_status status = find_children(s, &family, node, err);
    if (status == PX_OK && family.inner != PX_NONE)
        status = find_children(s, &family, family.inner, err);
    if (status == PX_OK && !family.is_sorted)
        status = sort_children(s, &family, err);
    return status;
}

static enum px_status
drain(struct search *s, struct px_work *work, struct px_err *err)
{
    uint64_t reported = 0;
    enum px_status status = PX_OK;
    next_layer(s);
    while (status == PX_OK && s->head < s->tail) {
        if (s->head == s->layer_end)
            next_layer(s);
        if ((s->head & 0x3fff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "paths", s->head, s->graph->holding.n);
        }
        px_node node = s->queue[s->head++];
        if (!is_expanded(s, node))
            status = expand(s, node, err);
    }
    return status;
}

/* ---- roots ---- */
struct root_order {
    unsigned rank;
    unsigned root_class;
    const char *name;
    uint32_t number;
};

static int
compare_roots(const void *a, const void *b)
{
    const struct root_order *left = a;
    const struct root_order *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    if (left->root_class != right->root_class)
        return left->root_class < right->root_class ? -1 : 1;
    int by_name = strcmp(left->name, right->name);
    if (by_name != 0)
        return by_name;
    return left->number < right->number ? -1 : 1;
}

static int
compare_root_nodes(const void *a, const void *b)
{
    px_node left = ((const struct root_at *)a)->node;
    px_node right = ((const struct root_at *)b)->node;
    return (left > right) - (left < right);
}

/* Queues the roots of one rank; *at moves to the first of the next. */
static void
queue_roots(struct search *s, const struct root_order *order, size_t n,
            size_t *at)
{
    const struct px_graph *graph = s->graph;
    struct px_paths *paths = s->paths;
    unsigned rank = order[*at].rank;
    for (; *at < n && order[*at].rank == rank; (*at)++) {
        px_node node = graph->tables.roots[order[*at].number].node;
        if (s->parent[node] != PARENT_NONE)
            continue;
        s->parent[node] = PARENT_ROOT;
        enqueue(s, node);
        paths->roots[paths->n_roots++] =
            (struct root_at){node, order[*at].number};
    }
}

static enum px_status
search_all(struct search *s, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = s->graph;
    size_t n = graph->tables.n_roots;
    enum px_status status = PX_OK;
    struct root_order *order = malloc((n + 1) * sizeof *order);
    if (order == NULL)
        return room_fail(err, "no memory for %zu roots", n);
    for (size_t i = 0; i < n; i++) {
        struct px_root root;
        px_graph_root(graph, (uint32_t)i, &root);
        order[i] = (struct root_order){px_root_rank(root.root_class),
                                       root.root_class, root.name, (uint32_t)i};
    }
    qsort(order, n, sizeof *order, compare_roots);
    for (size_t at = 0; status == PX_OK && at < n;) {
        queue_roots(s, order, n, &at);
        status = drain(s, work, err);
    }
    free(order);
    /* new ones join the list while it is searched */
    for (size_t i = 0; status == PX_OK && i < s->n_maybe; i++) {
        px_node target = graph->edges[s->maybe[i]].target;
        if (s->parent[target] != PARENT_NONE)
            continue;
        s->parent[target] = s->maybe[i];
        enqueue(s, target);
        status = drain(s, work, err);
    }
    return status;
}

static enum px_status
make_paths(struct px_paths *paths, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = paths->graph;
    size_t n = graph->n_nodes;
    struct search s = {.paths = paths, .graph = graph};
    enum px_status status = order_init(&paths->order, graph, err);
    if (status != PX_OK)
        return status;
    paths->parent = bulk_new(n + 1, sizeof *paths->parent);
    paths->roots = malloc((graph->tables.n_roots + 1) * sizeof *paths->roots);
    s.queue = bulk_new((size_t)graph->holding.n + 1, sizeof *s.queue);
    s.expanded = bulk_new(n / 8 + 1, 1);
    s.in_layer = bulk_new(n / 8 + 1, 1);
    if (paths->parent == NULL || paths->roots == NULL || s.queue == NULL ||
        s.expanded == NULL || s.in_layer == NULL) {
        status = room_fail(err, "no memory for paths of %zu objects", n);
        goto out;
    }
    memset(paths->parent, 0xff, (n + 1) * sizeof *paths->parent);
    s.parent = paths->parent;
    status = search_all(&s, work, err);
    if (status != PX_OK)
        goto out;
    qsort(paths->roots, paths->n_roots, sizeof *paths->roots,
          compare_root_nodes);
    for (size_t i = 0; i < n; i++)
        paths->n_reached += paths->parent[i] != PARENT_NONE;
    bulk_free(s.queue);
    bulk_free(s.expanded);
    bulk_free(s.in_layer);
    s.queue = NULL;
    s.expanded = s.in_layer = NULL;
    if (paths->n_reached < n)
        status = held_compute(paths, work, err);
out:
    bulk_free(s.queue);
    bulk_free(s.expanded);
    bulk_free(s.in_layer);
    free(s.maybe);
    return status;
}

struct px_paths *
px_paths_new(const struct px_graph *graph, struct px_work *work,
             struct px_err *err)
{
    struct px_paths *paths = calloc(1, sizeof *paths);
    if (paths == NULL) {
        room_fail(err, "no memory for paths");
        return NULL;
    }
    paths->graph = graph;
    if (make_paths(paths, work, err) != PX_OK) {
        px_paths_free(paths);
        return NULL;
    }
    return paths;
}

void
px_paths_free(struct px_paths *paths)
{
    if (paths == NULL)
        return;
    order_done(&paths->order);
    bulk_free(paths->parent);
    free(paths->roots);
    free(paths->held);
    free(paths);
}

/* ---- reading ---- */
bool
px_paths_is_reached(const struct px_paths *paths, px_node node)
{
    return paths->parent[node] != PARENT_NONE;
}

px_edge
px_paths_edge(const struct px_paths *paths, px_node node)
{
    uint32_t parent = paths->parent[node];
    return parent == PARENT_ROOT ? PX_NONE : parent;
}

uint32_t
px_paths_root(const struct px_paths *paths, px_node node)
{
    if (!px_paths_is_reached(paths, node))
        return PX_NONE;
    while (paths->parent[node] != PARENT_ROOT)
        node = px_edge_source(paths->graph, paths->parent[node]);
    size_t low = 0;
    size_t high = paths->n_roots;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (paths->roots[middle].node <= node)
            low = middle;
        else
            high = middle;
    }
    return paths->roots[low].root;
}

px_node
px_paths_module(const struct px_paths *paths, px_node node)
{
    px_edge edge = paths->parent[node];
    if (edge >= PARENT_ROOT || !order_is_inner(&paths->order, edge))
        return PX_NONE;
    px_node source = px_edge_source(paths->graph, edge);
    struct px_root root;
    if (paths->parent[source] != PARENT_ROOT)
        return PX_NONE;
    px_graph_root(paths->graph, px_paths_root(paths, source), &root);
    return root.root_class == PX_ROOT_MODULE ? source : PX_NONE;
}

uint32_t
px_paths_length(const struct px_paths *paths, px_node node)
{
    uint32_t length = 0;
    if (!px_paths_is_reached(paths, node))
        return 0;
    for (; paths->parent[node] != PARENT_ROOT; length++)
        node = px_edge_source(paths->graph, paths->parent[node]);
    return length;
}

enum px_status
paths_edges(const struct px_paths *paths, px_node node, px_edge **out,
            size_t *n, struct px_err *err)
{
    size_t length = px_paths_length(paths, node);
    px_edge *edges = malloc((length + 1) * sizeof *edges);
    if (edges == NULL)
        return room_fail(err, "no memory for a path of %zu steps", length);
    for (size_t i = length; i > 0; i--) {
        edges[i - 1] = paths->parent[node];
        node = px_edge_source(paths->graph, edges[i - 1]);
    }
    *out = edges;
    *n = length;
    return PX_OK;
}
