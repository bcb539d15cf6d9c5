/* view_object.c — one object: how it is held, what it is, what it holds.
 *
 * Four panes: the chain from a root (object_chain.c), the facts, its referrers
 * and its referents.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/object.h"

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
    px_node_refs(view_graph(view), view->node, &refs);
    if (px_node_flags(view_graph(view), view->node) & PX_NODE_SYNTHETIC) {
        cell_add(out, ROLE_NORMAL, "no Python object: it stands for a root");
        return;
    }
    if (!refs.known) {
        bool bad = px_node_flags(view_graph(view), view->node) & PX_NODE_BAD;
        cell_add(out, ROLE_NORMAL,
                 bad ? "it could not be read" : "immortal: it has no refcount");
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
add_retained(const struct view *view, struct cell_out *out)
{
    const struct px_dominators *dominators = view->snapshot->dominators;
    fact_add_retained(
        out, view->snapshot,
        dominators != NULL ? px_dominators_retained(dominators, view->node) : 0,
        false);
}

/* Without which object it would be gone. */
static void
add_dominator(struct view *view)
{
    struct object *object = view->state;
    const struct px_dominators *dominators = view->snapshot->dominators;
    if (dominators == NULL)
        return;
    px_node above = px_dominators_parent(dominators, view->node);
    struct cell_out *out = fact_add(object);
    if (above == PX_NONE) {
        cell_add(out, ROLE_DIM, "no single object dominates it");
        return;
    }
    cell_add(out, ROLE_NORMAL, "dominated by ");
    fact_add_object(out, view_graph(view), above);
    object->facts[object->n_facts - 1].subject =
        subject_node(view_graph(view), above);
}

static void
make_facts(struct view *view)
{
    struct object *object = view->state;
    const struct px_graph *graph = view_graph(view);
    unsigned flags = px_node_flags(graph, view->node);
    char size[PX_FIGURE_MAX];
    object->n_facts = 0;
    struct cell_out *out = fact_add(object);
    cell_addf(out, ROLE_NORMAL, "%s%s",
              px_text_bytes(px_node_bytes(graph, view->node), size),
              flags & PX_NODE_APPROXIMATE ? ", about" : "");
    cell_add(out, ROLE_NORMAL, ", retains ");
    add_retained(view, out);
    if (flags & PX_NODE_BAD)
        cell_add(out, ROLE_ERROR, "  could not be read");
    add_dominator(view);
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
              fact_last_part(px_type_name(view_graph(view), view->type)),
              (unsigned long long)px_node_addr(view_graph(view), view->node));
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
    return px_node_addr(view_graph(context), object->referrers[row]) + again;
}

static bool
refers_back(const struct view *view, px_node source)
{
    const struct object *object = view->state;
    for (uint32_t i = 0; i < object->n_referents && i < 256; i++) {
        if (px_edge_target(view_graph(view), object->first_referent + i) ==
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
        object_leads_through(view, source))
        return;
    cell_add(out, ROLE_DIM, "  ");
    fact_add_path(out, ROLE_DIM, paths, source);
}

static void
referrers_cell(const void *context, uint32_t row, int column,
               struct cell_out *out)
{
    const struct view *view = context;
    const struct px_graph *graph = view_graph(context);
    px_node source = object_of(context)->referrers[row];
    px_edge edge = object_referrer_edge(view, row);
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
    return subject_node(view_graph(context),
                        object_of(context)->referrers[row]);
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
    const struct px_graph *graph = view_graph(context);
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
    return subject_node(view_graph(context),
                        px_edge_target(view_graph(context), edge));
}

static uint64_t
referents_total(const void *context, int column)
{
    const struct object *object = object_of(context);
    uint64_t sum = 0;
    (void)column;
    for (uint32_t i = 0; i < object->n_referents; i++)
        sum += px_node_bytes(
            view_graph(context),
            px_edge_target(view_graph(context), object->first_referent + i));
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
        object_find_ways(view);
        object_make_chain(view);
    }
}

static enum px_status
open_object(struct view *view, struct px_err *err)
{
    struct object *object = view->state;
    if (view->node == PX_NONE)
        return px_fail(err, PX_EINVAL, "an object needs an address");
    object->referrers =
        px_node_referrers(view_graph(view), view->node, &object->n_referrers);
    px_node_referents(view_graph(view), view->node, &object->first_referent,
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
    object_make_chain(view);
    list_refresh(&view->lists[PANE_CHAIN]);
    list_move_to(&view->lists[PANE_CHAIN], object->n_steps);
    return true;
}

static void
crumb(const struct view *view, struct cell_out *out)
{
    const char *type = px_type_name(view_graph(view), view->type);
    cell_addf(out, ROLE_CRUMB, "types › %s › %llx", fact_last_part(type),
              (unsigned long long)px_node_addr(view_graph(view), view->node));
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

static const struct column facts_columns[] = {
    {"OBJECT", COLUMN_TEXT, 20, 1, 0, false, 0},
};
static const struct column referrers_columns[] = {
    {"REFERRED TO BY", COLUMN_TEXT, 20, 1, 0, false, 0},
    {"", COLUMN_TEXT, 5, 0, 1, false, 0},
};
static const struct column referents_columns[] = {
    {"REFERS TO", COLUMN_TEXT, 18, 1, 0, false, 0},
    {"SIZE", COLUMN_BYTES, 9, 0, 1, false, 0},
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
    .panes = {[PANE_CHAIN] = &object_chain_rows,
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
