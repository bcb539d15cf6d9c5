/* view_gc.c — the collector of the target: switches, figures, results.
 *
 * What can be done is one table (gc_controls.h); each row shows the state and
 * the key, Enter does it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/gc_controls.h"
#include "tui/keymap.h"

#define CONTROLS_MIN 4 /* rows; with fewer they take all */

enum { PANE_CONTROLS, PANE_FIGURES, PANE_RESULTS };

static const json_t *
gc_of(const void *context)
{
    return ((const struct view *)context)->app->session.gc;
}

/* ---- controls ---- */

static uint32_t
controls_count(const void *context)
{
    return gc_of(context) != NULL ? (uint32_t)n_gc_controls : 0;
}

static uint64_t
row_number(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

/* What the collector was set to before connections changed it. */
static void
add_changed(const json_t *gc, struct cell_out *out)
{
    static const char *const settings[] = {"enabled", "thresholds", "debug"};
    const json_t *entry = json_object_get(gc, "on_entry");
    bool is_mine = json_is_true(json_object_get(gc, "changed"));
    bool is_changed = is_mine;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        is_changed |= !json_equal(json_object_get(gc, settings[i]),
                                  json_object_get(entry, settings[i]));
    if (entry == NULL || !is_changed) {
        cell_add(out, ROLE_DIM, "nothing was changed");
        return;
    }
    cell_add(out, ROLE_WARN,
             is_mine ? "changed from " : "others changed it from ");
    cell_addf(out, ROLE_NORMAL, "%s, flags %ld, ",
              json_is_true(json_object_get(entry, "enabled")) ? "on" : "off",
              gc_integer(entry, "debug"));
    gc_add_list(out, json_object_get(entry, "thresholds"));
}

/* Of the latest snapshot: to ask the target would stop it while it counts. */
static void
add_frozen(const struct app *app, struct cell_out *out)
{
    char objects[PX_COUNTED_MAX];
    const struct snapshot *latest = store_latest(&app->store);
    if (latest != NULL)
        cell_addf(
            out, ROLE_NUMBER, "%s in snapshot %u",
            px_text_counted(px_graph_footer(latest->graph, PX_FOOTER_FROZEN),
                            "object", objects),
            latest->number);
}

static void
add_state(const struct app *app, const struct gc_control *control,
          struct cell_out *out)
{
    const json_t *gc = app->session.gc;
    char objects[PX_COUNTED_MAX];
    if (control->flag != 0) {
        bool is_set =
            ((int)gc_integer(gc, "debug") & control->flag) == control->flag;
        cell_add(out, is_set ? ROLE_WARN : ROLE_NORMAL,
                 is_set ? "☑ on" : "☐ off");
        return;
    }
    switch (control->action) { /* not all actions are controls */
    case ACT_GC_SWITCH:
        if (json_is_true(json_object_get(gc, "enabled")))
            cell_add(out, ROLE_GOOD, "☑ on");
        else
            cell_add(out, ROLE_WARN, "☐ off");
        break;
    case ACT_GC_THRESHOLDS:
        gc_add_list(out, json_object_get(gc, "thresholds"));
        break;
    case ACT_GC_FREEZE:
        add_frozen(app, out);
        break;
    case ACT_GARBAGE:
        cell_add(out, gc_integer(gc, "garbage") > 0 ? ROLE_WARN : ROLE_NUMBER,
                 px_text_counted((uint64_t)gc_integer(gc, "garbage"), "object",
                                 objects));
        break;
    case ACT_GC_RESTORE:
        add_changed(gc, out);
        break;
    default:
        break;
    }
}

static void
controls_cell(const void *context, uint32_t row, int column,
              struct cell_out *out)
{
    const struct gc_control *control = &gc_controls[row];
    char keys[40];
    if (column == 0) {
        keymap_keys(VIEW_GC, control->action, sizeof keys, keys);
        cell_addf(out, ROLE_STRONG, "%s", keys);
    } else if (column == 1) {
        cell_add(out, ROLE_NORMAL, control->label);
    } else {
        add_state(((const struct view *)context)->app, control, out);
    }
}

static void
controls_empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    snprintf(out, out_bytes, "%s",
             session_is_live(&view->app->session)
                 ? "asking the target …"
                 : "The snapshot does not say how the collector was set.");
}

