/* stage.h — the objects and references of a snapshot while they arrive.
 *
 * Each NODES chunk is decoded once; what it says waits here in words of eight
 * bytes, in the order of the stream, until all addresses are known. Then it is
 * read from the start (columns.c, link.c) and given back as it is read. An
 * address is kept as its mark (ids.h).
 *
 *   node:  mark 35 | edges 5 | refcount 8 | form 16   (0: CONTINUED)
 *   edge:  mark 35 | kind 5 | name number or index 24
 *
 * A field of all ones: the value stands in a row of large ones, in the order
 * in which they are met; a node's edges after its form and refcount.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_STAGE_H
#define GRAPH_STAGE_H

#include <pyexplore/buf.h>

#include "graph/forms.h"
#include "graph/ids.h"
#include "graph/records.h"
#include "graph/tape.h"

#define STAGE_MARK ((1ull << IDS_MARK_BITS) - 1)
#define STAGE_EDGES_MAX 31u
#define STAGE_REFS_MAX 255u
#define STAGE_FORM_MAX 65535u
#define STAGE_PAYLOAD_MAX ((1u << 24) - 1)

struct type_row;

struct stage {
    struct tape nodes, edges;
    struct tape large_nodes, large_edges;
    struct forms forms;
    struct ids ids;
    struct ids_hint node_hint, target_hint;
    bool is_stale; /* ids hold addresses of a chunk that was refused */
};

struct stage_counts {
    uint64_t objects, edges;
};

/* Zero-initialise. */
void stage_done(struct stage *stage);
/* Bytes of the words, and of all else. */
uint64_t stage_word_bytes(const struct stage *stage);
uint64_t stage_table_bytes(const struct stage *stage);
/* Takes the body of a NODES chunk; counts its objects, by type as well. On an
 * error everything is as it was, but for the ids, which are stale then. */
enum px_status stage_take(struct stage *stage, struct px_reader in,
                          const struct records_limits *limits,
                          struct type_row *types, struct stage_counts *counts,
                          struct px_err *err);
/* Makes stale ids anew, without what only roots refer to. */
void stage_renew_ids(struct stage *stage);

struct staged_node {
    uint64_t mark;
    uint64_t refcount;
    uint64_t n_edges;
    uint32_t form; /* 0: more edges of a node that has a record */
};

/* Reads nodes from the start; once if it frees. */
struct stage_nodes {
    struct tape_reader words, large;
    size_t n_left;
};
struct stage_nodes stage_read_nodes(struct stage *stage, bool frees);
static inline bool
stage_next_node(struct stage_nodes *nodes, struct staged_node *out)
{
    if (nodes->n_left == 0)
        return false;
    nodes->n_left--;
    uint64_t word = tape_next(&nodes->words);
    out->mark = word & STAGE_MARK;
    out->n_edges = word >> IDS_MARK_BITS & STAGE_EDGES_MAX;
    out->refcount = word >> 40 & STAGE_REFS_MAX;
    out->form = (uint32_t)(word >> 48);
    if (out->form == STAGE_FORM_MAX)
        out->form = (uint32_t)tape_next(&nodes->large);
    if (out->refcount == STAGE_REFS_MAX)
        out->refcount = tape_next(&nodes->large);
    if (out->n_edges == STAGE_EDGES_MAX)
        out->n_edges = tape_next(&nodes->large);
    return true;
}

struct staged_edge {
    uint64_t mark;
    uint64_t payload;
    unsigned kind;
};

struct stage_edges {
    struct tape_reader words, large;
};
struct stage_edges stage_read_edges(struct stage *stage, bool frees);

/* There must be one. */
static inline struct staged_edge
stage_next_edge(struct stage_edges *edges)
{
    uint64_t word = tape_next(&edges->words);
    struct staged_edge edge = {word & STAGE_MARK, word >> 40,
                               word >> IDS_MARK_BITS & 31};
    if (edge.payload == STAGE_PAYLOAD_MAX)
        edge.payload = tape_next(&edges->large);
    return edge;
}

#endif
