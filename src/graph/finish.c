/* finish.c — makes the graph of what a builder has collected.
 *
 * The set of addresses is sealed, which numbers all nodes by address. Then
 * the NODES chunks are decoded twice more: first for the columns and the
 * number of edges of each node, then to put every edge in its place. Offsets
 * are built in place in the manner of a counting sort: counts, prefix sums,
 * a fill that moves each start to its end, and a shift by one back. Inbound
 * edges follow from a third pass over the edges themselves. All is linear.
 *
 * A node that edges refer to but that no record describes (a stream that was
 * cut, an object that could not be read) becomes one of type <unread>, so
 * that no edge is lost. A second record for one address adds its edges only.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"

#define NOT_DESCRIBED 0u /* as a form */

/* From so many stored bytes on a thread more is worth its making. */
#define PARALLEL_BYTES (1u << 20)

struct finish {
    struct px_builder *builder;
    struct px_graph *graph;
    struct px_work *work;
    struct ids_hint node_hint;
    struct ids_hint target_hint;
    struct records_limits limits;
    px_node node; /* whose edges come now */
};

/* ---- a stale set of addresses ---- */
static enum px_status
mark_node(void *context, const struct record *record, struct px_err *err)
{
    struct px_builder *builder = ((struct finish *)context)->builder;
    return ids_mark(&builder->ids, record->addr, &builder->node_hint, err);
}

static enum px_status
mark_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
          struct px_err *err)
{
    (void)kind;
    (void)payload;
    struct px_builder *builder = ((struct finish *)context)->builder;
    return ids_mark(&builder->ids, target, &builder->target_hint, err);
}

static enum px_status
mark_chunk(void *context, struct px_reader body, struct px_err *err)
{
    static const struct records_visitor marks = {mark_node, mark_edge};
    struct finish *f = context;
    return records_each(body, &f->limits, &marks, f, err);
}

static enum px_status
renew_ids(struct finish *f, struct px_err *err)
{
    struct px_builder *builder = f->builder;
    ids_done(&builder->ids);
    builder->node_hint = (struct ids_hint){0};
    builder->target_hint = (struct ids_hint){0};
    enum px_status status = builder_each(builder, PX_CHUNK_NODES, "objects",
                                         f->work, mark_chunk, f, err);
    for (size_t i = 0; status == PX_OK && i < builder->tables.n_roots; i++)
        status = ids_mark(&builder->ids, builder->tables.roots[i].addr,
                          &builder->node_hint, err);
    return status;
}

/* ---- first pass: columns and degrees ---- */
static enum px_status
put_form(struct px_graph *graph, px_node node, const struct form *form,
         struct px_err *err)
{
    uint32_t number;
    enum px_status status = forms_intern(&graph->forms, form, &number, err);
    if (status == PX_OK)
        status = overflow_put(&graph->over_form, graph->node_form, node, number,
                              err);
    return status;
}

static enum px_status
describe_node(void *context, const struct record *record, struct px_err *err)
{
    struct finish *f = context;
    struct px_graph *graph = f->graph;
    px_node node = ids_find(&graph->ids, record->addr, &f->node_hint);
    f->node = node;
    if (record->is_continued || graph->node_form[node] != NOT_DESCRIBED)
        return PX_OK;
    const struct form form = {record->bytes, record->type, record->flags};
    enum px_status status = put_form(graph, node, &form, err);
    if (status == PX_OK)
        status = overflow_put(&graph->over_refs, graph->node_refs, node,
                              record->refcount, err);
    return status;
}

static enum px_status
count_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
           struct px_err *err)
{
    (void)kind;
    (void)payload;
    (void)target;
    (void)err;
    struct finish *f = context;
    f->graph->out_off[f->node]++;
    return PX_OK;
}

static enum px_status
describe_chunk(void *context, struct px_reader body, struct px_err *err)
{
    static const struct records_visitor describe = {describe_node, count_edge};
    struct finish *f = context;
    return records_each(body, &f->limits, &describe, f, err);
}

