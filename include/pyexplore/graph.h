/* graph.h — the object graph of one snapshot.
 *
 * A builder takes chunks as they arrive (from a socket, a file, a test) and
 * counts types at once; px_builder_finish makes the graph: dense ids in the
 * order of addresses, forward and inbound edges. A built graph never changes:
 * any number of threads may read it without a lock; analyses (analysis.h) are
 * new objects over it and must be freed before it. All strings that it
 * returns are borrowed and live as long as the graph.
 *
 * Not here: sockets, Python, the terminal.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_GRAPH_H
#define PX_GRAPH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/buf.h>
#include <pyexplore/err.h>
#include <pyexplore/header.h>
#include <pyexplore/snapshot.h>

typedef uint32_t px_node; /* 0 … n_nodes-1, ascending addresses */
typedef uint32_t px_edge; /* 0 … n_edges-1, grouped by source */
typedef uint32_t px_type; /* 0 … n_types-1, order of the stream */
#define PX_NONE UINT32_MAX

struct px_builder;
struct px_graph;

/* Long work asks this now and then. Zero-initialise; `report` may be NULL and
 * is called on the working thread, at most some 20 times a second. Setting
 * `canceled` from any thread ends the work with PX_ECANCELED. */
struct px_work {
    atomic_bool canceled;
    void (*report)(void *context, const char *stage, uint64_t done,
                   uint64_t total);
    void *context;
};

/* ---- building ---- */
struct px_builder *px_builder_new(struct px_err *err);
void px_builder_free(struct px_builder *builder);

/* Takes one whole chunk (head and body, as on the wire). Checks everything;
 * on an error the builder stays usable with what it had. */
enum px_status px_builder_add(struct px_builder *builder, const void *chunk,
                              size_t n_bytes, struct px_err *err);
/* True once FOOTER was added. */
bool px_builder_is_complete(const struct px_builder *builder);

/* What can be shown while the stream still arrives. */
struct px_builder_counts {
    uint64_t objects;
    uint64_t edges;
    uint64_t raw_bytes;
    uint64_t stored_bytes;
    uint64_t estimated_objects; /* from the header, 0: unknown */
    px_type types;
};
void px_builder_counts(const struct px_builder *builder,
                       struct px_builder_counts *out);
const char *px_builder_type_name(const struct px_builder *builder,
                                 px_type type);
uint64_t px_builder_type_count(const struct px_builder *builder, px_type type);
uint64_t px_builder_type_bytes(const struct px_builder *builder, px_type type);

/* Makes the graph and empties the builder (to be freed all the same). Without
 * a footer the graph is marked PX_END_CUT. May run on another thread than
 * the adds. PX_ELIMIT: more than 2^32-2 nodes or edges. `work` may be NULL. */
enum px_status px_builder_finish(struct px_builder *builder,
                                 struct px_work *work, struct px_graph **out,
                                 struct px_err *err);
void px_graph_free(struct px_graph *graph);

/* ---- the whole ---- */
uint32_t px_graph_n_nodes(const struct px_graph *graph);
uint32_t px_graph_n_edges(const struct px_graph *graph);
uint32_t px_graph_n_types(const struct px_graph *graph);
const struct px_header *px_graph_header(const struct px_graph *graph);
/* A footer value, 0 if the footer did not have it. */
uint64_t px_graph_footer(const struct px_graph *graph, enum px_footer_tag tag);
/* PX_END_COMPLETE or why not. */
enum px_end px_graph_end(const struct px_graph *graph);
/* What a snapshot lacks although it is complete (PX_FOOTER_LEFT_OUT and
 * THREADS_LEFT_OUT), as a sentence; "" for nothing. Returns out. */
char *px_left_out_sentence(uint64_t interpreters, uint64_t threads,
                           size_t out_bytes, char *out);
char *px_graph_left_out(const struct px_graph *graph, size_t out_bytes,
                        char *out);
/* Bytes that this graph holds in memory, and texts in mapped files. */
size_t px_graph_memory_bytes(const struct px_graph *graph);

/* ---- types ---- */
/* "server.Connection"; builtins without their module: "dict". */
const char *px_type_name(const struct px_graph *graph, px_type type);
unsigned px_type_flags(const struct px_graph *graph, px_type type);
/* The node of the type object itself; PX_NONE if nothing refers to it. */
px_node px_type_node(const struct px_graph *graph, px_type type);
uint32_t px_type_count(const struct px_graph *graph, px_type type);
uint64_t px_type_bytes(const struct px_graph *graph, px_type type);
/* All types whose name is `name`, or whose last part is; exact names win.
 * Writes up to `max` and returns how many there are. */
size_t px_type_find(const struct px_graph *graph, const char *name, size_t max,
                    px_type *out);
/* Up to `max` names that the user may have meant, best first. */
size_t px_type_suggest(const struct px_graph *graph, const char *name,
                       size_t max, px_type *out);
/* All nodes of a type, ascending: *out is malloced, the caller frees it. */
enum px_status px_type_instances(const struct px_graph *graph, px_type type,
                                 px_node **out, uint32_t *n,
                                 struct px_err *err);

/* ---- the allocator's blocks ---- */
/* Blocks of one size, by the columns of PX_BLOCK_LIST. */
struct px_block_class {
    uint32_t bytes;
    uint64_t n[PX_BLOCK_COLUMNS];
};
/* KNOWN: there are classes, ascending by size. */
enum px_blocks_state px_graph_blocks(const struct px_graph *graph);
size_t px_graph_n_block_classes(const struct px_graph *graph);
const struct px_block_class *px_graph_block_class(const struct px_graph *graph,
                                                  size_t i);

