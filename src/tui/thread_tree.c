/* thread_tree.c — the tree of what runs: threads, greenlets and asyncio tasks,
 * their frames, innermost first, and the locals of each.
 *
 * A frame that awaits shows what it awaits below its locals, so that a task
 * reads down to where it waits.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/thread_tree.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_ROOTS 8u   /* no more than these: open by themselves */
#define OPEN_FRAMES 3u  /* the innermost frames of each */
#define TASKS_MAX 1000u /* rows; they are all counted */

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

bool
thread_tree_is_task(const struct px_graph *graph, px_type type)
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
            .kind = RUNS_TASK,
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
            .kind = RUNS_ROOT,
            .can_open = true,
        };
        tree_add(tree, &item);
    }
    for (px_type type = 0; type < px_graph_n_types(graph); type++) {
        if (thread_tree_is_task(graph, type))
            add_tasks(tree, type);
    }
    for (uint32_t i = first; i < tree->n_pending; i++)
        tree->pending[i].opens = tree->n_pending - first <= OPEN_ROOTS;
    sort_from(tree, first);
}

px_node
thread_tree_node(const struct px_graph *graph, const struct tree_item *item)
{
    struct px_root root;
    if (item->kind == RUNS_TASK)
        return item->what;
    if (item->kind != RUNS_ROOT)
        return px_edge_target(graph, item->what);
    px_graph_root(graph, item->what, &root);
    return root.node;
}

bool
thread_tree_is_named(const struct px_graph *graph, px_edge edge,
                     const char *end)
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
           kind == PX_EDGE_OPERAND ||
           thread_tree_is_named(graph, edge, "_await") ||
           thread_tree_is_named(graph, edge, "_yieldfrom");
}

static bool
has_values(const struct px_graph *graph, px_node node)
{
    px_edge edge = 0;
    uint32_t n = 0;
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < THREAD_TREE_EDGES; i++) {
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
        .kind = is_frame ? RUNS_FRAME : RUNS_VALUE,
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
    for (uint32_t i = 0; i < n && i < THREAD_TREE_EDGES; i++) {
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
    px_node holder = thread_tree_node(graph, &tree->items[above->parent]);
    px_node_referents(graph, holder, &edge, &n);
    for (uint32_t i = 0; i < n && i < THREAD_TREE_EDGES; i++) {
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
    n = n < THREAD_TREE_EDGES ? n : THREAD_TREE_EDGES;
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

void
thread_tree_children(struct tree *tree, uint32_t parent)
{
    const struct px_graph *graph = graph_of(tree);
    if (parent == TREE_TOP) {
        add_roots(tree);
        return;
    }
    struct tree_item above = tree->items[parent];
    if (above.kind == RUNS_ROOT || above.kind == RUNS_TASK)
        add_frames(tree, &above, thread_tree_node(graph, &above));
    else
        add_values(tree, &above, thread_tree_node(graph, &above));
}