/* ---- figures of the generations ---- */

/* Where each column is in GC_STATE: in a list by generation, or in `stats`. */
static const struct {
    const char *name;
    bool is_list;
} figure_fields[] = {
    {"", false},          {"counts", true},
    {"thresholds", true}, {"collections", false},
    {"collected", false}, {"uncollectable", false},
};

static uint32_t
figures_count(const void *context)
{
    return (uint32_t)json_array_size(json_object_get(gc_of(context), "stats"));
}

static void
figures_cell(const void *context, uint32_t row, int column,
             struct cell_out *out)
{
    const json_t *gc = gc_of(context);
    const json_t *stats = json_array_get(json_object_get(gc, "stats"), row);
    if (column == 0) {
        cell_addf(out, ROLE_NORMAL, "%u", row);
        return;
    }
    const char *name = figure_fields[column].name;
    const json_t *value = figure_fields[column].is_list
                              ? json_array_get(json_object_get(gc, name), row)
                              : json_object_get(stats, name);
    double figure = json_number_value(value);
    cell_count(out, figure > 0 ? (uint64_t)figure : 0);
}

/* ---- results ---- */

/* The i-th newest note about the collector. */
static const struct note *
result_at(const void *context, uint32_t wanted)
{
    const struct notes *notes = &((const struct view *)context)->app->notes;
    for (uint32_t i = 0; i < notes_count(notes); i++) {
        const struct note *note = notes_at(notes, i);
        if (strcmp(note->kind, "gc") == 0 && wanted-- == 0)
            return note;
    }
    return NULL;
}

static uint32_t
results_count(const void *context)
{
    const struct notes *notes = &((const struct view *)context)->app->notes;
    uint32_t n = 0;
    for (uint32_t i = 0; i < notes_count(notes); i++)
        n += strcmp(notes_at(notes, i)->kind, "gc") == 0;
    return n;
}

static uint64_t
results_id(const void *context, uint32_t row)
{
    return result_at(context, row)->number;
}

static void
results_cell(const void *context, uint32_t row, int column,
             struct cell_out *out)
{
    const struct note *note = result_at(context, row);
    if (column == 0) {
        char text[16];
        struct tm parts;
        localtime_r(&note->time, &parts);
        strftime(text, sizeof text, "%H:%M:%S", &parts);
        cell_add(out, ROLE_DIM, text);
    } else {
        cell_add(out, note->role, note->text);
    }
}

static void
results_title(const void *context, struct cell_out *out)
{
    const json_t *gc = gc_of(context);
    cell_add(out, ROLE_PANE, "what was done");
    if ((int)gc_integer(gc, "debug") & DEBUG_SAVEALL)
        cell_add(out, ROLE_PANE,
                 "   DEBUG_SAVEALL keeps all that is collected: garbage grows");
}

static void
results_empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    snprintf(out, out_bytes, "%s",
             session_is_live(&view->app->session)
                 ? "Nothing yet. c collects generation 2 and says what it "
                   "freed; what you switch is put back when you leave."
                 : "No connection: nothing can be switched.");
}

/* ---- the view ---- */

static bool
act(struct view *view, enum action_id action, const char *arg,
    unsigned *reaction)
{
    struct app *app = view->app;
    (void)arg;
    *reaction = REACT_DRAW;
    if (action == ACT_ENTER && view->focus == PANE_CONTROLS) {
        uint32_t row = list_row(&view->lists[PANE_CONTROLS]);
        if (row != LIST_NONE)
            *reaction = action_run(app, gc_controls[row].action, NULL);
        return true;
    }
    return false;
}

