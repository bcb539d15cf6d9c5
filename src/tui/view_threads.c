/* view_threads.c — what runs: threads, greenlets and asyncio tasks, their
 * frames, innermost first, and the locals of each with what they retain.
 *
 * A frame that awaits shows what it awaits below its locals, so that a task
 * reads down to where it waits.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/tree_view.h"

#define BAR_COLS 10
#define OPEN_ROOTS 8u   /* no more than these: open by themselves */
#define OPEN_FRAMES 3u  /* the innermost frames of each */
#define TASKS_MAX 1000u /* rows; they are all counted */
#define EDGES_MAX 20000u

enum { COL_WHAT, COL_BAR, COL_RETAINED, COL_SHARE };
/* A frame: a frame, or what runs in one: a coroutine, a generator. */
enum { KIND_ROOT, KIND_TASK, KIND_FRAME, KIND_VALUE };

struct threads {
    struct tree_view rows; /* first: tree_view.h */
    uint32_t n_threads, n_greenlets, n_tasks;
    uint64_t bytes; /* of the whole */
};

static struct threads *
threads_of(const void *context)
{
    return ((const struct view *)context)->state;
}

/* ---- the tree ---- */

static const struct px_graph *
graph_of(const struct tree *tree)
{
    return ((const struct snapshot *)tree->source)->graph;
}

/* Tasks are taken as objects, whether or not they are roots. */
static bool
is_running(enum px_root_class root_class)
{
    return root_class == PX_ROOT_THREAD || root_class == PX_ROOT_GREENLET;
}

static bool
is_task_type(const struct px_graph *graph, px_type type)
{
    const char *name = px_type_name(graph, type);
    return strcmp(name, "_asyncio.Task") == 0 ||
           strcmp(name, "asyncio.tasks.Task") == 0;
}

static uint64_t
retained(const struct snapshot *snapshot, px_node node)
{
    return snapshot->dominators != NULL
               ? px_dominators_retained(snapshot->dominators, node)
               : 0;
}

/* Coroutines and generators: they have a frame of their own. */
static bool
has_frame(const struct px_graph *graph, px_node node)
{
    static const char *const names[] = {"<frame>", "frame", "coroutine",
                                        "generator", "async_generator"};
    const char *name = px_type_name(graph, px_node_type(graph, node));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int
compare_figures(const void *a, const void *b)
{
    const struct tree_item *left = a, *right = b;
    if (left->figure != right->figure)
        return left->figure > right->figure ? -1 : 1;
    return (left->what > right->what) - (left->what < right->what);
}

static void
sort_from(struct tree *tree, uint32_t first)
{
    if (tree->n_pending > first + 1)
        qsort(tree->pending + first, tree->n_pending - first,
              sizeof tree->pending[0], compare_figures);
}

static void
add_tasks(struct tree *tree, px_type type)
{
    const struct snapshot *snapshot = tree->source;
    px_node *nodes = NULL;
    uint32_t n = 0;
    struct px_err err;
    if (px_type_instances(snapshot->graph, type, &nodes, &n, &err) != PX_OK)
        return;
    for (uint32_t i = 0; i < n && i < TASKS_MAX; i++) {
        struct tree_item item = {
            .id = px_node_addr(snapshot->graph, nodes[i]),
            .figure = retained(snapshot, nodes[i]),
            .what = nodes[i],
            .kind = KIND_TASK,
            .can_open = true,
        };
        tree_add(tree, &item);
    }
    free(nodes);
}

/* What retains most comes first. */
static void
add_roots(struct tree *tree)
{
    const struct snapshot *snapshot = tree->source;
    const struct px_graph *graph = snapshot->graph;
    uint32_t first = tree->n_pending;
    for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
        struct px_root root;
        px_graph_root(graph, i, &root);
        if (!is_running(root.root_class))
            continue;
        struct tree_item item = {
            .id = tree_id((uint64_t)root.root_class + 1, root.name) +
                  px_node_addr(graph, root.node),
            .figure = retained(snapshot, root.node),
            .what = i,
            .kind = KIND_ROOT,
            .can_open = true,
        };
        tree_add(tree, &item);
    }
    for (px_type type = 0; type < px_graph_n_types(graph); type++) {
        if (is_task_type(graph, type))
            add_tasks(tree, type);
    }
    for (uint32_t i = first; i < tree->n_pending; i++)
        tree->pending[i].opens = tree->n_pending - first <= OPEN_ROOTS;
    sort_from(tree, first);
}

