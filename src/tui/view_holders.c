/* view_holders.c — who holds all objects of a type: their paths, merged from
 * the roots on, as a tree.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/derived.h"
#include "tui/facts.h"
#include "tui/mem.h"
#include "tui/tree_view.h"

/* What holds less than this is closed at first. */
#define OPEN_PERMILLE 20u
#define OPEN_ALWAYS_ROWS 40u
#define STEPS_MAX 256u

enum { COL_HOLDER, COL_COUNT, COL_SHARE };

struct holders {
    struct tree_view rows; /* first: tree_view.h */
    struct px_holders *result;
};

static struct holders *
holders_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static const struct px_holder *
holder_of(const void *context, uint32_t row)
{
    return &holders_of(context)
                ->result->rows[tree_view_item(context, row)->what];
}

/* ---- the tree ---- */

static void
add_row(struct tree *tree, uint32_t parent, uint32_t i)
{
    const struct px_holders *holders = tree->source;
    const struct px_holder *row = &holders->rows[i];
    uint64_t above = parent == TREE_TOP ? 0 : tree->items[parent].id;
    struct tree_item item = {
        .id = tree_id(tree_id(above + row->held_by, row->text), "/"),
        .what = i,
        .can_open =
            i + 1 < holders->n_rows && holders->rows[i + 1].depth > row->depth,
        .opens = holders->n_rows <= OPEN_ALWAYS_ROWS ||
                 row->count * 1000 >= holders->n_nodes * OPEN_PERMILLE,
    };
    tree_add(tree, &item);
}

/* Rows are in the order of an open tree: children follow, one deeper. */
static void
children(struct tree *tree, uint32_t parent)
{
    const struct px_holders *holders = tree->source;
    uint32_t depth = 0, i = 0;
    if (parent != TREE_TOP) {
        i = tree->items[parent].what;
        depth = holders->rows[i++].depth + 1;
    }
    for (; i < holders->n_rows && holders->rows[i].depth >= depth; i++) {
        if (holders->rows[i].depth == depth)
            add_row(tree, parent, i);
    }
}

/* ---- what the worker makes ---- */

static void *
make(const struct derived_from *from, struct px_work *work, struct px_err *err)
{
    px_node *nodes = NULL;
    uint32_t n = 0;
    struct px_holders *holders = NULL;
    if (px_type_instances(from->graph, from->type, &nodes, &n, err) == PX_OK)
        holders = px_holders_new(from->paths, nodes, n, work, err);
    free(nodes);
    return holders;
}

static void
free_result(void *result)
{
    px_holders_free(result);
}

static void
take(struct view *view, void *result)
{
    ((struct holders *)view->state)->result = result;
    if (result != NULL)
        tree_view_start(view, children, result);
}

static const struct derived_ops derived = {
    .about = "merging the paths",
    .failed = "The holders could not be found",
    .make = make,
    .free = free_result,
    .take = take,
};

static void
changed(struct view *view)
{
    derived_once(view, &derived, holders_of(view)->result);
}

static enum px_status
open_holders(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

static void
close_holders(struct view *view)
{
    px_holders_free(holders_of(view)->result);
    tree_view_done(view);
}

/* ---- rows ---- */

static void
add_step(const struct px_graph *graph, const struct px_holder *holder,
         struct cell_out *out)
{
    if (holder->held_by == PX_HELD_ROOT) {
        cell_add(out, holder->depth == 0 ? ROLE_STRONG : ROLE_NAME,
                 holder->text);
        /* What a root or a frame is, its text says. */
        if (holder->depth == 0 || holder->type == PX_NONE ||
            px_type_name(graph, holder->type)[0] == '<')
            return;
        cell_add(out, ROLE_DIM, " → ");
        cell_add(out, fact_type_role(graph, holder->type),
                 fact_last_part(px_type_name(graph, holder->type)));
        return;
    }
    cell_add(out, ROLE_WARN, fact_held_many(holder->held_by));
    if (holder->text[0] != '\0') {
        cell_add(out, ROLE_WARN, ":  ");
        cell_add(out, ROLE_NAME, holder->text);
    }
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct px_holder *holder = holder_of(context, row);
    switch (column) {
    case COL_HOLDER:
        tree_add_branch(out, tree_view_item(context, row));
        add_step(view_graph(context), holder, out);
        break;
    case COL_COUNT:
        cell_count(out, holder->count);
        break;
    case COL_SHARE:
        cell_share(out, holder->count, holders_of(context)->result->n_nodes);
        break;
    }
}

/* The object at the row's step, on the path of the row's example. */
static px_node
node_at(const struct view *view, const struct px_holder *holder)
{
    px_node node = holder->example;
    if (holder->held_by != PX_HELD_ROOT || holder->depth + 1 > STEPS_MAX)
        return node;
    size_t max = holder->depth + 1;
    struct px_step *steps = mem_new(max, sizeof *steps);
    if (px_paths_steps(view->snapshot->paths, node, true, max, steps) >= max)
        node = steps[max - 1].node;
    free(steps);
    return node;
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context),
                        node_at(context, holder_of(context, row)));
}

static uint64_t
total(const void *context, int column)
{
    const struct holders *holders = holders_of(context);
    (void)column;
    return holders->result != NULL ? holders->result->n_nodes : 0;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (!derived_why_empty(view, &derived, holders_of(view)->result, out_bytes,
                           out))
        snprintf(out, out_bytes,
                 "No object of this type in snapshot %u. Backspace goes back.",
                 view->snapshot->number);
}

/* ---- the view ---- */

static void
crumb(const struct view *view, struct cell_out *out)
{
    cell_addf(out, ROLE_CRUMB, "types › %s › holders",
              px_type_name(view_graph(view), view->type));
}

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct holders *holders = view->state;
    char objects[PX_COUNTED_MAX];
    if (holders->result != NULL)
        cell_addf(out, ROLE_CRUMB, "who holds %s",
                  px_text_counted(holders->result->n_nodes, "object", objects));
}

static const struct column columns[] = {
    [COL_HOLDER] = {"HELD BY", COLUMN_TEXT, 30, 1, 0, false, 0},
    [COL_COUNT] = {"COUNT", COLUMN_COUNT, 10, 0, 0, false, 0},
    [COL_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 1, false, 0},
};

static const struct rows_ops rows = {
    .name = "holders",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .figure = COL_COUNT,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_holders = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct holders),
    .open = open_holders,
    .close = close_holders,
    .changed = changed,
    .take = tree_view_take,
    .crumb = crumb,
    .summary = summary,
    .act = tree_view_act,
};
