/* dominator_tree.c — the rows of the tree of dominators.
 *
 * A child that retains a noticeable part of what its parent does has a row of
 * its own; the small ones are one row by type, which opens to the largest of
 * them. Children are sorted when a row opens, which for millions takes a
 * while: it is the worker that asks for them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/dominator_tree.h"

#include <stdlib.h>

#include "tui/mem.h"

#define ALONE_PART 20u /* of its siblings' size: a row of its own */
#define GROUP_MIN 4u
#define MEMBERS_MAX 1000u
#define OPENS_PART 4u /* of the whole: open by itself */
#define OPENS_DEPTH 8u
#define ABOVE_MAX 4096u

/* Small children of one type. */
struct group {
    uint32_t n;
    px_node first;
    uint64_t bytes;
};

static int
compare_nodes(const void *a, const void *b)
{
    px_node left = *(const px_node *)a, right = *(const px_node *)b;
    return (left > right) - (left < right);
}

static bool
is_chosen(const struct dominator_source *source, px_node node)
{
    return source->n_chosen > 0 &&
           bsearch(&node, source->chosen, source->n_chosen, sizeof node,
                   compare_nodes) != NULL;
}

static struct tree_item
object_item(const struct tree *tree, uint32_t parent, px_node node)
{
    const struct dominator_source *source = tree->source;
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
        .kind = DOMINATOR_OBJECT,
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
find_groups(const struct dominator_source *source, const px_node *nodes,
            uint32_t n, struct group *groups, bool *is_small)
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
    const struct dominator_source *source = tree->source;
    uint64_t above = parent == TREE_TOP ? 0 : tree->items[parent].id;
    for (px_type type = 0; type < px_graph_n_types(source->graph); type++) {
        if (groups[type].n < GROUP_MIN)
            continue;
        struct tree_item item = {
            .id = tree_id(above, px_type_name(source->graph, type)),
            .figure = groups[type].bytes,
            .what = groups[type].first,
            .n = groups[type].n,
            .kind = DOMINATOR_GROUP,
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
    const struct dominator_source *source = tree->source;
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
        .kind = DOMINATOR_MORE,
    };
    tree_add(tree, &more);
}

void
dominator_children(struct tree *tree, uint32_t parent)
{
    const struct dominator_source *source = tree->source;
    bool is_group =
        parent != TREE_TOP && tree->items[parent].kind == DOMINATOR_GROUP;
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

void
dominator_choose(struct dominator_source *source, px_node node)
{
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
