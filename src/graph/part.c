/* part.c — a small part of the graph, to be drawn.
 *
 * Rows are found by the object that they stand for, so that ways which meet
 * meet in the drawing. What refers (is referred to) is searched breadth
 * first, from each object at most FANOUT references, so that one list of a
 * million objects does not take all the room; what is left out is counted.
 * Roots end the search: what refers to a module is the interpreter.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"
#include "graph/room.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FANOUT 24u
#define STARTS_MAX 8u /* of a type, where each is searched from */
#define WAYS_MAX 24u  /* groups of paths of a type */
#define STEPS_MAX 256u

struct drawing {
    const struct px_paths *paths;
    const struct px_graph *graph;
    struct px_part *part;
    size_t cap_nodes, cap_edges;
    size_t max_nodes;
    uint32_t *row_of; /* by node: its row + 1 */
    /* the object whose references are being visited */
    uint32_t at;
    unsigned taken;
    enum px_status status;
    struct px_err *err;
};

const char *
px_part_name(enum px_part_shape shape)
{
    static const char *const names[] = {
#define X(member, name, help) [PX_PART_##member] = name,
        PX_PART_LIST(X)
#undef X
    };
    return names[shape];
}

/* ---- rows ---- */
static enum px_status
add_row(struct drawing *d, px_node node, uint32_t *out)
{
    enum px_status status =
        rows_need(&d->part->nodes, d->part->n_nodes, &d->cap_nodes,
                  sizeof *d->part->nodes, d->err);
    if (status != PX_OK)
        return status;
    *out = (uint32_t)d->part->n_nodes++;
    d->part->nodes[*out] = (struct px_part_node){
        .node = node, .type = px_node_type(d->graph, node), .count = 1};
    return PX_OK;
}

static enum px_status
add_title(struct drawing *d, uint32_t row, const char *text)
{
    d->part->nodes[row].title = strdup(text);
    return d->part->nodes[row].title != NULL
               ? PX_OK
               : room_fail(d->err, "no memory for a drawing");
}

/* The row of an object, a new one if there is room; PX_AGAIN: there is none. */
static enum px_status
need_row(struct drawing *d, px_node node, uint32_t *out)
{
    if (d->row_of[node] != 0) {
        assert(d->part->nodes != NULL);
        *out = d->row_of[node] - 1;
        return PX_OK;
    }
    if (d->max_nodes != 0 && d->part->n_nodes >= d->max_nodes) {
        d->part->is_cut = true;
        return PX_AGAIN;
    }
    enum px_status status = add_row(d, node, out);
    if (status != PX_OK)
        return status;
    d->row_of[node] = *out + 1;
    if (d->paths->parent[node] != PARENT_ROOT)
        return PX_OK;
    struct step_state root;
    step_root(d->paths, node, false, &root);
    return add_title(d, *out, root.text);
}

static enum px_status
add_edge(struct drawing *d, const struct px_part_edge *edge, const char *text)
{
    enum px_status status =
        rows_need(&d->part->edges, d->part->n_edges, &d->cap_edges,
                  sizeof *d->part->edges, d->err);
    char *copy = status == PX_OK ? strdup(text) : NULL;
    if (copy == NULL)
        return room_fail(d->err, "no memory for a drawing");
    d->part->edges[d->part->n_edges] = *edge;
    d->part->edges[d->part->n_edges++].text = copy;
    return PX_OK;
}

/* ---- paths ---- */
static enum px_status
draw_steps(struct drawing *d, const struct px_step *steps, size_t n)
{
    uint32_t before = 0, now = 0;
    size_t have = d->part->n_nodes;
    for (size_t i = 0; i < n; i++) {
        bool is_known = d->row_of[steps[i].node] != 0;
        enum px_status status = need_row(d, steps[i].node, &now);
        if (status != PX_OK)
            return status;
        struct px_part_edge edge = {.from = before,
                                    .to = now,
                                    .edge = steps[i].edge,
                                    .times = steps[i].times,
                                    .is_culprit = steps[i].is_culprit};
        before = now;
        /* the beginning that another path has drawn */
        if (i == 0 || (is_known && now < have))
            continue;
        status = add_edge(d, &edge, steps[i].text);
        if (status != PX_OK)
            return status;
    }
    return PX_OK;
}

