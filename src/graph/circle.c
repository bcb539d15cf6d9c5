/* circle.c — a shortest cycle through one object.
 *
 * A breadth-first search from the object back to it, in the order of paths.c
 * and with the same folding. Within one strongly connected part (cycles.c) it
 * may see all of the part, which is linear as each part is searched once.
 *
 * For each of the objects that no root reaches that would be quadratic, so
 * there the search sees NODES_MAX objects, and knows the way home: `back` has
 * the nearest objects that lead to the start. What does not lead there is no
 * step if `back` is complete. And of a container of more than WIDE edges only
 * those into `back` are steps: an element of a list of 100,000 gets the same
 * cycle as one of a list of three, and at the same cost, since a container
 * that is asked again has its edges sorted by target.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"
#include "graph/seen.h"
#include "graph/room.h"

#include <stdlib.h>

#define NODES_MAX 2048u
#define BACK_MAX 64u     /* objects; and referrers of one that are followed */
#define WIDE 64u         /* edges */
#define BLIND_MAX 512u   /* edges of a wide one of which none leads home */
#define LOOKS 50000000u  /* at edges, by all searches together, and … */
#define LOOKS_AN_EDGE 8u /* … more in a larger graph */

/* A wide container, after it was asked once. */
struct wide {
    px_edge *sorted; /* its edges by target; NULL: not yet */
};

struct option {
    uint64_t key;
    px_edge edge;
    uint32_t from;
};

struct cycles {
    const struct px_paths *paths;
    const uint32_t *part; /* NULL: among what is not reached */
    px_edge closing;
    struct seen queue;
    struct seen back;
    bool back_is_all; /* nothing else leads to the start */
    struct seen wide_nodes;
    struct wide *wides; /* by number in wide_nodes */
    size_t cap_wides;
    struct option *options;
    size_t n_options, cap_options;
    uint64_t budget;
};

/* ---- the search as a whole ---- */
struct cycles *
cycles_new(const struct px_paths *paths, struct px_err *err)
{
    struct cycles *cycles = calloc(1, sizeof *cycles);
    if (cycles == NULL) {
        room_fail(err, "no memory for a search of cycles");
        return NULL;
    }
    cycles->paths = paths;
    cycles->budget = LOOKS + (uint64_t)LOOKS_AN_EDGE * paths->graph->n_edges;
    return cycles;
}

void
cycles_limit(struct cycles *cycles, const uint32_t *part)
{
    cycles->part = part;
}

px_edge
cycles_closing(const struct cycles *cycles)
{
    return cycles->closing;
}

void
cycles_free(struct cycles *cycles)
{
    if (cycles == NULL)
        return;
    for (uint32_t i = 0; i < cycles->wide_nodes.n; i++)
        free(cycles->wides[i].sorted);
    free(cycles->wides);
    seen_done(&cycles->wide_nodes);
    seen_done(&cycles->queue);
    seen_done(&cycles->back);
    free(cycles->options);
    free(cycles);
}

static bool
enqueue(struct cycles *cycles, px_node node, px_edge edge, uint32_t from)
{
    uint32_t most = cycles->part != NULL ? UINT32_MAX : NODES_MAX;
    return seen_add(&cycles->queue, most, node, edge, from);
}

static bool
is_unreached(const struct cycles *cycles, px_node node)
{
    return cycles->paths->parent[node] == PARENT_NONE;
}

/* Whether the search may go from one node to another. */
static bool
is_inside(const struct cycles *cycles, px_node from, px_node to)
{
    if (cycles->part != NULL)
        return cycles->part[from] == cycles->part[to];
    return is_unreached(cycles, to) &&
           (!cycles->back_is_all || seen_find(&cycles->back, to) != NULL);
}

/* ---- the way home ---- */
static void
find_back(struct cycles *cycles, px_node start)
{
    struct seen *back = &cycles->back;
    back->n = 0;
    cycles->back_is_all = seen_add(back, BACK_MAX, start, PX_NONE, 0);
    for (uint32_t at = 0; at < back->n; at++) {
        uint32_t n;
        const px_node *sources =
            px_node_referrers(cycles->paths->graph, back->rows[at].node, &n);
        if (n > BACK_MAX) {
            cycles->back_is_all = false;
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (!is_unreached(cycles, sources[i]) ||
                seen_find(back, sources[i]) != NULL)
                continue;
            uint32_t distance = back->rows[at].from + 1;
            if (!seen_add(back, BACK_MAX, sources[i], PX_NONE, distance))
                cycles->back_is_all = false;
        }
    }
}

