/* builder.c — takes the chunks of a stream as they arrive.
 *
 * Each chunk is checked in full and applied at once: types and names enter
 * their tables, nodes are counted by type and their addresses, with those of
 * all targets, marked in the id set (ids.c). The chunk itself goes to the
 * spool as it came, compressed, because edges can only be stored when all
 * addresses are known: finish.c reads it again.
 *
 * A chunk that is refused leaves the tables as they were; addresses that it
 * has marked before the fault was found cannot be unmarked, so the id set is
 * then stale and finish makes it anew from the spool. Memory stays below a
 * constant times the raw bytes of the stream, and those below 256 times the
 * stored ones: LZ4 cannot exceed that, and what does is refused.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RATIO_MAX 256u
#define RATIO_SLACK 64u

enum px_status
rows_need(void *array_at, size_t n, size_t *cap, size_t row_bytes,
          struct px_err *err)
{
    if (n < *cap)
        return PX_OK;
    size_t larger = *cap + *cap / 2 + 16;
    void *old;
    memcpy(&old, array_at, sizeof old);
    void *array = realloc(old, larger * row_bytes);
    if (array == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a table of %zu rows",
                       larger);
    memcpy(array_at, &array, sizeof array);
    *cap = larger;
    return PX_OK;
}

void
tables_init(struct tables *tables)
{
    *tables = (struct tables){0};
    texts_init(&tables->texts);
}

void
tables_done(struct tables *tables)
{
    texts_done(&tables->texts);
    free(tables->types);
    free(tables->names);
    free(tables->roots);
    free(tables->labels);
    free(tables->header);
    tables_init(tables);
}

struct px_builder *
px_builder_new(struct px_err *err)
{
    struct px_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a graph builder");
        return NULL;
    }
    tables_init(&builder->tables);
    ids_init(&builder->ids);
    spool_init(&builder->spool);
    px_buf_init(&builder->raw);
    return builder;
}

void
px_builder_free(struct px_builder *builder)
{
    if (builder == NULL)
        return;
    tables_done(&builder->tables);
    ids_done(&builder->ids);
    spool_done(&builder->spool);
    px_buf_done(&builder->raw);
    free(builder);
}

static enum px_status
bad_chunk(struct px_err *err, const char *kind, const char *what)
{
    return px_fail(err, PX_EPROTO, "bad %s chunk: %s", kind, what);
}

/* ---- header ---- */
static enum px_status
add_header(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    size_t n = px_reader_left(&in);
    json_error_t cause;
    enum px_status status = PX_OK;
    char *text = NULL;
    errno = 0;
    json_t *json =
        json_loadb((const char *)in.at, n, JSON_REJECT_DUPLICATES, &cause);
    json_t *estimate = json_object_get(json, "estimate");
    json_t *format = json_object_get(json, "format");
    json_int_t objects =
        json_integer_value(json_object_get(estimate, "objects"));
    if (json == NULL && errno == ENOMEM) {
        status = px_fail(err, PX_ENOMEM, "no memory for a header");
        goto out;
    }
    if (!json_is_object(json)) {
        status = bad_chunk(err, "header", "it is no JSON object");
        goto out;
    }
    if (json_integer_value(format) != PX_FORMAT_VERSION) {
        status =
            px_fail(err, PX_EVERSION,
                    "this snapshot has format %lld, and this program "
                    "reads format %d",
                    (long long)json_integer_value(format), PX_FORMAT_VERSION);
        px_err_hint(err, "upgrade pyexplore on this side");
        goto out;
    }
    text = malloc(n + 1);
    if (text == NULL) {
        status = px_fail(err, PX_ENOMEM, "no memory for a header");
        goto out;
    }
    memcpy(text, in.at, n);
    text[n] = '\0';
    builder->tables.header = text;
    builder->counts.estimated_objects = objects > 0 ? (uint64_t)objects : 0;
out:
    json_decref(json);
    return status;
}

/* ---- tables ---- */
static bool
read_addr(struct px_reader *in, uint64_t *last_units)
{
    uint64_t delta;
    if (px_read_varint(in, &delta) != PX_OK)
        return false;
    uint64_t at = *last_units + (uint64_t)px_unzigzag(delta);
    if (at > RECORDS_ADDR_UNITS_MAX)
        return false;
    *last_units = at;
    return true;
}

/* Borrows a text of the stream. */
static bool
read_text(struct px_reader *in, const uint8_t **text, size_t *n)
{
    uint64_t length;
    if (px_read_varint(in, &length) != PX_OK || length > px_reader_left(in))
        return false;
    *n = (size_t)length;
    return px_read_bytes(in, *n, text) == PX_OK;
}

