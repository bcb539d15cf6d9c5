/* analysis.h — what is computed from a graph.
 *
 * Each analysis is one immutable object over a const graph: made by _new
 * (which may take long: cancellable, with progress, any thread), read by any
 * thread, freed before the graph. All algorithms are iterative and linear or
 * N log N; the sources are cited in the .c files.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_ANALYSIS_H
#define PX_ANALYSIS_H

#include <pyexplore/graph.h>

/* ---- shortest named path from a root to every object ----
 * One breadth-first search from all roots over edges that hold (weak and
 * alias edges are not followed). Order: root class, then length, then names;
 * never addresses or ids, so that paths stay the same between snapshots. What
 * may be a leftover on a stack comes last of all. An edge to the __dict__ or
 * the frame of an object does not lengthen a path. */
struct px_paths;
struct px_paths *px_paths_new(const struct px_graph *graph,
                              struct px_work *work, struct px_err *err);
void px_paths_free(struct px_paths *paths);

bool px_paths_is_reached(const struct px_paths *paths, px_node node);
/* Index of the root (px_graph_root) of the node's path; PX_NONE: none. */
uint32_t px_paths_root(const struct px_paths *paths, px_node node);
/* The last edge of the node's path; PX_NONE for a root itself. */
px_edge px_paths_edge(const struct px_paths *paths, px_node node);
/* The module whose __dict__ it is, if the module is the root of its path;
 * else PX_NONE. Frames hold the dict of __main__, too, so that the module does
 * not dominate it; but by its name people know it. */
px_node px_paths_module(const struct px_paths *paths, px_node node);
/* Number of edges of the path, 0 for a root. */
uint32_t px_paths_length(const struct px_paths *paths, px_node node);

/* A step as people read it: edges that Python writes as one are folded
 * (module .__dict__['x'] is `x`, instance .__dict__['x'] is `.x`), and runs
 * of the same name (.next .next …) into one step with `times`. */
struct px_step {
    char text[200];  /* ".handler", "_CONNECTIONS", "[17]" or, if `stars`,
                      * "[*]"; "serve() server.py:41" for a frame */
    px_node node;    /* where the step arrives */
    px_edge edge;    /* its last edge; PX_NONE for the root */
    uint32_t times;  /* 1, or how many equal steps were folded */
    bool is_culprit; /* the one edge to cut: where an object that is
                      * expected to live holds the first that is not */
};
/* Path from root to `node`, root first. Writes up to `max` steps, returns how
 * many there are (0: unreached). With `stars` indices, keys that are not
 * names, and addresses read `*`. */
size_t px_paths_steps(const struct px_paths *paths, px_node node, bool stars,
                      size_t max, struct px_step *out);
/* The same as one line: "module server → _CONNECTIONS[17] → .handler".
 * Returns out. `ascii` writes " -> ". */
char *px_paths_line(const struct px_paths *paths, px_node node, bool stars,
                    bool ascii, size_t out_bytes, char *out);

/* ---- the same for a set: paths merged by their starred line ---- */
enum px_held_by {
    PX_HELD_ROOT,   /* a root reaches it */
    PX_HELD_CYCLE,  /* only its own cycle: garbage that waits */
    PX_HELD_C,      /* more references than the graph has: C code */
    PX_HELD_UNKNOWN /* immortal, or the counts do not tell */
};
const char *px_held_name(enum px_held_by held_by); /* "root", "cycle", … */

struct px_path_group {
    char *line;      /* starred; for held_by cycle the cycle's edges:
                      * ".handler → .connection" */
    uint32_t count;  /* instances with this path */
    px_node example; /* the first of them */
    enum px_held_by held_by;
    uint32_t root; /* index of the root, PX_NONE if unreached */
};
struct px_path_groups {
    struct px_path_group *groups; /* most frequent first */
    size_t n_groups;
    uint64_t n_nodes; /* of the set */
};
/* Groups `nodes` by starred path. For unreached ones: their component's
 * refcounts against the edges inside the unreached part decide between
 * cycle, c and unknown. */
struct px_path_groups *px_path_groups_new(const struct px_paths *paths,
                                          const px_node *nodes, uint32_t n,
                                          struct px_work *work,
                                          struct px_err *err);
