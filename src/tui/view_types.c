/* view_types.c — all types of a snapshot, also while it still arrives.
 *
 * The rows are a copy of names and counts: the builder that has them belongs
 * to the worker as soon as the last chunk has come.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/mem.h"
#include "tui/overview.h"

#define BAR_COLS 12

struct type_row {
    char *name;
    uint64_t count;
    uint64_t bytes;
    unsigned flags;
    uint64_t id;
    int64_t change; /* of the count, since the mark */
    int64_t rate;   /* in a minute */
};

struct types {
    struct type_row *rows;
    uint32_t n_rows;
    uint64_t objects;
    uint64_t bytes;
    unsigned arriving; /* snapshot that the rows are of as it comes; 0: none */
    uint32_t round;    /* of the snapshot in the history; HISTORY_MAX: none */
    bool has_mark, has_rate;
};

enum {
    COL_TYPE,
    COL_COUNT,
    COL_CHANGE,
    COL_RATE,
    COL_SIZE,
    COL_RETAINED,
    COL_EACH,
    COL_SHARE,
    COL_TREND,
    COL_BAR
};

static const struct column columns[] = {
    /* The end of a name is what tells types of one package apart. */
    [COL_TYPE] = {"TYPE", COLUMN_TEXT, 30, 1, 0, true, 21},
    [COL_COUNT] = {"COUNT", COLUMN_COUNT, 10, 0, 0, false, 0},
    [COL_CHANGE] = {"+MARK", COLUMN_COUNT, 8, 0, 2, false, 0},
    [COL_RATE] = {"A MIN", COLUMN_COUNT, 8, 0, 2, false, 0},
    [COL_SIZE] = {"SIZE", COLUMN_BYTES, 9, 0, 1, false, 0},
    [COL_RETAINED] = {"RETAINED", COLUMN_BYTES, 12, 0, 1, false, 0},
    [COL_EACH] = {"EACH", COLUMN_BYTES, 9, 0, 5, false, 0},
    [COL_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 4, false, 0},
    [COL_TREND] = {"TREND", COLUMN_BAR, HISTORY_SHOWN, 0, 3, false, 0},
    [COL_BAR] = {"", COLUMN_BAR, BAR_COLS, 0, 6, false, 0},
};

static const struct types *
types_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static void
resize_rows(struct types *types, uint32_t n)
{
    for (uint32_t i = n; i < types->n_rows; i++)
        free(types->rows[i].name);
    types->rows = mem_resize(types->rows, n, sizeof *types->rows);
    for (uint32_t i = types->n_rows; i < n; i++)
        types->rows[i] = (struct type_row){.name = NULL};
    types->n_rows = n;
}

static void
set_row(struct types *types, uint32_t i, const char *name, uint64_t count,
        uint64_t bytes, unsigned flags)
{
    struct type_row *row = &types->rows[i];
    if (row->name == NULL)
        row->name = mem_dup(name);
    row->count = count;
    row->bytes = bytes;
    row->flags = flags;
    row->id = history_type_id(name);
    types->objects += count;
    types->bytes += bytes;
}

static void
take_graph(struct types *types, const struct px_graph *graph)
{
    resize_rows(types, px_graph_n_types(graph));
    types->objects = types->bytes = 0;
    for (px_type i = 0; i < types->n_rows; i++)
        set_row(types, i, px_type_name(graph, i), px_type_count(graph, i),
                px_type_bytes(graph, i), px_type_flags(graph, i));
}

static void
take_arriving(struct types *types, const struct snapshot *coming)
{
    const struct px_builder *builder = coming->builder;
    struct px_builder_counts counts;
    px_builder_counts(builder, &counts);
    /* Types come before objects: nothing to show yet. */
    if (counts.objects == 0)
        return;
    /* After one that failed the names of rows are others. */
    if (types->arriving != coming->number)
        resize_rows(types, 0);
    types->arriving = coming->number;
    resize_rows(types, counts.types);
    types->objects = types->bytes = 0;
    for (px_type i = 0; i < types->n_rows; i++)
        set_row(types, i, px_builder_type_name(builder, i),
                px_builder_type_count(builder, i),
                px_builder_type_bytes(builder, i), 0);
}

/* What the history says of each type: kept in the rows, for the worker may
 * sort them while the history grows. */
static void
take_history(struct types *types, const struct history *history,
             unsigned number)
{
    types->round = history_find(history, number);
    types->has_mark = types->has_rate = false;
    if (types->round == HISTORY_MAX)
        return;
    uint32_t mark = history_mark(history, types->round);
    types->has_mark = mark != HISTORY_MAX;
    for (uint32_t i = 0; i < types->n_rows; i++) {
        struct type_row *row = &types->rows[i];
        if (types->has_mark)
            row->change =
                (int64_t)(row->count -
                          history_type(&history->rounds[mark], row->id)->count);
        if (history_rate(history, types->round, row->id, &row->rate))
            types->has_rate = true;
    }
}