/* "module.name"; builtins and synthetic types without their module. */
static enum px_status
add_type_name(struct px_builder *builder, struct px_reader *in, size_t *offset,
              struct px_err *err)
{
    const uint8_t *module;
    const uint8_t *name;
    size_t n_module;
    size_t n_name;
    if (!read_text(in, &module, &n_module) || !read_text(in, &name, &n_name))
        return bad_chunk(err, "types", "name cut short");
    bool is_bare =
        n_module == 0 || (n_module == 8 && memcmp(module, "builtins", 8) == 0);
    if (is_bare)
        return texts_add(&builder->tables.texts, name, n_name, offset, err);
    struct px_buf full;
    px_buf_init(&full);
    enum px_status status = px_buf_append(&full, module, n_module, err);
    if (status == PX_OK)
        status = px_buf_append(&full, ".", 1, err);
    if (status == PX_OK)
        status = px_buf_append(&full, name, n_name, err);
    if (status == PX_OK)
        status =
            texts_add(&builder->tables.texts, full.data, full.len, offset, err);
    px_buf_done(&full);
    return status;
}

static enum px_status
add_types(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct tables *tables = &builder->tables;
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct type_row row = {0};
        uint64_t flags;
        if (!read_addr(&in, &last) || px_read_varint(&in, &flags) != PX_OK ||
            flags > UINT32_MAX)
            return bad_chunk(err, "types", "no address and flags");
        if (tables->n_types >= UINT32_MAX - 2)
            return px_fail(err, PX_ELIMIT, "more than 2^32 types");
        row.addr = last * PX_ADDR_UNIT;
        row.flags = (unsigned)flags;
        enum px_status status = add_type_name(builder, &in, &row.name, err);
        if (status == PX_OK)
            status = rows_need(&tables->types, tables->n_types,
                               &tables->cap_types, sizeof row, err);
        if (status != PX_OK)
            return status;
        tables->types[tables->n_types++] = row;
    }
    return PX_OK;
}

/* The records of NAMES, ROOTS and LABELS: address and text. */
static enum px_status
read_addr_text(struct px_builder *builder, struct px_reader *in, uint64_t *last,
               const char *kind, size_t *offset, struct px_err *err)
{
    const uint8_t *text;
    size_t n;
    if (!read_addr(in, last) || !read_text(in, &text, &n))
        return bad_chunk(err, kind, "no address and text");
    return texts_add(&builder->tables.texts, text, n, offset, err);
}

static enum px_status
add_names(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct tables *tables = &builder->tables;
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct name_row row = {0};
        enum px_status status =
            read_addr_text(builder, &in, &last, "names", &row.text, err);
        if (status == PX_OK && tables->n_names >= UINT32_MAX - 2)
            status = px_fail(err, PX_ELIMIT, "more than 2^32 names");
        if (status == PX_OK)
            status = rows_need(&tables->names, tables->n_names,
                               &tables->cap_names, sizeof row, err);
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->names[tables->n_names++] = row;
    }
    return PX_OK;
}

static enum px_status
add_roots(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct tables *tables = &builder->tables;
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct root_row row = {.node = PX_NONE};
        row.root_class = *in.at++;
        if (px_root_name(row.root_class) == NULL)
            return bad_chunk(err, "roots", "unknown class of root");
        enum px_status status =
            read_addr_text(builder, &in, &last, "roots", &row.text, err);
        if (status == PX_OK && last == 0)
            status = bad_chunk(err, "roots", "a root at address 0");
        if (status == PX_OK && tables->n_roots >= UINT32_MAX - 2)
            status = px_fail(err, PX_ELIMIT, "more than 2^32 roots");
        if (status == PX_OK)
            status = rows_need(&tables->roots, tables->n_roots,
                               &tables->cap_roots, sizeof row, err);
        if (status == PX_OK) {
            builder->is_stale = true;
            status = ids_mark(&builder->ids, last * PX_ADDR_UNIT,
                              &builder->node_hint, err);
        }
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->roots[tables->n_roots++] = row;
    }
    return PX_OK;
}

static enum px_status
add_labels(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct tables *tables = &builder->tables;
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct label_row row = {.node = PX_NONE};
        enum px_status status =
            read_addr_text(builder, &in, &last, "labels", &row.text, err);
        if (status == PX_OK)
            status = rows_need(&tables->labels, tables->n_labels,
                               &tables->cap_labels, sizeof row, err);
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->labels[tables->n_labels++] = row;
    }
    return PX_OK;
}

static enum px_status
check_previews(struct px_builder *builder, struct px_reader in,
               struct px_err *err)
{
    (void)builder;
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        size_t n = 0;
        if (read_addr(&in, &last))
            n = preview_measure(in);
        if (n == 0)
            return bad_chunk(err, "previews", "a record that is not whole");
        in.at += n;
    }
    return PX_OK;
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
            return bad_chunk(err, "footer", "a value cut short");
        if (tag < PX_FOOTER_TAG_END)
            footer[tag] = value;
    }
    memcpy(builder->tables.footer, footer, sizeof footer);
    builder->is_complete = true;
    return PX_OK;
}

/* ---- nodes ---- */
struct applied {
    struct px_builder *builder;
    uint64_t n_nodes;
    uint64_t n_edges;
};

static enum px_status
apply_node(void *context, const struct record *record, struct px_err *err)
{
    struct applied *applied = context;
    struct px_builder *builder = applied->builder;
    if (!record->is_continued) {
        struct type_row *type = &builder->tables.types[record->type];
        type->count++;
        type->bytes += record->bytes;
        applied->n_nodes++;
    }
    return ids_mark(&builder->ids, record->addr, &builder->node_hint, err);
}

