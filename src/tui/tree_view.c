/* tree_view.c — what views have in common whose one pane is a tree.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/tree_view.h"

#include <stdlib.h>

#include "tui/derived.h"
#include "tui/facts.h"

static struct tree_view *
state_of(const void *context)
{
    return ((const struct view *)context)->state;
}

/* ---- on the worker ---- */

static void
free_tree(void *result)
{
    tree_done(result);
    free(result);
}

static void *
make(const struct derived_from *from, struct px_work *work, struct px_err *err)
{
    if (tree_make(from->input, work))
        return from->input;
    px_fail(err, PX_ECANCELED, "cancelled");
    free_tree(from->input);
    return NULL;
}

static void take_rows(struct view *view, void *result);

static const struct derived_ops rows_maker = {
    .about = "sorting the rows",
    .make = make,
    .free = free_tree,
    .drop = free_tree,
    .take = take_rows,
};

static void
take_rows(struct view *view, void *result)
{
    struct tree_view *state = view->state;
    if (result != NULL)
        tree_take_rows(&state->tree, result);
    if (!state->is_behind)
        return;
    state->is_behind = false;
    derived_start(view, &rows_maker, tree_new_like(&state->tree));
}

/* ---- making the rows ---- */

bool
tree_view_is_started(const struct view *view)
{
    return state_of(view)->tree.children != NULL;
}

void
tree_view_start(struct view *view,
                void (*children)(struct tree *tree, uint32_t parent),
                const void *source)
{
    struct tree_view *state = view->state;
    state->tree.children = children;
    state->tree.source = source;
    if (state->is_slow)
        derived_start(view, &rows_maker, tree_new_like(&state->tree));
    else
        tree_make(&state->tree, NULL);
}

void
tree_view_take(struct view *view, const struct view *from)
{
    struct tree_view *state = view->state;
    tree_take_open(&state->tree, &state_of(from)->tree);
    if (tree_view_is_started(view))
        tree_view_start(view, state->tree.children, state->tree.source);
}

static void
fold_anew(struct view *view)
{
    struct tree_view *state = view->state;
    struct list *list = &view->lists[0];
    list->is_touched = true;
    if (!state->is_slow) {
        list_stop(list);
        tree_make(&state->tree, NULL);
        list_refresh(list);
    } else if (view->job != NULL) {
        state->is_behind = true;
    } else {
        derived_start(view, &rows_maker, tree_new_like(&state->tree));
    }
}

bool
tree_view_act(struct view *view, enum action_id action, const char *arg,
              unsigned *reaction)
{
    (void)arg;
    if (action != ACT_UNFOLD && action != ACT_FOLD)
        return false;
    struct tree *tree = &state_of(view)->tree;
    struct list *list = &view->lists[0];
    enum tree_answer answer =
        action == ACT_UNFOLD ? tree_unfold(tree, list) : tree_fold(tree, list);
    *reaction = REACT_DRAW;
    if (answer == TREE_TURNED)
        fold_anew(view);
    return answer != TREE_LEAVE;
}

void
tree_view_done(struct view *view)
{
    tree_done(&state_of(view)->tree);
}

/* ---- rows ---- */

const struct tree_item *
tree_view_item(const void *context, uint32_t row)
{
    return &state_of(context)->tree.items[row];
}

void
tree_view_figure(const struct view *view, const struct tree_item *item,
                 uint64_t all, int column, struct cell_out *out)
{
    if (column == TREE_BAR)
        cell_bar(out, item->figure, all, TREE_BAR_COLS);
    else if (column == TREE_RETAINED)
        fact_add_retained(out, view->snapshot, item->figure, false);
    else if (column == TREE_SHARE && view->snapshot->dominators != NULL)
        cell_share(out, item->figure, all);
}

uint32_t
tree_view_count(const void *context)
{
    return state_of(context)->tree.n_items;
}

uint64_t
tree_view_id(const void *context, uint32_t row)
{
    return tree_view_item(context, row)->id;
}

uint32_t
tree_view_find(const void *context, uint64_t id)
{
    return tree_find(&state_of(context)->tree, id);
}
