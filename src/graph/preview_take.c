/* preview_take.c — previews as they arrive.
 *
 * They come after all objects and in the order of addresses, which is the
 * order of the nodes: so the records of each chunk go straight to their place
 * in the graph's file, without their addresses.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <string.h>

enum px_status
previews_begin(struct px_graph *graph, struct px_err *err)
{
    size_t n = graph->n_nodes;
    size_t n_blocks = n / PREVIEW_BLOCK + 1;
    enum px_status status = spool_area_new(
        &graph->preview_area, n_blocks * sizeof(uint64_t) + n, err);
    if (status != PX_OK)
        return status;
    uint8_t *area = graph->preview_area.data;
    graph->preview_block = (uint64_t *)(void *)area;
    graph->preview_bytes = area + n_blocks * sizeof(uint64_t);
    return PX_OK;
}

static enum px_status
bad_previews(struct px_err *err, const char *what)
{
    return tables_bad(err, "previews", what);
}

/* Checks and copies the records of a chunk; *next is the first node that may
 * come now. */
static enum px_status
copy_records(struct px_graph *graph, struct previews *previews,
             struct px_reader in, px_node *next, struct px_err *err)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        if (!records_addr_any(&in, &last))
            return bad_previews(err, "a record without an address");
        size_t n = preview_measure(in);
        if (n == 0)
            return bad_previews(err, "a record that is not whole");
        px_node node =
            ids_find(&graph->ids, last * PX_ADDR_UNIT, &previews->hint);
        if (node != PX_NONE && node < *next)
            return bad_previews(err, "not in the order of addresses");
        if (node != PX_NONE) {
            graph->preview_bytes[node] = (uint8_t)n;
            enum px_status status =
                px_buf_append(&previews->records, in.at, n, err);
            *next = node + 1;
            if (status != PX_OK)
                return status;
        }
        in.at += n;
    }
    return PX_OK;
}

enum px_status
previews_take(struct px_graph *graph, struct previews *previews,
              struct px_reader in, struct px_err *err)
{
    px_node next = previews->next;
    previews->records.len = 0;
    enum px_status status = copy_records(graph, previews, in, &next, err);
    if (status == PX_OK)
        status = spool_append(&graph->preview_spool, previews->records.data,
                              previews->records.len, err);
    if (status == PX_OK)
        previews->next = next;
    else
        memset(graph->preview_bytes + previews->next, 0, next - previews->next);
    return status;
}

enum px_status
previews_end(struct px_graph *graph, struct px_err *err)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (i % PREVIEW_BLOCK == 0)
            graph->preview_block[i / PREVIEW_BLOCK] = offset;
        offset += graph->preview_bytes[i];
    }
    return spool_keep(&graph->preview_spool, &graph->previews, err);
}
