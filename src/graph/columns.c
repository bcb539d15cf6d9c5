/* columns.c — what a graph says of each node by itself.
 *
 * Reads the nodes of the stage. A node that edges refer to but that no record
 * describes (a stream that was cut, an object that could not be read) becomes
 * one of type <unread>, so that no edge is lost. A second record for one
 * address adds its edges only.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include "graph/bulk.h"

#define NOT_DESCRIBED 0u /* as a form: nobody's */

static enum px_status
put_form(struct px_graph *graph, px_node node, uint32_t number,
         struct px_err *err)
{
    return overflow_put(&graph->over_form, graph->node_form, node, number, err);
}

static enum px_status
put_refs(struct px_graph *graph, px_node node, uint64_t refs,
         struct px_err *err)
{
    bool is_large = refs >= REFS_LARGE;
    graph->node_refs[node] = is_large ? REFS_LARGE : (uint8_t)refs;
    return is_large ? overflow_add(&graph->over_refs, node, refs, err) : PX_OK;
}

static enum px_status
describe(struct px_graph *graph, const struct staged_node *staged,
         uint32_t *counts, struct tape *holders, struct px_err *err)
{
    px_node node = ids_rank(&graph->ids, staged->mark);
    enum px_status status = PX_OK;
    if (staged->form != NOT_DESCRIBED &&
        graph->node_form[node] == NOT_DESCRIBED) {
        status = put_form(graph, node, staged->form, err);
        if (status == PX_OK)
            status = put_refs(graph, node, staged->refcount, err);
    }
    if (status != PX_OK || staged->n_edges == 0)
        return status;
    /* a chunk, and so a record, has less than 2^32 edges */
    counts[node] += (uint32_t)staged->n_edges;
    return tape_put(holders, (uint64_t)node << 32 | staged->n_edges, err);
}

static enum px_status
describe_unread(struct px_graph *graph, struct px_err *err)
{
    struct tables *tables = &graph->tables;
    px_node node = 0;
    while (node < graph->n_nodes && graph->node_form[node] != NOT_DESCRIBED)
        node++;
    if (node == graph->n_nodes)
        return PX_OK;
    struct type_row row = {.flags = PX_TYPE_SYNTHETIC};
    enum px_status status =
        texts_add(&tables->texts, UNREAD_TYPE_NAME, sizeof UNREAD_TYPE_NAME - 1,
                  &row.name, err);
    if (status == PX_OK)
        status = rows_need(&tables->types, tables->n_types, &tables->cap_types,
                           sizeof row, err);
    if (status != PX_OK)
        return status;
    uint32_t type = (uint32_t)tables->n_types++;
    tables->types[type] = row;
    uint32_t number;
    const struct form form = {.type = type,
                              .flags = PX_NODE_BAD | PX_NODE_IMMORTAL |
                                       PX_NODE_APPROXIMATE | PX_GEN_NOT_GC};
    status = forms_intern(&graph->forms, &form, &number, err);
    for (; status == PX_OK && node < graph->n_nodes; node++) {
        if (graph->node_form[node] != NOT_DESCRIBED)
            continue;
        status = put_form(graph, node, number, err);
    }
    return status;
}

enum px_status
columns_make(struct px_graph *graph, struct stage *stage, uint32_t *counts,
             struct tape *holders, struct px_work *work, struct px_err *err)
{
    enum px_status status = PX_OK;
    uint64_t reported = 0;
    size_t n = graph->n_nodes;
    graph->node_form = bulk_column(n, sizeof *graph->node_form, &status, err);
    graph->node_refs = bulk_column(n, sizeof *graph->node_refs, &status, err);
    struct stage_nodes nodes = stage_read_nodes(stage, true);
    struct staged_node staged;
    size_t n_records = nodes.n_left;
    while (status == PX_OK && stage_next_node(&nodes, &staged)) {
        if ((nodes.n_left & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "objects", n_records - nodes.n_left,
                        n_records);
        }
        status = describe(graph, &staged, counts, holders, err);
    }
    return status;
}

enum px_status
columns_end(struct px_graph *graph, struct px_err *err)
{
    enum px_status status = describe_unread(graph, err);
    overflow_sort(&graph->over_form);
    overflow_sort(&graph->over_refs);
    forms_seal(&graph->forms);
    return status;
}
