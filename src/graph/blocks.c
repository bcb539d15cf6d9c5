/* blocks.c — what the allocator had in use, and the strays among the nodes.
 *
 * The BLOCKS chunk is a small table, kept as it came. Strays are nodes that
 * the agent found in the allocator's blocks alone; one that another stray
 * refers to is no leak of its own, so only those without a referrer count.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#include <pyexplore/analysis.h>

static enum px_status
take_class(struct px_reader *in, uint64_t n_columns, struct px_block_class *to)
{
    uint64_t bytes;
    *to = (struct px_block_class){0};
    if (px_read_varint(in, &bytes) != PX_OK || bytes == 0 || bytes > UINT32_MAX)
        return PX_EPROTO;
    to->bytes = (uint32_t)bytes;
    for (uint64_t i = 0; i < n_columns; i++) {
        uint64_t value;
        if (px_read_varint(in, &value) != PX_OK)
            return PX_EPROTO;
        if (i < PX_BLOCK_COLUMNS)
            to->n[i] = value;
    }
    return PX_OK;
}

enum px_status
blocks_take(struct blocks *blocks, struct px_reader in, struct px_err *err)
{
    struct blocks taken = {.state = PX_BLOCKS_NONE};
    uint64_t n_columns = 0;
    uint8_t state;
    if (px_read_u8(&in, &state) != PX_OK)
        return px_fail(err, PX_EPROTO, "bad blocks chunk: no state");
    /* One that only newer agents know: we do not understand it either. */
    taken.state = px_blocks_name(state) != NULL ? (enum px_blocks_state)state
                                                : PX_BLOCKS_STRANGE;
    if (taken.state == PX_BLOCKS_KNOWN &&
        (px_read_varint(&in, &n_columns) != PX_OK || n_columns == 0))
        return px_fail(err, PX_EPROTO, "bad blocks chunk: no columns");
    while (n_columns != 0 && px_reader_left(&in) > 0) {
        struct px_block_class *to = &taken.classes[taken.n_classes];
        if (taken.n_classes == PX_BLOCK_CLASSES_MAX)
            return px_fail(err, PX_EPROTO, "bad blocks chunk: too many rows");
        if (take_class(&in, n_columns, to) != PX_OK ||
            (taken.n_classes > 0 && to->bytes <= to[-1].bytes))
            return px_fail(err, PX_EPROTO,
                           "bad blocks chunk: a row that is not whole or out "
                           "of order");
        taken.n_classes++;
    }
    *blocks = taken;
    return PX_OK;
}

enum px_blocks_state
px_graph_blocks(const struct px_graph *graph)
{
    return graph->tables.blocks.state;
}

size_t
px_graph_n_block_classes(const struct px_graph *graph)
{
    return graph->tables.blocks.n_classes;
}

const struct px_block_class *
px_graph_block_class(const struct px_graph *graph, size_t i)
{
    return &graph->tables.blocks.classes[i];
}

/* ---- strays ---- */

static int
most_first(const void *left, const void *right)
{
    const struct px_stray *a = left;
    const struct px_stray *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->type < b->type ? -1 : a->type > b->type;
}

struct px_strays *
px_strays_new(const struct px_graph *graph, struct px_err *err)
{
    struct px_strays *strays = calloc(1, sizeof *strays);
    size_t n_types = px_graph_n_types(graph);
    if (strays != NULL)
        strays->rows = calloc(n_types + 1, sizeof *strays->rows);
    if (strays == NULL || strays->rows == NULL) {
        px_strays_free(strays);
        room_fail(err, "no memory for %zu types", n_types);
        return NULL;
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if ((px_node_flags(graph, node) & PX_NODE_STRAY) == 0 ||
            in_start(graph, node) != in_start(graph, node + 1))
            continue;
        struct px_stray *row = &strays->rows[px_node_type(graph, node)];
        if (row->count++ == 0)
            row->example = node;
        row->bytes += px_node_bytes(graph, node);
        strays->bytes += px_node_bytes(graph, node);
        strays->count++;
    }
    for (px_type type = 0; type < n_types; type++) {
        strays->rows[type].type = type;
        if (strays->rows[type].count != 0)
            strays->rows[strays->n_rows++] = strays->rows[type];
    }
    if (strays->n_rows != 0)
        qsort(strays->rows, strays->n_rows, sizeof *strays->rows, most_first);
    return strays;
}

void
px_strays_free(struct px_strays *strays)
{
    if (strays == NULL)
        return;
    free(strays->rows);
    free(strays);
}
