/* finish.c — makes the graph of what a builder has collected.
 *
 * The set of addresses is sealed, which numbers all nodes by address. Then the
 * stage is read: first its nodes, for the columns and the number of edges of
 * each (columns.c), then its edges, to put every one in its place (link.c).
 * Previews are loaded on a thread beside it (preview_load.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "graph/bulk.h"

/* From so many stored bytes on a thread more is worth its making. */
#define PARALLEL_BYTES (1u << 20)

struct finish {
    struct px_builder *builder;
    struct px_graph *graph;
    struct px_work *work;
};

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

/* ---- previews, beside it ---- */
struct preview_job {
    struct finish *finish;
    struct px_err err;
    enum px_status status;
    pthread_t thread;
    bool is_running;
};

static void *
load_previews(void *context)
{
    struct preview_job *job = context;
    struct finish *f = job->finish;
    job->status = previews_load(f->graph, f->builder, f->work, &job->err);
    return NULL;
}

/* Nothing else needs them, and a second core may be free. Few of them, or
 * without a thread: they are loaded at once. */
static void
start_previews(struct preview_job *job, struct finish *f)
{
    const uint8_t *bytes;
    sigset_t all, old;
    *job = (struct preview_job){.finish = f};
    job->status = spool_bytes(&f->builder->spool, &bytes, &job->err);
    if (job->status != PX_OK)
        return;
    if (f->builder->spool.n_bytes < PARALLEL_BYTES) {
        load_previews(job);
        return;
    }
    sigfillset(&all); /* signals are the other threads' */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    job->is_running =
        pthread_create(&job->thread, NULL, load_previews, job) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!job->is_running)
        load_previews(job);
}

static enum px_status
join_previews(struct preview_job *job, enum px_status status,
              struct px_err *err)
{
    if (job->is_running)
        pthread_join(job->thread, NULL);
    if (status == PX_OK && job->status != PX_OK && err != NULL)
        *err = job->err;
    return status == PX_OK ? job->status : status;
}

/* All addresses are known: the graph takes them and the forms. */
static enum px_status
take_ids(struct finish *f, struct px_err *err)
{
    struct px_graph *graph = f->graph;
    struct px_builder *builder = f->builder;
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
        status = room_check(stage->ids.n, builder->staged.edges, err);
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

static enum px_status
make_graph(struct finish *f, struct px_err *err)
{
    struct px_graph *graph = f->graph;
    struct stage *stage = &f->builder->stage;
    struct tape holders = {0};
    enum px_status status = take_ids(f, err);
    if (status != PX_OK)
        return status;
    struct preview_job previews;
    start_previews(&previews, f);
    graph->tables = f->builder->tables;
    tables_init(&f->builder->tables);
    uint32_t *off = bulk_column(graph->n_nodes, sizeof *off, &status, err);
    if (status == PX_OK)
        status = columns_make(graph, stage, off, &holders, f->work, err);
    if (status == PX_OK)
        status = index_types(graph, err);
    if (status == PX_OK)
        status = link_edges(graph, stage, off, &holders, f->work, err);
    tape_done(&holders);
    stage_done(stage);
    if (status == PX_OK)
        status = link_inbound(graph, off, f->work, err);
    bulk_free(off);
    if (status == PX_OK)
        status = index_names(graph, err);
    if (status == PX_OK)
        index_roots_and_labels(graph);
    return join_previews(&previews, status, err);
}

enum px_status
px_builder_finish(struct px_builder *builder, struct px_work *work,
                  struct px_graph **out, struct px_err *err)
{
    if (builder->is_finished)
        return px_fail(err, PX_EINVAL, "this builder has made its graph");
    struct px_graph *graph = calloc(1, sizeof *graph);
    if (graph == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a graph");
    tables_init(&graph->tables);
    builder->is_finished = true;
    struct finish f = {.builder = builder, .graph = graph, .work = work};
    graph->end = PX_END_CUT;
    if (builder->is_complete) {
        uint64_t end = builder->tables.footer[PX_FOOTER_END];
        graph->end = end < PX_END_KIND_END ? (enum px_end)end : PX_END_CUT;
    }
    enum px_status status = make_graph(&f, err);
    spool_done(&builder->spool);
    px_buf_done(&builder->raw);
    stage_done(&builder->stage);
    if (status != PX_OK) {
        px_graph_free(graph);
        return status;
    }
    *out = graph;
    return PX_OK;
}