/* ---- second pass: edges ---- */
static enum px_status
place_node(void *context, const struct record *record, struct px_err *err)
{
    (void)err;
    struct finish *f = context;
    f->node = ids_find(&f->graph->ids, record->addr, &f->node_hint);
    return PX_OK;
}

static enum px_status
place_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
           struct px_err *err)
{
    struct finish *f = context;
    struct px_graph *graph = f->graph;
    px_edge number = graph->out_off[f->node]++;
    px_node to = ids_find(&graph->ids, target, &f->target_hint);
    uint32_t low =
        payload < EDGE_PAYLOAD_MASK ? (uint32_t)payload : EDGE_PAYLOAD_MASK;
    graph->edges[number] =
        (struct edge){to, (uint32_t)kind << EDGE_KIND_SHIFT | low};
    if (low < EDGE_PAYLOAD_MASK)
        return PX_OK;
    return overflow_add(&graph->over_payload, number, payload, err);
}

static enum px_status
place_chunk(void *context, struct px_reader body, struct px_err *err)
{
    static const struct records_visitor place = {place_node, place_edge};
    struct finish *f = context;
    return records_each(body, &f->limits, &place, f, err);
}

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

static enum px_status
link_inbound(struct px_graph *graph, struct px_work *work, struct px_err *err)
{
    uint64_t reported = 0;
    uint32_t *off = graph->in_off;
    for (px_edge e = 0; e < graph->n_edges; e++)
        off[graph->edges[e].target]++;
    starts_of_counts(off, graph->n_nodes);
    for (px_node node = 0; node < graph->n_nodes; node++) {
        if ((node & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "referrers", node, graph->n_nodes);
        }
        px_edge end = graph->out_off[node + 1];
        for (px_edge e = graph->out_off[node]; e < end; e++)
            place_inbound(graph, off[graph->edges[e].target]++, node,
                          &graph->edges[e]);
    }
    starts_of_ends(off, graph->n_nodes);
    bitrank_seal(&graph->holding, graph->n_nodes);
    return PX_OK;
}

/* ---- room ---- */
static uint64_t
available_bytes(void)
{
    uint64_t kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return UINT64_MAX;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            break;
    }
    fclose(file);
    return kib == 0 ? UINT64_MAX : kib * 1024;
}

/* Refuses what would drive this machine into swapping. */
static enum px_status
check_room(uint64_t n_nodes, uint64_t n_edges, struct px_err *err)
{
    uint64_t need = n_nodes * 16 + n_edges * 12;
    if (need < 64u << 20)
        return PX_OK;
    uint64_t room = available_bytes();
    if (need <= room)
        return PX_OK;
    px_fail(err, PX_ENOMEM,
            "a graph of %" PRIu64 " objects and %" PRIu64
            " references takes %" PRIu64 " MiB, and %" PRIu64
            " MiB are available",
            n_nodes, n_edges, need >> 20, room >> 20);
    px_err_hint(err, "save it with `pyexplore snapshot` and open the file on "
                     "a machine with more memory");
    return PX_ENOMEM;
}

static void *
column(size_t n, size_t bytes, enum px_status *status, struct px_err *err)
{
    if (*status != PX_OK)
        return NULL;
    void *memory = bulk_new(n + 1, bytes);
    if (memory == NULL)
        *status = px_fail(err, PX_ENOMEM,
                          "no memory for %zu × %zu bytes of "
                          "the graph",
                          n, bytes);
    return memory;
}

static enum px_status
make_columns(struct px_graph *graph, struct px_err *err)
{
    enum px_status status = PX_OK;
    size_t n = graph->n_nodes;
    graph->node_form = column(n, sizeof *graph->node_form, &status, err);
    graph->node_refs = column(n, sizeof *graph->node_refs, &status, err);
    graph->out_off = column(n, sizeof *graph->out_off, &status, err);
    return status;
}

/* ---- what follows from the columns ---- */
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
    const struct form form = {.type = type,
                              .flags = PX_NODE_BAD | PX_NODE_IMMORTAL |
                                       PX_NODE_APPROXIMATE | PX_GEN_NOT_GC};
    for (; status == PX_OK && node < graph->n_nodes; node++) {
        if (graph->node_form[node] != NOT_DESCRIBED)
            continue;
        status = put_form(graph, node, &form, err);
    }
    return status;
}

