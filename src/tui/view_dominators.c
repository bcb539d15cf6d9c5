/* view_dominators.c — what would go if an object went: the tree of dominators
 * with retained sizes.
 *
 * Below an object stand those that it alone keeps. A child that retains a
 * noticeable part has a row of its own; the small ones are one row by type,
 * which opens to the largest of them. An object that one comes from (`d`) has
 * a row of its own wherever it stands, and all above it are open.
 *
 * Children are sorted when a row opens, which for millions takes a while: the
 * rows of big graphs are made on the worker.
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
#include "tui/tree.h"

#define AT_ONCE_NODES 1000000u
#define ALONE_PART 20u /* of its siblings' size: a row of its own */
#define GROUP_MIN 4u
#define MEMBERS_MAX 1000u
#define OPENS_PART 4u /* of the whole: open by itself */
#define OPENS_DEPTH 8u
#define ABOVE_MAX 4096u
#define BAR_COLS 10

enum { COL_OBJECT, COL_BAR, COL_RETAINED, COL_SHARE };
enum { KIND_OBJECT, KIND_GROUP, KIND_MORE };

/* All that the rows are made from; never changes once it is set. */
struct source {
    const struct px_graph *graph;
    const struct px_dominators *dominators;
    uint64_t bytes;  /* of the whole */
    px_node *chosen; /* one comes from it, and all above it; ascending */
    uint32_t n_chosen;
};

struct dominators {
    struct source source;
    struct tree tree;
    bool is_made;
};

/* Small children of one type. */
struct group {
    uint32_t n;
    px_node first;
    uint64_t bytes;
};

static struct dominators *
dominators_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static const struct px_graph *
graph_of(const void *context)
{
    return ((const struct view *)context)->snapshot->graph;
}

static const struct tree_item *
item_of(const void *context, uint32_t row)
{
    return &dominators_of(context)->tree.items[row];
}

/* ---- the tree ---- */

static int
compare_nodes(const void *a, const void *b)
{
    px_node left = *(const px_node *)a, right = *(const px_node *)b;
    return (left > right) - (left < right);
}

static bool
is_chosen(const struct source *source, px_node node)
{
    return source->n_chosen > 0 &&
           bsearch(&node, source->chosen, source->n_chosen, sizeof node,
                   compare_nodes) != NULL;
}

static struct tree_item
object_item(const struct tree *tree, uint32_t parent, px_node node)
{
    const struct source *source = tree->source;
    uint64_t bytes = px_dominators_retained(source->dominators, node);
    bool is_chosen_ = is_chosen(source, node);
    bool is_big =
        bytes >= source->bytes / OPENS_PART &&
        (parent == TREE_TOP || tree->items[parent].depth < OPENS_DEPTH);
    return (struct tree_item){
        .id = px_node_addr(source->graph, node),
        .figure = bytes,
        .what = node,
        .n = 1,
        .kind = KIND_OBJECT,
        .can_open = bytes > px_node_bytes(source->graph, node),
        .opens = is_big || is_chosen_,
    };
}

static int
compare_items(const void *a, const void *b)
{
    const struct tree_item *left = a, *right = b;
    if (left->figure != right->figure)
        return left->figure > right->figure ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Fills groups (by type) with the small ones, and marks in `is_small` which
 * these are. */
static void
find_groups(const struct source *source, const px_node *nodes, uint32_t n,
            struct group *groups, bool *is_small)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all += px_dominators_retained(source->dominators, nodes[i]);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = px_dominators_retained(source->dominators, nodes[i]);
        struct group *group = &groups[px_node_type(source->graph, nodes[i])];
        is_small[i] = bytes < all / ALONE_PART && !is_chosen(source, nodes[i]);
        if (!is_small[i])
            continue;
        if (group->n++ == 0)
            group->first = nodes[i];
        group->bytes += bytes;
    }
    for (uint32_t i = 0; i < n; i++) {
        px_type type = px_node_type(source->graph, nodes[i]);
        is_small[i] = is_small[i] && groups[type].n >= GROUP_MIN;
    }
}

static void
add_groups(struct tree *tree, uint32_t parent, const struct group *groups)
{
    const struct source *source = tree->source;
    uint64_t above = parent == TREE_TOP ? 0 : tree->items[parent].id;
    for (px_type type = 0; type < px_graph_n_types(source->graph); type++) {
        if (groups[type].n < GROUP_MIN)
            continue;
        struct tree_item item = {
            .id = tree_id(above, px_type_name(source->graph, type)),
            .figure = groups[type].bytes,
            .what = groups[type].first,
            .n = groups[type].n,
            .kind = KIND_GROUP,
            .can_open = true,
        };
        tree_add(tree, &item);
    }
}