void px_path_groups_free(struct px_path_groups *groups);

/* ---- the same as a tree: who holds all of these ----
 * Paths of a set merged from their roots on. Rows are in the order of a tree
 * that is drawn open: a row, then its children, the most frequent first. What
 * no root reaches is a row of its own by how it is held, with the cycle as
 * its text ("" if there is none to name). */
struct px_holder {
    char *text;      /* the step, starred: "[*]", ".headers ×*" */
    px_type type;    /* of the object where the step arrives; PX_NONE:
                      * not reached, `example` has one of its own */
    uint32_t depth;  /* 0: a root */
    uint64_t count;  /* objects of the set at or below this row */
    uint64_t here;   /* of these: exactly here */
    px_node example; /* an object of the set at or below this row */
    enum px_held_by held_by;
};
struct px_holders {
    struct px_holder *rows;
    size_t n_rows;
    uint64_t n_nodes; /* of the set */
};
struct px_holders *px_holders_new(const struct px_paths *paths,
                                  const px_node *nodes, uint32_t n,
                                  struct px_work *work, struct px_err *err);
void px_holders_free(struct px_holders *holders);

/* How one unreached node is held, and a shortest cycle through it as a line
 * ("" if there is none, or none within some thousand objects). */
enum px_held_by px_paths_held_by(const struct px_paths *paths, px_node node,
                                 size_t out_bytes, char *cycle);

/* ---- cycles ----
 * All strongly connected parts of two or more objects (or one that holds
 * itself), equal ones together: those whose shortest cycle through their
 * first class reads the same and that are held alike. What only waits for
 * the collector comes first, then what has most bytes. */
struct px_cycle_group {
    char *line; /* ".handler → .connection" from `example` on, starred */
    struct px_step *steps; /* the same step by step, back to the example; the
                            * culprit is the cut */
    size_t n_steps;        /* 0: as `line`, and for all but the first groups */
    px_node example;       /* an object of the class that stands for them */
    px_type type;          /* of the example */
    px_edge cut;           /* closes that cycle: the one to make weak */
    enum px_held_by held_by;
    bool has_del; /* some class in it defines __del__ */
    uint64_t n_cycles;
    uint64_t n_nodes;
    uint64_t bytes;
};
struct px_cycles {
    struct px_cycle_group *groups;
    size_t n_groups;
};
struct px_cycles *px_cycles_new(const struct px_paths *paths,
                                struct px_work *work, struct px_err *err);
void px_cycles_free(struct px_cycles *cycles);

/* ---- two snapshots of one process ----
 * By type, types of one name taken together; and by object: one of the same
 * address and type is taken for the same, although its memory may have been
 * used again in between. Both graphs must outlive the diff. */
struct px_diff_type {
    const char *name;
    uint64_t n_before, n_after;
    uint64_t bytes_before, bytes_after;
    uint64_t n_new, n_gone; /* objects */
};
struct px_diff;
struct px_diff *px_diff_new(const struct px_graph *before,
                            const struct px_graph *after, struct px_work *work,
                            struct px_err *err);
void px_diff_free(struct px_diff *diff);
/* All types of either, what grew most bytes first. Borrowed. */
const struct px_diff_type *px_diff_types(const struct px_diff *diff, size_t *n);
/* True if this node of `after` was not there before. */
bool px_diff_is_new(const struct px_diff *diff, px_node after);

/* ---- growth by path, round by round ----
 * All objects of a snapshot fall into classes of one starred path and type;
 * numbers in names, lines of frames and keys do not tell classes apart. Fed
 * with one snapshot after each round of the same work, it keeps a few words a
 * class and no graph. What grew in every round is a leak; what fills up to a
 * bound, or swings, had a round in which it did not grow. */