static enum px_status
open_gc(struct view *view, struct px_err *err)
{
    (void)err;
    if (session_is_live(&view->app->session))
        session_send(&view->app->session, PX_MSG_GC_STATE, NULL, "gc state");
    return PX_OK;
}

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct session *session = &view->app->session;
    if (session_is_readonly(session))
        cell_add(out, ROLE_CRUMB, "readonly: nothing can be switched");
    else if (!session_is_live(session))
        cell_add(out, ROLE_CRUMB, "as it was in the snapshot");
    else if (json_object_size(json_object_get(session->gc, "kept")) > 0)
        cell_add(out, ROLE_CRUMB, "what was kept stays, the rest is put back");
    else
        cell_add(out, ROLE_CRUMB, "what you switch is put back when you leave");
}

static void
layout(const struct view *view, struct rect area, struct rect out[VIEW_PANES])
{
    (void)view;
    int n_controls = (int)n_gc_controls + 1;
    int top = n_controls < area.rows - 3 ? n_controls : area.rows - 3;
    if (top < CONTROLS_MIN)
        top = area.rows;
    if (area.cols >= 100) {
        int left = area.cols >= 120 ? 56 : 46;
        out[PANE_CONTROLS] = (struct rect){area.row, area.col, top, left};
        out[PANE_FIGURES] = (struct rect){area.row, area.col + left + 1, top,
                                          area.cols - left - 1};
        out[PANE_RESULTS] =
            (struct rect){area.row + top, area.col, area.rows - top, area.cols};
        return;
    }
    int figures = area.rows - top >= 7 ? 4 : 0;
    out[PANE_CONTROLS] = (struct rect){area.row, area.col, top, area.cols};
    out[PANE_FIGURES] =
        (struct rect){area.row + top, area.col, figures, area.cols};
    out[PANE_RESULTS] = (struct rect){area.row + top + figures, area.col,
                                      area.rows - top - figures, area.cols};
}

static const struct column control_columns[] = {
    {"KEY", COLUMN_TEXT, 3, 0, 0, false, 0},
    {"COLLECTOR", COLUMN_TEXT, 20, 0, 0, false, 0},
    {"STATE", COLUMN_TEXT, 16, 1, 0, false, 0},
};
static const struct column figure_columns[] = {
    {"GENERATION", COLUMN_TEXT, 10, 0, 0, false, 0},
    {"COUNT", COLUMN_COUNT, 8, 0, 0, false, 0},
    {"THRESHOLD", COLUMN_COUNT, 9, 0, 2, false, 0},
    {"COLLECTIONS", COLUMN_COUNT, 11, 0, 0, false, 0},
    {"COLLECTED", COLUMN_COUNT, 11, 0, 0, false, 0},
    {"UNCOLLECTABLE", COLUMN_COUNT, 13, 0, 1, false, 0},
};
static const struct column result_columns[] = {
    {"TIME", COLUMN_TEXT, 8, 0, 0, false, 0},
    {"RESULT", COLUMN_TEXT, 20, 1, 0, false, 0},
};

static const struct rows_ops control_rows = {
    .name = "collector",
    .columns = control_columns,
    .n_columns = 3,
    .sort = -1,
    .figure = -1,
    .count = controls_count,
    .id = row_number,
    .cell = controls_cell,
    .empty = controls_empty,
};
static const struct rows_ops figure_rows = {
    .name = "generations",
    .columns = figure_columns,
    .n_columns = 6,
    .sort = -1,
    .figure = 4,
    .count = figures_count,
    .id = row_number,
    .cell = figures_cell,
};
static const struct rows_ops result_rows = {
    .name = "what was done",
    .columns = result_columns,
    .n_columns = 2,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = results_count,
    .id = results_id,
    .cell = results_cell,
    .title = results_title,
    .empty = results_empty,
};

const struct view_ops view_gc = {
    .n_panes = 3,
    .panes = {&control_rows, &figure_rows, &result_rows},
    .shows_session = true,
    .open = open_gc,
    .summary = summary,
    .layout = layout,
    .act = act,
};