/* The largest of a group; how many more there are is the last row. */
static void
add_members(struct tree *tree, uint32_t row, const px_node *nodes, uint32_t n,
            const bool *is_small)
{
    const struct source *source = tree->source;
    struct tree_item group = tree->items[row];
    px_type type = px_node_type(source->graph, group.what);
    uint32_t n_added = 0;
    for (uint32_t i = 0; i < n && n_added < MEMBERS_MAX; i++) {
        if (!is_small[i] || px_node_type(source->graph, nodes[i]) != type)
            continue;
        struct tree_item item = object_item(tree, row, nodes[i]);
        group.figure -= item.figure;
        n_added++;
        tree_add(tree, &item);
    }
    if (n_added == group.n)
        return;
    struct tree_item more = {
        .id = tree_id(group.id, "more"),
        .figure = group.figure,
        .what = group.what,
        .n = group.n - n_added,
        .kind = KIND_MORE,
    };
    tree_add(tree, &more);
}

static void
children(struct tree *tree, uint32_t parent)
{
    const struct source *source = tree->source;
    bool is_group =
        parent != TREE_TOP && tree->items[parent].kind == KIND_GROUP;
    uint32_t from = is_group ? tree->items[parent].parent : parent;
    px_node *nodes = NULL;
    uint32_t n = 0;
    struct px_err err;
    if (px_dominators_children(source->dominators,
                               from != TREE_TOP ? tree->items[from].what
                                                : PX_NONE,
                               &nodes, &n, &err) != PX_OK)
        return;
    struct group *groups =
        mem_new(px_graph_n_types(source->graph), sizeof *groups);
    bool *is_small = mem_new(n, sizeof *is_small);
    find_groups(source, nodes, n, groups, is_small);
    if (is_group) {
        add_members(tree, parent, nodes, n, is_small);
    } else {
        uint32_t first = tree->n_pending;
        for (uint32_t i = 0; i < n; i++) {
            struct tree_item item = object_item(tree, parent, nodes[i]);
            if (!is_small[i])
                tree_add(tree, &item);
        }
        add_groups(tree, parent, groups);
        if (tree->n_pending > first)
            qsort(tree->pending + first, tree->n_pending - first,
                  sizeof tree->pending[0], compare_items);
    }
    free(is_small);
    free(groups);
    free(nodes);
}

/* ---- what the worker makes ---- */

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

static void
take(struct view *view, void *result)
{
    struct dominators *dominators = view->state;
    dominators->is_made = true;
    if (result != NULL)
        tree_take_rows(&dominators->tree, result);
}

static const struct derived_ops derived = {
    .about = "sorting what is dominated",
    .make = make,
    .free = free_tree,
    .drop = free_tree,
    .take = take,
};

/* The place's object and all that dominate it. */
static void
choose(struct view *view, struct source *source)
{
    px_node node = view->place.cursor != 0
                       ? px_node_find(source->graph, view->place.cursor)
                       : PX_NONE;
    if (node == PX_NONE)
        return;
    source->chosen = mem_new(ABOVE_MAX, sizeof *source->chosen);
    while (node != PX_NONE && source->n_chosen < ABOVE_MAX) {
        source->chosen[source->n_chosen++] = node;
        node = px_dominators_parent(source->dominators, node);
    }
    if (node != PX_NONE)
        source->n_chosen = 0;
    qsort(source->chosen, source->n_chosen, sizeof *source->chosen,
          compare_nodes);
}

static void
changed(struct view *view)
{
    struct dominators *dominators = view->state;
    struct source *source = &dominators->source;
    const struct snapshot *snapshot = view->snapshot;
    if (snapshot == NULL || snapshot->dominators == NULL ||
        dominators->is_made || view->job != NULL)
        return;
    source->graph = snapshot->graph;
    source->dominators = snapshot->dominators;
    if (source->bytes == 0) {
        for (px_type i = 0; i < px_graph_n_types(source->graph); i++)
            source->bytes += px_type_bytes(source->graph, i);
        choose(view, source);
    }
    dominators->tree.source = source;
    dominators->tree.children = children;
    derived_start(view, &derived, tree_new_like(&dominators->tree));
}

