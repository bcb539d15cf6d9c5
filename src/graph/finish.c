/* finish.c — makes the graph of what a builder has collected.
 *
 * The set of addresses is sealed, which numbers all nodes by address. Then the
 * stage is read: first its nodes, for the columns and the number of edges of
 * each (columns.c), then its edges, to put every one in its place (link.c).
 * Where there are previews both have begun before (ahead.c), and only what
 * needs the whole stream comes here.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

/* The rest, once the stage was read. */
static enum px_status
make_indexes(struct px_graph *graph, struct px_builder *builder,
             struct px_err *err)
{
    graph->tables = builder->tables;
    tables_init(&builder->tables);
    enum px_status status = columns_end(graph, err);
    if (status == PX_OK)
        status = index_types(graph, err);
    if (status == PX_OK)
        status = index_names(graph, err);
    if (status == PX_OK)
        index_roots_and_labels(graph);
    if (status == PX_OK && graph->preview_bytes != NULL)
        status = previews_end(graph, err);
    return status;
}

static enum px_status
make_graph(struct px_graph *graph, bool is_begun, struct px_builder *builder,
           struct px_work *work, struct px_err *err)
{
    enum px_status status;
    if (is_begun) {
        status = side_join(&builder->ahead.side, work, PX_OK, err);
    } else {
        status = graph_take_ids(graph, builder, err);
        if (status == PX_OK)
            status = graph_read_stage(graph, &builder->stage, work, err);
    }
    return status == PX_OK ? make_indexes(graph, builder, err) : status;
}

enum px_status
px_builder_finish(struct px_builder *builder, struct px_work *work,
                  struct px_graph **out, struct px_err *err)
{
    if (builder->is_finished)
        return px_fail(err, PX_EINVAL, "this builder has made its graph");
    struct px_graph *graph = ahead_take(builder);
    bool is_begun = graph != NULL;
    if (!is_begun)
        graph = graph_new(err);
    if (graph == NULL)
        return PX_ENOMEM;
    builder->is_finished = true;
    graph->end = PX_END_CUT;
    if (builder->is_complete) {
        uint64_t end = builder->tables.footer[PX_FOOTER_END];
        graph->end = end < PX_END_KIND_END ? (enum px_end)end : PX_END_CUT;
    }
    enum px_status status = make_graph(graph, is_begun, builder, work, err);
    px_buf_done(&builder->raw);
    stage_done(&builder->stage);
    if (status != PX_OK) {
        px_graph_free(graph);
        return status;
    }
    *out = graph;
    return PX_OK;
}
