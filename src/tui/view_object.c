/* view_object.c — one object: how it is held, what it is, what it holds.
 *
 * Four panes: the chain from a root, the facts, its referrers and its
 * referents. A referrer's edge is looked up when its row is drawn: the graph
 * only keeps inbound sources, and the edge is found among theirs. Other ways
 * that hold the object are its other reached referrers, each with its own
 * shortest path, unless that path leads through the object itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/mem.h"

#define STEPS_MAX 256
#define WAYS_MAX 64
#define WAYS_LOOKED_AT 2048u
#define WALK_MAX 4096u
#define WALK_COST 50u        /* a step of a path, in edges looked at */
#define WAYS_BUDGET 5000000u /* edges: some 10 ms */
#define FACTS_MAX 8
#define EDGE_CACHE 256u

enum { PANE_CHAIN, PANE_SUBJECT, PANE_REFERRERS, PANE_REFERENTS };

struct fact {
    struct cell_out text;
    struct subject subject;
};

struct object {
    struct px_step *steps;
    uint32_t n_steps;
    size_t n_steps_ever; /* more than n_steps: the middle is left out */
    px_edge ways[WAYS_MAX];
    uint32_t n_ways;
    uint32_t way;
    struct fact facts[FACTS_MAX];
    uint32_t n_facts;
    const px_node *referrers;
    uint32_t n_referrers;
    px_edge first_referent;
    uint32_t n_referents;
    struct {
        uint32_t row; /* + 1; 0: free */
        px_edge edge;
    } cache[EDGE_CACHE];
};

static struct object *
object_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static const struct px_graph *
graph_of(const void *context)
{
    return ((const struct view *)context)->snapshot->graph;
}

static struct subject
subject_node(const struct px_graph *graph, px_node node)
{
    if (node == PX_NONE)
        return (struct subject){.kind = SUBJECT_NONE};
    return (struct subject){
        .kind = SUBJECT_NODE, .type = px_node_type(graph, node), .node = node};
}

/* ---- chain ---- */

/* The edge of the referrer in `row`: the k-th edge of its source to the
 * object, if the source stands k times before. */
static px_edge
referrer_edge(const struct view *view, uint32_t row)
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
    px_node_referents(graph_of(view), source, &first, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (px_edge_target(graph_of(view), first + i) != view->node)
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
static bool
leads_through(const struct view *view, px_node from)
{
    const struct px_paths *paths = view->snapshot->paths;
    for (uint32_t i = 0; i < WALK_MAX && from != PX_NONE; i++) {
        if (from == view->node)
            return true;
        px_edge edge = px_paths_edge(paths, from);
        if (edge == PX_NONE)
            return false;
        from = px_edge_source(graph_of(view), edge);
    }
    return true; /* too long to tell: rather left out than wrong */
}

static void
find_ways(struct view *view)
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
        px_node_referents(graph_of(view), source, &first, &n_edges);
        uint32_t length = px_paths_length(paths, source);
        uint64_t cost = n_edges + (uint64_t)WALK_COST *
                                      (length < WALK_MAX ? length : WALK_MAX);
        if (cost > budget)
            break;
        budget -= cost;
        px_edge edge = referrer_edge(view, row);
        if (edge == PX_NONE || edge == best ||
            !(px_edge_flags(graph_of(view), edge) & PX_EDGE_HOLDS) ||
            leads_through(view, source))
            continue;
        object->ways[object->n_ways++] = edge;
    }
}

static void
make_chain(struct view *view)
{
    struct object *object = view->state;
    const struct px_graph *graph = graph_of(view);
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
    return px_node_addr(graph_of(context), object_of(context)->steps[row].node);
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
    cell_add(out, ROLE_WARN, step->is_culprit ? "▶ " : "");
    cell_add(out, row == 0 ? ROLE_STRONG : ROLE_NAME, step->text);
    if (step->times > 1)
        cell_addf(out, ROLE_DIM, " ×%u", step->times);
    if (row > 0) {
        cell_add(out, ROLE_DIM, " → ");
        fact_add_object(out, graph_of(context), step->node);
    }
    if (step->node == view->node)
        cell_add(out, ROLE_GOOD, "  ‹ here");
}

