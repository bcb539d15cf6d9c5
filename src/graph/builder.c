/* builder.c — takes the chunks of a stream as they arrive.
 *
 * Each chunk is checked in full and applied at once: types and names enter
 * their tables (tables.c), objects and references wait in the stage (stage.c),
 * decoded, until all addresses are known; that is so when the first previews
 * come (ahead.c). What comes after the last byte is finish.c.
 *
 * A chunk that is refused leaves the tables as they were; addresses that it
 * has marked before the fault was found cannot be unmarked, so the id set is
 * then stale and finish makes it anew from the stage. Memory stays below a
 * constant times the raw bytes of the stream, and those below 256 times the
 * stored ones: LZ4 cannot exceed that, and what does is refused. Together that
 * is still a gigabyte for a hundred kilobytes (each object on a page of its
 * own), and nothing tells it from an honest heap that compresses well: so
 * there is a look at how much memory is left, whatever it is that grows.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define RATIO_MAX 256u
#define RATIO_SLACK 64u
/* After so many bytes more there is a look at how much memory is left. */
#define ROOM_BYTES (8u << 20)

struct px_builder *
px_builder_new(struct px_err *err)
{
    struct px_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) {
        room_fail(err, "no memory for a graph builder");
        return NULL;
    }
    tables_init(&builder->tables);
    px_buf_init(&builder->raw);
    px_buf_init(&builder->ahead.previews.records);
    return builder;
}

void
px_builder_free(struct px_builder *builder)
{
    if (builder == NULL)
        return;
    ahead_done(builder);
    tables_done(&builder->tables);
    stage_done(&builder->stage);
    px_buf_done(&builder->raw);
    free(builder);
}

/* ---- tables ---- */
static enum px_status
add_header(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct px_header *header = &builder->tables.header;
    enum px_status status =
        px_header_read(in.at, px_reader_left(&in), header, err);
    builder->counts.estimated_objects = header->estimated_objects;
    return status;
}

static enum px_status
add_types(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    return tables_add_types(&builder->tables, in, err);
}

static enum px_status
add_names(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    return tables_add_names(&builder->tables, in, err);
}

static enum px_status
add_labels(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    return tables_add_labels(&builder->tables, in, err);
}

/* A root is a node, also if no record describes it; but after the first
 * preview no address can be new. */
static enum px_status
mark_root(struct px_builder *builder, uint64_t addr, struct px_err *err)
{
    struct stage *stage = &builder->stage;
    const struct px_graph *graph = builder->ahead.graph;
    struct ids_hint hint = {0};
    uint64_t mark;
    if (graph == NULL) {
        stage->is_stale = true; /* if a later one of the chunk is bad */
        return ids_mark(&stage->ids, addr, &stage->node_hint, &mark, err);
    }
    if (ids_find(&graph->ids, addr, &hint) == IDS_NONE)
        return tables_bad(err, "roots", "a new object after previews");
    return PX_OK;
}

static enum px_status
add_roots(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct tables *tables = &builder->tables;
    bool was_stale = builder->stage.is_stale;
    size_t i = tables->n_roots;
    enum px_status status = tables_add_roots(tables, in, err);
    for (; status == PX_OK && i < tables->n_roots; i++)
        status = mark_root(builder, tables->roots[i].addr, err);
    if (status == PX_OK)
        builder->stage.is_stale = was_stale;
    return status;
}

static enum px_status
add_nodes(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    const struct records_limits limits = {builder->tables.n_types,
                                          builder->tables.n_names};
    if (builder->ahead.graph != NULL)
        return tables_bad(err, "nodes", "objects after previews");
    return stage_take(&builder->stage, in, &limits, builder->tables.types,
                      &builder->staged, err);
}

/* ---- the rest ---- */
static enum px_status
add_previews(struct px_builder *builder, struct px_reader in,
             struct px_err *err)
{
    struct ahead *ahead = &builder->ahead;
    enum px_status status = PX_OK;
    if (ahead->graph == NULL)
        status = ahead_begin(builder, err);
    if (status == PX_OK && ahead->graph->preview_bytes == NULL)
        status = previews_begin(ahead->graph, err);
    if (status == PX_OK)
        status = previews_take(ahead->graph, &ahead->previews, in, err);
    return status;
}

static enum px_status
add_blocks(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    return blocks_take(&builder->tables.blocks, in, err);
}

static enum px_status
add_footer(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    uint64_t footer[PX_FOOTER_TAG_END] = {0};
    while (px_reader_left(&in) > 0) {
        uint64_t tag;
        uint64_t value;
        if (px_read_varint(&in, &tag) != PX_OK ||
            px_read_varint(&in, &value) != PX_OK)
            return tables_bad(err, "footer", "a value cut short");
        if (tag < PX_FOOTER_TAG_END)
            footer[tag] = value;
    }
    memcpy(builder->tables.footer, footer, sizeof footer);
    builder->is_complete = true;
    return PX_OK;
}

