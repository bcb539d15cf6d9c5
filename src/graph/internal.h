/* internal.h — what the files of this room share: the columns of a graph and
 * the state of a builder. Nobody outside src/graph includes it.
 *
 * Memory, for N objects and E edges (design 10 allows 24 N + 12 E with every
 * analysis):
 *
 *   ids             about 2 N   page bitmaps
 *   node_*              3 N     u16 type with size and flags (forms.h), u8
 *                               refcount; all ones: in an overflow table
 *   out_off, in_off     4 N     u16, and a base for 64 (offsets.h)
 *   edges               8 E     u32 target, u32 {5 bits kind, 27 bits name
 *                               number or index}
 *   in_src              4 E     u32 source
 *
 * A pair is two edges in a row, key then value, so the value finds its key.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include <pyexplore/graph.h>
#include <pyexplore/proto.h>

#include "graph/bitrank.h"
#include "graph/ids.h"
#include "graph/forms.h"
#include "graph/offsets.h"
#include "graph/overflow.h"
#include "graph/side.h"
#include "graph/spool.h"
#include "graph/stage.h"
#include "graph/texts.h"

#define EDGE_KIND_SHIFT 27
#define EDGE_PAYLOAD_MASK ((1u << EDGE_KIND_SHIFT) - 1)
_Static_assert(PX_EDGE_KIND_END <= 32, "an edge kind has five bits");

#define REFS_LARGE 255u /* in node_refs: look in over_refs */

/* A node without a record has a type of its own, the last one. */
#define UNREAD_TYPE_NAME "<unread>"

struct edge {
    px_node target;
    uint32_t info;
};

struct type_row {
    uint64_t addr;
    size_t name; /* in texts */
    unsigned flags;
    uint64_t count;
    uint64_t bytes;
};

struct name_row {
    uint64_t addr; /* 0: a C text */
    size_t text;
    px_node node; /* set by finish; PX_NONE: no object */
};

struct root_row {
    uint64_t addr;
    px_node node; /* set by finish */
    uint32_t root_class;
    size_t text;
};

struct label_row {
    uint64_t addr;
    px_node node; /* set by finish */
    size_t text;
};

/* The BLOCKS chunk (blocks.c). */
struct blocks {
    enum px_blocks_state state;
    size_t n_classes;
    struct px_block_class classes[PX_BLOCK_CLASSES_MAX];
};

/* The tables that builder and graph have in common: they move over. */
struct tables {
    struct texts texts;
    struct type_row *types;
    size_t n_types, cap_types;
    struct name_row *names;
    size_t n_names, cap_names;
    struct root_row *roots;
    size_t n_roots, cap_roots;
    struct label_row *labels;
    size_t n_labels, cap_labels;
    struct px_header header;
    uint64_t footer[PX_FOOTER_TAG_END];
    struct blocks blocks;
};

struct previews {
    px_node next; /* the first that may come now */
    struct ids_hint hint;
    struct px_buf records; /* of one chunk */
};

/* What is made of the stage while previews arrive (ahead.c). */
struct ahead {
    struct px_graph *graph; /* NULL: nothing */
    struct side side;
    struct px_work work;
    struct previews previews;
    bool is_taken;
};

struct px_builder {
    struct tables tables;
    struct stage stage; /* NODES */
    struct px_buf raw;  /* the chunk that is being added */
    struct px_builder_counts counts;
    struct stage_counts staged;
    uint64_t room_bytes; /* from so many on: is there room for more? */
    struct ahead ahead;
    uint32_t next_sequence;
    bool has_header;
    bool is_complete;
    bool is_finished;
};

struct px_graph {
    struct tables tables;
    struct ids ids;
    uint32_t n_nodes;
    uint32_t n_edges;
    struct forms forms;
    uint16_t *node_form; /* row in forms */
    uint8_t *node_refs;
    struct overflow over_form, over_refs; /* by node */
    struct offsets out_off, in_off;       /* of n_nodes + 1 */
    struct edge *edges;
    px_node *in_src;
    uint8_t *in_loose;            /* bitmap by inbound edge: it does not hold */
    struct bitrank holding;       /* nodes with an edge that holds */
    struct overflow over_payload; /* by edge */
    uint32_t *name_table;         /* open addressing by node: name number + 1 */
    uint32_t name_mask;
    px_node *type_node;             /* by type */
    struct spool_area preview_area; /* the next two */
    uint8_t *preview_bytes;         /* by node: length of its record, 0: none */
    uint64_t *preview_block; /* by node / 64: offset of the first record */
    struct spool preview_spool;
    const uint8_t *previews; /* all of preview_spool */
    enum px_end end;
};

