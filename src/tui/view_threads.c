/* view_threads.c — what runs (thread_tree.c), with what it retains.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/thread_tree.h"
#include "tui/tree_view.h"

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
        if (thread_tree_is_task(graph, i))
            threads->n_tasks += px_type_count(graph, i);
    }
    /* Again when the retained sizes are there: they sort the rows. */
    tree_view_start(view, thread_tree_children, view->snapshot);
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
    /* the ident, after the name */
    const char *label = px_node_label(graph, root.node);
    size_t n = strlen(root.name);
    if (root.root_class == PX_ROOT_THREAD && label != NULL &&
        strncmp(label, root.name, n) == 0)
        cell_add(out, ROLE_DIM, label + n);
}

/* By the name that asyncio gave it. */
static void
add_task(const struct px_graph *graph, px_node node, struct cell_out *out)
{
    px_edge edge = 0;
    uint32_t n = 0;
    cell_add(out, ROLE_STRONG, "asyncio task ");
    px_node_referents(graph, node, &edge, &n);
    for (uint32_t i = 0; i < n && i < THREAD_TREE_EDGES; i++) {
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
    for (uint32_t i = 0; i < n && i < THREAD_TREE_EDGES; i++) {
        if (!thread_tree_is_named(graph, edge + i, "_code"))
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
    const struct px_graph *graph = view_graph(context);
    const struct tree_item *item = tree_view_item(context, row);
    if (column != TREE_WHAT) {
        tree_view_figure(context, item, threads_of(context)->bytes, column,
                         out);
        return;
    }
    tree_add_branch(out, item);
    if (item->kind == RUNS_ROOT)
        add_root(graph, item->what, out);
    else if (item->kind == RUNS_TASK)
        add_task(graph, item->what, out);
    else if (item->kind == RUNS_FRAME)
        add_frame(graph, thread_tree_node(graph, item), out);
    else
        add_value(graph, item->what, out);
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    return subject_node(
        view_graph(context),
        thread_tree_node(view_graph(context), tree_view_item(context, row)));
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
    char count[PX_COUNTED_MAX];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].n > 0)
            cell_addf(out, ROLE_CRUMB, "%s%s", out->len > 0 ? "   " : "",
                      px_text_counted(parts[i].n, parts[i].name, count));
    }
}

static const struct column columns[TREE_COLUMNS] =
    TREE_RETAINED_COLUMNS("RUNNING");

static const struct rows_ops rows = {
    .name = "threads",
    .columns = columns,
    .n_columns = TREE_COLUMNS,
    .figure = TREE_RETAINED,
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
