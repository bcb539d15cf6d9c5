/* view_instances.c — the objects of one type.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"

struct instances {
    px_node *nodes; /* ascending, as are their addresses */
    uint32_t n_nodes;
    struct px_paths *paths;      /* NULL until they are computed */
    const struct px_graph *mark; /* NULL: there is none */
};

enum {
    COL_ADDRESS,
    COL_NEW,
    COL_REFS,
    COL_SIZE,
    COL_RETAINED,
    COL_HELD,
    COL_WHAT
};

static const struct column columns[] = {
    [COL_ADDRESS] = {"ADDRESS", COLUMN_TEXT, 12, 0, 0, false, 0},
    [COL_NEW] = {"NEW", COLUMN_COUNT, 3, 0, 2, false, 0},
    [COL_REFS] = {"REFS", COLUMN_COUNT, 6, 0, 3, false, 0},
    [COL_SIZE] = {"SIZE", COLUMN_BYTES, 9, 0, 1, false, 0},
    [COL_RETAINED] = {"RETAINED", COLUMN_BYTES, 9, 0, 1, false, 0},
    [COL_HELD] = {"HELD BY", COLUMN_TEXT, 24, 3, 2, true, 0},
    [COL_WHAT] = {"WHAT", COLUMN_TEXT, 12, 2, 0, false, 0},
};

static const struct instances *
instances_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static void
changed(struct view *view)
{
    struct instances *instances = view->state;
    instances->paths = view->snapshot->paths;
    instances->mark = app_marked(view->app, view->snapshot);
}

static enum px_status
open_instances(struct view *view, struct px_err *err)
{
    struct instances *instances = view->state;
    changed(view);
    return px_type_instances(view->snapshot->graph, view->type,
                             &instances->nodes, &instances->n_nodes, err);
}

static void
close_instances(struct view *view)
{
    free(((struct instances *)view->state)->nodes);
}

static uint32_t
row_count(const void *context)
{
    return instances_of(context)->n_nodes;
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    return px_node_addr(view_graph(context), instances_of(context)->nodes[row]);
}

static uint32_t
row_find(const void *context, uint64_t id)
{
    const struct instances *instances = instances_of(context);
    px_node node = px_node_find(view_graph(context), id);
    uint32_t from = 0, to = instances->n_nodes;
    while (node != PX_NONE && from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (instances->nodes[middle] < node)
            from = middle + 1;
        else
            to = middle;
    }
    bool is_there = node != PX_NONE && from < instances->n_nodes &&
                    instances->nodes[from] == node;
    return is_there ? from : LIST_NONE;
}

static bool
has_column(const void *context, int column)
{
    return column != COL_NEW || instances_of(context)->mark != NULL;
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct instances *instances = instances_of(context);
    const struct px_graph *graph = view_graph(context);
    px_node node = instances->nodes[row];
    const struct view *view = context;
    switch (column) {
    case COL_ADDRESS:
        cell_addf(out, ROLE_DIM, "%llx",
                  (unsigned long long)px_node_addr(graph, node));
        break;
    case COL_NEW:
        if (instances->mark != NULL &&
            fact_is_new(instances->mark, graph, node)) {
            cell_add(out, ROLE_WARN, "●");
            out->key = 1;
        }
        break;
    case COL_REFS:
        if (px_node_flags(graph, node) & PX_NODE_IMMORTAL)
            cell_add(out, ROLE_DIM, "-");
        else
            cell_count(out, px_node_refcount(graph, node));
        break;
    case COL_SIZE:
        cell_bytes(out, px_node_bytes(graph, node));
        break;
    case COL_RETAINED:
        fact_add_retained(
            out, view->snapshot,
            view->snapshot->dominators != NULL
                ? px_dominators_retained(view->snapshot->dominators, node)
                : 0,
            false);
        break;
    case COL_HELD:
        fact_add_held(out, graph, instances->paths, node);
        break;
    case COL_WHAT:
        fact_add_what(out, graph, node);
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context), instances_of(context)->nodes[row]);
}

static uint64_t
total(const void *context, int column)
{
    const struct view *view = context;
    if (column == COL_SIZE)
        return px_type_bytes(view_graph(context), view->type);
    uint64_t sum = 0;
    const struct px_dominators *dominators = view->snapshot->dominators;
    if (column == COL_RETAINED)
        return dominators != NULL
                   ? px_dominators_type_retained(dominators, view->type)
                   : 0;
    for (uint32_t i = 0; i < instances_of(context)->n_nodes; i++)
        sum += column == COL_NEW
                   ? 1
                   : px_node_refcount(view_graph(context),
                                      instances_of(context)->nodes[i]);
    return sum;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    snprintf(out, out_bytes,
             "No object of this type in snapshot %u. Press r for a new "
             "snapshot, Backspace to go back.",
             view->snapshot->number);
}

static void
crumb(const struct view *view, struct cell_out *out)
{
    cell_add(out, ROLE_CRUMB, "types › ");
    cell_add(out, ROLE_CRUMB, view->place.type);
}

static void
summary(const struct view *view, struct cell_out *out)
{
    char objects[PX_COUNTED_MAX], bytes[PX_FIGURE_MAX];
    const struct px_graph *graph = view->snapshot->graph;
    const struct history *history = &view->app->history;
    uint32_t round = history_find(history, view->snapshot->number);
    uint32_t mark = round != HISTORY_MAX && instances_of(view)->mark != NULL
                        ? history_mark(history, round)
                        : HISTORY_MAX;
    cell_addf(
        out, ROLE_CRUMB, "%s   %s",
        px_text_counted(px_type_count(graph, view->type), "object", objects),
        px_text_bytes(px_type_bytes(graph, view->type), bytes));
    if (mark == HISTORY_MAX)
        return;
    uint64_t id = history_type_id(px_type_name(graph, view->type));
    struct cell_out change;
    cell_clear(&change);
    cell_change(&change,
                (int64_t)(history_type(&history->rounds[round], id)->count -
                          history_type(&history->rounds[mark], id)->count));
    if (change.len > 0)
        cell_addf(out, ROLE_CRUMB, "   %s since the mark", change.text);
}

static const struct rows_ops rows = {
    .name = "instances",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .sort = COL_SIZE,
    .figure = COL_SIZE,
    .count = row_count,
    .has_column = has_column,
    .id = row_id,
    .find = row_find,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
};

const struct view_ops view_instances = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct instances),
    .open = open_instances,
    .close = close_instances,
    .changed = changed,
    .crumb = crumb,
    .summary = summary,
};