/* Grows an array of *cap rows for one more; PX_ENOMEM: nothing changed. */
enum px_status rows_need(void *array_at, size_t n, size_t *cap,
                         size_t row_bytes, struct px_err *err);

/* tables.c: rows of a chunk are appended; tables_shorten goes back. */
struct tables_mark {
    size_t n_types, n_names, n_roots, n_labels, n_text_bytes;
};
void tables_init(struct tables *tables);
void tables_done(struct tables *tables);
size_t tables_bytes(const struct tables *tables);
struct tables_mark tables_now(const struct tables *tables);
void tables_shorten(struct tables *tables, const struct tables_mark *to);
enum px_status tables_add_types(struct tables *tables, struct px_reader in,
                                struct px_err *err);
enum px_status tables_add_names(struct tables *tables, struct px_reader in,
                                struct px_err *err);
enum px_status tables_add_roots(struct tables *tables, struct px_reader in,
                                struct px_err *err);
enum px_status tables_add_labels(struct tables *tables, struct px_reader in,
                                 struct px_err *err);
enum px_status tables_bad(struct px_err *err, const char *kind,
                          const char *what);

/* blocks.c: takes the body of a BLOCKS chunk; unchanged on an error. */
enum px_status blocks_take(struct blocks *blocks, struct px_reader in,
                           struct px_err *err);

/* preview.c: the length of the preview record at `in` without its address,
 * 0 if it is not whole or not allowed. */
size_t preview_measure(struct px_reader in);
/* True if this record is of a str or bytes; `*is_part`: of its beginning. */
bool preview_is_text(struct px_reader record, bool *is_part);
/* The preview as it was sent, "" if there is none; out_bytes is not 0. */
void preview_plain(const struct px_graph *graph, px_node node, size_t out_bytes,
                   char *out);
/* What a str is, without quotes; false: it is not known, or not all of it. */
bool preview_text(const struct px_graph *graph, px_node node, size_t out_bytes,
                  char *out);
/* How many items the preview of a container says; false: it says something
 * else. */
bool preview_length(const struct px_graph *graph, px_node node, uint64_t *n);
/* The same of one that states the most it may have. */
bool preview_bound(const struct px_graph *graph, px_node node, uint64_t *n,
                   uint64_t *most);
/* Where the record of a node starts in graph->previews. */
#define PREVIEW_BLOCK 64u
static inline uint64_t
preview_offset(const struct px_graph *graph, px_node node)
{
    uint64_t offset = graph->preview_block[node / PREVIEW_BLOCK];
    for (px_node i = node - node % PREVIEW_BLOCK; i < node; i++)
        offset += graph->preview_bytes[i];
    return offset;
}
/* preview_take.c: of a graph that has its ids; the body of one PREVIEWS chunk,
 * unchanged on an error; and when all are there. */
enum px_status previews_begin(struct px_graph *graph, struct px_err *err);
enum px_status previews_take(struct px_graph *graph, struct previews *previews,
                             struct px_reader in, struct px_err *err);
enum px_status previews_end(struct px_graph *graph, struct px_err *err);

/* An empty one (graph.c). */
struct px_graph *graph_new(struct px_err *err);

/* ahead.c: the graph takes the addresses, now numbered, and the forms; then
 * reads the stage, which is empty after it. The tables are not touched. */
enum px_status graph_take_ids(struct px_graph *graph,
                              struct px_builder *builder, struct px_err *err);
enum px_status graph_read_stage(struct px_graph *graph, struct stage *stage,
                                struct px_work *work, struct px_err *err);
/* Does both, beside the caller: no objects come any more. */
enum px_status ahead_begin(struct px_builder *builder, struct px_err *err);
/* The graph that was begun, NULL: none; builder->ahead.side is to be joined. */
struct px_graph *ahead_take(struct px_builder *builder);
void ahead_done(struct px_builder *builder);

