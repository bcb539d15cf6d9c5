/* overview.c — what stands above the types on the first screen.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/overview.h"

#include <stdio.h>

#include "base/text.h"
#include "tui/app.h"

#define ROOM_PART 4 /* of the screen, at most */
#define ROWS_MIN 12 /* of a screen that has room for more than the types */

static uint32_t
row_count(const void *context)
{
    (void)context;
    return 0;
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    (void)context;
    (void)row;
    (void)column;
    (void)out;
}

/* ---- the process in one line ---- */

static const struct history_round *
round_of(const struct view *view)
{
    const struct history *history = &view->app->history;
    if (view->snapshot == NULL)
        return NULL;
    uint32_t i = history_find(history, view->snapshot->number);
    return i != HISTORY_MAX ? &history->rounds[i] : NULL;
}

static void
add_figure(struct cell_out *out, const char *name, uint64_t bytes)
{
    char text[PX_FIGURE_MAX];
    cell_addf(out, ROLE_PANE, "%s%s ", out->len > 0 ? "   " : "", name);
    cell_add(out, ROLE_STRONG, px_text_bytes(bytes, text));
}

static void
add_gc(struct cell_out *out, const json_t *gc)
{
    const json_t *thresholds = json_object_get(gc, "thresholds");
    if (gc == NULL)
        return;
    bool is_on = json_is_true(json_object_get(gc, "enabled"));
    cell_add(out, ROLE_PANE, "   gc ");
    cell_add(out, is_on ? ROLE_PANE : ROLE_WARN, is_on ? "on" : "off");
    for (size_t i = 0; i < json_array_size(thresholds); i++)
        cell_addf(out, ROLE_PANE, " %lld",
                  (long long)json_number_value(json_array_get(thresholds, i)));
}

static void
title(const void *context, struct cell_out *out)
{
    const struct view *view = context;
    const struct history_round *round = round_of(view);
    if (round == NULL)
        return;
    if (round->rss > 0) {
        add_figure(out, "rss", round->rss);
        struct cell_out trend;
        cell_clear(&trend);
        history_trend(&view->app->history,
                      (uint32_t)(round - view->app->history.rounds), 0, &trend);
        cell_add(out, ROLE_PANE, trend.len > 0 ? " " : "");
        cell_add(out, ROLE_BAR, trend.text);
    }
    uint64_t explained = round->bytes + round->free;
    add_figure(out, "objects", round->bytes);
    if (round->rss > explained)
        add_figure(out, "other", round->rss - explained);
    add_gc(out, view->app->session.gc);
    if (round->free > 0)
        add_figure(out, "free in malloc", round->free);
}

/* ---- the panes ---- */

void
overview_layout(const struct view *view, struct rect area,
                struct rect out[VIEW_PANES])
{
    int n = 0;
    if (area.rows >= ROWS_MIN && round_of(view) != NULL) {
        n = 1 + (int)row_count(view);
        if (n > 1 + area.rows / ROOM_PART)
            n = 1 + area.rows / ROOM_PART;
    }
    out[OVERVIEW_PROCESS] = (struct rect){area.row, area.col, n, area.cols};
    out[OVERVIEW_TYPES] =
        (struct rect){area.row + n, area.col, area.rows - n, area.cols};
}

static const struct column columns[] = {
    {"FINDING", COLUMN_TEXT, 30, 1, 0, false, 0},
};

const struct rows_ops overview_rows = {
    .name = "process",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = row_count,
    .id = row_id,
    .cell = row_cell,
    .title = title,
};