static struct subject
chain_subject(const void *context, uint32_t row)
{
    return subject_node(graph_of(context), object_of(context)->steps[row].node);
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

/* ---- facts ---- */

static struct cell_out *
fact_add(struct object *object)
{
    struct fact *fact = &object->facts[object->n_facts++];
    cell_clear(&fact->text);
    fact->subject.kind = SUBJECT_NONE;
    return &fact->text;
}

static void
add_refcount(struct view *view)
{
    struct px_refs refs;
    char all[PX_FIGURE_MAX], named[PX_FIGURE_MAX], rest[PX_FIGURE_MAX];
    struct cell_out *out = fact_add(view->state);
    px_node_refs(graph_of(view), view->node, &refs);
    if (px_node_flags(graph_of(view), view->node) & PX_NODE_SYNTHETIC) {
        cell_add(out, ROLE_NORMAL, "no Python object: it stands for a root");
        return;
    }
    if (!refs.known) {
        cell_add(out, ROLE_NORMAL, "immortal: it has no refcount");
        return;
    }
    cell_addf(out, ROLE_NORMAL, "refcount %s = %s in the graph",
              px_text_count(refs.refcount, all),
              px_text_count(refs.named, named));
    if (refs.outside > 0)
        cell_addf(out, ROLE_WARN, " + %s by C or the stack",
                  px_text_count((uint64_t)refs.outside, rest));
    else if (refs.outside < 0)
        cell_addf(out, ROLE_DIM, " − %s counted twice",
                  px_text_count((uint64_t)-refs.outside, rest));
}

static void
make_facts(struct view *view)
{
    struct object *object = view->state;
    const struct px_graph *graph = graph_of(view);
    unsigned flags = px_node_flags(graph, view->node);
    char size[PX_FIGURE_MAX];
    object->n_facts = 0;
    struct cell_out *out = fact_add(object);
    cell_addf(out, ROLE_NORMAL, "%s%s",
              px_text_bytes(px_node_bytes(graph, view->node), size),
              flags & PX_NODE_APPROXIMATE ? ", about" : "");
    if (flags & PX_NODE_BAD)
        cell_add(out, ROLE_ERROR, "  could not be read");
    add_refcount(view);
    out = fact_add(object);
    cell_add(out, ROLE_NORMAL, fact_generation(px_node_gen(graph, view->node)));
    struct cell_out what;
    cell_clear(&what);
    fact_add_what(&what, graph, view->node);
    if (what.len > 0)
        *fact_add(object) = what;
    out = fact_add(object);
    cell_add(out, ROLE_DIM, "class ");
    cell_add(out, fact_type_role(graph, view->type),
             px_type_name(graph, view->type));
    object->facts[object->n_facts - 1].subject =
        (struct subject){.kind = SUBJECT_TYPE, .type = view->type};
}

static uint32_t
facts_count(const void *context)
{
    return object_of(context)->n_facts;
}

static uint64_t
facts_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
facts_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    (void)column;
    *out = object_of(context)->facts[row].text;
}

static struct subject
facts_subject(const void *context, uint32_t row)
{
    return object_of(context)->facts[row].subject;
}

static void
facts_title(const void *context, struct cell_out *out)
{
    const struct view *view = context;
    cell_addf(out, ROLE_PANE, "%s  %llx",
              fact_last_part(px_type_name(graph_of(view), view->type)),
              (unsigned long long)px_node_addr(graph_of(view), view->node));
}

/* ---- referrers ---- */

static uint32_t
referrers_count(const void *context)
{
    return object_of(context)->n_referrers;
}

/* One source may refer twice: its address, and which time it is. */
static uint64_t
referrers_id(const void *context, uint32_t row)
{
    const struct object *object = object_of(context);
    uint64_t again = 0;
    while (again < row && again < 7 &&
           object->referrers[row - again - 1] == object->referrers[row])
        again++;
    return px_node_addr(graph_of(context), object->referrers[row]) + again;
}

static bool
refers_back(const struct view *view, px_node source)
{
    const struct object *object = view->state;
    for (uint32_t i = 0; i < object->n_referents && i < 256; i++) {
        if (px_edge_target(graph_of(view), object->first_referent + i) ==
            source)
            return true;
    }
    return false;
}

/* Where the referrer itself is held, unless that is through this object. */
static void
add_where(const struct view *view, px_node source, struct cell_out *out)
{
    const struct px_paths *paths = view->snapshot->paths;
    if (paths == NULL || !px_paths_is_reached(paths, source) ||
        leads_through(view, source))
        return;
    cell_add(out, ROLE_DIM, "  ");
    fact_add_path(out, ROLE_DIM, paths, source);
}

