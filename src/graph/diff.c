/* diff.c — what changed between two snapshots of one process.
 *
 * CPython moves no object, so an address stands for the same object as long
 * as that lives. Types are compared by name: a class that was made again is
 * the same to the user. The names of both graphs are sorted together, which
 * numbers them; each node of one graph then looks up its address in the
 * other. O(N), 4 bytes a type and a bit an object.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include "graph/internal.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

struct px_diff {
    struct px_diff_type *types;
    size_t n_types;
    uint8_t *is_new; /* bitmap by node of `after` */
};

struct diff {
    const struct px_graph *graphs[2]; /* before, after */
    uint32_t *row_of[2];              /* by type: row of the result */
};

struct named_type {
    const char *name;
    px_type type;
    unsigned side;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named_type *)a)->name,
                  ((const struct named_type *)b)->name);
}

/* Fills row_of and the rows' names and sums. */
static enum px_status
match_types(struct diff *d, struct px_diff *out, struct px_err *err)
{
    size_t n = 0;
    size_t sizes[2];
    for (unsigned side = 0; side < 2; side++) {
        sizes[side] = px_graph_n_types(d->graphs[side]);
        d->row_of[side] = calloc(sizes[side] + 1, sizeof(uint32_t));
    }
    n = sizes[0] + sizes[1];
    struct named_type *names = calloc(n + 1, sizeof *names);
    out->types = calloc(n + 1, sizeof *out->types);
    if (d->row_of[0] == NULL || d->row_of[1] == NULL || names == NULL ||
        out->types == NULL) {
        free(names);
        return room_fail(err, "no memory to compare types");
    }
    for (size_t i = 0; i < n; i++) {
        unsigned side = i >= sizes[0];
        px_type type = (px_type)(side == 0 ? i : i - sizes[0]);
        names[i] = (struct named_type){px_type_name(d->graphs[side], type),
                                       type, side};
    }
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i - 1].name, names[i].name) != 0)
            out->types[out->n_types++].name = names[i].name;
        struct px_diff_type *row = &out->types[out->n_types - 1];
        const struct px_graph *graph = d->graphs[names[i].side];
        uint64_t count = px_type_count(graph, names[i].type);
        uint64_t bytes = px_type_bytes(graph, names[i].type);
        *(names[i].side == 0 ? &row->n_before : &row->n_after) += count;
        *(names[i].side == 0 ? &row->bytes_before : &row->bytes_after) += bytes;
        d->row_of[names[i].side][names[i].type] = (uint32_t)(out->n_types - 1);
    }
    free(names);
    return PX_OK;
}

/* Whether the other side has this node; the hint belongs to the side. */
static bool
is_there(const struct diff *d, unsigned side, px_node node, uint32_t row,
         struct ids_hint *hint)
{
    const struct px_graph *other = d->graphs[1 - side];
    px_node same =
        ids_find(&other->ids, ids_addr(&d->graphs[side]->ids, node), hint);
    return same != PX_NONE &&
           d->row_of[1 - side][px_node_type(other, same)] == row;
}

static enum px_status
match_nodes(const struct diff *d, struct px_diff *out, struct px_work *work,
            struct px_err *err)
{
    uint64_t reported = 0;
    for (unsigned side = 0; side < 2; side++) {
        const struct px_graph *graph = d->graphs[side];
        struct ids_hint hint = {0};
        for (px_node node = 0; node < graph->n_nodes; node++) {
            if ((node & 0xffff) == 0) {
                if (work_is_canceled(work))
                    return work_canceled(err);
                work_report(work, &reported, "diff", node, graph->n_nodes);
            }
            uint32_t row = d->row_of[side][px_node_type(graph, node)];
            if (is_there(d, side, node, row, &hint))
                continue;
            if (side == 0) {
                out->types[row].n_gone++;
            } else {
                out->types[row].n_new++;
                out->is_new[node / 8] |= (uint8_t)(1u << node % 8);
            }
        }
    }
    return PX_OK;
}

static int
compare_growth(const void *a, const void *b)
{
    const struct px_diff_type *x = a;
    const struct px_diff_type *y = b;
    int64_t left = (int64_t)(x->bytes_after - x->bytes_before);
    int64_t right = (int64_t)(y->bytes_after - y->bytes_before);
    if (left != right)
        return left > right ? -1 : 1;
    return strcmp(x->name, y->name);
}

struct px_diff *
px_diff_new(const struct px_graph *before, const struct px_graph *after,
            struct px_work *work, struct px_err *err)
{
    struct diff d = {{before, after}, {NULL, NULL}};
    struct px_diff *out = calloc(1, sizeof *out);
    enum px_status status = PX_ENOMEM;
    if (out != NULL)
        out->is_new = calloc((size_t)after->n_nodes / 8 + 1, 1);
    if (out == NULL || out->is_new == NULL)
        room_fail(err, "no memory for a diff");
    else
        status = match_types(&d, out, err);
    if (status == PX_OK)
        status = match_nodes(&d, out, work, err);
    free(d.row_of[0]);
    free(d.row_of[1]);
    if (status != PX_OK) {
        px_diff_free(out);
        return NULL;
    }
    qsort(out->types, out->n_types, sizeof *out->types, compare_growth);
    return out;
}

void
px_diff_free(struct px_diff *diff)
{
    if (diff == NULL)
        return;
    free(diff->types);
    free(diff->is_new);
    free(diff);
}

const struct px_diff_type *
px_diff_types(const struct px_diff *diff, size_t *n)
{
    *n = diff->n_types;
    return diff->types;
}

bool
px_diff_is_new(const struct px_diff *diff, px_node after)
{
    return (diff->is_new[after / 8] >> after % 8 & 1) != 0;
}
