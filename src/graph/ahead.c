/* ahead.c — the objects and references of a graph, made while previews still
 * arrive.
 *
 * Previews are the last part of a stream, some third of its time, and all
 * addresses are known when the first of them comes. So the stage is read then,
 * on a thread of its own; names, roots and the rest wait for finish.c, for the
 * tables may still grow. The stage of a stream without previews is read by
 * finish.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include "graph/bulk.h"
#include "graph/room.h"

/* From so many edges on it is worth a thread. */
#define EDGES_MIN (1u << 17)

/* ---- numbers for the addresses ---- */
static enum px_status
renew_ids(struct px_builder *builder, struct px_err *err)
{
    struct stage *stage = &builder->stage;
    enum px_status status = PX_OK;
    uint64_t mark;
    stage_renew_ids(stage);
    for (size_t i = 0; status == PX_OK && i < builder->tables.n_roots; i++)
        status = ids_mark(&stage->ids, builder->tables.roots[i].addr,
                          &stage->node_hint, &mark, err);
    return status;
}

enum px_status
graph_take_ids(struct px_graph *graph, struct px_builder *builder,
               struct px_err *err)
{
    struct stage *stage = &builder->stage;
    enum px_status status = PX_OK;
    if (builder->staged.edges > UINT32_MAX - 1)
        return px_fail(err, PX_ELIMIT,
                       "more than 4,294,967,294 references "
                       "in one snapshot");
    if (stage->is_stale)
        status = renew_ids(builder, err);
    if (status == PX_OK)
        status = ids_seal(&stage->ids, err);
    if (status == PX_OK)
        status = room_check(
            stage->ids.n, builder->staged.edges,
            stage_table_bytes(stage) + tables_bytes(&builder->tables), err);
    if (status != PX_OK)
        return status;
    graph->ids = stage->ids;
    graph->forms = stage->forms;
    stage->ids = (struct ids){0};
    stage->forms = (struct forms){0};
    graph->n_nodes = graph->ids.n;
    graph->n_edges = (uint32_t)builder->staged.edges;
    return PX_OK;
}

enum px_status
graph_read_stage(struct px_graph *graph, struct stage *stage,
                 struct px_work *work, struct px_err *err)
{
    struct tape holders = {0};
    enum px_status status = PX_OK;
    uint32_t *off = bulk_column(graph->n_nodes, sizeof *off, &status, err);
    if (status == PX_OK)
        status = columns_make(graph, stage, off, &holders, work, err);
    if (status == PX_OK)
        status = link_edges(graph, stage, off, &holders, work, err);
    tape_done(&holders);
    stage_done(stage);
    if (status == PX_OK)
        status = link_inbound(graph, off, work, err);
    bulk_free(off);
    return status;
}

/* ---- ahead ---- */
static void
run(struct side *side)
{
    struct px_builder *builder = side->context;
    struct ahead *ahead = &builder->ahead;
    side->status = graph_read_stage(ahead->graph, &builder->stage, &ahead->work,
                                    &side->err);
}

enum px_status
ahead_begin(struct px_builder *builder, struct px_err *err)
{
    struct ahead *ahead = &builder->ahead;
    struct px_graph *graph = graph_new(err);
    if (graph == NULL)
        return PX_ENOMEM;
    enum px_status status = graph_take_ids(graph, builder, err);
    if (status != PX_OK) {
        px_graph_free(graph);
        return status;
    }
    ahead->graph = graph;
    builder->room_bytes = 0; /* now only tables grow */
    ahead->side =
        (struct side){.run = run, .context = builder, .work = &ahead->work};
    side_start(&ahead->side, builder->staged.edges >= EDGES_MIN);
    return previews_begin(graph, err);
}

struct px_graph *
ahead_take(struct px_builder *builder)
{
    builder->ahead.is_taken = true; /* `graph` itself is the thread's to read */
    return builder->ahead.graph;
}

void
ahead_done(struct px_builder *builder)
{
    struct ahead *ahead = &builder->ahead;
    px_buf_done(&ahead->previews.records);
    if (ahead->graph == NULL || ahead->is_taken)
        return;
    ahead->work.canceled = true;
    side_join(&ahead->side, NULL, PX_OK, NULL);
    px_graph_free(ahead->graph);
}
