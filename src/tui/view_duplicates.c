/* view_duplicates.c — equal strings: what they waste, and who holds most of
 * them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/derived.h"
#include "tui/facts.h"

#define ROWS_MAX 10000u

enum { COL_VALUE, COL_COUNT, COL_EACH, COL_WASTED, COL_MOST, COL_HELD };

struct duplicates {
    struct px_duplicates *result;
};

static struct px_duplicates *
result_of(const void *context)
{
    return ((struct duplicates *)((const struct view *)context)->state)->result;
}

/* ---- what the worker makes ---- */

static void *
make(const struct derived_from *from, struct px_work *work, struct px_err *err)
{
    return px_duplicates_new(from->paths, ROWS_MAX, work, err);
}

static void
free_result(void *result)
{
    px_duplicates_free(result);
}

static void
take(struct view *view, void *result)
{
    ((struct duplicates *)view->state)->result = result;
}

static const struct derived_ops derived = {
    .about = "comparing strings",
    .failed = "The strings could not be compared",
    .make = make,
    .free = free_result,
    .take = take,
};

static void
changed(struct view *view)
{
    derived_once(view, &derived, result_of(view));
}

static enum px_status
open_duplicates(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

static void
close_duplicates(struct view *view)
{
    px_duplicates_free(result_of(view));
}

/* ---- rows ---- */

static uint32_t
row_count(const void *context)
{
    const struct px_duplicates *result = result_of(context);
    return result != NULL ? (uint32_t)result->n_rows : 0;
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    return px_node_addr(view_graph(context),
                        result_of(context)->rows[row].example);
}

static void
add_held(const struct px_duplicate *row, struct cell_out *out)
{
    if (row->held_by == PX_HELD_ROOT)
        cell_add(out, ROLE_NAME, row->line);
    else
        cell_add(out, ROLE_WARN, fact_held_many(row->held_by));
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct px_duplicate *duplicate = &result_of(context)->rows[row];
    switch (column) {
    case COL_VALUE:
        fact_add_preview(out, view_graph(context), duplicate->example);
        break;
    case COL_COUNT:
        cell_count(out, duplicate->count);
        break;
    case COL_EACH:
        cell_bytes(out, px_node_bytes(view_graph(context), duplicate->example));
        break;
    case COL_WASTED:
        cell_bytes(out, duplicate->wasted);
        break;
    case COL_MOST:
        cell_count(out, duplicate->held_count);
        break;
    case COL_HELD:
        add_held(duplicate, out);
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context),
                        result_of(context)->rows[row].example);
}

static uint64_t
total(const void *context, int column)
{
    const struct px_duplicates *result = result_of(context);
    if (result == NULL)
        return 0;
    return column == COL_COUNT ? result->count : result->wasted;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct px_duplicates *result = result_of(context);
    if (derived_why_empty(context, &derived, result, out_bytes, out))
        return;
    if (!result->has_values)
        snprintf(out, out_bytes,
                 "The snapshot has no values to compare: the server gives "
                 "names or types only (serve(detail=\"values\")).");
    else
        snprintf(out, out_bytes, "No two strings are equal.");
}

/* ---- the view ---- */

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct px_duplicates *result = result_of(view);
    char values[PX_COUNTED_MAX], count[PX_FIGURE_MAX], wasted[PX_FIGURE_MAX];
    if (result != NULL && result->has_values)
        cell_addf(out, ROLE_CRUMB, "%s strings are %s, %s for nothing",
                  px_text_count(result->count, count),
                  px_text_counted(result->n_all, "value", values),
                  px_text_bytes(result->wasted, wasted));
}

static const struct column columns[] = {
    [COL_VALUE] = {"VALUE", COLUMN_TEXT, 24, 2, 0, false, 0},
    [COL_COUNT] = {"COPIES", COLUMN_COUNT, 8, 0, 0, false, 0},
    [COL_EACH] = {"EACH", COLUMN_BYTES, 9, 0, 3, false, 0},
    [COL_WASTED] = {"WASTED", COLUMN_BYTES, 9, 0, 0, false, 0},
    [COL_MOST] = {"MOST", COLUMN_COUNT, 6, 0, 2, false, 0},
    [COL_HELD] = {"HELD BY", COLUMN_TEXT, 24, 3, 1, true, 0},
};

static const struct rows_ops rows = {
    .name = "duplicates",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .sort = COL_WASTED,
    .figure = COL_WASTED,
    .count = row_count,
    .id = row_id,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
};

const struct view_ops view_duplicates = {
    .n_panes = 1,
    .panes = {&rows},
    .state_size = sizeof(struct duplicates),
    .open = open_duplicates,
    .close = close_duplicates,
    .changed = changed,
    .summary = summary,
};