/* columns.c: type, size, flags and refcount of each node,
 * the number of its edges in counts[node]; nodes with edges onto `holders`, in
 * the order of the stream: rank 32 | edges 32. */
enum px_status columns_make(struct px_graph *graph, struct stage *stage,
                            uint32_t *counts, struct tape *holders,
                            struct px_work *work, struct px_err *err);
/* What needs the tables of the graph: nodes without a record. */
enum px_status columns_end(struct px_graph *graph, struct px_err *err);
/* link.c: the edges, then the way back. `off` has room for a number a node and
 * one more; link_edges finds the counts of columns_make there. */
enum px_status link_edges(struct px_graph *graph, struct stage *stage,
                          uint32_t *off, struct tape *holders,
                          struct px_work *work, struct px_err *err);
enum px_status link_inbound(struct px_graph *graph, uint32_t *off,
                            struct px_work *work, struct px_err *err);
/* index.c: what finds a type, a name, a root or a label. */
enum px_status index_types(struct px_graph *graph, struct px_err *err);
enum px_status index_names(struct px_graph *graph, struct px_err *err);
void index_roots_and_labels(struct px_graph *graph);

/* work.c */
bool work_is_canceled(const struct px_work *work);
enum px_status work_canceled(struct px_err *err);
/* The same for a loop whose turns are short: asks each 2^16 of them. */
static inline bool
work_turn(const struct px_work *work, uint32_t *turns)
{
    return (++*turns & 0xffff) == 0 && work_is_canceled(work);
}
void work_report(struct px_work *work, uint64_t *last_ns, const char *stage,
                 uint64_t done, uint64_t total);

/* ---- for the analyses: without calls ---- */

/* A node's edges are out_start(node) … out_start(node + 1) - 1, as out_span
 * says at once; its inbound ones likewise. */
static inline px_edge
out_start(const struct px_graph *graph, px_node node)
{
    return offsets_get(&graph->out_off, node);
}

static inline uint32_t
in_start(const struct px_graph *graph, px_node node)
{
    return offsets_get(&graph->in_off, node);
}

/* False: edges, roots and objects may be missing. */
static inline bool
graph_is_whole(const struct px_graph *graph)
{
    return graph->end == PX_END_COMPLETE;
}

static inline struct span
out_span(const struct px_graph *graph, px_node node)
{
    return offsets_span(&graph->out_off, node);
}

static inline struct span
in_span(const struct px_graph *graph, px_node node)
{
    return offsets_span(&graph->in_off, node);
}

static inline const struct form *
form_of(const struct px_graph *graph, px_node node)
{
    return &graph->forms
                .rows[overflow_read(&graph->over_form, graph->node_form, node)];
}

static inline unsigned
edge_kind(const struct edge *edge)
{
    return edge->info >> EDGE_KIND_SHIFT;
}

#define EDGE_FLAG_BITS(number, member, name, form, flags, shown, expression)   \
    ((uint64_t)((flags)&1u) << (number)) |
#define EDGE_COUNT_BITS(number, member, name, form, flags, shown, expression)  \
    ((uint64_t)((flags) >> 1 & 1u) << (number)) |
/* Bit k: edges of kind k hold; count. */
#define EDGE_HOLD_SET (PX_EDGE_LIST(EDGE_FLAG_BITS) 0u)
#define EDGE_COUNT_SET (PX_EDGE_LIST(EDGE_COUNT_BITS) 0u)

static inline bool
edge_holds(const struct edge *edge)
{
    return (EDGE_HOLD_SET >> edge_kind(edge) & 1) != 0;
}

static inline bool
edge_counts(const struct edge *edge)
{
    return (EDGE_COUNT_SET >> edge_kind(edge) & 1) != 0;
}

/* Where the name of this node stands in name_table, or would. */
uint32_t *name_slot(const struct px_graph *graph, px_node node);
/* The number of the name that this node is the str of, PX_NONE: none. */
uint32_t graph_name_of(const struct px_graph *graph, px_node node);
/* Name number of an edge of form NAME, or index. */
uint64_t graph_payload(const struct px_graph *graph, px_edge edge);

#endif