/* The object that a row is about: `what` is a root, a task, or an edge. */
static px_node
node_of(const struct px_graph *graph, const struct tree_item *item)
{
    struct px_root root;
    if (item->kind == KIND_TASK)
        return item->what;
    if (item->kind != KIND_ROOT)
        return px_edge_target(graph, item->what);
    px_graph_root(graph, item->what, &root);
    return root.node;
}

/* An attribute of coroutines and generators by its end: "_code" is cr_code,
 * gi_code or ag_code. */
static bool
is_named(const struct px_graph *graph, px_edge edge, const char *end)
{
    const char *name = px_edge_name(graph, edge);
    size_t n = strlen(end);
    return name != NULL && strlen(name) == 2 + n && strcmp(name + 2, end) == 0;
}

static bool
is_value(const struct px_graph *graph, px_edge edge)
{
    enum px_edge_kind kind = px_edge_kind(graph, edge);
    return kind == PX_EDGE_LOCAL || kind == PX_EDGE_GEN_LOCAL ||
           kind == PX_EDGE_OPERAND || is_named(graph, edge, "_await") ||
           is_named(graph, edge, "_yieldfrom");
}

static bool
has_values(const struct px_graph *graph, px_node node)
{
    px_edge edge = 0;
    uint32_t n = 0;
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < EDGES_MAX; i++) {
        if (is_value(graph, edge + i))
            return true;
    }
    return false;
}

static void
add_edge(struct tree *tree, const struct tree_item *above, px_edge edge,
         bool is_frame, bool opens)
{
    const struct snapshot *snapshot = tree->source;
    px_node node = px_edge_target(snapshot->graph, edge);
    char name[200];
    px_edge_show(snapshot->graph, edge, sizeof name, name);
    struct tree_item item = {
        .id = tree_id(above->id, name),
        .figure = retained(snapshot, node),
        .what = edge,
        .kind = is_frame ? KIND_FRAME : KIND_VALUE,
        .can_open = is_frame && has_values(snapshot->graph, node),
        .opens = opens,
    };
    tree_add(tree, &item);
}

/* Frames are numbered from the outermost on. */
static int
compare_depth(const void *a, const void *b)
{
    const struct tree_item *left = a, *right = b;
    return (left->n < right->n) - (left->n > right->n);
}

static void
add_frames(struct tree *tree, const struct tree_item *above, px_node node)
{
    const struct px_graph *graph = graph_of(tree);
    px_edge edge = 0;
    uint32_t n = 0, first = tree->n_pending;
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < EDGES_MAX; i++) {
        px_node target = px_edge_target(graph, edge + i);
        bool is_frame = px_edge_kind(graph, edge + i) == PX_EDGE_FRAME;
        if (!is_frame && !has_frame(graph, target))
            continue;
        add_edge(tree, above, edge + i, true, false);
        tree->pending[tree->n_pending - 1].n =
            is_frame ? px_edge_index(graph, edge + i) : 0;
    }
    if (tree->n_pending > first + 1)
        qsort(tree->pending + first, tree->n_pending - first,
              sizeof tree->pending[0], compare_depth);
    for (uint32_t i = first; i < tree->n_pending; i++)
        tree->pending[i].opens = i - first < OPEN_FRAMES;
}

