/* thread_tree.h — the tree of what runs: threads, greenlets and asyncio tasks,
 * their frames, innermost first, and the locals of each.
 *
 * The source of the tree is a snapshot; its items are of these kinds. Reads
 * only the graph: any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_THREAD_TREE_H
#define TUI_THREAD_TREE_H

#include "tui/tree.h"

/* Edges of one object that are looked at. */
#define THREAD_TREE_EDGES 20000u

/* A frame: a frame, or what runs in one: a coroutine, a generator. */
enum runs_kind { RUNS_ROOT, RUNS_TASK, RUNS_FRAME, RUNS_VALUE };

/* As tree.children; the figure is what the object retains. */
void thread_tree_children(struct tree *tree, uint32_t parent);
/* The object that a row is about: `what` is a root, a task, or an edge. */
px_node thread_tree_node(const struct px_graph *graph,
                         const struct tree_item *item);
bool thread_tree_is_task(const struct px_graph *graph, px_type type);
/* An attribute of coroutines and generators by its end: "_code" is cr_code,
 * gi_code or ag_code. */
bool thread_tree_is_named(const struct px_graph *graph, px_edge edge,
                          const char *end);

#endif