static enum px_status
open_dominators(struct view *view, struct px_err *err)
{
    (void)err;
    if (view->snapshot != NULL && view->snapshot->dominators == NULL)
        store_want_dominators(&view->app->store, view->snapshot);
    changed(view);
    return PX_OK;
}

static void
close_dominators(struct view *view)
{
    struct dominators *dominators = view->state;
    tree_done(&dominators->tree);
    free(dominators->source.chosen);
}

static void
take_open(struct view *view, const struct view *from)
{
    const struct dominators *old = from->state;
    struct dominators *dominators = view->state;
    tree_take_open(&dominators->tree, &old->tree);
    /* What was begun without it begins again. */
    derived_stop(view);
    dominators->is_made = false;
    changed(view);
}

static bool
act(struct view *view, enum action_id action, const char *arg,
    unsigned *reaction)
{
    struct dominators *dominators = view->state;
    (void)arg;
    if (action != ACT_UNFOLD && action != ACT_FOLD)
        return false;
    if (view->snapshot == NULL ||
        px_graph_n_nodes(view->snapshot->graph) <= AT_ONCE_NODES)
        return view_act_tree(view, &dominators->tree, action, reaction);
    *reaction = REACT_DRAW;
    if (view->job != NULL)
        return true;
    struct list *list = &view->lists[0];
    enum tree_answer answer = action == ACT_UNFOLD
                                  ? tree_unfold(&dominators->tree, list)
                                  : tree_fold(&dominators->tree, list);
    if (answer == TREE_TURNED) {
        list->is_touched = true;
        derived_start(view, &derived, tree_new_like(&dominators->tree));
    }
    return answer != TREE_LEAVE;
}

/* ---- rows ---- */

static uint32_t
row_count(const void *context)
{
    return dominators_of(context)->tree.n_items;
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    return item_of(context, row)->id;
}

static uint32_t
row_find(const void *context, uint64_t id)
{
    return tree_find(&dominators_of(context)->tree, id);
}

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
    case KIND_OBJECT:
        if (paths != NULL && px_paths_is_reached(paths, item->what) &&
            px_paths_edge(paths, item->what) == PX_NONE) {
            cell_add(out, ROLE_STRONG,
                     px_paths_line(paths, item->what, false, false, sizeof root,
                                   root));
            break;
        }
        add_name(view, item, out);
        fact_add_object(out, graph, item->what);
        break;
    case KIND_GROUP:
        fact_add_type(out, graph, item->what);
        cell_addf(out, ROLE_NORMAL, " ×%s", px_text_count(item->n, count));
        break;
    case KIND_MORE:
        cell_addf(out, ROLE_DIM, "… %s smaller ones",
                  px_text_count(item->n, count));
        break;
    }
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct tree_item *item = item_of(context, row);
    uint64_t bytes = dominators_of(context)->source.bytes;
    switch (column) {
    case COL_OBJECT:
        tree_add_branch(out, item);
        add_object(context, item, out);
        break;
    case COL_BAR:
        cell_bar(out, item->figure, bytes, BAR_COLS);
        break;
    case COL_RETAINED:
        cell_bytes(out, item->figure);
        break;
    case COL_SHARE:
        cell_share(out, item->figure, bytes);
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct tree_item *item = item_of(context, row);
    px_type type = px_node_type(graph_of(context), item->what);
    if (item->kind != KIND_OBJECT)
        return (struct subject){.kind = SUBJECT_TYPE, .type = type};
    return (struct subject){
        .kind = SUBJECT_NODE, .type = type, .node = item->what};
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
    if (dominators->tree.n_items > 0)
        cell_addf(out, ROLE_CRUMB, "what would go without it, of %s",
                  px_text_bytes(dominators->source.bytes, bytes));
}

static const struct column columns[] = {
    [COL_OBJECT] = {"OBJECT", COLUMN_TEXT, 30, 1, 0, false},
    [COL_BAR] = {"", COLUMN_BAR, BAR_COLS, 0, 2, false},
    [COL_RETAINED] = {"RETAINED", COLUMN_BYTES, 10, 0, 0, false},
    [COL_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 1, false},
};

static const struct rows_ops rows = {
    .name = "dominators",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .sort = -1,
    .figure = COL_RETAINED,
    .is_tree = true,
    .count = row_count,
    .id = row_id,
    .find = row_find,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
};

const struct view_ops view_dominators = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct dominators),
    .open = open_dominators,
    .close = close_dominators,
    .changed = changed,
    .take = take_open,
    .crumb = crumb,
    .summary = summary,
    .act = act,
};