/* A task's frames stand side by side, those that are awaited too. */
static bool
is_beside(const struct tree *tree, const struct tree_item *above, px_node node)
{
    const struct px_graph *graph = graph_of(tree);
    px_edge edge = 0;
    uint32_t n = 0;
    if (above->parent == TREE_TOP)
        return false;
    px_node holder = node_of(graph, &tree->items[above->parent]);
    px_node_referents(graph, holder, &edge, &n);
    for (uint32_t i = 0; i < n && i < EDGES_MAX; i++) {
        if (px_edge_kind(graph, edge + i) == PX_EDGE_FRAME &&
            px_edge_target(graph, edge + i) == node)
            return true;
    }
    return false;
}

/* Locals, and what else the frame has in hand; what it awaits comes last. */
static void
add_values(struct tree *tree, const struct tree_item *above, px_node node)
{
    const struct px_graph *graph = graph_of(tree);
    px_edge edge = 0;
    uint32_t n = 0, first = tree->n_pending;
    px_node_referents(graph, node, &edge, &n);
    n = n < EDGES_MAX ? n : EDGES_MAX;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < n; i++) {
            bool is_awaited =
                px_edge_kind(graph, edge + i) != PX_EDGE_LOCAL &&
                px_edge_kind(graph, edge + i) != PX_EDGE_GEN_LOCAL &&
                has_frame(graph, px_edge_target(graph, edge + i));
            if (!is_value(graph, edge + i) || is_awaited != (pass == 1) ||
                (is_awaited &&
                 is_beside(tree, above, px_edge_target(graph, edge + i))))
                continue;
            add_edge(tree, above, edge + i, is_awaited, is_awaited);
        }
        if (pass == 0)
            sort_from(tree, first);
    }
}

static void
children(struct tree *tree, uint32_t parent)
{
    const struct px_graph *graph = graph_of(tree);
    if (parent == TREE_TOP) {
        add_roots(tree);
        return;
    }
    struct tree_item above = tree->items[parent];
    if (above.kind == KIND_ROOT || above.kind == KIND_TASK)
        add_frames(tree, &above, node_of(graph, &above));
    else
        add_values(tree, &above, node_of(graph, &above));
}

/* ---- life ---- */

static void
changed(struct view *view)
{
    struct threads *threads = view->state;
    const struct px_graph *graph;
    if (view->snapshot == NULL)
        return;
    graph = view->snapshot->graph;
    threads->n_threads = threads->n_greenlets = threads->n_tasks = 0;
    for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
        struct px_root root;
        px_graph_root(graph, i, &root);
        threads->n_threads += root.root_class == PX_ROOT_THREAD;
        threads->n_greenlets += root.root_class == PX_ROOT_GREENLET;
    }
    threads->bytes = 0;
    for (px_type i = 0; i < px_graph_n_types(graph); i++) {
        threads->bytes += px_type_bytes(graph, i);
        if (is_task_type(graph, i))
            threads->n_tasks += px_type_count(graph, i);
    }
    /* Again when the retained sizes are there: they sort the rows. */
    tree_view_start(view, children, view->snapshot);
}

static enum px_status
open_threads(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

/* ---- rows ---- */

static void
add_root(const struct px_graph *graph, uint32_t i, struct cell_out *out)
{
    struct px_root root;
    px_graph_root(graph, i, &root);
    cell_add(out, ROLE_STRONG, px_root_name(root.root_class));
    cell_add(out, ROLE_STRONG, " ");
    cell_add(out, ROLE_STRONG, root.name);
}

/* By the name that asyncio gave it. */
static void
add_task(const struct px_graph *graph, px_node node, struct cell_out *out)
{
    px_edge edge = 0;
    uint32_t n = 0;
    cell_add(out, ROLE_STRONG, "asyncio task ");
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < EDGES_MAX; i++) {
        const char *name = px_edge_name(graph, edge + i);
        if (name != NULL &&
            (strcmp(name, "name") == 0 || strcmp(name, "_name") == 0)) {
            char text[80];
            px_node_preview(graph, px_edge_target(graph, edge + i), sizeof text,
                            text);
            cell_add(out, ROLE_STRONG, text);
            return;
        }
    }
    cell_addf(out, ROLE_STRONG, "%llx",
              (unsigned long long)px_node_addr(graph, node));
}