/* ---- edges ---- */

/* Makes a step of an edge of queue[from], or takes in the __dict__ behind it:
 * `inner` gets its number. */
static void
consider(struct cycles *cycles, px_edge edge, uint32_t from, bool in_inner,
         uint32_t *inner)
{
    const struct px_paths *paths = cycles->paths;
    const struct edge *row = &paths->graph->edges[edge];
    if (cycles->budget > 0 && cycles->part == NULL)
        cycles->budget--;
    if (!edge_holds(row) || edge_kind(row) == PX_EDGE_STACK ||
        !is_inside(cycles, cycles->queue.rows[from].node, row->target))
        return;
    if (!in_inner && order_is_inner(&paths->order, edge) &&
        enqueue(cycles, row->target, edge, from)) {
        *inner = cycles->queue.n - 1;
        return;
    }
    if (rows_need(&cycles->options, cycles->n_options, &cycles->cap_options,
                  sizeof *cycles->options, NULL) != PX_OK)
        return;
    cycles->options[cycles->n_options++] =
        (struct option){order_key(&paths->order, edge, in_inner), edge, from};
}

static int
compare_targets(const void *a, const void *b, void *context)
{
    const struct edge *edges = context;
    px_edge x = *(const px_edge *)a;
    px_edge y = *(const px_edge *)b;
    if (edges[x].target != edges[y].target)
        return edges[x].target < edges[y].target ? -1 : 1;
    return (x > y) - (x < y);
}

/* The edges of a wide container by target; NULL: look at all. */
static const px_edge *
sorted_edges(struct cycles *cycles, px_node node, struct span span)
{
    struct seen *nodes = &cycles->wide_nodes;
    const struct seen_row *row = seen_find(nodes, node);
    if (row == NULL) {
        if (rows_need(&cycles->wides, nodes->n, &cycles->cap_wides,
                      sizeof *cycles->wides, NULL) == PX_OK) {
            cycles->wides[nodes->n].sorted = NULL;
            seen_add(nodes, UINT32_MAX, node, PX_NONE, 0);
        }
        return NULL;
    }
    struct wide *wide = &cycles->wides[row - nodes->rows];
    size_t n = span.end - span.first;
    if (wide->sorted != NULL)
        return wide->sorted;
    wide->sorted = malloc(n * sizeof *wide->sorted);
    if (wide->sorted == NULL)
        return NULL;
    for (px_edge e = span.first; e < span.end; e++)
        wide->sorted[e - span.first] = e;
    qsort_r(wide->sorted, n, sizeof *wide->sorted, compare_targets,
            cycles->paths->graph->edges);
    return wide->sorted;
}

/* An edge of a wide container that leads home drops those that lead to what
 * is further from there. */
static void
consider_home(struct cycles *cycles, px_edge edge, uint32_t from, bool in_inner,
              uint32_t *distance, size_t first, uint32_t *inner)
{
    const struct edge *row = &cycles->paths->graph->edges[edge];
    const struct seen_row *home = seen_find(&cycles->back, row->target);
    if (cycles->budget > 0)
        cycles->budget--;
    if (home == NULL || home->from > *distance || !edge_holds(row) ||
        edge_kind(row) == PX_EDGE_STACK)
        return;
    if (home->from < *distance)
        cycles->n_options = first;
    *distance = home->from;
    consider(cycles, edge, from, in_inner, inner);
}

/* The edges of a wide container that lead home; false: none is known. */
static bool
collect_home(struct cycles *cycles, uint32_t from, bool in_inner,
             struct span span, uint32_t *inner)
{
    const struct edge *edges = cycles->paths->graph->edges;
    px_node node = cycles->queue.rows[from].node;
    const struct seen_row *own = seen_find(&cycles->back, node);
    uint32_t distance =
        own == NULL || own->from == 0 ? UINT32_MAX : own->from - 1;
    size_t first = cycles->n_options;
    const px_edge *sorted = sorted_edges(cycles, node, span);
    if (sorted == NULL) {
        for (px_edge e = span.first; e < span.end; e++)
            consider_home(cycles, e, from, in_inner, &distance, first, inner);
        return cycles->n_options > first;
    }
    for (uint32_t i = 0; i < cycles->back.n; i++) {
        const struct seen_row *home = &cycles->back.rows[i];
        if (home->from > distance)
            break;
        size_t low = 0;
        size_t n = span.end - span.first;
        for (size_t high = n; low < high;) {
            size_t middle = low + (high - low) / 2;
            if (edges[sorted[middle]].target < home->node)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < n && edges[sorted[low]].target == home->node; low++)
            consider_home(cycles, sorted[low], from, in_inner, &distance, first,
                          inner);
    }
    return cycles->n_options > first;
}

