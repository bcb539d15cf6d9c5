/* object_chain.c — how an object is held: the chain of references from a root,
 * and the other ways that hold it.
 *
 * A referrer's edge is looked up when it is needed: the graph only keeps
 * inbound sources, and the edge is found among theirs. Other ways are the
 * object's other reached referrers, each with its own shortest path, unless
 * that path leads through the object itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/mem.h"
#include "tui/object.h"

#define WAYS_LOOKED_AT 2048u
#define WALK_MAX 4096u
#define WALK_COST 50u        /* a step of a path, in edges looked at */
#define WAYS_BUDGET 5000000u /* edges: some 10 ms */

/* The edge of the referrer in `row`: the k-th edge of its source to the
 * object, if the source stands k times before. */
px_edge
object_referrer_edge(const struct view *view, uint32_t row)
{
    struct object *object = view->state;
    /* A list that is sorted on the worker would share the cache with it. */
    bool has_cache = object->n_referrers <= LIST_AT_ONCE;
    if (has_cache && object->cache[row % EDGE_CACHE].row == row + 1)
        return object->cache[row % EDGE_CACHE].edge;
    px_node source = object->referrers[row];
    uint32_t skip = 0;
    while (skip < row && object->referrers[row - skip - 1] == source)
        skip++;
    px_edge first = 0, found = PX_NONE;
    uint32_t n = 0;
    px_node_referents(view_graph(view), source, &first, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (px_edge_target(view_graph(view), first + i) != view->node)
            continue;
        found = first + i;
        if (skip-- == 0)
            break;
    }
    if (has_cache) {
        object->cache[row % EDGE_CACHE].row = row + 1;
        object->cache[row % EDGE_CACHE].edge = found;
    }
    return found;
}

/* Does the path of `from` lead through the object? */
bool
object_leads_through(const struct view *view, px_node from)
{
    const struct px_paths *paths = view->snapshot->paths;
    for (uint32_t i = 0; i < WALK_MAX && from != PX_NONE; i++) {
        if (from == view->node)
            return true;
        px_edge edge = px_paths_edge(paths, from);
        if (edge == PX_NONE)
            return false;
        from = px_edge_source(view_graph(view), edge);
    }
    return true; /* too long to tell: rather left out than wrong */
}

void
object_find_ways(struct view *view)
{
    struct object *object = view->state;
    const struct px_paths *paths = view->snapshot->paths;
    px_edge best = px_paths_edge(paths, view->node);
    object->n_ways = 0;
    if (!px_paths_is_reached(paths, view->node))
        return;
    object->ways[object->n_ways++] = best;
    /* What interned strings and None are referred to by is not looked at to
     * the end: the screen must not wait. */
    uint64_t budget = WAYS_BUDGET;
    for (uint32_t row = 0; row < object->n_referrers && row < WAYS_LOOKED_AT;
         row++) {
        px_node source = object->referrers[row];
        if (object->n_ways == WAYS_MAX || best == PX_NONE)
            break;
        if (!px_paths_is_reached(paths, source))
            continue;
        px_edge first = 0;
        uint32_t n_edges = 0;
        px_node_referents(view_graph(view), source, &first, &n_edges);
        uint32_t length = px_paths_length(paths, source);
        uint64_t cost = n_edges + (uint64_t)WALK_COST *
                                      (length < WALK_MAX ? length : WALK_MAX);
        if (cost > budget)
            break;
        budget -= cost;
        px_edge edge = object_referrer_edge(view, row);
        if (edge == PX_NONE || edge == best ||
            !(px_edge_flags(view_graph(view), edge) & PX_EDGE_HOLDS) ||
            object_leads_through(view, source))
            continue;
        object->ways[object->n_ways++] = edge;
    }
}

void
object_make_chain(struct view *view)
{
    struct object *object = view->state;
    const struct px_graph *graph = view_graph(view);
    const struct px_paths *paths = view->snapshot->paths;
    object->n_steps = 0;
    if (object->n_ways == 0)
        return;
    px_edge edge = object->ways[object->way];
    bool is_best = object->way == 0;
    px_node end = is_best ? view->node : px_edge_source(graph, edge);
    if (object->steps == NULL)
        object->steps = mem_new(STEPS_MAX + 1, sizeof *object->steps);
    size_t n = px_paths_steps(paths, end, false, STEPS_MAX, object->steps);
    object->n_steps_ever = n;
    object->n_steps = (uint32_t)(n < STEPS_MAX ? n : STEPS_MAX);
    if (!is_best) {
        struct px_step *step = &object->steps[object->n_steps++];
        memset(step, 0, sizeof *step);
        px_edge_show(graph, edge, sizeof step->text, step->text);
        step->node = view->node;
        step->edge = edge;
        step->times = 1;
    }
}

static uint32_t
chain_count(const void *context)
{
    return object_of(context)->n_steps;
}

static uint64_t
chain_id(const void *context, uint32_t row)
{
    return px_node_addr(view_graph(context),
                        object_of(context)->steps[row].node);
}

static void
chain_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    (void)column;
    const struct view *view = context;
    const struct px_step *step = &object_of(context)->steps[row];
    /* The deeper the fewer blanks: long chains must still be read. */
    uint32_t indent = row < 6 ? row : 6;
    cell_addf(out, ROLE_NORMAL, "%*s", (int)(2 * indent), "");
    fact_add_step(out, view_graph(context), step, row == 0);
    if (step->node == view->node)
        cell_add(out, ROLE_GOOD, "  ‹ here");
}

static struct subject
chain_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context),
                        object_of(context)->steps[row].node);
}

static void
chain_title(const void *context, struct cell_out *out)
{
    const struct object *object = object_of(context);
    cell_add(out, ROLE_PANE, "held by");
    if (object->n_ways > 1)
        cell_addf(out, ROLE_PANE, ", way %u of %u%s  < >", object->way + 1,
                  object->n_ways, object->n_ways == WAYS_MAX ? " or more" : "");
    if (object->n_steps_ever > STEPS_MAX)
        cell_addf(out, ROLE_PANE, "  (first %d of %zu steps)", STEPS_MAX,
                  object->n_steps_ever);
}

static void
chain_empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (view->snapshot->paths == NULL) {
        snprintf(out, out_bytes, "%s", store_no_paths(view->snapshot));
        return;
    }
    char cycle[240];
    enum px_held_by held_by = px_paths_held_by(view->snapshot->paths,
                                               view->node, sizeof cycle, cycle);
    size_t used =
        (size_t)snprintf(out, out_bytes, "%s", fact_held_words(held_by));
    if (cycle[0] != '\0' && used < out_bytes) {
        char shown[240];
        px_text_escape(cycle, strlen(cycle), sizeof shown, shown);
        snprintf(out + used, out_bytes - used, ": %s", shown);
    }
}

static const struct column chain_columns[] = {
    {"HELD BY", COLUMN_TEXT, 20, 1, 0, false, 0},
};

const struct rows_ops object_chain_rows = {
    .name = "held by",
    .columns = chain_columns,
    .n_columns = 1,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = chain_count,
    .id = chain_id,
    .cell = chain_cell,
    .subject = chain_subject,
    .title = chain_title,
    .empty = chain_empty,
};
