/* view_growth.c — what grew from each kept snapshot to the next, by path. A
 * row opens to the path that holds it, with the reference at fault.
 *
 * Reads the paths of all kept snapshots: its job ends before one of them goes
 * (view_ops.reads_all), and begins again.
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
#include "tui/tree_view.h"

#define ROWS_MAX 500u
#define STEPS_MAX 48u
#define OPEN_ROWS 1u
#define RATE_MIN (1.0 / 60) /* what less says of a minute is noise */

enum {
    COL_PATH,
    COL_FIRST,
    COL_NOW,
    COL_CHANGE,
    COL_RATE,
    COL_ROUNDS,
    COL_BYTES
};
enum { KIND_GROWN, KIND_STEP };

struct grown {
    const struct px_growth_row *row;
    struct px_step *steps;
    size_t n_steps;
};

/* What the worker makes, and what it makes it from. */
struct result {
    const struct px_paths *paths[STORE_KEEP + 1]; /* oldest first */
    unsigned numbers[STORE_KEEP + 1];
    size_t n_snapshots;
    struct px_growth *growth;
    struct grown *rows;
    size_t n_rows;
};

struct growth {
    struct tree_view rows; /* first: tree_view.h */
    struct result *result;
    double minutes; /* between the first and the last; 0: unknown */
};

static struct growth *
growth_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static const struct grown *
grown_of(const void *context, const struct tree_item *item)
{
    return &growth_of(context)->result->rows[item->what];
}

/* ---- the tree: what grew, and the steps to it ---- */

static void
children(struct tree *tree, uint32_t parent)
{
    const struct result *result = tree->source;
    if (parent == TREE_TOP) {
        for (size_t i = 0; i < result->n_rows; i++) {
            const struct px_growth_row *row = result->rows[i].row;
            struct tree_item item = {
                .id = tree_id(tree_id(1, row->line), row->type),
                .what = (uint32_t)i,
                .kind = KIND_GROWN,
                .can_open = result->rows[i].n_steps > 0,
                .opens = i < OPEN_ROWS,
            };
            tree_add(tree, &item);
        }
        return;
    }
    tree_add_steps(tree, parent, KIND_STEP,
                   result->rows[tree->items[parent].what].n_steps);
}

/* ---- what the worker makes ---- */

static void
free_result(void *context)
{
    struct result *result = context;
    if (result == NULL)
        return;
    for (size_t i = 0; i < result->n_rows; i++)
        free(result->rows[i].steps);
    free(result->rows);
    px_growth_free(result->growth);
    free(result);
}

static void
take_rows(struct result *result, const struct px_growth_row *rows, size_t n)
{
    const struct px_paths *last = result->paths[result->n_snapshots - 1];
    result->n_rows = n < ROWS_MAX ? n : ROWS_MAX;
    result->rows = mem_new(result->n_rows, sizeof *result->rows);
    for (size_t i = 0; i < result->n_rows; i++) {
        struct grown *grown = &result->rows[i];
        grown->row = &rows[i];
        struct px_step steps[STEPS_MAX];
        size_t n_steps =
            px_paths_steps(last, rows[i].example, true, STEPS_MAX, steps);
        grown->n_steps = n_steps < STEPS_MAX ? n_steps : STEPS_MAX;
        grown->steps = mem_new(grown->n_steps, sizeof *grown->steps);
        if (grown->n_steps > 0)
            memcpy(grown->steps, steps, grown->n_steps * sizeof *steps);
    }
}

static void *
make(const struct derived_from *from, struct px_work *work, struct px_err *err)
{
    struct result *result = from->input;
    size_t n = 0;
    result->growth = px_growth_new(err);
    for (size_t i = 0; result->growth != NULL && i < result->n_snapshots; i++) {
        if (px_growth_add(result->growth, result->paths[i], work, err) != PX_OK)
            goto fail;
    }
    if (result->growth == NULL)
        goto fail;
    const struct px_growth_row *rows = px_growth_find(
        result->growth, result->paths[result->n_snapshots - 1], 0, &n, err);
    if (rows == NULL)
        goto fail;
    take_rows(result, rows, n);
    return result;
fail:
    free_result(result);
    return NULL;
}

static void
take(struct view *view, void *result)
{
    growth_of(view)->result = result;
    if (result != NULL)
        tree_view_start(view, children, result);
}

static const struct derived_ops derived = {
    .about = "comparing the snapshots",
    .make = make,
    .free = free_result,
    .drop = free_result,
    .take = take,
};

/* All kept snapshots up to the view's own; NULL: fewer than two have paths. */
static struct result *
new_input(const struct view *view)
{
    const struct store *store = &view->app->store;
    struct result *result = mem_new(1, sizeof *result);
    for (size_t i = 0; i < store->n_snapshots; i++) {
        const struct snapshot *snapshot = store->snapshots[i];
        if (snapshot->paths == NULL ||
            snapshot->number > view->snapshot->number)
            continue;
        result->numbers[result->n_snapshots] = snapshot->number;
        result->paths[result->n_snapshots++] = snapshot->paths;
    }
    if (result->n_snapshots >= 2)
        return result;
    free(result);
    return NULL;
}

static void
changed(struct view *view)
{
    struct growth *growth = view->state;
    if (view->snapshot == NULL || view->snapshot->paths == NULL ||
        growth->result != NULL || view->job != NULL || view->problem[0] != '\0')
        return;
    struct result *input = new_input(view);
    if (input == NULL)
        return;
    const struct history *history = &view->app->history;
    uint32_t first = history_find(history, input->numbers[0]);
    uint32_t last = history_find(history, view->snapshot->number);
    if (first != HISTORY_MAX && last != HISTORY_MAX)
        growth->minutes =
            (history->rounds[last].time - history->rounds[first].time) / 60;
    derived_start(view, &derived, input);
}