static void
collect_from(struct cycles *cycles, uint32_t from, bool in_inner,
             uint32_t *inner)
{
    px_node node = cycles->queue.rows[from].node;
    struct span span = out_span(cycles->paths->graph, node);
    px_edge end = span.end;
    if (cycles->part == NULL && span.end - span.first > WIDE) {
        if (collect_home(cycles, from, in_inner, span, inner))
            return;
        if (end - span.first > BLIND_MAX)
            end = span.first + BLIND_MAX;
    }
    for (px_edge e = span.first; e < end; e++)
        consider(cycles, e, from, in_inner, inner);
}

static int
compare_options(const void *a, const void *b)
{
    const struct option *x = a;
    const struct option *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->edge > y->edge) - (x->edge < y->edge);
}

/* Edges of queue[at] and of its __dict__ into options, in their order. */
static void
collect(struct cycles *cycles, uint32_t at)
{
    uint32_t inner = UINT32_MAX;
    cycles->n_options = 0;
    collect_from(cycles, at, false, &inner);
    if (inner != UINT32_MAX)
        collect_from(cycles, inner, true, &inner);
    bool is_sorted = true;
    for (size_t i = 1; i < cycles->n_options; i++)
        is_sorted &=
            compare_options(&cycles->options[i - 1], &cycles->options[i]) < 0;
    if (!is_sorted)
        qsort(cycles->options, cycles->n_options, sizeof *cycles->options,
              compare_options);
}

/* ---- one search ---- */

/* Runs the cycle that `last` from queue[from] closes through the machine. */
static void
run_cycle(struct cycles *cycles, uint32_t from, px_edge last,
          struct machine *machine)
{
    struct seen_row *rows = cycles->queue.rows;
    uint32_t after = 0;
    while (from != 0) { /* turns the way round: it is as long as the cycle */
        uint32_t before = rows[from].from;
        rows[from].from = after;
        after = from;
        from = before;
    }
    for (; after != 0; after = rows[after].from)
        machine_edge(machine, rows[after].edge);
    machine_edge(machine, last);
    machine_end(machine);
}

bool
cycles_visit(struct cycles *cycles, px_node node, bool stars,
             void (*visit)(void *context, size_t number,
                           const struct step_state *step, px_node node,
                           px_edge edge),
             void *context)
{
    const struct px_graph *graph = cycles->paths->graph;
    struct machine machine = {.paths = cycles->paths,
                              .stars = stars,
                              .visit = visit,
                              .context = context};
    struct span span = out_span(graph, node);
    cycles->queue.n = 0;
    cycles->closing = PX_NONE;
    if (span.first == span.end)
        return false;
    if (cycles->part == NULL)
        find_back(cycles, node);
    enqueue(cycles, node, PX_NONE, 0);
    for (uint32_t at = 0; at < cycles->queue.n && cycles->budget > 0; at++) {
        collect(cycles, at);
        for (size_t i = 0; i < cycles->n_options; i++) {
            struct option option = cycles->options[i];
            px_node target = graph->edges[option.edge].target;
            if (target == node) {
                cycles->closing = option.edge;
                run_cycle(cycles, option.from, option.edge, &machine);
                return true;
            }
            enqueue(cycles, target, option.edge, option.from);
        }
    }
    return false;
}

void
cycles_line(struct cycles *cycles, px_node node, bool stars, size_t out_bytes,
            char *out)
{
    struct line line;
    line_init(&line, out_bytes, out, stars, false);
    cycles_visit(cycles, node, stars, line_visit, &line);
}

void
cycle_line(const struct px_paths *paths, px_node node, bool stars,
           size_t out_bytes, char *out)
{
    struct cycles *cycles = cycles_new(paths, NULL);
    out[0] = '\0';
    if (cycles != NULL)
        cycles_line(cycles, node, stars, out_bytes, out);
    cycles_free(cycles);
}
