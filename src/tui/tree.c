/* tree.c — the one tree widget.
 *
 * No recursion: `pending` is a stack of what is still to be written, children
 * in reverse, so that the next one lies on top.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/tree.h"

#include <stdlib.h>
#include <string.h>

#include "tui/mem.h"

#define INDENT_MAX 12
#define LOOK_EVERY 1024u

void
tree_done(struct tree *tree)
{
    free(tree->items);
    free(tree->turned);
    free(tree->pending);
    memset(tree, 0, sizeof *tree);
}

static struct tree_item *
append(struct tree_item **items, uint32_t *n, uint32_t *max)
{
    if (*n == *max) {
        *max = *max > 0 ? 2 * *max : 64;
        *items = mem_resize(*items, *max, sizeof **items);
    }
    return &(*items)[(*n)++];
}

void
tree_add(struct tree *tree, const struct tree_item *item)
{
    *append(&tree->pending, &tree->n_pending, &tree->max_pending) = *item;
}

void
tree_add_steps(struct tree *tree, uint32_t parent, unsigned kind, size_t n)
{
    struct tree_item above = tree->items[parent];
    for (size_t i = 0; i < n; i++) {
        struct tree_item item = {
            .id = tree_id(above.id + i, "step"),
            .what = above.what,
            .n = (uint32_t)i,
            .kind = (uint16_t)kind,
        };
        tree_add(tree, &item);
    }
}

/* The children of a row, onto the stack. */
static void
push_children(struct tree *tree, uint32_t parent)
{
    uint32_t first = tree->n_pending;
    tree->children(tree, parent);
    for (uint32_t i = first; i < tree->n_pending; i++) {
        struct tree_item *item = &tree->pending[i];
        item->parent = parent;
        item->depth =
            parent == TREE_TOP ? 0 : (uint16_t)(tree->items[parent].depth + 1);
    }
    for (uint32_t a = first, b = tree->n_pending; a + 1 < b; a++, b--) {
        struct tree_item other = tree->pending[a];
        tree->pending[a] = tree->pending[b - 1];
        tree->pending[b - 1] = other;
    }
}

bool
tree_make(struct tree *tree, struct px_work *work)
{
    tree->n_items = tree->n_pending = 0;
    push_children(tree, TREE_TOP);
    while (tree->n_pending > 0 && tree->n_items < TREE_ROWS_MAX) {
        if (tree->n_items % LOOK_EVERY == 0 && work != NULL && work->canceled)
            return false;
        struct tree_item item = tree->pending[--tree->n_pending];
        item.is_open = item.can_open && item.depth < UINT16_MAX - 1 &&
                       item.opens != tree_is_turned(tree, item.id);
        uint32_t row = tree->n_items;
        *append(&tree->items, &tree->n_items, &tree->max_items) = item;
        if (item.is_open)
            push_children(tree, row);
    }
    return true;
}

struct tree *
tree_new_like(const struct tree *tree)
{
    struct tree *copy = mem_new(1, sizeof *copy);
    copy->children = tree->children;
    copy->source = tree->source;
    tree_take_open(copy, tree);
    return copy;
}

void
tree_take_rows(struct tree *tree, struct tree *from)
{
    free(tree->items);
    tree->items = from->items;
    tree->n_items = from->n_items;
    tree->max_items = from->max_items;
    from->items = NULL;
    tree_done(from);
    free(from);
}

void
tree_take_open(struct tree *tree, const struct tree *from)
{
    tree->turned =
        mem_resize(tree->turned, from->n_turned, sizeof *tree->turned);
    if (from->n_turned > 0)
        memcpy(tree->turned, from->turned,
               from->n_turned * sizeof *tree->turned);
    tree->n_turned = from->n_turned;
}

bool
tree_is_turned(const struct tree *tree, uint64_t id)
{
    for (uint32_t i = 0; i < tree->n_turned; i++) {
        if (tree->turned[i] == id)
            return true;
    }
    return false;
}

void
tree_turn(struct tree *tree, uint64_t id)
{
    for (uint32_t i = 0; i < tree->n_turned; i++) {
        if (tree->turned[i] == id) {
            tree->turned[i] = tree->turned[--tree->n_turned];
            return;
        }
    }
    tree->turned =
        mem_resize(tree->turned, tree->n_turned + 1, sizeof *tree->turned);
    tree->turned[tree->n_turned++] = id;
}

uint32_t
tree_find(const struct tree *tree, uint64_t id)
{
    for (uint32_t i = 0; i < tree->n_items; i++) {
        if (tree->items[i].id == id)
            return i;
    }
    return LIST_NONE;
}

uint64_t
tree_id(uint64_t parent, const char *text)
{
    uint64_t hash = 14695981039346656037u ^ parent;
    for (const char *at = text; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash != 0 ? hash : 1;
}

void
tree_add_branch(struct cell_out *out, const struct tree_item *item)
{
    int indent = item->depth < INDENT_MAX ? item->depth : INDENT_MAX;
    cell_addf(out, ROLE_NORMAL, "%*s", 2 * indent, "");
    cell_add(out, ROLE_DIM,
             !item->can_open ? "  "
             : item->is_open ? "▾ "
                             : "▸ ");
}

enum tree_answer
tree_unfold(struct tree *tree, struct list *list)
{
    uint32_t row = list_row(list);
    if (row == LIST_NONE || row >= tree->n_items || !tree->items[row].can_open)
        return TREE_NOTHING;
    if (tree->items[row].is_open) {
        list_move(list, 1);
        return TREE_MOVED;
    }
    tree_turn(tree, tree->items[row].id);
    return TREE_TURNED;
}

enum tree_answer
tree_fold(struct tree *tree, struct list *list)
{
    uint32_t row = list_row(list);
    if (row == LIST_NONE || row >= tree->n_items)
        return TREE_LEAVE;
    if (tree->items[row].is_open) {
        tree_turn(tree, tree->items[row].id);
        return TREE_TURNED;
    }
    if (tree->items[row].parent == TREE_TOP)
        return TREE_LEAVE;
    uint32_t position = list_position_of(list, tree->items[row].parent);
    if (position == LIST_NONE)
        return TREE_LEAVE;
    list_move_to(list, position);
    return TREE_MOVED;
}