static void
changed(struct view *view)
{
    struct types *types = view->state;
    const struct snapshot *coming = store_coming(&view->app->store);
    types->round = HISTORY_MAX;
    if (view->snapshot != NULL) {
        if (types->n_rows == 0)
            take_graph(types, view->snapshot->graph);
        take_history(types, &view->app->history, view->snapshot->number);
    } else if (coming != NULL && coming->state == SNAPSHOT_ARRIVING) {
        take_arriving(types, coming);
    }
}

static enum px_status
open_types(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

static void
close_types(struct view *view)
{
    struct types *types = view->state;
    resize_rows(types, 0);
    free(types->rows);
}

static uint32_t
row_count(const void *context)
{
    return types_of(context)->n_rows;
}

static bool
has_column(const void *context, int column)
{
    const struct types *types = types_of(context);
    if (column == COL_CHANGE)
        return types->has_mark;
    if (column == COL_TREND)
        return types->round != HISTORY_MAX && types->round > 0;
    return types->has_rate || column != COL_RATE;
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    return types_of(context)->rows[row].id;
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct types *types = types_of(context);
    const struct type_row *type = &types->rows[row];
    const struct view *view = context;
    bool has_retained =
        view->snapshot != NULL && view->snapshot->dominators != NULL;
    switch (column) {
    case COL_TYPE:
        cell_add(out, type->flags & PX_TYPE_PYTHON ? ROLE_OWN : ROLE_NORMAL,
                 type->name);
        break;
    case COL_COUNT:
        cell_count(out, type->count);
        break;
    case COL_SIZE:
        cell_bytes(out, type->bytes);
        break;
    case COL_RETAINED:
        fact_add_retained(out, view->snapshot,
                          has_retained ? px_dominators_type_retained(
                                             view->snapshot->dominators, row)
                                       : 0,
                          true);
        break;
    case COL_CHANGE:
        cell_change(out, type->change);
        break;
    case COL_RATE:
        cell_change(out, type->rate);
        break;
    case COL_TREND:
        if (types->round != HISTORY_MAX)
            history_trend(&view->app->history, types->round, type->id, out);
        break;
    case COL_EACH:
        if (type->count > 0)
            cell_bytes(out, type->bytes / type->count);
        break;
    case COL_SHARE:
        cell_share(out, type->bytes, types->bytes);
        break;
    case COL_BAR:
        cell_bar(out, type->bytes, types->bytes, BAR_COLS);
        break;
    }
}

static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct view *view = context;
    if (view->snapshot == NULL)
        return (struct subject){.kind = SUBJECT_NONE};
    return (struct subject){.kind = SUBJECT_TYPE, .type = row};
}

/* Also before the snapshot is there: it is opened then. */
static bool
enter(const struct view *view, int pane, uint32_t row, struct place *out)
{
    if (pane != OVERVIEW_TYPES)
        return overview_enter(view, row, out);
    *out = (struct place){.view = VIEW_INSTANCES};
    snprintf(out->type, sizeof out->type, "%s", types_of(view)->rows[row].name);
    if (view->snapshot != NULL)
        out->snapshot = view->snapshot->number;
    return true;
}

static uint64_t
total(const void *context, int column)
{
    const struct types *types = types_of(context);
    return column == COL_COUNT ? types->objects : types->bytes;
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    snprintf(out, out_bytes, "%s",
             store_coming(&view->app->store) != NULL
                 ? "waiting for the first objects"
                 : "No snapshot yet. Press r to take one.");
}

static void
crumb(const struct view *view, struct cell_out *out)
{
    (void)view;
    cell_add(out, ROLE_CRUMB, "types");
}

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct types *types = view->state;
    char n_types[PX_COUNTED_MAX], objects[PX_COUNTED_MAX];
    char bytes[PX_FIGURE_MAX];
    if (types->n_rows > 0)
        cell_addf(out, ROLE_CRUMB, "%s   %s   %s",
                  px_text_counted(types->n_rows, "type", n_types),
                  px_text_counted(types->objects, "object", objects),
                  px_text_bytes(types->bytes, bytes));
}

static const struct rows_ops rows = {
    .name = "types",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .sort = COL_SIZE,
    .figure = COL_SIZE,
    .count = row_count,
    .has_column = has_column,
    .id = row_id,
    .cell = row_cell,
    .subject = row_subject,
    .total = total,
    .empty = empty,
};

const struct view_ops view_types = {
    .n_panes = 2,
    .panes = {[OVERVIEW_PROCESS] = &overview_rows, [OVERVIEW_TYPES] = &rows},
    .focus = OVERVIEW_TYPES,
    .shows_findings = true,
    .layout = overview_layout,
    .enter = enter,
    .state_size = sizeof(struct types),
    .open = open_types,
    .close = close_types,
    .changed = changed,
    .crumb = crumb,
    .summary = summary,
};
