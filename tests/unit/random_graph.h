/* random_graph.h — heaps made by chance or by hand, for the tests of graph:
 * a plain model to compare with, and the chunks that say the same.
 *
 * Numbers come from a seed, so that a failure can be repeated. Addresses are
 * given apart from everything else: two models of one seed with different
 * address seeds are one heap at other places.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include <pyexplore/analysis.h>
#include <pyexplore/buf.h>
#include <pyexplore/graph.h>

struct rg_edge {
    unsigned kind;
    uint64_t payload; /* name number or index */
    int target;
    int key; /* -1: no pair */
};

struct rg_node {
    uint64_t addr;
    uint32_t type;
    uint64_t bytes;
    uint64_t refcount;
    uint8_t flags;
    struct rg_edge *edges;
    size_t n_edges, cap_edges;
};

struct rg_root {
    unsigned root_class;
    int node;
    char name[32];
};

#define RG_NAMES_MAX 16
#define RG_ROOTS_MAX 16
#define RG_TYPES 4       /* "m.T0" …; T0 is made by a class statement */
#define RG_MODULE_TYPE 3 /* "module" */

struct rg {
    struct rg_node *nodes;
    int n;
    char names[RG_NAMES_MAX][16];
    int name_nodes[RG_NAMES_MAX]; /* -1: a C text */
    int n_names;
    struct rg_root roots[RG_ROOTS_MAX];
    int n_roots;
    double time, waited; /* of the header */
    bool gc_off;         /* and there */
    int bounded;         /* a node that states its bound, if `most` is not 0 */
    uint64_t items, most;
};

struct rg_options {
    int nodes;
    int edges;
    int roots;
    bool stack_edges;
    bool surplus; /* some refcounts differ from what the edges say */
};

uint64_t rg_random(uint64_t *state); /* splitmix64 */
int rg_below(uint64_t *state, int limit);

struct rg *rg_new(int n);
void rg_free(struct rg *rg);
void rg_edge(struct rg *rg, int from, unsigned kind, uint64_t payload,
             int target, int key);
int rg_name(struct rg *rg, const char *text);
void rg_root(struct rg *rg, unsigned root_class, int node, const char *name);
/* Refcounts from the edges that count. */
void rg_count(struct rg *rg);
/* Addresses by chance: dense or far apart. */
void rg_place(struct rg *rg, uint64_t seed);
struct rg *rg_random_graph(uint64_t seed, const struct rg_options *options);

/* All chunks of the model, one px_buf each; `seed` shuffles records, splits
 * them into CONTINUED ones and cuts chunks; 0: plain order. */
struct rg_chunks {
    struct px_buf *chunks;
    size_t n, cap;
};
void rg_write(const struct rg *rg, uint64_t seed, struct rg_chunks *out);
void rg_chunks_free(struct rg_chunks *chunks);
/* Appends a chunk with a right head; raw body, codec none. */
void rg_add_chunk(struct rg_chunks *chunks, unsigned kind, const void *body,
                  size_t n);
/* Builds it; fails the test if that does not work. */
struct px_graph *rg_build(const struct rg *rg, uint64_t seed);

/* Number of edges with the key edges of pairs, and the first of a node. */
uint32_t rg_count_edges(const struct rg *rg);
/* The node numbers of the model by id of the graph. */
px_node rg_id(const struct px_graph *graph, const struct rg *rg, int node);

#endif
