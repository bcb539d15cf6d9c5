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
 * SPDX-License-Identifier: MIT
 */
#include "graph/bulk.h"
#include "graph/paths.h"
#include "graph/room.h"

#include <stdlib.h>

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
        return room_fail(err, "no memory for unreached objects");
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
    px_node *stack = bulk_new(n_unreached, sizeof *stack);
    uint32_t *counts = bulk_new(n_unreached, sizeof *counts);
    if (stack == NULL || counts == NULL) {
        status = room_fail(err, "no memory for unreached objects");
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
    bulk_free(stack);
    bulk_free(counts);
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

enum px_held_by
px_paths_held_by(const struct px_paths *paths, px_node node, size_t out_bytes,
                 char *cycle)
{
    if (out_bytes > 0)
        cycle[0] = '\0';
    enum px_held_by held_by = held_get(paths, node);
    if (held_by != PX_HELD_ROOT && out_bytes > 0)
        cycle_line(paths, node, false, out_bytes, cycle);
    return held_by;
}