/* A frame says where it is; a coroutine at least where it begins. */
static void
add_frame(const struct px_graph *graph, px_node node, struct cell_out *out)
{
    const char *label = px_node_label(graph, node);
    px_edge edge = 0;
    uint32_t n = 0;
    if (label != NULL) {
        cell_add(out, ROLE_NAME, label);
        return;
    }
    fact_add_type(out, graph, node);
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < EDGES_MAX; i++) {
        if (!is_named(graph, edge + i, "_code"))
            continue;
        char text[200];
        px_node_preview(graph, px_edge_target(graph, edge + i), sizeof text,
                        text);
        cell_add(out, ROLE_NORMAL, " ");
        cell_add(out, ROLE_NAME, text);
        return;
    }
}

static void
add_value(const struct px_graph *graph, px_edge edge, struct cell_out *out)
{
    char name[240];
    px_edge_show(graph, edge, sizeof name, name);
    cell_add(out, ROLE_NAME, name);
    cell_add(out, ROLE_DIM, " → ");
    fact_add_object(out, graph, px_edge_target(graph, edge));
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct view *view = context;
    const struct px_graph *graph = view_graph(context);
    const struct tree_item *item = tree_view_item(context, row);
    uint64_t all = threads_of(context)->bytes;
    bool is_known = view->snapshot->dominators != NULL;
    switch (column) {
    case COL_WHAT:
        tree_add_branch(out, item);
        if (item->kind == KIND_ROOT)
            add_root(graph, item->what, out);
        else if (item->kind == KIND_TASK)
            add_task(graph, item->what, out);
        else if (item->kind == KIND_FRAME)
            add_frame(graph, node_of(graph, item), out);
        else
            add_value(graph, item->what, out);
        break;
    case COL_BAR:
        cell_bar(out, item->figure, all, BAR_COLS);
        break;
    case COL_RETAINED:
        fact_add_retained(out, view->snapshot, item->figure, false);
        break;
    case COL_SHARE:
        if (is_known)
            cell_share(out, item->figure, all);
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    return subject_node(
        view_graph(context),
        node_of(view_graph(context), tree_view_item(context, row)));
}

static uint64_t
total(const void *context, int column)
{
    (void)column;
    return threads_of(context)->bytes;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    snprintf(out, out_bytes, "%s",
             ((const struct view *)context)->snapshot == NULL
                 ? "No snapshot yet. Press r to take one."
                 : "The snapshot says nothing of threads.");
}

/* ---- the view ---- */

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct threads *threads = view->state;
    const struct {
        uint32_t n;
        const char *name;
    } parts[] = {{threads->n_threads, "thread"},
                 {threads->n_greenlets, "greenlet"},
                 {threads->n_tasks, "asyncio task"}};
    char count[PX_FIGURE_MAX];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].n > 0)
            cell_addf(out, ROLE_CRUMB, "%s%s %s%s", out->len > 0 ? "   " : "",
                      px_text_count(parts[i].n, count), parts[i].name,
                      parts[i].n > 1 ? "s" : "");
    }
}

static const struct column columns[] = {
    [COL_WHAT] = {"RUNNING", COLUMN_TEXT, 30, 1, 0, false, 0},
    [COL_BAR] = {"", COLUMN_BAR, BAR_COLS, 0, 2, false, 0},
    [COL_RETAINED] = {"RETAINED", COLUMN_BYTES, 10, 0, 0, false, 0},
    [COL_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 1, false, 0},
};

static const struct rows_ops rows = {
    .name = "threads",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .figure = COL_RETAINED,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_threads = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct threads),
    .open = open_threads,
    .close = tree_view_done,
    .changed = changed,
    .take = tree_view_take,
    .summary = summary,
    .act = tree_view_act,
};
