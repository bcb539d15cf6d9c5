/* index.c — what finds a type, a name, a root or a label of a node.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdlib.h>

#include "graph/bulk.h"

enum px_status
index_types(struct px_graph *graph, struct px_err *err)
{
    struct tables *tables = &graph->tables;
    enum px_status status = PX_OK;
    graph->type_node =
        bulk_column(tables->n_types, sizeof *graph->type_node, &status, err);
    if (status != PX_OK)
        return status;
    struct ids_hint hint = {0};
    for (size_t i = 0; i < tables->n_types; i++) {
        struct type_row *row = &tables->types[i];
        row->count = 0;
        row->bytes = 0;
        graph->type_node[i] =
            row->addr == 0 ? PX_NONE : ids_find(&graph->ids, row->addr, &hint);
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        struct type_row *row = &tables->types[px_node_type(graph, node)];
        row->count++;
        row->bytes += px_node_bytes(graph, node);
    }
    return PX_OK;
}

enum px_status
index_names(struct px_graph *graph, struct px_err *err)
{
    struct tables *tables = &graph->tables;
    enum px_status status = PX_OK;
    size_t size = 16;
    while (size < tables->n_names * 2)
        size *= 2;
    graph->name_table =
        bulk_column(size, sizeof *graph->name_table, &status, err);
    if (status != PX_OK)
        return status;
    graph->name_mask = (uint32_t)(size - 1);
    struct ids_hint hint = {0};
    for (size_t i = 0; i < tables->n_names; i++) {
        uint64_t addr = tables->names[i].addr;
        px_node node = addr == 0 ? PX_NONE : ids_find(&graph->ids, addr, &hint);
        tables->names[i].node = node;
        if (node == PX_NONE)
            continue;
        /* of several names of one object the first */
        uint32_t *slot = name_slot(graph, node);
        if (*slot == 0)
            *slot = (uint32_t)i + 1;
    }
    return PX_OK;
}

static int
compare_labels(const void *a, const void *b)
{
    px_node left = ((const struct label_row *)a)->node;
    px_node right = ((const struct label_row *)b)->node;
    return (left > right) - (left < right);
}

void
index_roots_and_labels(struct px_graph *graph)
{
    struct tables *tables = &graph->tables;
    struct ids_hint hint = {0};
    for (size_t i = 0; i < tables->n_roots; i++)
        tables->roots[i].node =
            ids_find(&graph->ids, tables->roots[i].addr, &hint);
    for (size_t i = 0; i < tables->n_labels; i++)
        tables->labels[i].node =
            ids_find(&graph->ids, tables->labels[i].addr, &hint);
    if (tables->n_labels > 1)
        qsort(tables->labels, tables->n_labels, sizeof *tables->labels,
              compare_labels);
}
