/* view_cycles.c — what holds itself: cycles by how they read, what only waits
 * for the collector first. A row opens to the references of one of them, with
 * the one to cut.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/derived.h"
#include "tui/facts.h"
#include "tui/tree_view.h"

/* The first few are open: most heaps have no more that matter. */
#define OPEN_GROUPS 3u

enum { COL_CYCLE, COL_COUNT, COL_OBJECTS, COL_SIZE, COL_HELD, COL_DEL };
enum { KIND_GROUP, KIND_STEP };

struct cycles {
    struct tree_view rows; /* first: tree_view.h */
    struct px_cycles *result;
};

static struct cycles *
cycles_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static const struct px_cycle_group *
group_of(const void *context, const struct tree_item *item)
{
    return &cycles_of(context)->result->groups[item->what];
}

/* ---- the tree: groups, and the steps of their cycle ---- */

static void
add_group(struct tree *tree, const struct px_cycle_group *group, uint32_t i)
{
    struct tree_item item = {
        .id = tree_id((uint64_t)group->held_by + 1, group->line),
        .figure = group->bytes,
        .what = i,
        .kind = KIND_GROUP,
        .can_open = group->n_steps > 0,
        .opens = i < OPEN_GROUPS,
    };
    /* Two classes may have cycles that read the same. */
    item.id = tree_id(item.id + group->type, "");
    tree_add(tree, &item);
}

static void
children(struct tree *tree, uint32_t parent)
{
    const struct px_cycles *cycles = tree->source;
    if (parent == TREE_TOP) {
        for (size_t i = 0; i < cycles->n_groups; i++)
            add_group(tree, &cycles->groups[i], (uint32_t)i);
        return;
    }
    tree_add_steps(tree, parent, KIND_STEP,
                   cycles->groups[tree->items[parent].what].n_steps);
}

/* ---- what the worker makes ---- */

static void *
make(const struct derived_from *from, struct px_work *work, struct px_err *err)
{
    return px_cycles_new(from->paths, work, err);
}

static void
free_result(void *result)
{
    px_cycles_free(result);
}

static void
take(struct view *view, void *result)
{
    cycles_of(view)->result = result;
    if (result != NULL)
        tree_view_start(view, children, result);
}

static const struct derived_ops derived = {
    .about = "finding cycles",
    .failed = "The cycles could not be found",
    .make = make,
    .free = free_result,
    .take = take,
};

static void
changed(struct view *view)
{
    derived_once(view, &derived, cycles_of(view)->result);
}

static enum px_status
open_cycles(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

static void
close_cycles(struct view *view)
{
    px_cycles_free(cycles_of(view)->result);
    tree_view_done(view);
}

/* ---- rows ---- */

static void
add_group_text(const struct px_graph *graph, const struct px_cycle_group *group,
               struct cell_out *out)
{
    cell_add(out, fact_type_role(graph, group->type),
             fact_last_part(px_type_name(graph, group->type)));
    cell_add(out, ROLE_NORMAL, "  ");
    if (group->line[0] != '\0')
        cell_add(out, ROLE_NAME, group->line);
    else
        cell_add(out, ROLE_DIM, "a long cycle");
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct tree_item *item = tree_view_item(context, row);
    const struct px_cycle_group *group = group_of(context, item);
    if (item->kind == KIND_STEP) {
        if (column != COL_CYCLE)
            return;
        const struct px_step *step = &group->steps[item->n];
        tree_add_branch(out, item);
        cell_add(out, ROLE_NORMAL, step->is_culprit ? "" : "  ");
        fact_add_step(out, view_graph(context), step, false);
        cell_add(out, ROLE_WARN, step->is_culprit ? "  ‹ cut here" : "");
        return;
    }
    switch (column) {
    case COL_CYCLE:
        tree_add_branch(out, item);
        add_group_text(view_graph(context), group, out);
        break;
    case COL_COUNT:
        cell_count(out, group->n_cycles);
        break;
    case COL_OBJECTS:
        cell_count(out, group->n_nodes);
        break;
    case COL_SIZE:
        cell_bytes(out, group->bytes);
        break;
    case COL_HELD:
        fact_add_holder(out, group->held_by);
        break;
    case COL_DEL:
        cell_add(out, ROLE_WARN, group->has_del ? "__del__" : "");
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct tree_item *item = tree_view_item(context, row);
    const struct px_cycle_group *group = group_of(context, item);
    return subject_node(view_graph(context), item->kind == KIND_STEP
                                                 ? group->steps[item->n].node
                                                 : group->example);
}

static uint64_t
total(const void *context, int column)
{
    const struct px_cycles *cycles = cycles_of(context)->result;
    uint64_t sum = 0;
    for (size_t i = 0; cycles != NULL && i < cycles->n_groups; i++)
        sum += column == COL_COUNT     ? cycles->groups[i].n_cycles
               : column == COL_OBJECTS ? cycles->groups[i].n_nodes
                                       : cycles->groups[i].bytes;
    return sum;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (!derived_why_empty(view, &derived, cycles_of(view)->result, out_bytes,
                           out))
        snprintf(out, out_bytes, "Nothing in snapshot %u holds itself.",
                 view->snapshot->number);
}

/* ---- the view ---- */

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct px_cycles *cycles = cycles_of(view)->result;
    char count[PX_FIGURE_MAX], size[PX_FIGURE_MAX];
    uint64_t n = 0, bytes = 0;
    if (cycles == NULL)
        return;
    for (size_t i = 0; i < cycles->n_groups; i++) {
        if (cycles->groups[i].held_by != PX_HELD_CYCLE)
            continue;
        n += cycles->groups[i].n_cycles;
        bytes += cycles->groups[i].bytes;
    }
    if (n == 0)
        cell_add(out, ROLE_CRUMB, "none waits for the collector");
    else if (n == 1)
        cell_addf(out, ROLE_CRUMB, "one cycle of %s waits for the collector",
                  px_text_bytes(bytes, size));
    else
        cell_addf(out, ROLE_CRUMB, "%s cycles of %s wait for the collector",
                  px_text_count(n, count), px_text_bytes(bytes, size));
}

static const struct column columns[] = {
    [COL_CYCLE] = {"CYCLE", COLUMN_TEXT, 34, 1, 0, false, 0},
    [COL_COUNT] = {"CYCLES", COLUMN_COUNT, 9, 0, 0, false, 0},
    [COL_OBJECTS] = {"OBJECTS", COLUMN_COUNT, 9, 0, 2, false, 0},
    [COL_SIZE] = {"SIZE", COLUMN_BYTES, 9, 0, 0, false, 0},
    [COL_HELD] = {"HELD BY", COLUMN_TEXT, 15, 0, 1, false, 0},
    [COL_DEL] = {"", COLUMN_TEXT, 7, 0, 3, false, 0},
};

static const struct rows_ops rows = {
    .name = "cycles",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .figure = COL_SIZE,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_cycles = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct cycles),
    .open = open_cycles,
    .close = close_cycles,
    .changed = changed,
    .take = tree_view_take,
    .summary = summary,
    .act = tree_view_act,
};
