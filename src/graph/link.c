/* link.c — the edges of a graph, and the way back.
 *
 * Offsets are built in place in the manner of a counting sort: counts, prefix
 * sums, a fill that moves each start to its end, and a shift by one back.
 * Inbound edges follow from a pass over the edges themselves. All is linear.
 *
 * Where the time goes is memory that is not in the cache: the page of each
 * target. So its mark is looked at some edges ahead.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <string.h>

#include "graph/bulk.h"

#define AHEAD 16 /* edges */

/* Counts in off[0…n-1] become starts. */
static void
starts_of_counts(uint32_t *off, uint32_t n)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t count = off[i];
        off[i] = sum;
        sum += count;
    }
    off[n] = sum;
}

/* A fill has moved each start to the start of the next one: moves back. */
static void
starts_of_ends(uint32_t *off, uint32_t n)
{
    memmove(off + 1, off, n * sizeof *off);
    off[0] = 0;
}

/* ---- edges ---- */
static inline void
look_ahead(const struct px_graph *graph, const struct stage_edges *edges)
{
    const struct tape_reader *words = &edges->words;
    if (words->end - words->at > AHEAD)
        ids_prefetch(&graph->ids, words->at[AHEAD] & STAGE_MARK);
}

static enum px_status
place_edges(struct px_graph *graph, struct stage_edges *staged, px_edge number,
            uint32_t n, struct px_err *err)
{
    enum px_status status = PX_OK;
    for (px_edge end = number + n; status == PX_OK && number < end; number++) {
        look_ahead(graph, staged);
        struct staged_edge edge = stage_next_edge(staged);
        bool is_large = edge.payload >= EDGE_PAYLOAD_MASK;
        uint32_t low = is_large ? EDGE_PAYLOAD_MASK : (uint32_t)edge.payload;
        graph->edges[number] =
            (struct edge){ids_rank(&graph->ids, edge.mark),
                          (uint32_t)edge.kind << EDGE_KIND_SHIFT | low};
        if (is_large)
            status =
                overflow_add(&graph->over_payload, number, edge.payload, err);
    }
    return status;
}

enum px_status
link_edges(struct px_graph *graph, struct stage *stage, uint32_t *off,
           struct tape *holders, struct px_work *work, struct px_err *err)
{
    enum px_status status = PX_OK;
    uint64_t reported = 0;
    size_t n = tape_count(holders);
    struct tape_reader records = tape_read(holders, true);
    struct stage_edges staged = stage_read_edges(stage, true);
    starts_of_counts(off, graph->n_nodes);
    graph->edges =
        bulk_column(graph->n_edges, sizeof *graph->edges, &status, err);
    for (size_t i = 0; status == PX_OK && i < n; i++) {
        if ((i & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "references", i, n);
        }
        uint64_t record = tape_next(&records);
        px_node node = (px_node)(record >> 32);
        status = place_edges(graph, &staged, off[node], (uint32_t)record, err);
        off[node] += (uint32_t)record;
    }
    if (status != PX_OK)
        return status;
    starts_of_ends(off, graph->n_nodes);
    overflow_sort(&graph->over_payload);
    return offsets_make(&graph->out_off, off, (size_t)graph->n_nodes + 1, err);
}

/* ---- the way back ---- */
static inline void
place_inbound(struct px_graph *graph, uint32_t at, px_node source,
              const struct edge *edge)
{
    graph->in_src[at] = source;
    if (edge_holds(edge))
        bitrank_add(&graph->holding, source);
    else
        graph->in_loose[at / 8] |= (uint8_t)(1u << at % 8);
}

enum px_status
link_inbound(struct px_graph *graph, uint32_t *off, struct px_work *work,
             struct px_err *err)
{
    enum px_status status = PX_OK;
    uint64_t reported = 0;
    graph->in_src =
        bulk_column(graph->n_edges, sizeof *graph->in_src, &status, err);
    graph->in_loose = bulk_column(graph->n_edges / 8, 1, &status, err);
    if (status == PX_OK)
        status = bitrank_init(&graph->holding, graph->n_nodes, err);
    if (status != PX_OK)
        return status;
    memset(off, 0, (size_t)graph->n_nodes * sizeof *off);
    for (px_edge e = 0; e < graph->n_edges; e++) {
        if ((e & 0xfffff) == 0 && work_is_canceled(work))
            return work_canceled(err);
        off[graph->edges[e].target]++;
    }
    starts_of_counts(off, graph->n_nodes);
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if ((node & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "referrers", node, graph->n_nodes);
        }
        struct span span = out_span(graph, node);
        for (px_edge e = span.first; e < span.end; e++)
            place_inbound(graph, off[graph->edges[e].target]++, node,
                          &graph->edges[e]);
    }
    starts_of_ends(off, graph->n_nodes);
    bitrank_seal(&graph->holding, graph->n_nodes);
    return offsets_make(&graph->in_off, off, (size_t)graph->n_nodes + 1, err);
}
