/* preview_load.c — puts previews in the order of the nodes.
 *
 * Their chunks are read twice: for the lengths, then for the records. The
 * graph is needed for its ids only, so this runs on a thread of its own while
 * edges are placed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"

#include <stdlib.h>
#include <string.h>

struct load {
    struct px_graph *graph;
    struct ids_hint hint;
    uint8_t *lengths; /* first pass */
    uint64_t n_records;
};

typedef void record_fn(struct load *load, px_node node, const uint8_t *record,
                       size_t n);

/* Calls for each record of a chunk: its node (PX_NONE: not in the graph),
 * start and length. The chunk was checked when it was added. */
static void
each_record(struct load *load, struct px_reader in, record_fn *visit)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        uint64_t delta;
        if (px_read_varint(&in, &delta) != PX_OK)
            return;
        last += (uint64_t)px_unzigzag(delta);
        size_t n = preview_measure(in);
        if (n == 0)
            return;
        px_node node =
            ids_find(&load->graph->ids, last * PX_ADDR_UNIT, &load->hint);
        if (node != PX_NONE)
            visit(load, node, in.at, n);
        in.at += n;
    }
}

static void
note_length(struct load *load, px_node node, const uint8_t *record, size_t n)
{
    (void)record;
    load->n_records += load->lengths[node] == 0;
    load->lengths[node] = (uint8_t)n;
}

/* Only the record whose length was noted last: a second one for the same
 * node has replaced the first. */
static void
keep_record(struct load *load, px_node node, const uint8_t *record, size_t n)
{
    const struct px_graph *graph = load->graph;
    if (graph->preview_bytes[node] == n)
        memcpy(graph->previews + preview_offset(graph, node), record, n);
}

/* Visits the chunks of the spool in the order they came. */
static enum px_status
each_chunk(struct load *load, struct px_builder *builder, struct px_work *work,
           record_fn *visit, struct px_err *err)
{
    const uint8_t *bytes;
    struct px_buf raw;
    px_buf_init(&raw);
    enum px_status status = spool_bytes(&builder->spool, &bytes, err);
    struct px_reader in = px_reader_of(bytes, builder->spool.n_bytes);
    while (status == PX_OK && px_reader_left(&in) > 0) {
        struct px_chunk chunk;
        if (work_is_canceled(work)) {
            status = work_canceled(err);
            break;
        }
        status = px_chunk_next(&in, &chunk, err);
        if (status == PX_AGAIN)
            status = px_fail(err, PX_EIO, "the temporary file has changed");
        if (status == PX_OK)
            status = px_chunk_unpack(&chunk, &raw, err);
        if (status == PX_OK)
            each_record(load, px_reader_of(raw.data, raw.len), visit);
    }
    px_buf_done(&raw);
    return status;
}

static enum px_status
make_area(struct load *load, struct px_err *err)
{
    struct px_graph *graph = load->graph;
    size_t n = graph->n_nodes;
    size_t n_blocks = n / PREVIEW_BLOCK + 1;
    uint64_t n_record_bytes = 0;
    for (size_t i = 0; i < n; i++)
        n_record_bytes += load->lengths[i];
    enum px_status status = spool_area_new(
        &graph->preview_area,
        n_blocks * sizeof(uint64_t) + n + (size_t)n_record_bytes, err);
    if (status != PX_OK)
        return status;
    uint8_t *area = graph->preview_area.data;
    graph->preview_block = (uint64_t *)(void *)area;
    graph->preview_bytes = area + n_blocks * sizeof(uint64_t);
    graph->previews = graph->preview_bytes + n;
    memcpy(graph->preview_bytes, load->lengths, n);
    uint64_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % PREVIEW_BLOCK == 0)
            graph->preview_block[i / PREVIEW_BLOCK] = offset;
        offset += load->lengths[i];
    }
    return PX_OK;
}

enum px_status
previews_load(struct px_graph *graph, struct px_builder *builder,
              struct px_work *work, struct px_err *err)
{
    struct load load = {.graph = graph};
    load.lengths = calloc((size_t)graph->n_nodes + 1, 1);
    if (load.lengths == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for previews");
    enum px_status status = each_chunk(&load, builder, work, note_length, err);
    if (status == PX_OK && load.n_records > 0) {
        status = make_area(&load, err);
        if (status == PX_OK)
            status = each_chunk(&load, builder, work, keep_record, err);
    }
    free(load.lengths);
    return status;
}
