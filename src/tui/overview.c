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

enum { COL_FINDING, COL_PATH };

/* ---- what is accused ---- */

static const struct findings *
findings_of(const void *context)
{
    return ((const struct view *)context)->app->store.findings;
}

/* A word on what to do stands where findings would. */
static bool
has_hint(const struct view *view)
{
    const struct findings *findings = findings_of(view);
    return findings != NULL && findings->n_items == 0 &&
           session_is_live(&view->app->session);
}

static uint32_t
row_count(const void *context)
{
    const struct findings *findings = findings_of(context);
    if (findings == NULL)
        return 0;
    return findings->n_items > 0 ? findings->n_items : has_hint(context);
}

static uint64_t
row_id(const void *context, uint32_t row)
{
    const struct findings *findings = findings_of(context);
    return row < findings->n_items ? findings->items[row].id : 1;
}

static void
add_hint(const struct findings *findings, struct cell_out *out)
{
    if (findings->n_rounds < 3)
        cell_add(out, ROLE_DIM,
                 "r takes another snapshot, a takes them by itself; the third "
                 "tells what grows");
    else if (findings->is_in_doubt)
        cell_addf(out, ROLE_DIM,
                  "something grows; %zu snapshots do not tell yet whether it "
                  "will stop",
                  findings->n_rounds);
    else
        cell_addf(out, ROLE_DIM, "nothing is suspect over %zu snapshots",
                  findings->n_rounds);
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct findings *findings = findings_of(context);
    if (row >= findings->n_items) {
        if (column == COL_FINDING)
            add_hint(findings, out);
        return;
    }
    const struct finding *finding = &findings->items[row];
    if (column == COL_FINDING) {
        cell_add(out, ROLE_WARN, "● ");
        cell_add(out, ROLE_NORMAL, finding->sentence);
    } else {
        cell_add(out, ROLE_NAME, finding->path);
    }
}

bool
overview_enter(const struct view *view, uint32_t row, struct place *out)
{
    const struct findings *findings = findings_of(view);
    if (findings == NULL || row >= findings->n_items)
        return false;
    *out = (struct place){.view = VIEW_SUSPECTS,
                          .cursor = findings->items[row].id};
    return true;
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
add_bytes(struct cell_out *out, const char *before, uint64_t bytes,
          const char *after)
{
    char text[PX_FIGURE_MAX];
    cell_add(out, ROLE_DIM, before);
    cell_add(out, ROLE_STRONG, px_text_bytes(bytes, text));
    cell_add(out, ROLE_DIM, after);
}

/* First, for that it is off explains much. */
static void
add_gc(struct cell_out *out, const json_t *gc)
{
    if (gc == NULL)
        return;
    bool is_on = json_is_true(json_object_get(gc, "enabled"));
    cell_add(out, ROLE_DIM, "gc ");
    cell_add(out, is_on ? ROLE_DIM : ROLE_WARN, is_on ? "on" : "off");
    cell_add(out, ROLE_DIM, "   ");
}

/* What rss is made of: "rss 16 MiB = 9 MiB anonymous (7 MiB objects) + 7 MiB
 * files  ▁▄█". What is of files was asked of the kernel; the file of a
 * snapshot does not know. */
static void
add_memory(const struct view *view, const struct history_round *round,
           struct cell_out *out)
{
    if (round->rss == 0) {
        add_bytes(out, "", round->bytes, " objects");
        return;
    }
    add_bytes(out, "rss ", round->rss, "");
    bool has_files = round->files > 0 && round->files < round->rss;
    if (has_files)
        add_bytes(out, " = ", round->rss - round->files, " anonymous");
    add_bytes(out, " (", round->bytes, " objects)");
    if (has_files)
        add_bytes(out, " + ", round->files, " files");
    cell_add(out, ROLE_DIM, "  ");
    history_trend(&view->app->history,
                  (uint32_t)(round - view->app->history.rounds), 0, out);
}

static void
title(const void *context, struct cell_out *out)
{
    const struct view *view = context;
    const struct history_round *round = round_of(view);
    if (round == NULL)
        return;
    add_gc(out, view->app->session.gc);
    add_memory(view, round, out);
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
    [COL_FINDING] = {"FINDING", COLUMN_TEXT, 76, 3, 0, false, 0},
    [COL_PATH] = {"PATH", COLUMN_TEXT, 30, 2, 1, true, 0},
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
