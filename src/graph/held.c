/* held.c — what holds an object that no root reaches.
 *
 * As the collector does it (Modules/gcmodule.c, subtract_refs and
 * move_unreachable), but over the snapshot: among the unreached objects,
 * refcount minus counted inbound edges is what references from outside the
 * graph remain. Where it is positive C code (or the stack that runs) holds
 * the object, and all that it reaches. Where the counts cannot tell (immortal,
 * synthetic, unread, or fewer references than edges) the object and all that
 * it reaches beyond that is unknown. What remains is held only by cycles: a
 * collection would free it. Of a graph that is not whole all of it is unknown:
 * what holds an object, and the edges to count, may be what is missing.
 *
 * A cycle through one object is a breadth-first search from it back to it,
 * in the order of paths.c and with the same folding; it gives up after
 * CYCLE_NODES_MAX objects.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"

#include <stdlib.h>
#include <string.h>

#define CYCLE_NODES_MAX 2048u
#define CYCLE_TABLE 8192u      /* a power of two, at least four times as many */
#define CYCLE_BUDGET 50000000u /* edges looked at by all searches together */

static const char *const held_names[] = {
    [PX_HELD_ROOT] = "root",
    [PX_HELD_CYCLE] = "cycle",
    [PX_HELD_C] = "c",
    [PX_HELD_UNKNOWN] = "unknown",
};

const char *
px_held_name(enum px_held_by held_by)
{
    return held_names[held_by];
}

enum px_held_by
held_get(const struct px_paths *paths, px_node node)
{
    if (paths->held == NULL)
        return PX_HELD_ROOT;
    return (enum px_held_by)(paths->held[node / 4] >> node % 4 * 2 & 3);
}

static void
held_set(struct px_paths *paths, px_node node, enum px_held_by held_by)
{
    unsigned shift = node % 4 * 2;
    uint8_t *byte = &paths->held[node / 4];
    *byte = (uint8_t)((*byte & ~(3u << shift)) | (unsigned)held_by << shift);
}

/* counts[rank]: edges that count, from unreached objects to unreached ones. */
static void
count_inside(const struct px_paths *paths, const struct bitrank *unreached,
             uint32_t *counts)
{
    const struct px_graph *graph = paths->graph;
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if (!bitrank_has(unreached, node))
            continue;
        struct span span = out_span(graph, node);
        for (px_edge e = span.first; e < span.end; e++) {
            const struct edge *edge = &graph->edges[e];
            if (edge_counts(edge) && bitrank_has(unreached, edge->target))
                counts[bitrank_of(unreached, edge->target)]++;
        }
    }
}

static enum px_held_by
held_from_outside(const struct px_graph *graph, px_node node, uint32_t count)
{
    unsigned flags = px_node_flags(graph, node);
    uint64_t refcount = px_node_refcount(graph, node);
    if ((flags & (PX_NODE_IMMORTAL | PX_NODE_SYNTHETIC | PX_NODE_BAD)) != 0 ||
        refcount < count)
        return PX_HELD_UNKNOWN;
    return refcount > count ? PX_HELD_C : PX_HELD_CYCLE;
}

/* All that is still held by a cycle and that stack[0…n-1] reaches. */
static void
spread(struct px_paths *paths, px_node *stack, size_t n,
       enum px_held_by held_by)
{
    const struct px_graph *graph = paths->graph;
    while (n > 0) {
        px_node node = stack[--n];
        struct span span = out_span(graph, node);
        for (px_edge e = span.first; e < span.end; e++) {
            px_node target = graph->edges[e].target;
            if (!edge_holds(&graph->edges[e]) ||
                held_get(paths, target) != PX_HELD_CYCLE)
                continue;
            held_set(paths, target, held_by);
            stack[n++] = target;
        }
    }
}

/* What is held by `held_by` from outside, and all that it reaches. */
static void
hold_from_outside(struct px_paths *paths, const struct bitrank *unreached,
                  const uint32_t *counts, px_node *stack,
                  enum px_held_by held_by)
{
    const struct px_graph *graph = paths->graph;
    size_t n = 0;
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if (held_get(paths, node) != PX_HELD_CYCLE)
            continue;
        uint32_t count = counts[bitrank_of(unreached, node)];
        if (held_from_outside(graph, node, count) != held_by)
            continue;
        held_set(paths, node, held_by);
        stack[n++] = node;
    }
    spread(paths, stack, n, held_by);
}

