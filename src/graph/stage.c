/* stage.c — the objects and references of a snapshot while they arrive.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/stage.h"

#include "graph/internal.h"

_Static_assert(PX_EDGE_KIND_END <= 32, "a staged edge has five bits of kind");

void
stage_done(struct stage *stage)
{
    tape_done(&stage->nodes);
    tape_done(&stage->edges);
    tape_done(&stage->large_nodes);
    tape_done(&stage->large_edges);
    forms_done(&stage->forms);
    ids_done(&stage->ids);
}

uint64_t
stage_word_bytes(const struct stage *stage)
{
    return (tape_count(&stage->nodes) + tape_count(&stage->edges)) *
           sizeof(uint64_t);
}

uint64_t
stage_table_bytes(const struct stage *stage)
{
    size_t n_large =
        tape_count(&stage->large_nodes) + tape_count(&stage->large_edges);
    return n_large * sizeof(uint64_t) + ids_bytes(&stage->ids) +
           stage->forms.cap * sizeof(struct form) +
           stage->forms.table_size * sizeof(uint32_t);
}

/* Where a stage ended, to go back to. */
struct ends {
    size_t n_nodes, n_edges, n_large_nodes, n_large_edges;
};

static struct ends
ends_of(const struct stage *stage)
{
    return (struct ends){tape_count(&stage->nodes), tape_count(&stage->edges),
                         tape_count(&stage->large_nodes),
                         tape_count(&stage->large_edges)};
}

static void
go_back(struct stage *stage, const struct ends *to)
{
    tape_shorten(&stage->nodes, to->n_nodes);
    tape_shorten(&stage->edges, to->n_edges);
    tape_shorten(&stage->large_nodes, to->n_large_nodes);
    tape_shorten(&stage->large_edges, to->n_large_edges);
}

/* ---- taking a chunk ---- */
struct taking {
    struct stage *stage;
    struct type_row *types;
    uint64_t n_objects;
    uint64_t n_edges;
    uint64_t n_of_node; /* edges since the last record began */
    bool has_node;
};

static inline uint64_t
at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

/* The edges of a record have been taken: now their number is known. */
static enum px_status
end_node(struct taking *taking, struct px_err *err)
{
    struct stage *stage = taking->stage;
    uint64_t n = taking->n_of_node;
    if (!taking->has_node)
        return PX_OK;
    stage->nodes.at[-1] |= at_most(n, STAGE_EDGES_MAX) << IDS_MARK_BITS;
    return n < STAGE_EDGES_MAX ? PX_OK : tape_put(&stage->large_nodes, n, err);
}

static enum px_status
put_node(struct stage *stage, uint64_t mark, uint32_t form, uint64_t refcount,
         struct px_err *err)
{
    uint64_t word = mark | at_most(refcount, STAGE_REFS_MAX) << 40 |
                    at_most(form, STAGE_FORM_MAX) << 48;
    enum px_status status = tape_put(&stage->nodes, word, err);
    if (status == PX_OK && form >= STAGE_FORM_MAX)
        status = tape_put(&stage->large_nodes, form, err);
    if (status == PX_OK && refcount >= STAGE_REFS_MAX)
        status = tape_put(&stage->large_nodes, refcount, err);
    return status;
}

static enum px_status
take_node(void *context, const struct record *record, struct px_err *err)
{
    struct taking *taking = context;
    struct stage *stage = taking->stage;
    uint64_t mark = 0;
    uint32_t number = 0;
    enum px_status status = end_node(taking, err);
    taking->has_node = false;
    if (status == PX_OK)
        status =
            ids_mark(&stage->ids, record->addr, &stage->node_hint, &mark, err);
    if (status == PX_OK && !record->is_continued) {
        const struct form form = {record->bytes, record->type, record->flags};
        status = forms_intern(&stage->forms, &form, &number, err);
    }
    if (status == PX_OK)
        status = put_node(stage, mark, number, record->refcount, err);
    if (status != PX_OK)
        return status;
    taking->has_node = true;
    taking->n_of_node = 0;
    if (!record->is_continued) {
        struct type_row *type = &taking->types[record->type];
        type->count++;
        type->bytes += record->bytes;
        taking->n_objects++;
    }
    return PX_OK;
}

static enum px_status
take_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
          struct px_err *err)
{
    struct taking *taking = context;
    struct stage *stage = taking->stage;
    uint64_t mark = 0;
    enum px_status status =
        ids_mark(&stage->ids, target, &stage->target_hint, &mark, err);
    if (status == PX_OK)
        status = tape_put(&stage->edges,
                          mark | (uint64_t)kind << IDS_MARK_BITS |
                              at_most(payload, STAGE_PAYLOAD_MAX) << 40,
                          err);
    if (status == PX_OK && payload >= STAGE_PAYLOAD_MAX)
        status = tape_put(&stage->large_edges, payload, err);
    taking->n_of_node++;
    taking->n_edges++;
    return status;
}

/* Takes back what take_node has counted of a chunk that is refused. */
static enum px_status
uncount_node(void *context, const struct record *record, struct px_err *err)
{
    struct taking *taking = context;
    if (record->is_continued)
        return PX_OK;
    if (taking->n_objects == 0)
        return px_fail(err, PX_EPROTO, "as far as it was counted");
    taking->n_objects--;
    struct type_row *type = &taking->types[record->type];
    type->count--;
    type->bytes -= record->bytes;
    return PX_OK;
}

static enum px_status
skip_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
          struct px_err *err)
{
    (void)context;
    (void)kind;
    (void)payload;
    (void)target;
    (void)err;
    return PX_OK;
}

static const struct records_visitor take = {take_node, take_edge};
static const struct records_visitor uncount = {uncount_node, skip_edge};

enum px_status
stage_take(struct stage *stage, struct px_reader in,
           const struct records_limits *limits, struct type_row *types,
           struct stage_counts *counts, struct px_err *err)
{
    struct taking taking = {.stage = stage, .types = types};
    const struct ends start = ends_of(stage);
    enum px_status status = records_each(in, limits, &take, &taking, err);
    if (status == PX_OK)
        status = end_node(&taking, err);
    if (status != PX_OK) {
        stage->is_stale = true;
        go_back(stage, &start);
        records_each(in, limits, &uncount, &taking, NULL);
        return status;
    }
    counts->objects += taking.n_objects;
    counts->edges += taking.n_edges;
    return PX_OK;
}

/* ---- reading ---- */
struct stage_nodes
stage_read_nodes(struct stage *stage, bool frees)
{
    return (struct stage_nodes){tape_read(&stage->nodes, frees),
                                tape_read(&stage->large_nodes, frees),
                                tape_count(&stage->nodes)};
}

struct stage_edges
stage_read_edges(struct stage *stage, bool frees)
{
    return (struct stage_edges){tape_read(&stage->edges, frees),
                                tape_read(&stage->large_edges, frees)};
}

void
stage_renew_ids(struct stage *stage)
{
    struct tape_reader words = tape_read(&stage->nodes, false);
    ids_clear(&stage->ids);
    for (size_t n = tape_count(&stage->nodes); n > 0; n--)
        ids_mark_again(&stage->ids, tape_next(&words) & STAGE_MARK);
    words = tape_read(&stage->edges, false);
    for (size_t n = tape_count(&stage->edges); n > 0; n--)
        ids_mark_again(&stage->ids, tape_next(&words) & STAGE_MARK);
}