static enum px_status
open_growth(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

static void
close_growth(struct view *view)
{
    free_result(growth_of(view)->result);
    tree_view_done(view);
}

/* ---- rows ---- */

static void
add_path(const struct px_growth_row *row, struct cell_out *out)
{
    const char *words = fact_held_many(row->held_by);
    /* First, for a narrow screen cuts the end. */
    cell_add(out, ROLE_OWN, fact_last_part(row->type));
    cell_add(out, ROLE_NORMAL, "  ");
    if (row->line[0] != '\0')
        fact_add_line(out, ROLE_NAME, row->line);
    else
        cell_add(out, ROLE_WARN, words);
}

/* By how many in each round: "+179 +128 +128". */
static void
add_rounds(const struct px_growth_row *row, struct cell_out *out)
{
    char text[PX_FIGURE_MAX];
    for (uint32_t i = 1; i < row->n_counts; i++)
        cell_addf(out, ROLE_NUMBER, "%s+%s", i > 1 ? " " : "",
                  px_text_count(row->counts[i] - row->counts[i - 1], text));
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct tree_item *item = tree_view_item(context, row);
    const struct grown *grown = grown_of(context, item);
    double minutes = growth_of(context)->minutes;
    double change = (double)grown->row->n_last - (double)grown->row->n_first;
    if (column == COL_PATH)
        tree_add_branch(out, item);
    if (item->kind == KIND_STEP) {
        const struct px_step *step = &grown->steps[item->n];
        if (column != COL_PATH)
            return;
        cell_add(out, ROLE_NORMAL, step->is_culprit ? "" : "  ");
        fact_add_step(out, view_graph(context), step, item->n == 0);
        cell_add(out, ROLE_WARN, step->is_culprit ? "  ‹ at fault" : "");
        return;
    }
    switch (column) {
    case COL_PATH:
        add_path(grown->row, out);
        break;
    case COL_FIRST:
        cell_count(out, grown->row->n_first);
        break;
    case COL_NOW:
        cell_count(out, grown->row->n_last);
        break;
    case COL_CHANGE:
        cell_change(out, (int64_t)change);
        break;
    case COL_ROUNDS:
        add_rounds(grown->row, out);
        break;
    case COL_RATE:
        if (minutes >= RATE_MIN)
            cell_change(out, (int64_t)(change / minutes + 0.5));
        break;
    case COL_BYTES:
        if (grown->row->bytes > 0) {
            cell_add(out, ROLE_NUMBER, "+");
            cell_bytes(out, (uint64_t)grown->row->bytes);
        }
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct tree_item *item = tree_view_item(context, row);
    const struct grown *grown = grown_of(context, item);
    return subject_node(view_graph(context), item->kind == KIND_STEP
                                                 ? grown->steps[item->n].node
                                                 : grown->row->example);
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (view->problem[0] != '\0')
        snprintf(out, out_bytes,
                 "The snapshots could not be compared: %s. Backspace goes "
                 "back.",
                 view->problem);
    else if (growth_of(context)->result != NULL)
        snprintf(out, out_bytes,
                 "Nothing grew from each snapshot to the next.");
    else if (view->job != NULL)
        snprintf(out, out_bytes, "comparing the snapshots …");
    else if (view->snapshot != NULL && view->snapshot->paths == NULL)
        snprintf(out, out_bytes, "%s", store_no_paths(view->snapshot));
    else
        snprintf(out, out_bytes, "Growth needs two snapshots or more%s",
                 session_is_live(&view->app->session)
                     ? ": r takes another one, a takes one every few seconds."
                     : ", and there is no target. pyexplore growth compares "
                       "files.");
}

/* ---- the view ---- */

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct result *result = growth_of(view)->result;
    if (result == NULL)
        return;
    cell_add(out, ROLE_CRUMB, "grew every time over snapshots ");
    for (size_t i = 0; i < result->n_snapshots; i++)
        cell_addf(out, ROLE_CRUMB, "%s%u",
                  i == 0                        ? ""
                  : i + 1 < result->n_snapshots ? ", "
                                                : " and ",
                  result->numbers[i]);
}

static const struct column columns[] = {
    [COL_PATH] = {"WHAT GROWS", COLUMN_TEXT, 34, 1, 0, false, 26},
    [COL_FIRST] = {"FIRST", COLUMN_COUNT, 9, 0, 4, false, 0},
    [COL_NOW] = {"NOW", COLUMN_COUNT, 9, 0, 0, false, 0},
    [COL_CHANGE] = {"GROWN", COLUMN_COUNT, 8, 0, 0, false, 0},
    [COL_RATE] = {"A MIN", COLUMN_COUNT, 8, 0, 1, false, 0},
    [COL_ROUNDS] = {"IN EACH ROUND", COLUMN_TEXT, 20, 0, 3, false, 0},
    [COL_BYTES] = {"WITH BELOW", COLUMN_BYTES, 10, 0, 1, false, 0},
};

static const struct rows_ops rows = {
    .name = "growth",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .figure = COL_NOW,
    .cell = row_cell,
    .subject = row_subject,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_growth = {
    .n_panes = 1,
    .panes = {&rows},
    .reads_all = true,
    .state_size = sizeof(struct growth),
    .open = open_growth,
    .close = close_growth,
    .changed = changed,
    .take = tree_view_take,
    .summary = summary,
    .act = tree_view_act,
};