static enum px_status
apply_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
           struct px_err *err)
{
    (void)kind;
    (void)payload;
    struct applied *applied = context;
    applied->n_edges++;
    return ids_mark(&applied->builder->ids, target,
                    &applied->builder->target_hint, err);
}

/* Takes back what apply_node has counted of a chunk that is refused. */
static enum px_status
unapply_node(void *context, const struct record *record, struct px_err *err)
{
    struct applied *applied = context;
    if (record->is_continued)
        return PX_OK;
    if (applied->n_nodes == 0)
        return px_fail(err, PX_EPROTO, "as far as it was applied");
    applied->n_nodes--;
    struct type_row *type = &applied->builder->tables.types[record->type];
    type->count--;
    type->bytes -= record->bytes;
    return PX_OK;
}

static enum px_status
unapply_edge(void *context, unsigned kind, uint64_t payload, uint64_t target,
             struct px_err *err)
{
    (void)context;
    (void)kind;
    (void)payload;
    (void)target;
    (void)err;
    return PX_OK;
}

static const struct records_visitor apply = {apply_node, apply_edge};
static const struct records_visitor unapply = {unapply_node, unapply_edge};

static enum px_status
add_nodes(struct px_builder *builder, struct px_reader in, struct px_err *err)
{
    struct applied applied = {builder, 0, 0};
    struct records_limits limits = {builder->tables.n_types,
                                    builder->tables.n_names};
    enum px_status status = records_each(in, &limits, &apply, &applied, err);
    if (status != PX_OK) {
        builder->is_stale = true;
        records_each(in, &limits, &unapply, &applied, NULL);
        return status;
    }
    builder->counts.objects += applied.n_nodes;
    builder->n_edges += applied.n_edges;
    return PX_OK;
}

/* ---- any chunk ---- */
typedef enum px_status add_fn(struct px_builder *builder, struct px_reader in,
                              struct px_err *err);
static add_fn *const adders[] = {
    [PX_CHUNK_HEADER] = add_header,       [PX_CHUNK_TYPES] = add_types,
    [PX_CHUNK_NAMES] = add_names,         [PX_CHUNK_NODES] = add_nodes,
    [PX_CHUNK_ROOTS] = add_roots,         [PX_CHUNK_LABELS] = add_labels,
    [PX_CHUNK_PREVIEWS] = check_previews, [PX_CHUNK_FOOTER] = add_footer,
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

/* Chunks that finish reads again. */
static bool
is_kept(unsigned kind)
{
    return kind == PX_CHUNK_NODES || kind == PX_CHUNK_PREVIEWS;
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
        status = px_chunk_unpack(&chunk, &builder->raw, err);
    if (status != PX_OK)
        return status;

    struct tables *tables = &builder->tables;
    size_t n_types = tables->n_types;
    size_t n_names = tables->n_names;
    size_t n_roots = tables->n_roots;
    size_t n_labels = tables->n_labels;
    size_t n_text_bytes = tables->texts.bytes.len;
    bool was_stale = builder->is_stale;
    if (is_kept(chunk.kind))
        status = spool_append(&builder->spool, bytes, n_bytes, err);
    if (status == PX_OK && chunk.kind < N_ADDERS &&
        adders[chunk.kind] != NULL) {
        struct px_reader body =
            px_reader_of(builder->raw.data, builder->raw.len);
        status = adders[chunk.kind](builder, body, err);
        if (status != PX_OK && is_kept(chunk.kind))
            spool_shorten(&builder->spool, n_bytes);
    }
    if (status != PX_OK) {
        tables->n_types = n_types;
        tables->n_names = n_names;
        tables->n_roots = n_roots;
        tables->n_labels = n_labels;
        tables->texts.bytes.len = n_text_bytes;
        return status;
    }
    if (chunk.kind == PX_CHUNK_ROOTS)
        builder->is_stale = was_stale;
    builder->has_header = true;
    builder->next_sequence++;
    builder->counts.raw_bytes += chunk.raw_bytes;
    builder->counts.stored_bytes += n_bytes;
    return PX_OK;
}

enum px_status
builder_each(struct px_builder *builder, enum px_chunk_kind kind,
             const char *stage, struct px_work *work,
             enum px_status (*visit)(void *context, struct px_reader body,
                                     struct px_err *err),
             void *context, struct px_err *err)
{
    const uint8_t *bytes;
    uint64_t reported = 0;
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
        if (status == PX_OK && chunk.kind == kind) {
            status = px_chunk_unpack(&chunk, &raw, err);
            if (status == PX_OK)
                status = visit(context, px_reader_of(raw.data, raw.len), err);
        }
        if (stage != NULL)
            work_report(work, &reported, stage,
                        builder->spool.n_bytes - px_reader_left(&in),
                        builder->spool.n_bytes);
    }
    px_buf_done(&raw);
    return status;
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
    out->edges = builder->n_edges;
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
