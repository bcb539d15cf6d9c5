/* holders.c — the paths of a set as one tree.
 *
 * groups.c has sorted the set into classes, each a step from its parent's. A
 * parent's number is less than its children's, so counts add up the tree in
 * one pass from the last to the first; then the classes are sorted by parent
 * and count, and written as the tree is drawn.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/groups.h"
#include "graph/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sorting {
    const struct grouping *g;
    const uint64_t *counts;
};

/* Parents first, the top (PX_NONE) before all; then the most frequent, then
 * by text: never by the order in which the classes were found. */
static int
compare_classes(const void *a, const void *b, void *context)
{
    const struct sorting *s = context;
    class_id left = *(const class_id *)a;
    class_id right = *(const class_id *)b;
    const struct class_row *x = &s->g->rows[left];
    const struct class_row *y = &s->g->rows[right];
    if (x->parent != y->parent) /* PX_NONE + 1 is 0 */
        return x->parent + 1 < y->parent + 1 ? -1 : 1;
    if (s->counts[left] != s->counts[right])
        return s->counts[left] > s->counts[right] ? -1 : 1;
    int by_text = strcmp(texts_get(&s->g->texts, x->text),
                         texts_get(&s->g->texts, y->text));
    return by_text != 0 ? by_text : (left > right) - (left < right);
}

/* Scratch, by class but for `sorted`. */
struct scratch {
    uint64_t *here;
    uint64_t *counts; /* here and below */
    px_node *examples;
    class_id *sorted;
    uint32_t *first; /* in sorted: of a class's children */
    uint32_t *depth;
    class_id *stack;
};

/* The first of a linked list is one of its links, as in lines. */
static void
join_runs(const struct grouping *g, struct scratch *s)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        class_id run =
            s->here[i] == 0 ? PX_NONE : grouping_run_of(g, (class_id)i);
        if (run == PX_NONE || s->here[run] == 0)
            continue;
        s->here[run] += s->here[i];
        s->here[i] = 0;
    }
}

static void
add_up(const struct grouping *g, struct scratch *s)
{
    for (size_t i = 0; i < g->n_rows; i++)
        s->here[i] = g->rows[i].count;
    join_runs(g, s);
    for (size_t i = 0; i < g->n_rows; i++) {
        s->counts[i] = s->here[i];
        s->examples[i] = s->here[i] > 0 ? g->rows[i].example : PX_NONE;
    }
    for (size_t i = g->n_rows; i > 0; i--) {
        class_id parent = g->rows[i - 1].parent;
        if (parent == PX_NONE)
            continue;
        s->counts[parent] += s->counts[i - 1];
        if (s->examples[parent] == PX_NONE)
            s->examples[parent] = s->examples[i - 1];
    }
}

static enum px_status
write_row(const struct grouping *g, const struct scratch *s, class_id id,
          struct px_holders *out, struct px_err *err)
{
    const struct class_row *row = &g->rows[id];
    struct px_holder *holder = &out->rows[out->n_rows];
    const char *text = texts_get(&g->texts, row->text);
    static const char times[] = " ×*";
    size_t n = strlen(text);
    holder->text = malloc(n + sizeof times);
    if (holder->text == NULL)
        return room_fail(err, "no memory for a tree of paths");
    memcpy(holder->text, text, n + 1);
    if (row->is_run)
        memcpy(holder->text + n, times, sizeof times);
    holder->type = row->root == PX_NONE ? PX_NONE : row->type;
    holder->depth = s->depth[id];
    holder->count = s->counts[id];
    holder->here = s->here[id];
    holder->example = s->examples[id];
    holder->held_by = (enum px_held_by)row->held_by;
    out->n_rows++;
    return PX_OK;
}

/* Depth first, by a stack on which children lie in reverse. */
static enum px_status
write_rows(const struct grouping *g, struct scratch *s, struct px_holders *out,
           struct px_err *err)
{
    size_t n = g->n_rows;
    size_t n_stack = 0;
    for (size_t i = n; i > 0; i--) {
        class_id parent = g->rows[s->sorted[i - 1]].parent;
        if (parent == PX_NONE)
            s->stack[n_stack++] = s->sorted[i - 1];
        else
            s->first[parent] = (uint32_t)(i - 1);
    }
    while (n_stack > 0) {
        class_id id = s->stack[--n_stack];
        if (s->counts[id] == 0)
            continue;
        enum px_status status = write_row(g, s, id, out, err);
        if (status != PX_OK)
            return status;
        size_t end = s->first[id];
        while (end < n && g->rows[s->sorted[end]].parent == id)
            end++;
        while (end > s->first[id]) {
            class_id child = s->sorted[--end];
            s->depth[child] = s->depth[id] + 1;
            s->stack[n_stack++] = child;
        }
    }
    return PX_OK;
}

static enum px_status
make_tree(const struct grouping *g, struct px_holders *out, struct px_err *err)
{
    size_t n = g->n_rows;
    enum px_status status = PX_ENOMEM;
    struct scratch s = {
        .here = calloc(n + 1, sizeof *s.here),
        .counts = calloc(n + 1, sizeof *s.counts),
        .examples = calloc(n + 1, sizeof *s.examples),
        .sorted = calloc(n + 1, sizeof *s.sorted),
        .first = calloc(n + 1, sizeof *s.first),
        .depth = calloc(n + 1, sizeof *s.depth),
        .stack = calloc(n + 1, sizeof *s.stack),
    };
    out->rows = calloc(n + 1, sizeof *out->rows);
    if (s.here == NULL || s.counts == NULL || s.examples == NULL ||
        s.sorted == NULL || s.first == NULL || s.depth == NULL ||
        s.stack == NULL || out->rows == NULL) {
        room_fail(err, "no memory for a tree of paths");
        goto out;
    }
    add_up(g, &s);
    struct sorting sorting = {g, s.counts};
    for (size_t i = 0; i < n; i++) {
        s.sorted[i] = (class_id)i;
        s.first[i] = (uint32_t)n;
    }
    qsort_r(s.sorted, n, sizeof *s.sorted, compare_classes, &sorting);
    status = write_rows(g, &s, out, err);
out:
    free(s.here);
    free(s.counts);
    free(s.examples);
    free(s.sorted);
    free(s.first);
    free(s.depth);
    free(s.stack);
    return status;
}

struct px_holders *
px_holders_new(const struct px_paths *paths, const px_node *nodes, uint32_t n,
               struct px_work *work, struct px_err *err)
{
    enum px_status status = PX_ENOMEM;
    struct px_holders *out = calloc(1, sizeof *out);
    struct grouping *g = grouping_new(paths, nodes, n, work, err);
    if (out == NULL)
        room_fail(err, "no memory for a tree of paths");
    if (out != NULL && g != NULL) {
        out->n_nodes = n;
        status = make_tree(g, out, err);
    }
    grouping_free(g);
    if (status != PX_OK) {
        px_holders_free(out);
        return NULL;
    }
    return out;
}

void
px_holders_free(struct px_holders *holders)
{
    if (holders == NULL)
        return;
    for (size_t i = 0; i < holders->n_rows; i++)
        free(holders->rows[i].text);
    free(holders->rows);
    free(holders);
}