#define PX_GROWTH_COUNTS 8
struct px_growth_row {
    char *line; /* starred path; for what no root reaches the cycle, or "" */
    const char *type; /* of the last graph */
    enum px_held_by held_by;
    px_node example; /* in the last graph */
    uint64_t n_first, n_last;
    uint64_t n_least; /* it grew by so many in each round, or more */
    uint64_t n_below; /* objects that grew with it, on paths through it */
    int64_t bytes;    /* by which all of these grew */
    /* in the last snapshots, oldest first; the last one is n_last */
    uint64_t counts[PX_GROWTH_COUNTS];
    uint32_t n_counts;
};
struct px_growth;
struct px_growth *px_growth_new(struct px_err *err);
void px_growth_free(struct px_growth *growth);
enum px_status px_growth_add(struct px_growth *growth,
                             const struct px_paths *paths, struct px_work *work,
                             struct px_err *err);
/* What grew by more than `max_growth` in every round: the object nearest to
 * the root on each path, classes of Python code first, then most bytes. NULL:
 * an error. `last` is what was added last. Borrowed until the next call. */
const struct px_growth_row *px_growth_find(struct px_growth *growth,
                                           const struct px_paths *last,
                                           uint64_t max_growth, size_t *n,
                                           struct px_err *err);

/* ---- dominators ----
 * What would go if an object went: the tree in which the parent of an object
 * is the nearest one that every way from a root to it passes. All edges that
 * hold are ways. What no root reaches hangs beside the rest, below one
 * object of each source of the unreached part. */
struct px_dominators;
struct px_dominators *px_dominators_new(const struct px_graph *graph,
                                        struct px_work *work,
                                        struct px_err *err);
void px_dominators_free(struct px_dominators *dominators);
/* PX_NONE: only the whole (or nothing) dominates it. */
px_node px_dominators_parent(const struct px_dominators *dominators,
                             px_node node);
bool px_dominators_is_reached(const struct px_dominators *dominators,
                              px_node node);
/* Bytes that would be free without this object, its own included. */
uint64_t px_dominators_retained(const struct px_dominators *dominators,
                                px_node node);
/* A lower bound for all objects of a type together: those that no other of
 * the type dominates, added up. Show it with a ≥; px_retained_set over its
 * instances is never less. */
uint64_t px_dominators_type_retained(const struct px_dominators *dominators,
                                     px_type type);
/* Children, the one that retains most first; of PX_NONE: the top. *out is
 * malloced. Reads all objects: O(N), some milliseconds for millions. */
enum px_status px_dominators_children(const struct px_dominators *dominators,
                                      px_node node, px_node **out, uint32_t *n,
                                      struct px_err *err);

/* Exactly what a set retains together: all that no root reaches any more
 * without it, itself included; and of what none reached before, all that the
 * beginnings of the unreached part (as in the tree of dominators) do not. */
struct px_retained {
    uint64_t bytes;
    uint64_t objects;
};
enum px_status px_retained_set(const struct px_graph *graph,
                               const px_node *nodes, uint32_t n,
                               struct px_work *work, struct px_retained *out,
                               struct px_err *err);

/* ---- strays: what nothing refers to ----
 * Objects that only the allocator knows (PX_NODE_STRAY) and no other refers
 * to, by type: atoms whose reference C code holds or has lost. A snapshot has
 * them where px_graph_blocks is KNOWN. */
struct px_stray {
    px_type type;
    uint32_t count;
    uint64_t bytes;
    px_node example;
};
struct px_strays {
    struct px_stray *rows; /* most first */
    size_t n_rows;
    uint64_t count;
    uint64_t bytes;
};
struct px_strays *px_strays_new(const struct px_graph *graph,
                                struct px_err *err);
void px_strays_free(struct px_strays *strays);

/* ---- equal strings ----
 * str and bytes objects of one type, value and size, as far as previews tell:
 * of longer ones the first PX_PREVIEW_TEXT_MAX bytes and the length. A
 * snapshot without values has none, and secret ones are left out. */
struct px_duplicate {
    px_node example;
    uint32_t count;
    uint64_t bytes;  /* of all of them */
    uint64_t wasted; /* without one of them */
    bool is_part;    /* only their beginnings were compared */
    char *line;      /* how most of them are held: starred path, or cycle */
    enum px_held_by held_by;
    uint32_t held_count; /* so many of them */
};
struct px_duplicates {
    struct px_duplicate *rows; /* what wastes most first */
    size_t n_rows;
    size_t n_all;    /* without `max_rows` */
    uint64_t count;  /* of all, in objects */
    uint64_t wasted; /* of all, in bytes */
    bool has_values; /* false: the snapshot has no previews */
};
/* `max_rows` 0: all. */
struct px_duplicates *px_duplicates_new(const struct px_paths *paths,
                                        size_t max_rows, struct px_work *work,
                                        struct px_err *err);
