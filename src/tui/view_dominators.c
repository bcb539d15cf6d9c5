/* view_dominators.c — what would go if an object went: the tree of dominators
 * with retained sizes.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/dominator_tree.h"
#include "tui/facts.h"
#include "tui/tree_view.h"

struct dominators {
    struct tree_view rows; /* first: tree_view.h */
    struct dominator_source source;
};

static struct dominators *
dominators_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static void
changed(struct view *view)
{
    struct dominators *dominators = view->state;
    struct dominator_source *source = &dominators->source;
    const struct snapshot *snapshot = view->snapshot;
    if (snapshot == NULL || snapshot->dominators == NULL ||
        tree_view_is_started(view))
        return;
    source->graph = snapshot->graph;
    source->dominators = snapshot->dominators;
    for (px_type i = 0; i < px_graph_n_types(source->graph); i++)
        source->bytes += px_type_bytes(source->graph, i);
    if (view->place.cursor != 0)
        dominator_choose(source,
                         px_node_find(source->graph, view->place.cursor));
    tree_view_start(view, dominator_children, source);
}

static enum px_status
open_dominators(struct view *view, struct px_err *err)
{
    (void)err;
    dominators_of(view)->rows.is_slow = true;
    if (view->snapshot != NULL && view->snapshot->dominators == NULL)
        store_want_dominators(&view->app->store, view->snapshot);
    changed(view);
    return PX_OK;
}

static void
close_dominators(struct view *view)
{
    tree_view_done(view);
    free(dominators_of(view)->source.chosen);
}

/* ---- rows ---- */

/* The name under which the object above refers to it, if that is how it is
 * held. */
static void
add_name(const struct view *view, const struct tree_item *item,
         struct cell_out *out)
{
    const struct px_graph *graph = view->snapshot->graph;
    const struct px_paths *paths = view->snapshot->paths;
    px_node above =
        px_dominators_parent(view->snapshot->dominators, item->what);
    if (paths == NULL || above == PX_NONE ||
        !px_paths_is_reached(paths, item->what))
        return;
    px_edge edge = px_paths_edge(paths, item->what);
    if (edge == PX_NONE || px_edge_source(graph, edge) != above)
        return;
    char name[240];
    px_edge_show(graph, edge, sizeof name, name);
    cell_add(out, ROLE_NAME, name);
    cell_add(out, ROLE_DIM, " → ");
}

/* The module of a __dict__ that more than the module holds. */
static void
add_module(const struct view *view, const struct tree_item *item,
           struct cell_out *out)
{
    char root[200];
    const struct px_paths *paths = view->snapshot->paths;
    if (paths == NULL || item->depth > 0)
        return;
    px_node module = px_paths_module(paths, item->what);
    if (module == PX_NONE)
        return;
    px_paths_line(paths, module, false, false, sizeof root, root);
    cell_add(out, ROLE_STRONG, root);
    cell_add(out, ROLE_DIM, " → ");
}

static void
add_object(const struct view *view, const struct tree_item *item,
           struct cell_out *out)
{
    char count[PX_FIGURE_MAX], root[200];
    const struct px_graph *graph = view->snapshot->graph;
    const struct px_paths *paths = view->snapshot->paths;
    if (item->depth == 0 &&
        !px_dominators_is_reached(view->snapshot->dominators, item->what))
        cell_add(out, ROLE_WARN, "no root: ");
    switch (item->kind) {
    case DOMINATOR_OBJECT:
        if (paths != NULL && px_paths_is_reached(paths, item->what) &&
            px_paths_edge(paths, item->what) == PX_NONE) {
            cell_add(out, ROLE_STRONG,
                     px_paths_line(paths, item->what, false, false, sizeof root,
                                   root));
            break;
        }
        add_module(view, item, out);
        add_name(view, item, out);
        fact_add_object(out, graph, item->what);
        break;
    case DOMINATOR_GROUP:
        fact_add_type(out, graph, item->what);
        cell_addf(out, ROLE_NORMAL, " ×%s", px_text_count(item->n, count));
        break;
    case DOMINATOR_MORE:
        cell_addf(out, ROLE_DIM, "… %s smaller ones",
                  px_text_count(item->n, count));
        break;
    }
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct tree_item *item = tree_view_item(context, row);
    if (column != TREE_WHAT) {
        tree_view_figure(context, item, dominators_of(context)->source.bytes,
                         column, out);
        return;
    }
    tree_add_branch(out, item);
    add_object(context, item, out);
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct tree_item *item = tree_view_item(context, row);
    struct subject subject = subject_node(view_graph(context), item->what);
    if (item->kind != DOMINATOR_OBJECT)
        subject.kind = SUBJECT_TYPE;
    return subject;
}

static uint64_t
total(const void *context, int column)
{
    (void)column;
    return dominators_of(context)->source.bytes;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    const struct snapshot *snapshot = view->snapshot;
    if (snapshot == NULL)
        snprintf(out, out_bytes, "No snapshot yet. Press r to take one.");
    else if (snapshot->no_dominators[0] != '\0' || view->problem[0] != '\0')
        snprintf(out, out_bytes,
                 "No retained sizes: %s. Go back and press d to try again.",
                 view->problem[0] != '\0' ? view->problem
                                          : snapshot->no_dominators);
    else if (snapshot->paths == NULL)
        snprintf(out, out_bytes, "%s", store_no_paths(snapshot));
    else
        snprintf(out, out_bytes, "computing retained sizes …");
}

/* ---- the view ---- */

static void
crumb(const struct view *view, struct cell_out *out)
{
    (void)view;
    cell_add(out, ROLE_CRUMB, "dominators");
}

static void
summary(const struct view *view, struct cell_out *out)
{
    char bytes[PX_FIGURE_MAX];
    const struct dominators *dominators = view->state;
    if (dominators->rows.tree.n_items > 0)
        cell_addf(out, ROLE_CRUMB, "what would go without it, of %s",
                  px_text_bytes(dominators->source.bytes, bytes));
}

static const struct column columns[TREE_COLUMNS] =
    TREE_RETAINED_COLUMNS("OBJECT");

static const struct rows_ops rows = {
    .name = "dominators",
    .columns = columns,
    .n_columns = TREE_COLUMNS,
    .figure = TREE_RETAINED,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_dominators = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct dominators),
    .open = open_dominators,
    .close = close_dominators,
    .changed = changed,
    .take = tree_view_take,
    .crumb = crumb,
    .summary = summary,
    .act = tree_view_act,
};