static void
referrers_cell(const void *context, uint32_t row, int column,
               struct cell_out *out)
{
    const struct view *view = context;
    const struct px_graph *graph = graph_of(context);
    px_node source = object_of(context)->referrers[row];
    px_edge edge = referrer_edge(view, row);
    if (column == 0) {
        char name[240] = "?";
        if (edge != PX_NONE)
            px_edge_show(graph, edge, sizeof name, name);
        cell_add(out, ROLE_NAME, name);
        cell_add(out, ROLE_DIM, " of ");
        fact_add_object(out, graph, source);
        add_where(view, source, out);
        return;
    }
    unsigned flags = edge != PX_NONE ? px_edge_flags(graph, edge) : 0;
    if (!(flags & PX_EDGE_HOLDS))
        cell_add(out, ROLE_DIM, "weak");
    else if (!(flags & PX_EDGE_COUNTS))
        cell_add(out, ROLE_DIM, "maybe");
    else if (refers_back(view, source))
        cell_add(out, ROLE_WARN, "cycle");
}

static struct subject
referrers_subject(const void *context, uint32_t row)
{
    return subject_node(graph_of(context), object_of(context)->referrers[row]);
}

static void
referrers_title(const void *context, struct cell_out *out)
{
    char count[PX_FIGURE_MAX];
    cell_addf(out, ROLE_PANE, "referred to by  %s",
              px_text_count(object_of(context)->n_referrers, count));
}

static void
referrers_empty(const void *context, size_t out_bytes, char *out)
{
    (void)context;
    snprintf(out, out_bytes, "no object of the graph refers to it");
}

/* ---- referents ---- */

static uint32_t
referents_count(const void *context)
{
    return object_of(context)->n_referents;
}

static uint64_t
referents_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
referents_cell(const void *context, uint32_t row, int column,
               struct cell_out *out)
{
    const struct px_graph *graph = graph_of(context);
    px_edge edge = object_of(context)->first_referent + row;
    px_node target = px_edge_target(graph, edge);
    if (column == 1) {
        cell_bytes(out, px_node_bytes(graph, target));
        return;
    }
    char name[240];
    px_edge_show(graph, edge, sizeof name, name);
    cell_add(out,
             px_edge_flags(graph, edge) & PX_EDGE_HOLDS ? ROLE_NAME : ROLE_DIM,
             name);
    cell_add(out, ROLE_DIM, " → ");
    fact_add_object(out, graph, target);
}

static struct subject
referents_subject(const void *context, uint32_t row)
{
    px_edge edge = object_of(context)->first_referent + row;
    return subject_node(graph_of(context),
                        px_edge_target(graph_of(context), edge));
}

static uint64_t
referents_total(const void *context, int column)
{
    const struct object *object = object_of(context);
    uint64_t sum = 0;
    (void)column;
    for (uint32_t i = 0; i < object->n_referents; i++)
        sum += px_node_bytes(
            graph_of(context),
            px_edge_target(graph_of(context), object->first_referent + i));
    return sum;
}

static void
referents_title(const void *context, struct cell_out *out)
{
    char count[PX_FIGURE_MAX];
    cell_addf(out, ROLE_PANE, "refers to  %s",
              px_text_count(object_of(context)->n_referents, count));
}

static void
referents_empty(const void *context, size_t out_bytes, char *out)
{
    (void)context;
    snprintf(out, out_bytes, "it refers to no other object");
}

/* ---- the view ---- */

static void
changed(struct view *view)
{
    make_facts(view);
    if (view->snapshot->paths != NULL) {
        find_ways(view);
        make_chain(view);
    }
}

static enum px_status
open_object(struct view *view, struct px_err *err)
{
    struct object *object = view->state;
    if (view->node == PX_NONE)
        return px_fail(err, PX_EINVAL, "an object needs an address");
    object->referrers =
        px_node_referrers(graph_of(view), view->node, &object->n_referrers);
    px_node_referents(graph_of(view), view->node, &object->first_referent,
                      &object->n_referents);
    changed(view);
    return PX_OK;
}

static void
close_object(struct view *view)
{
    free(((struct object *)view->state)->steps);
}

static bool
act(struct view *view, enum action_id action, const char *arg,
    unsigned *reaction)
{
    struct object *object = view->state;
    (void)arg;
    if (action != ACT_WAY_NEXT && action != ACT_WAY_BEFORE)
        return false;
    *reaction = REACT_DRAW;
    if (object->n_ways < 2) {
        app_say(view->app, ROLE_NORMAL, "no other way holds it");
        return true;
    }
    object->way =
        (object->way + (action == ACT_WAY_NEXT ? 1 : object->n_ways - 1)) %
        object->n_ways;
    list_stop(&view->lists[PANE_CHAIN]);
    make_chain(view);
    list_refresh(&view->lists[PANE_CHAIN]);
    list_move_to(&view->lists[PANE_CHAIN], object->n_steps);
    return true;
}