/* A path that does not fit loses its middle: both its ends are answers. */
static enum px_status
draw_path(struct drawing *d, px_node node, uint64_t count)
{
    uint32_t row;
    enum px_status status = PX_OK;
    size_t n = px_paths_steps(d->paths, node, false, 0, NULL);
    if (n == 0 && px_paths_is_reached(d->paths, node))
        return room_fail(d->err, "no memory for a drawing");
    if (n > 0) {
        struct px_step *steps = malloc(n * sizeof *steps);
        if (steps == NULL ||
            px_paths_steps(d->paths, node, false, n, steps) != n) {
            free(steps);
            return room_fail(d->err, "no memory for a drawing");
        }
        size_t max = d->max_nodes == 0 || d->max_nodes > STEPS_MAX
                         ? STEPS_MAX
                         : d->max_nodes;
        if (n > max && max >= 2) {
            memmove(steps + max / 2, steps + n - (max - max / 2),
                    (max - max / 2) * sizeof *steps);
            snprintf(steps[max / 2].text, sizeof steps[0].text, "… %zu steps …",
                     n - max + 1);
            steps[max / 2].edge = PX_NONE;
            n = max;
            d->part->is_cut = true;
        }
        status = draw_steps(d, steps, n);
        free(steps);
    }
    if (status == PX_OK)
        status = need_row(d, node, &row);
    if (status != PX_OK)
        return status;
    d->part->nodes[row].is_start = true;
    d->part->nodes[row].count = count;
    return PX_OK;
}

static enum px_status
draw_paths(struct drawing *d, const px_node *nodes, uint32_t n,
           struct px_work *work)
{
    if (n == 1)
        return draw_path(d, nodes[0], 1);
    struct px_path_groups *groups =
        px_path_groups_new(d->paths, nodes, n, work, d->err);
    if (groups == NULL)
        return d->err->status;
    enum px_status status = PX_OK;
    d->part->is_cut = groups->n_groups > WAYS_MAX;
    for (size_t i = 0; status == PX_OK && i < groups->n_groups && i < WAYS_MAX;
         i++)
        status =
            draw_path(d, groups->groups[i].example, groups->groups[i].count);
    px_path_groups_free(groups);
    return status;
}

/* ---- holders: rows are classes, not objects ---- */
static enum px_status
draw_holder(struct drawing *d, const struct px_holder *holder, uint32_t parent,
            uint32_t *row)
{
    enum px_status status = add_row(d, holder->example, row);
    if (status != PX_OK)
        return status;
    struct px_part_node *node = &d->part->nodes[*row];
    node->count = holder->count;
    node->is_start = holder->here > 0;
    node->is_merged = true;
    if (holder->type != PX_NONE)
        node->type = holder->type;
    if (holder->held_by != PX_HELD_ROOT) {
        char text[PX_ERR_TEXT];
        snprintf(text, sizeof text, "held_by: %s%s%s",
                 px_held_name(holder->held_by),
                 holder->text[0] != '\0' ? "  " : "", holder->text);
        return add_title(d, *row, text);
    }
    if (holder->depth == 0)
        return add_title(d, *row, holder->text);
    struct px_part_edge edge = {
        .from = parent, .to = *row, .edge = PX_NONE, .times = 1};
    return add_edge(d, &edge, holder->text);
}

static enum px_status
draw_holders(struct drawing *d, const px_node *nodes, uint32_t n,
             struct px_work *work)
{
    struct px_holders *holders =
        px_holders_new(d->paths, nodes, n, work, d->err);
    if (holders == NULL)
        return d->err->status;
    enum px_status status = PX_OK;
    /* the last row of each depth, and whether it is drawn */
    uint32_t *last = calloc(holders->n_rows + 1, sizeof *last);
    if (last == NULL) {
        px_holders_free(holders);
        return room_fail(d->err, "no memory for a drawing");
    }
    for (size_t i = 0; status == PX_OK && i < holders->n_rows; i++) {
        const struct px_holder *holder = &holders->rows[i];
        if (d->max_nodes != 0 && i >= d->max_nodes) {
            d->part->is_cut = true;
            break;
        }
        status = draw_holder(d, holder,
                             holder->depth > 0 ? last[holder->depth - 1] : 0,
                             &last[holder->depth]);
        if (status == PX_OK)
            d->part->nodes[i].node = holder->example;
    }
    free(last);
    px_holders_free(holders);
    return status;
}

