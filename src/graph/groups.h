/* groups.h — the classes that paths fall into, for groups.c and holders.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_GROUPS_H
#define GRAPH_GROUPS_H

#include "graph/paths.h"

#define LINE_MAX_BYTES 4096
#define CACHE_SIZE 1024u

typedef uint32_t class_id; /* a parent's is less than its children's */

struct class_row {
    class_id parent; /* PX_NONE: a root or a cycle */
    uint32_t root;   /* its index, PX_NONE: not reached */
    uint32_t depth;  /* 0: no parent */
    class_id lined;  /* itself, or the ancestor whose line is full already */
    uint32_t count;  /* members of the set */
    px_node example;
    size_t text;
    px_type type;
    uint8_t mode;
    uint8_t held_by;
    bool of_module;
    bool is_run; /* times is 2 or more */
};

/* The last answers: edges of one kind or name out of one class. */
struct cached {
    uint64_t key;
    class_id from, to;
    px_type type;
};

struct grouping {
    const struct px_paths *paths;
    const struct px_graph *graph;
    class_id *class_of; /* by node: its class + 1 */
    struct class_row *rows;
    size_t n_rows, cap_rows;
    uint32_t *table; /* class + 1 */
    size_t table_size;
    struct texts texts;
    struct cached cache[CACHE_SIZE];
    px_edge *trail; /* edges on the way down */
    size_t cap_trail;
    struct cycles *cycles;
};

/* Sorts `nodes` into classes. */
struct grouping *grouping_new(const struct px_paths *paths,
                              const px_node *nodes, uint32_t n,
                              struct px_work *work, struct px_err *err);
void grouping_free(struct grouping *g);

/* The starred line of a class, malloced; for what no root reaches its cycle. */
enum px_status grouping_line(struct grouping *g, class_id class_number,
                             char **out, struct px_err *err);

/* The class ".next ×*" of a class ".next"; PX_NONE: there is none. */
class_id grouping_run_of(const struct grouping *g, class_id one);

/* ---- for other trees than that of the paths ---- */
/* The class of a root's own row. */
enum px_status grouping_root(struct grouping *g, px_node node, class_id *out,
                             struct px_err *err);
/* The class of what `edge` leads to from an object of class `from`. */
enum px_status grouping_after(struct grouping *g, class_id from, px_edge edge,
                              class_id *out, struct px_err *err);
/* The class like `row`, whose text is not looked at, with this text; its depth
 * and what has its line are filled in. */
enum px_status grouping_intern(struct grouping *g, struct class_row *row,
                               const char *text, class_id *out,
                               struct px_err *err);

#endif
