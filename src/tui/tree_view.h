/* tree_view.h — what views have in common whose one pane is a tree.
 *
 * The state of such a view begins with struct tree_view. The view says where
 * children come from (tree_view_start); count, id and find of its rows, what
 * fold and unfold do, and that a newer snapshot opens the same rows, are here.
 * Where children may take long to find the rows are made on the worker, and
 * the old ones stay until the new ones are there.
 *
 * UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_TREE_VIEW_H
#define TUI_TREE_VIEW_H

#include "tui/tree.h"
#include "tui/view.h"

struct tree_view {
    struct tree tree;
    bool is_slow;   /* rows are made on the worker */
    bool is_behind; /* something was folded while it made them */
};

/* The same of every such pane. */
#define TREE_VIEW_ROWS                                                         \
    .is_tree = true, .sort = -1, .count = tree_view_count, .id = tree_view_id, \
    .find = tree_view_find

/* Columns of a tree whose figures are what its rows retain. */
enum { TREE_WHAT, TREE_BAR, TREE_RETAINED, TREE_SHARE, TREE_COLUMNS };
#define TREE_BAR_COLS 10
#define TREE_RETAINED_COLUMNS(title)                                           \
    {                                                                          \
        [TREE_WHAT] = {title, COLUMN_TEXT, 30, 1, 0, false, 0},                \
        [TREE_BAR] = {"", COLUMN_BAR, TREE_BAR_COLS, 0, 2, false, 0},          \
        [TREE_RETAINED] = {"RETAINED", COLUMN_BYTES, 10, 0, 0, false, 0},      \
        [TREE_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 1, false, 0},            \
    }
/* Their cells but TREE_WHAT; `all` is what the whole has. */
void tree_view_figure(const struct view *view, const struct tree_item *item,
                      uint64_t all, int column, struct cell_out *out);

/* True once tree_view_start was called. */
bool tree_view_is_started(const struct view *view);
/* Makes the rows, or begins to. `source` is the tree's and stays as it is
 * until the view closes, or this is called again. */
void tree_view_start(struct view *view,
                     void (*children)(struct tree *tree, uint32_t parent),
                     const void *source);
/* As view_ops.take and view_ops.act; and what close must call. */
void tree_view_take(struct view *view, const struct view *from);
bool tree_view_act(struct view *view, enum action_id action, const char *arg,
                   unsigned *reaction);
void tree_view_done(struct view *view);

/* For rows_ops; the context is the view. */
const struct tree_item *tree_view_item(const void *context, uint32_t row);
uint32_t tree_view_count(const void *context);
uint64_t tree_view_id(const void *context, uint32_t row);
uint32_t tree_view_find(const void *context, uint64_t id);

#endif