static enum px_status
sum_types(struct px_graph *graph, struct px_err *err)
{
    struct tables *tables = &graph->tables;
    enum px_status status = PX_OK;
    graph->type_node =
        column(tables->n_types, sizeof *graph->type_node, &status, err);
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

static enum px_status
index_names(struct px_graph *graph, struct px_err *err)
{
    struct tables *tables = &graph->tables;
    enum px_status status = PX_OK;
    size_t size = 16;
    while (size < tables->n_names * 2)
        size *= 2;
    graph->name_table = column(size, sizeof *graph->name_table, &status, err);
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
        uint32_t slot = node * 0x9e3779b1u & graph->name_mask;
        while (graph->name_table[slot] != 0)
            slot = (slot + 1) & graph->name_mask;
        graph->name_table[slot] = (uint32_t)i + 1;
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

static void
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

static enum px_status
make_edges(struct finish *f, struct px_err *err)
{
    struct px_graph *graph = f->graph;
    enum px_status status = PX_OK;
    starts_of_counts(graph->out_off, graph->n_nodes);
    graph->edges = column(graph->n_edges, sizeof *graph->edges, &status, err);
    if (status == PX_OK)
        status = builder_each(f->builder, PX_CHUNK_NODES, "references", f->work,
                              place_chunk, f, err);
    if (status != PX_OK)
        return status;
    starts_of_ends(graph->out_off, graph->n_nodes);
    overflow_sort(&graph->over_payload);
    graph->in_off = column(graph->n_nodes, sizeof *graph->in_off, &status, err);
    graph->in_src = column(graph->n_edges, sizeof *graph->in_src, &status, err);
    graph->in_loose = column(graph->n_edges / 8, 1, &status, err);
    if (status == PX_OK)
        status = bitrank_init(&graph->holding, graph->n_nodes, err);
    if (status == PX_OK)
        status = link_inbound(graph, f->work, err);
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

static enum px_status
make_graph(struct finish *f, struct px_err *err)
{
    struct px_graph *graph = f->graph;
    struct px_builder *builder = f->builder;
    enum px_status status = PX_OK;
    if (builder->n_edges > UINT32_MAX - 1)
        return px_fail(err, PX_ELIMIT,
                       "more than 4,294,967,294 references "
                       "in one snapshot");
    if (builder->is_stale)
        status = renew_ids(f, err);
    if (status == PX_OK)
        status = ids_seal(&builder->ids, err);
    if (status == PX_OK)
        status = check_room(builder->ids.n, builder->n_edges, err);
    if (status != PX_OK)
        return status;
    graph->ids = builder->ids;
    ids_init(&builder->ids);
    graph->n_nodes = graph->ids.n;
    graph->n_edges = (uint32_t)builder->n_edges;
    struct preview_job previews;
    start_previews(&previews, f);
    status = make_columns(graph, err);
    if (status == PX_OK)
        status = builder_each(builder, PX_CHUNK_NODES, "objects", f->work,
                              describe_chunk, f, err);
    graph->tables = builder->tables;
    tables_init(&builder->tables);
    if (status == PX_OK)
        status = describe_unread(graph, err);
    overflow_sort(&graph->over_form);
    forms_seal(&graph->forms);
    overflow_sort(&graph->over_refs);
    if (status == PX_OK)
        status = sum_types(graph, err);
    if (status == PX_OK)
        status = make_edges(f, err);
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
    f.limits.n_types = builder->tables.n_types;
    f.limits.n_names = builder->tables.n_names;
    graph->end = PX_END_CUT;
    if (builder->is_complete) {
        uint64_t end = builder->tables.footer[PX_FOOTER_END];
        graph->end = end < PX_END_KIND_END ? (enum px_end)end : PX_END_CUT;
    }
    enum px_status status = make_graph(&f, err);
    spool_done(&builder->spool);
    px_buf_done(&builder->raw);
    ids_done(&builder->ids);
    if (status != PX_OK) {
        px_graph_free(graph);
        return status;
    }
    *out = graph;
    return PX_OK;
}