/* ---- nodes ---- */
uint64_t px_node_addr(const struct px_graph *graph, px_node node);
px_node px_node_find(const struct px_graph *graph, uint64_t addr);
px_type px_node_type(const struct px_graph *graph, px_node node);
uint64_t px_node_bytes(const struct px_graph *graph, px_node node);
uint64_t px_node_refcount(const struct px_graph *graph, px_node node);
unsigned px_node_flags(const struct px_graph *graph, px_node node);
enum px_node_gen px_node_gen(const struct px_graph *graph, px_node node);

/* The preview as one line for people, printable ASCII and UTF-8 only (control
 * and bidi characters escaped), at most out_bytes-1 bytes: `'ann'`, `118203`,
 * `{…3 items}`, `('10.0.0.7', 40123)`, `Color.RED`, `<secret>`; labels of
 * synthetic nodes; "" if nothing is known.
 * Returns out. */
char *px_node_preview(const struct px_graph *graph, px_node node,
                      size_t out_bytes, char *out);
/* A preview that says only how many items an instance has: its attributes are
 * worth showing beside it. */
bool px_node_wants_attributes(const struct px_graph *graph, px_node node);
/* The whole text of a str that is used as a name, NULL otherwise. */
const char *px_node_text(const struct px_graph *graph, px_node node);
/* Label of a synthetic node ("MainThread"), or NULL. */
const char *px_node_label(const struct px_graph *graph, px_node node);

/* ---- edges ---- */
/* The edges of `node` are first … first+n-1. */
void px_node_referents(const struct px_graph *graph, px_node node,
                       px_edge *first, uint32_t *n);
px_node px_edge_target(const struct px_graph *graph, px_edge edge);
/* Binary search over the nodes: O(log n). */
px_node px_edge_source(const struct px_graph *graph, px_edge edge);
enum px_edge_kind px_edge_kind(const struct px_graph *graph, px_edge edge);
/* px_edge_info(px_edge_kind())->flags, without the calls. */
unsigned px_edge_flags(const struct px_graph *graph, px_edge edge);
/* The index of an edge of form INDEX. */
uint32_t px_edge_index(const struct px_graph *graph, px_edge edge);
/* The name of an edge of form NAME, else NULL. */
const char *px_edge_name(const struct px_graph *graph, px_edge edge);
/* The key of an edge of form PAIR, else PX_NONE. */
px_node px_edge_key(const struct px_graph *graph, px_edge edge);
/* As Python would write it: ".handler", "['peer']", "[17]", "<cell conn>". */
char *px_edge_show(const struct px_graph *graph, px_edge edge, size_t out_bytes,
                   char *out);

/* Sources of the inbound edges of `node`, one entry per edge (a source that
 * refers twice stands twice). Borrowed. */
const px_node *px_node_referrers(const struct px_graph *graph, px_node node,
                                 uint32_t *n);
/* Visits every inbound edge; stops when `visit` returns false. Costs the sum
 * of the sources' out-degrees once per distinct source. */
void px_node_each_inbound(const struct px_graph *graph, px_node node,
                          bool (*visit)(void *context, px_edge edge),
                          void *context);

/* The attributes of an instance as its class sees them, whatever the layout:
 * inline values, __slots__, or through its __dict__. Writes up to `max`, looks
 * at the first few edges only, returns how many it wrote. */
struct px_attribute {
    const char *name;
    px_edge edge; /* of the instance or of its __dict__ */
};
size_t px_node_attributes(const struct px_graph *graph, px_node node,
                          size_t max, struct px_attribute *out);

/* ---- roots ---- */
struct px_root {
    px_node node;
    enum px_root_class root_class;
    const char *name; /* "server", "MainThread", "sys" */
};
uint32_t px_graph_n_roots(const struct px_graph *graph);
void px_graph_root(const struct px_graph *graph, uint32_t i,
                   struct px_root *out);

/* ---- files ---- */
/* Writes chunks to a new .pxs file (0600, O_EXCL, O_NOFOLLOW), compressing
 * with zstd. It has its name only once it is finished; a full disk or any
 * other error leaves nothing, and an older file as it was. */
struct px_file_writer;
struct px_file_writer *px_file_writer_new(const char *path, bool overwrite,
                                          struct px_err *err);
enum px_status px_file_writer_add(struct px_file_writer *writer,
                                  const void *chunk, size_t n_bytes,
                                  struct px_err *err);
/* Flushes, closes, and gives the file its name. */
enum px_status px_file_writer_finish(struct px_file_writer *writer,
                                     struct px_err *err);
/* Frees; removes the file if it was not finished. NULL is fine. */
void px_file_writer_free(struct px_file_writer *writer);

/* Reads all whole chunks of a file into a builder. A cut or damaged end is no
 * error: `*damage` (may be NULL) gets a sentence or "". Not a snapshot at
 * all: PX_EPROTO. */
enum px_status px_file_read(const char *path, struct px_work *work,
                            struct px_builder *builder, size_t damage_bytes,
                            char *damage, struct px_err *err);
/* Only the header, as px_header_read gives it. What can be read only once, a
 * pipe, is left alone: PX_EUNSUPPORTED. */
enum px_status px_file_header(const char *path, struct px_header *out,
                              struct px_err *err);

#endif