/* ---- any chunk ---- */
typedef enum px_status add_fn(struct px_builder *builder, struct px_reader in,
                              struct px_err *err);
static add_fn *const adders[] = {
    [PX_CHUNK_HEADER] = add_header,     [PX_CHUNK_TYPES] = add_types,
    [PX_CHUNK_NAMES] = add_names,       [PX_CHUNK_NODES] = add_nodes,
    [PX_CHUNK_ROOTS] = add_roots,       [PX_CHUNK_LABELS] = add_labels,
    [PX_CHUNK_PREVIEWS] = add_previews, [PX_CHUNK_FOOTER] = add_footer,
    [PX_CHUNK_BLOCKS] = add_blocks,
};
#define N_ADDERS (sizeof adders / sizeof adders[0])

static enum px_status
check_place(const struct px_builder *builder, const struct px_chunk *chunk,
            struct px_err *err)
{
    if (builder->is_finished)
        return px_fail(err, PX_EINVAL, "this builder has made its graph");
    if (builder->is_complete)
        return px_fail(err, PX_EPROTO, "a chunk after the footer");
    if (chunk->sequence != builder->next_sequence)
        return px_fail(err, PX_EPROTO, "chunk %lu where chunk %lu should be",
                       (unsigned long)chunk->sequence,
                       (unsigned long)builder->next_sequence);
    if ((chunk->kind == PX_CHUNK_HEADER) != !builder->has_header)
        return px_fail(err, PX_EPROTO, "the header is not the first chunk");
    if (chunk->raw_bytes / RATIO_MAX > chunk->stored_bytes + RATIO_SLACK)
        return px_fail(
            err, PX_EPROTO, "chunk %lu claims to hold %lu bytes in %lu",
            (unsigned long)chunk->sequence, (unsigned long)chunk->raw_bytes,
            (unsigned long)chunk->stored_bytes);
    return PX_OK;
}

/* The stage is another thread's once its graph is being made, and has had its
 * room. */
static enum px_status
look_for_room(struct px_builder *builder, struct px_err *err)
{
    bool is_staging = builder->ahead.graph == NULL;
    const struct stage *stage = &builder->stage;
    const struct stage_counts none = {0, 0};
    const struct stage_counts *counts = is_staging ? &builder->staged : &none;
    uint64_t table_bytes = tables_bytes(&builder->tables) +
                           (is_staging ? stage_table_bytes(stage) : 0);
    uint64_t held = table_bytes + (is_staging ? stage_word_bytes(stage) : 0);
    if (held < builder->room_bytes)
        return PX_OK;
    enum px_status status =
        room_check(counts->objects, counts->edges, table_bytes, err);
    if (status == PX_OK)
        builder->room_bytes = held + ROOM_BYTES;
    return status;
}

enum px_status
px_builder_add(struct px_builder *builder, const void *bytes, size_t n_bytes,
               struct px_err *err)
{
    struct px_reader in = px_reader_of(bytes, n_bytes);
    struct px_chunk chunk;
    enum px_status status = px_chunk_next(&in, &chunk, err);
    if (status == PX_AGAIN || (status == PX_OK && px_reader_left(&in) > 0))
        return px_fail(err, PX_EPROTO, "%zu bytes are not one whole chunk",
                       n_bytes);
    if (status == PX_OK)
        status = check_place(builder, &chunk, err);
    if (status == PX_OK)
        status = look_for_room(builder, err);
    if (status == PX_OK)
        status = px_chunk_unpack(&chunk, &builder->raw, err);
    if (status != PX_OK)
        return status;

    const struct tables_mark start = tables_now(&builder->tables);
    if (chunk.kind < N_ADDERS && adders[chunk.kind] != NULL)
        status = adders[chunk.kind](
            builder, px_reader_of(builder->raw.data, builder->raw.len), err);
    if (status != PX_OK) {
        tables_shorten(&builder->tables, &start);
        return status;
    }
    builder->has_header = true;
    builder->next_sequence++;
    builder->counts.raw_bytes += chunk.raw_bytes;
    builder->counts.stored_bytes += n_bytes;
    return PX_OK;
}

/* ---- what can be shown meanwhile ---- */
bool
px_builder_is_complete(const struct px_builder *builder)
{
    return builder->is_complete;
}

void
px_builder_counts(const struct px_builder *builder,
                  struct px_builder_counts *out)
{
    *out = builder->counts;
    out->objects = builder->staged.objects;
    out->edges = builder->staged.edges;
    out->types = (px_type)builder->tables.n_types;
}

const char *
px_builder_type_name(const struct px_builder *builder, px_type type)
{
    return texts_get(&builder->tables.texts, builder->tables.types[type].name);
}

uint64_t
px_builder_type_count(const struct px_builder *builder, px_type type)
{
    return builder->tables.types[type].count;
}

uint64_t
px_builder_type_bytes(const struct px_builder *builder, px_type type)
{
    return builder->tables.types[type].bytes;
}
