/* retained.c — what a set of objects retains together, exactly.
 *
 * All that the roots reach, less all that they reach without entering the
 * set: two traversals, O(N + E), 4 bytes and a bit an object.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

struct reach {
    const struct px_graph *graph;
    uint8_t *seen; /* bitmap */
    px_node *stack;
    size_t n_stack;
    struct px_retained sum;
};

static void
enter(struct reach *reach, px_node node)
{
    if ((reach->seen[node / 8] >> node % 8 & 1) != 0)
        return;
    reach->seen[node / 8] |= (uint8_t)(1u << node % 8);
    reach->stack[reach->n_stack++] = node;
    reach->sum.objects++;
    reach->sum.bytes += px_node_bytes(reach->graph, node);
}

/* Sums what the roots reach beyond what is marked as seen already. */
static enum px_status
reach_all(struct reach *reach, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = reach->graph;
    uint64_t n = 0;
    reach->sum = (struct px_retained){0, 0};
    for (size_t i = 0; i < graph->tables.n_roots; i++)
        enter(reach, graph->tables.roots[i].node);
    while (reach->n_stack > 0) {
        if ((++n & 0xffff) == 0 && work_is_canceled(work))
            return work_canceled(err);
        px_node node = reach->stack[--reach->n_stack];
        px_edge end = graph->out_off[node + 1];
        for (px_edge e = graph->out_off[node]; e < end; e++) {
            if (edge_holds(&graph->edges[e]))
                enter(reach, graph->edges[e].target);
        }
    }
    return PX_OK;
}

enum px_status
px_retained_set(const struct px_graph *graph, const px_node *nodes, uint32_t n,
                struct px_work *work, struct px_retained *out,
                struct px_err *err)
{
    struct reach reach = {.graph = graph};
    struct px_retained all;
    size_t n_seen = graph->n_nodes / 8 + 1;
    enum px_status status = PX_ENOMEM;
    reach.seen = calloc(n_seen, 1);
    reach.stack = malloc(((size_t)graph->n_nodes + 1) * sizeof(px_node));
    if (reach.seen == NULL || reach.stack == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a retained size");
        goto out;
    }
    status = reach_all(&reach, work, err);
    if (status != PX_OK)
        goto out;
    all = reach.sum;
    memset(reach.seen, 0, n_seen);
    for (uint32_t i = 0; i < n; i++)
        reach.seen[nodes[i] / 8] |= (uint8_t)(1u << nodes[i] % 8);
    status = reach_all(&reach, work, err);
    if (status == PX_OK)
        *out = (struct px_retained){all.bytes - reach.sum.bytes,
                                    all.objects - reach.sum.objects};
out:
    free(reach.seen);
    free(reach.stack);
    return status;
}