/* ---- what refers, what is referred to ---- */
static bool
take_edge(struct drawing *d, px_edge edge, px_node other, bool inbound)
{
    char text[256];
    uint32_t row;
    if (d->taken >= FANOUT) {
        d->part->nodes[d->at].n_more++;
        return true;
    }
    enum px_status status = need_row(d, other, &row);
    if (status == PX_AGAIN) {
        d->part->nodes[d->at].n_more++;
        return true;
    }
    d->taken++;
    struct px_part_edge drawn = {.from = inbound ? row : d->at,
                                 .to = inbound ? d->at : row,
                                 .edge = edge,
                                 .times = 1};
    if (status == PX_OK)
        status = add_edge(d, &drawn,
                          px_edge_show(d->graph, edge, sizeof text, text));
    d->status = status;
    return status == PX_OK;
}

static bool
take_inbound(void *context, px_edge edge)
{
    struct drawing *d = context;
    return take_edge(d, edge, px_edge_source(d->graph, edge), true);
}

static void
take_references(struct drawing *d, px_node node, bool inbound)
{
    px_edge first;
    uint32_t n;
    d->taken = 0;
    if (inbound) {
        px_node_each_inbound(d->graph, node, take_inbound, d);
        return;
    }
    px_node_referents(d->graph, node, &first, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (!take_edge(d, first + i, px_edge_target(d->graph, first + i),
                       false))
            return;
    }
}

static enum px_status
draw_references(struct drawing *d, const px_node *nodes, uint32_t n,
                unsigned levels, bool inbound, struct px_work *work)
{
    uint32_t row = 0;
    uint64_t reported = 0;
    for (uint32_t i = 0; i < n && i < STARTS_MAX; i++) {
        enum px_status status = need_row(d, nodes[i], &row);
        if (status != PX_OK)
            return status == PX_AGAIN ? PX_OK : status;
        d->part->nodes[row].is_start = true;
    }
    d->part->is_cut = n > STARTS_MAX;
    size_t end = d->part->n_nodes; /* of this level */
    for (size_t i = 0; levels > 0 && i < d->part->n_nodes; i++) {
        if (work_is_canceled(work))
            return work_canceled(d->err);
        work_report(work, &reported, "drawing", i, d->part->n_nodes);
        if (i == end) {
            end = d->part->n_nodes;
            if (--levels == 0)
                break;
        }
        const struct px_part_node *node = &d->part->nodes[i];
        if (node->title != NULL && !node->is_start)
            continue;
        d->at = (uint32_t)i;
        take_references(d, node->node, inbound);
        if (d->status != PX_OK)
            return d->status;
        d->part->is_cut |= d->part->nodes[i].n_more > 0;
    }
    return PX_OK;
}

struct px_part *
px_part_new(const struct px_paths *paths, enum px_part_shape shape,
            const px_node *nodes, uint32_t n, size_t max_nodes, unsigned levels,
            struct px_work *work, struct px_err *err)
{
    struct px_err unseen = {.status = PX_OK};
    enum px_status status = PX_ENOMEM;
    struct drawing d = {.paths = paths,
                        .graph = paths->graph,
                        .part = calloc(1, sizeof *d.part),
                        .max_nodes = max_nodes,
                        .err = err != NULL ? err : &unseen};
    d.row_of = calloc((size_t)d.graph->n_nodes + 1, sizeof *d.row_of);
    if (d.part == NULL || d.row_of == NULL) {
        px_fail(d.err, PX_ENOMEM, "no memory for a drawing");
        goto out;
    }
    switch (shape) {
    case PX_PART_PATH:
        status = draw_paths(&d, nodes, n, work);
        break;
    case PX_PART_HOLDERS:
        status = draw_holders(&d, nodes, n, work);
        break;
    case PX_PART_REFERRERS:
    case PX_PART_REFERENTS:
    case PX_PART_END:
        status = draw_references(&d, nodes, n, levels,
                                 shape == PX_PART_REFERRERS, work);
        break;
    }
    if (status == PX_AGAIN) /* no room for the next path */
        status = PX_OK;
out:
    free(d.row_of);
    if (status != PX_OK) {
        px_part_free(d.part);
        return NULL;
    }
    return d.part;
}

void
px_part_free(struct px_part *part)
{
    if (part == NULL)
        return;
    for (size_t i = 0; i < part->n_nodes; i++)
        free(part->nodes[i].title);
    for (size_t i = 0; i < part->n_edges; i++)
        free(part->edges[i].text);
    free(part->nodes);
    free(part->edges);
    free(part);
}
