/* dominator_tree.h — the rows of the tree of dominators, for tree.h.
 *
 * Below an object stand those that it alone keeps. An object that one comes
 * from has a row of its own wherever it stands, and all above it are open.
 *
 * Any thread: the source never changes once the tree has it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_DOMINATOR_TREE_H
#define TUI_DOMINATOR_TREE_H

#include <pyexplore/analysis.h>

#include "tui/tree.h"

/* tree_item.kind; `what` is an object, of a group its first one, `figure`
 * what it retains. */
enum { DOMINATOR_OBJECT, DOMINATOR_GROUP, DOMINATOR_MORE };

struct dominator_source {
    const struct px_graph *graph;
    const struct px_dominators *dominators;
    uint64_t bytes;  /* of the whole */
    px_node *chosen; /* one comes from it, and all above it; ascending */
    uint32_t n_chosen;
};

/* Opens the way to this object; `chosen` is the caller's to free. */
void dominator_choose(struct dominator_source *source, px_node node);
/* The tree's `children`. */
void dominator_children(struct tree *tree, uint32_t parent);

#endif