static void
crumb(const struct view *view, struct cell_out *out)
{
    const char *type = px_type_name(graph_of(view), view->type);
    cell_addf(out, ROLE_CRUMB, "types › %s › %llx", fact_last_part(type),
              (unsigned long long)px_node_addr(graph_of(view), view->node));
}

static void
layout(const struct view *view, struct rect area, struct rect out[VIEW_PANES])
{
    int n_facts = (int)((const struct object *)view->state)->n_facts + 1;
    if (area.cols >= 100) {
        int left = (area.cols - 2) * 36 / 100;
        int right = (area.cols - 2) * 30 / 100;
        int middle = area.cols - 2 - left - right;
        int top = n_facts + 1 < area.rows / 2 ? n_facts + 1 : area.rows / 2;
        out[PANE_CHAIN] = (struct rect){area.row, area.col, area.rows, left};
        out[PANE_SUBJECT] =
            (struct rect){area.row, area.col + left + 1, top, middle};
        out[PANE_REFERRERS] = (struct rect){area.row + top, area.col + left + 1,
                                            area.rows - top, middle};
        out[PANE_REFERENTS] = (struct rect){
            area.row, area.col + left + middle + 2, area.rows, right};
        return;
    }
    if (area.cols >= 60) {
        int left = (area.cols - 1) / 2, right = area.cols - 1 - left;
        int top = area.rows * 2 / 5;
        if (top < n_facts && n_facts < area.rows / 2)
            top = n_facts;
        int below = area.rows - top;
        out[PANE_CHAIN] = (struct rect){area.row, area.col, top, left};
        out[PANE_SUBJECT] =
            (struct rect){area.row, area.col + left + 1, top, right};
        out[PANE_REFERRERS] =
            (struct rect){area.row + top, area.col, below, left};
        out[PANE_REFERENTS] =
            (struct rect){area.row + top, area.col + left + 1, below, right};
        return;
    }
    /* One below the other; the one with the focus has the most room. */
    int small = area.rows / 6 > 2 ? area.rows / 6 : 2;
    int row = area.row;
    for (int i = 0; i < VIEW_PANES; i++) {
        int rows = i == view->focus ? area.rows - 3 * small : small;
        int left = area.row + area.rows - row;
        if (rows > left || rows < 0)
            rows = left;
        out[i] = (struct rect){row, area.col, rows, area.cols};
        row += rows;
    }
}

static const struct column chain_columns[] = {
    {"HELD BY", COLUMN_TEXT, 20, 1, 0, false},
};
static const struct column facts_columns[] = {
    {"OBJECT", COLUMN_TEXT, 20, 1, 0, false},
};
static const struct column referrers_columns[] = {
    {"REFERRED TO BY", COLUMN_TEXT, 20, 1, 0, false},
    {"", COLUMN_TEXT, 5, 0, 1, false},
};
static const struct column referents_columns[] = {
    {"REFERS TO", COLUMN_TEXT, 18, 1, 0, false},
    {"SIZE", COLUMN_BYTES, 9, 0, 1, false},
};

static const struct rows_ops chain_rows = {
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
static const struct rows_ops facts_rows = {
    .name = "object",
    .columns = facts_columns,
    .n_columns = 1,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = facts_count,
    .id = facts_id,
    .cell = facts_cell,
    .subject = facts_subject,
    .title = facts_title,
};
static const struct rows_ops referrers_rows = {
    .name = "referred to by",
    .columns = referrers_columns,
    .n_columns = 2,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = referrers_count,
    .id = referrers_id,
    .cell = referrers_cell,
    .subject = referrers_subject,
    .title = referrers_title,
    .empty = referrers_empty,
};
static const struct rows_ops referents_rows = {
    .name = "refers to",
    .columns = referents_columns,
    .n_columns = 2,
    .sort = -1,
    .figure = 1,
    .bare = true,
    .count = referents_count,
    .id = referents_id,
    .cell = referents_cell,
    .subject = referents_subject,
    .total = referents_total,
    .title = referents_title,
    .empty = referents_empty,
};

const struct view_ops view_object = {
    .n_panes = 4,
    .panes = {[PANE_CHAIN] = &chain_rows,
              [PANE_SUBJECT] = &facts_rows,
              [PANE_REFERRERS] = &referrers_rows,
              [PANE_REFERENTS] = &referents_rows},
    .focus = PANE_REFERRERS,
    .is_about_place = true,
    .state_size = sizeof(struct object),
    .open = open_object,
    .close = close_object,
    .changed = changed,
    .crumb = crumb,
    .layout = layout,
    .act = act,
};