/* What no root reaches starts as this. */
static enum px_status
hold_unreached(struct px_paths *paths, enum px_held_by held_by,
               struct px_err *err)
{
    size_t n_nodes = paths->graph->n_nodes;
    paths->held = calloc(n_nodes / 4 + 1, 1);
    if (paths->held == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for unreached objects");
    for (px_node node = 0; node < n_nodes; node++) {
        if (paths->parent[node] == PARENT_NONE)
            held_set(paths, node, held_by);
    }
    return PX_OK;
}

static enum px_status
hold_by_counts(struct px_paths *paths, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = paths->graph;
    size_t n_unreached = graph->n_nodes - paths->n_reached;
    struct bitrank unreached;
    enum px_status status = bitrank_init(&unreached, graph->n_nodes, err);
    if (status != PX_OK)
        return status;
    px_node *stack = malloc(n_unreached * sizeof *stack);
    uint32_t *counts = calloc(n_unreached, sizeof *counts);
    if (stack == NULL || counts == NULL) {
        status = px_fail(err, PX_ENOMEM, "no memory for unreached objects");
        goto out;
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if (paths->parent[node] == PARENT_NONE)
            bitrank_add(&unreached, node);
    }
    bitrank_seal(&unreached, graph->n_nodes);
    count_inside(paths, &unreached, counts);
    if (!work_is_canceled(work))
        hold_from_outside(paths, &unreached, counts, stack, PX_HELD_C);
    if (!work_is_canceled(work))
        hold_from_outside(paths, &unreached, counts, stack, PX_HELD_UNKNOWN);
    if (work_is_canceled(work))
        status = work_canceled(err);
out:
    free(stack);
    free(counts);
    bitrank_done(&unreached);
    return status;
}

enum px_status
held_compute(struct px_paths *paths, struct px_work *work, struct px_err *err)
{
    bool is_whole = graph_is_whole(paths->graph);
    enum px_status status =
        hold_unreached(paths, is_whole ? PX_HELD_CYCLE : PX_HELD_UNKNOWN, err);
    if (status == PX_OK && is_whole)
        status = hold_by_counts(paths, work, err);
    return status;
}

/* ---- cycles ---- */
struct visited {
    px_node node;
    px_edge edge; /* that found it, from queue[from] */
    uint32_t from;
};

struct cycles {
    const struct px_paths *paths;
    const uint32_t *part; /* NULL: among what is not reached */
    px_edge closing;
    struct visited queue[CYCLE_NODES_MAX];
    uint32_t tail;
    uint32_t table[CYCLE_TABLE]; /* number in the queue + 1 */
    uint64_t budget;
};

struct option {
    uint64_t key;
    px_edge edge;
    uint32_t from;
};

struct cycles *
cycles_new(const struct px_paths *paths, struct px_err *err)
{
    struct cycles *cycles = calloc(1, sizeof *cycles);
    if (cycles == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a search of cycles");
        return NULL;
    }
    cycles->paths = paths;
    cycles->budget = CYCLE_BUDGET;
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

/* Whether the search may go from one node to another. */
static inline bool
is_inside(const struct cycles *cycles, px_node from, px_node to)
{
    if (cycles->part != NULL)
        return cycles->part[from] == cycles->part[to];
    return cycles->paths->parent[to] == PARENT_NONE;
}

void
cycles_free(struct cycles *cycles)
{
    free(cycles);
}

/* The place of a node in the table. */
static uint32_t *
slot_of(struct cycles *cycles, px_node node)
{
    uint32_t slot = node * 0x9e3779b1u >> 19;
    for (;; slot = (slot + 1) % CYCLE_TABLE) {
        uint32_t number = cycles->table[slot];
        if (number == 0 || cycles->queue[number - 1].node == node)
            return &cycles->table[slot];
    }
}

static bool
enqueue(struct cycles *cycles, px_node node, px_edge edge, uint32_t from)
{
    uint32_t *slot = slot_of(cycles, node);
    if (*slot != 0 || cycles->tail == CYCLE_NODES_MAX)
        return false;
    cycles->queue[cycles->tail] = (struct visited){node, edge, from};
    *slot = ++cycles->tail;
    return true;
}

/* Edges of queue[at] and of its __dict__ into options, in their order. */
static uint32_t
collect(struct cycles *cycles, uint32_t at, uint32_t max,
        struct option *options)
{
    const struct px_paths *paths = cycles->paths;
    const struct px_graph *graph = paths->graph;
    uint32_t sources[2] = {at, UINT32_MAX};
    uint32_t n = 0;
    for (int s = 0; s < 2 && sources[s] != UINT32_MAX; s++) {
        px_node node = cycles->queue[sources[s]].node;
        struct span span = out_span(graph, node);
        for (px_edge e = span.first; e < span.end && n < max; e++) {
            const struct edge *row = &graph->edges[e];
            if (cycles->budget > 0)
                cycles->budget--;
            if (!edge_holds(row) || edge_kind(row) == PX_EDGE_STACK ||
                !is_inside(cycles, node, row->target))
                continue;
            if (s == 0 && order_is_inner(&paths->order, e) &&
                enqueue(cycles, row->target, e, at)) {
                sources[1] = cycles->tail - 1;
                continue;
            }
            options[n++] = (struct option){order_key(&paths->order, e, s == 1),
                                           e, sources[s]};
        }
    }
    for (uint32_t i = 1; i < n; i++) {
        struct option option = options[i];
        uint32_t j = i;
        for (; j > 0 && option.key < options[j - 1].key; j--)
            options[j] = options[j - 1];
        options[j] = option;
    }
    return n;
}

/* Runs the cycle that `last` from queue[from] closes through the machine. */
static void
run_cycle(struct cycles *cycles, uint32_t from, px_edge last,
          struct machine *machine)
{
    px_edge edges[CYCLE_NODES_MAX + 1];
    size_t n = 0;
    edges[n++] = last;
    for (; from != 0; from = cycles->queue[from].from)
        edges[n++] = cycles->queue[from].edge;
    while (n > 0)
        machine_edge(machine, edges[--n]);
    machine_end(machine);
}

bool
cycles_visit(struct cycles *cycles, px_node node, bool stars,
             void (*visit)(void *context, size_t number,
                           const struct step_state *step, px_node node,
                           px_edge edge),
             void *context)
{
    enum { OPTIONS_MAX = 512 };
    const struct px_graph *graph = cycles->paths->graph;
    struct option options[OPTIONS_MAX];
    struct machine machine = {.paths = cycles->paths,
                              .stars = stars,
                              .visit = visit,
                              .context = context};
    memset(cycles->table, 0, sizeof cycles->table);
    cycles->tail = 0;
    cycles->closing = PX_NONE;
    enqueue(cycles, node, PX_NONE, 0);
    for (uint32_t at = 0; at < cycles->tail && cycles->budget > 0; at++) {
        uint32_t n = collect(cycles, at, OPTIONS_MAX, options);
        for (uint32_t i = 0; i < n; i++) {
            px_node target = graph->edges[options[i].edge].target;
            if (target == node) {
                cycles->closing = options[i].edge;
                run_cycle(cycles, options[i].from, options[i].edge, &machine);
                return true;
            }
            enqueue(cycles, target, options[i].edge, options[i].from);
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

enum px_held_by
px_paths_held_by(const struct px_paths *paths, px_node node, size_t out_bytes,
                 char *cycle)
{
    if (out_bytes > 0)
        cycle[0] = '\0';
    enum px_held_by held_by = held_get(paths, node);
    struct cycles *cycles = held_by == PX_HELD_ROOT || out_bytes == 0
                                ? NULL
                                : cycles_new(paths, NULL);
    if (cycles != NULL)
        cycles_line(cycles, node, false, out_bytes, cycle);
    cycles_free(cycles);
    return held_by;
}
