/* retained.c — what a set of objects retains together, exactly.
 *
 * Everything, less all that is reached without entering the set: from the
 * roots, and from where the unreached part begins (sources.c), so that the
 * figure agrees with the tree of dominators for garbage as well. Garbage
 * holds nothing of what the roots reach. Two traversals, O(N + E), 4 bytes
 * and two bits an object.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"
#include "graph/sources.h"
#include "graph/room.h"

struct reach {
    const struct px_graph *graph;
    uint8_t *seen;    /* bitmap */
    uint8_t *reached; /* bitmap: not to be entered; NULL: none yet */
    px_node *stack;
    size_t n_stack;
    struct px_retained sum;
};

static void
enter(struct reach *reach, px_node node)
{
    uint8_t bits = reach->seen[node / 8];
    if (reach->reached != NULL)
        bits |= reach->reached[node / 8];
    if ((bits >> node % 8 & 1) != 0)
        return;
    reach->seen[node / 8] |= (uint8_t)(1u << node % 8);
    reach->sum.objects++;
    reach->sum.bytes += px_node_bytes(reach->graph, node);
    if (bitrank_has(&reach->graph->holding, node))
        reach->stack[reach->n_stack++] = node;
}

/* Enters all that the stack reaches. */
static enum px_status
drain(struct reach *reach, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = reach->graph;
    uint32_t turns = 0;
    while (reach->n_stack > 0) {
        if (work_turn(work, &turns))
            return work_canceled(err);
        px_node node = reach->stack[--reach->n_stack];
        struct span span = out_span(graph, node);
        for (px_edge e = span.first; e < span.end; e++) {
            if (edge_holds(&graph->edges[e]))
                enter(reach, graph->edges[e].target);
        }
    }
    return PX_OK;
}

static enum px_status
enter_roots(struct reach *reach, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = reach->graph;
    for (size_t i = 0; i < graph->tables.n_roots; i++)
        enter(reach, graph->tables.roots[i].node);
    return drain(reach, work, err);
}

/* Whether nothing that holds refers to it. */
static bool
is_unheld(const struct px_graph *graph, px_node node)
{
    uint32_t end = in_start(graph, node + 1);
    uint32_t i = in_start(graph, node);
    while (i < end && (graph->in_loose[i / 8] >> i % 8 & 1) != 0)
        i++;
    return i == end;
}

/* Sums what roots and, beyond `reached`, the sources reach and what is not
 * marked as seen. */
static enum px_status
enter_all(struct reach *reach, uint8_t *reached, const px_node *sources,
          uint32_t n_sources, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = reach->graph;
    reach->sum = (struct px_retained){0, 0};
    enum px_status status = enter_roots(reach, work, err);
    reach->reached = reached;
    for (uint32_t i = 0; i < n_sources; i++)
        enter(reach, sources[i]);
    if (status == PX_OK)
        status = drain(reach, work, err);
    for (px_node node = 0; status == PX_OK && node < graph->n_nodes; node++) {
        if (!bitrank_has(&graph->holding, node) && is_unheld(graph, node))
            enter(reach, node);
    }
    return status;
}

enum px_status
px_retained_set(const struct px_graph *graph, const px_node *nodes, uint32_t n,
                struct px_work *work, struct px_retained *out,
                struct px_err *err)
{
    struct reach reach = {.graph = graph};
    struct px_retained all = {0, graph->n_nodes};
    px_node *sources = NULL;
    uint32_t n_sources = 0;
    size_t n_seen = graph->n_nodes / 8 + 1;
    enum px_status status = PX_ENOMEM;
    uint8_t *reached = bulk_new(n_seen, 1);
    reach.seen = bulk_new(n_seen, 1);
    reach.stack = bulk_new((size_t)graph->holding.n + 1, sizeof(px_node));
    if (reached == NULL || reach.seen == NULL || reach.stack == NULL) {
        room_fail(err, "no memory for a retained size");
        goto out;
    }
    status = enter_roots(&reach, work, err);
    memcpy(reached, reach.seen, n_seen);
    if (status == PX_OK)
        status = sources_find(graph, reached, &sources, &n_sources, work, err);
    if (status != PX_OK)
        goto out;
    for (size_t i = 0; i < graph->tables.n_types; i++)
        all.bytes += graph->tables.types[i].bytes;
    memset(reach.seen, 0, n_seen);
    for (uint32_t i = 0; i < n; i++)
        reach.seen[nodes[i] / 8] |= (uint8_t)(1u << nodes[i] % 8);
    status = enter_all(&reach, reached, sources, n_sources, work, err);
    if (status == PX_OK)
        *out = (struct px_retained){all.bytes - reach.sum.bytes,
                                    all.objects - reach.sum.objects};
out:
    free(sources);
    bulk_free(reached);
    bulk_free(reach.seen);
    bulk_free(reach.stack);
    return status;
}
