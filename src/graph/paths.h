/* paths.h — what the files of the path analysis share: the order of edges,
 * the parents of the search, and the way edges become steps.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_PATHS_H
#define GRAPH_PATHS_H

#include <pyexplore/analysis.h>

#include "graph/internal.h"

/* ---- order.c: which of two edges of one object comes first ---- */
struct order {
    const struct px_graph *graph;
    uint32_t *rank; /* by name number: place of its text among all */
    uint8_t *role;  /* by name number: what it means to paths, 0: nothing */
};

enum px_status order_init(struct order *order, const struct px_graph *graph,
                          struct px_err *err);
void order_done(struct order *order);
/* Less comes first; equal keys: in the order of the stream. In a namespace
 * (a __dict__) named keys are as good as attributes. */
uint64_t order_key(const struct order *order, px_edge edge, bool in_namespace);
/* An edge to what is a part of its source in everything but memory: the
 * __dict__ of an instance, the frame of a generator. It has no length, so
 * that versions which keep the one in the other have the same paths. */
bool order_is_inner(const struct order *order, px_edge edge);
bool order_is_contents(const struct order *order, px_edge edge);

/* ---- paths.c ---- */
#define PARENT_NONE UINT32_MAX        /* not reached */
#define PARENT_ROOT (UINT32_MAX - 1u) /* a root */

struct root_at {
    px_node node;
    uint32_t root;
};

struct px_paths {
    const struct px_graph *graph;
    struct order order;
    uint32_t *parent;      /* by node: last edge of its path, or PARENT_* */
    struct root_at *roots; /* by node; the best one of each */
    size_t n_roots;
    px_node n_reached;
    uint8_t *held; /* two bits a node, enum px_held_by; NULL: all reached */
};

/* The edges of a node's path, root first, in malloced *out. */
enum px_status paths_edges(const struct px_paths *paths, px_node node,
                           px_edge **out, size_t *n, struct px_err *err);

/* ---- held.c ---- */
enum px_status held_compute(struct px_paths *paths, struct px_work *work,
                            struct px_err *err);
enum px_held_by held_get(const struct px_paths *paths, px_node node);

/* ---- cycles.c ---- */

/* By node the number of the strongly connected part that it is in; PART_NONE:
 * alone, and does not hold itself. For bulk_free; NULL on failure. */
#define PART_NONE UINT32_MAX
uint32_t *cycles_parts(const struct px_paths *paths, struct px_work *work,
                       struct px_err *err);

/* ---- circle.c ---- */

/* Searches cycles among what no root reaches; reusable. */
struct step_state;
struct cycles;
struct cycles *cycles_new(const struct px_paths *paths, struct px_err *err);
void cycles_free(struct cycles *cycles);
/* From now on only inside parts: nodes of one value in `part`, by node. */
void cycles_limit(struct cycles *cycles, const uint32_t *part);
/* The edge that closed the last cycle that was found, or PX_NONE. */
px_edge cycles_closing(const struct cycles *cycles);
/* Writes a shortest cycle through `node` as a line, "" if there is none or,
 * outside of parts, the search was too long. */
void cycles_line(struct cycles *cycles, px_node node, bool stars,
                 size_t out_bytes, char *out);
/* The same with `visit` of a machine for each step; false: none. */
bool cycles_visit(struct cycles *cycles, px_node node, bool stars,
                  void (*visit)(void *context, size_t number,
                                const struct step_state *step, px_node node,
                                px_edge edge),
                  void *context);
/* cycles_line for one node. */
void cycle_line(const struct px_paths *paths, px_node node, bool stars,
                size_t out_bytes, char *out);

/* ---- steps.c ---- */
enum step_mode {
    STEP_PLAIN,
    STEP_ROOT,
    STEP_INNER, /* stands on a __dict__; the next key may take its place */
    STEP_OWN,   /* the same, of an instance */
    STEP_CELL   /* stands on a cell; its contents take its place */
};

struct step_state {
    char text[200];
    enum step_mode mode;
    bool of_module; /* STEP_INNER of a module, STEP_ROOT whose dict is one */
    bool is_plural; /* one of many in a container that can grow */
    px_type type;   /* of the object where it stands */
    uint32_t times;
};

void step_root(const struct px_paths *paths, px_node node, bool stars,
               struct step_state *out);

/* What an edge does to the steps so far. */
enum step_effect {
    STEP_ADDS,     /* a new step */
    STEP_REPLACES, /* it takes the place of the last one */
    STEP_MERGES    /* the last one goes, and the one before is replaced */
};
/* The step by this edge after `from`, and `before` that; NULL: none. */
enum step_effect step_next(const struct px_paths *paths, bool stars,
                           const struct step_state *before,
                           const struct step_state *from, px_edge edge,
                           struct step_state *out);

/* Runs edges through step_next; `visit` gets each step when nothing can
 * change it any more. */
struct machine {
    const struct px_paths *paths;
    bool stars;
    void (*visit)(void *context, size_t number, const struct step_state *step,
                  px_node node, px_edge edge);
    void *context;
    size_t n_visited;
    unsigned n_waiting;
    struct {
        struct step_state state;
        px_node node;
        px_edge edge;
    } waiting[2];
};
/* The first step of a path; not for a cycle, which has no root. */
void machine_root(struct machine *machine, px_node node);
void machine_edge(struct machine *machine, px_edge edge);
void machine_end(struct machine *machine);

/* A line of steps, joined. */
struct line {
    size_t room;
    char *out;
    size_t used;
    bool ascii;
    bool stars;
    bool after_root;
    bool is_full; /* ends with an ellipsis: nothing is added any more */
};
void line_init(struct line *line, size_t room, char *out, bool stars,
               bool ascii);
void line_add(struct line *line, const struct step_state *step);
/* As a visitor of a machine; the context is the line. */
void line_visit(void *context, size_t number, const struct step_state *step,
                px_node node, px_edge edge);

#endif
