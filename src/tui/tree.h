/* tree.h — the one tree widget: rows that open and close, for every view that
 * shows something inside something.
 *
 * A tree asks its source for children of what is open, and keeps the rows
 * that can be seen, a row before its children. What the user opened or closed
 * is remembered by id, so it survives when the rows are made anew, also from
 * another snapshot. list.h shows the rows like any others: the view's
 * rows_ops take count, id and the beginning of a cell from here.
 *
 * The rows may be made on the worker (tree_make reads nothing but the tree
 * and its source); everything else is the UI thread's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_TREE_H
#define TUI_TREE_H

#include "tui/rows.h"
#include "tui/view.h"

#define TREE_TOP UINT32_MAX
#define TREE_ROWS_MAX 1000000u

struct tree_item {
    uint64_t id;     /* the same for the same thing in every snapshot */
    uint64_t figure; /* the source's own */
    uint32_t what;   /* the source's own: a row, an object, a type */
    uint32_t n;      /* the source's own: how many it stands for */
    uint32_t parent; /* index of its row, TREE_TOP: none */
    uint16_t kind;   /* the source's own */
    uint16_t depth;
    bool can_open;
    bool opens; /* is open unless the user closed it */
    bool is_open;
};

struct tree {
    /* Calls tree_add for each child of the row `parent`, in order. */
    void (*children)(struct tree *tree, uint32_t parent);
    const void *source;
    struct tree_item *items;
    uint32_t n_items;
    /* ids that are not as they would be by themselves */
    uint64_t *turned;
    uint32_t n_turned;
    /* what tree_make works with */
    struct tree_item *pending;
    uint32_t n_pending;
    uint32_t max_items, max_pending;
};

void tree_done(struct tree *tree);
/* Makes the rows; false: cancelled. `work` may be NULL. */
bool tree_make(struct tree *tree, struct px_work *work);
void tree_add(struct tree *tree, const struct tree_item *item);
/* `n` rows below `parent` that stand for the steps of the same thing: `what`
 * is its, `n` the number of the step. */
void tree_add_steps(struct tree *tree, uint32_t parent, unsigned kind,
                    size_t n);
/* Source and what is open, without rows: for the worker. */
struct tree *tree_new_like(const struct tree *tree);
/* Takes the rows of `from`, which is freed. */
void tree_take_rows(struct tree *tree, struct tree *from);
void tree_take_open(struct tree *tree, const struct tree *from);
/* Opens or closes an item; call tree_make after it. */
void tree_turn(struct tree *tree, uint64_t id);
bool tree_is_turned(const struct tree *tree, uint64_t id);
uint32_t tree_find(const struct tree *tree, uint64_t id);
/* An id from its parent's and a text. */
uint64_t tree_id(uint64_t parent, const char *text);
/* Indentation and the mark that says whether there is more below. */
void tree_add_branch(struct cell_out *out, const struct tree_item *item);

/* Unfold and fold of a row of `list`. TREE_MOVED: only the cursor moved;
 * TREE_TURNED: make the rows anew; TREE_LEAVE: there is nothing to fold. */
enum tree_answer { TREE_NOTHING, TREE_MOVED, TREE_TURNED, TREE_LEAVE };
enum tree_answer tree_unfold(struct tree *tree, struct list *list);
enum tree_answer tree_fold(struct tree *tree, struct list *list);

#endif