void px_duplicates_free(struct px_duplicates *duplicates);

/* ---- retained sizes as stacks, for flame graphs ----
 * The dominator tree folded by names: a frame is a step, starred, and the
 * type where it arrives ("[*] -> Connection"); the bytes of a line are those
 * of the objects right there, so that a frame with all above it is what those
 * objects retain. Whatever more than one way leads to from an object has only
 * a type. Bytes are exact: the lines add up to `bytes`. */
struct px_flame_line {
    char *text; /* "module server;_CONNECTIONS → list;[*] → Connection" */
    uint64_t bytes;
};
struct px_flame {
    struct px_flame_line *lines; /* most bytes first */
    size_t n_lines;
    size_t n_frames; /* in the lines */
    size_t n_all;    /* there would be without `max_frames` */
    uint64_t bytes;
};
/* Of all objects (`nodes` NULL), or of what these objects dominate. The
 * `max_frames` that retain most stay frames of their own (0: all), the others
 * count for the frame that they are in. */
struct px_flame *px_flame_new(const struct px_paths *paths,
                              const struct px_dominators *dominators,
                              const px_node *nodes, uint32_t n,
                              size_t max_frames, struct px_work *work,
                              struct px_err *err);
void px_flame_free(struct px_flame *flame);

/* ---- a small part of the graph, to be drawn ---- */
/* X(member, name, what it shows) */
#define PX_PART_LIST(X)                                                        \
    X(PATH, "path", "what keeps it alive: its path from a root")               \
    X(HOLDERS, "holders", "the paths of all of them, merged")                  \
    X(REFERRERS, "referrers", "what refers to it, level by level")             \
    X(REFERENTS, "referents", "what it refers to, level by level")
enum px_part_shape {
#define X(member, name, help) PX_PART_##member,
    PX_PART_LIST(X)
#undef X
        PX_PART_END
};
const char *px_part_name(enum px_part_shape shape);

struct px_part_node {
    px_node node;    /* itself, or one of those that it stands for */
    px_type type;    /* of what stands here */
    char *title;     /* of a root: "module server"; NULL: no root */
    uint64_t count;  /* 1, or so many of the set have this path */
    uint64_t n_more; /* references that are left out here */
    bool is_start;
    bool is_merged; /* of holders: stands for all objects on equal steps, and
                     * `node` is one of the set, at or below this row */
};
struct px_part_edge {
    uint32_t from, to; /* in nodes */
    px_edge edge;      /* the last that the step is made of; PX_NONE: many */
    char *text;        /* as a step of a path: "_CONNECTIONS", ".next" */
    uint32_t times;
    bool is_culprit;
};
struct px_part {
    struct px_part_node *nodes;
    size_t n_nodes;
    struct px_part_edge *edges;
    size_t n_edges;
    bool is_cut; /* by one of the limits */
};
/* At most `max_nodes` (0: no limit); `levels` is for what refers or is
 * referred to. */
struct px_part *px_part_new(const struct px_paths *paths,
                            enum px_part_shape shape, const px_node *nodes,
                            uint32_t n, size_t max_nodes, unsigned levels,
                            struct px_work *work, struct px_err *err);
void px_part_free(struct px_part *part);

/* ---- counted references of one object ---- */
struct px_refs {
    uint64_t refcount; /* as the object says */
    uint64_t named;    /* inbound edges that count */
    uint64_t unnamed;  /* of these: kind UNNAMED */
    uint64_t maybe;    /* words of running stacks that look like it; not in
                        * `named`, perhaps in `outside` */
    int64_t outside;   /* refcount - named: held by C code or the running
                        * stack; meaningless if !known or !whole */
    bool known;        /* false for immortal objects */
    bool whole;        /* false: the snapshot is cut, so are its edges */
};
void px_node_refs(const struct px_graph *graph, px_node node,
                  struct px_refs *out);

#endif
