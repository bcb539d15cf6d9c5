/* view_lists.c — the plain lists: gc.garbage, the log.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"

/* ---- gc.garbage ---- */

#define GARBAGE_LIMIT 1000 /* the agent gives no more at once */

static const json_t *
garbage_row(const void *context, uint32_t row)
{
    const struct session *session =
        &((const struct view *)context)->app->session;
    return json_array_get(json_object_get(session->garbage, "objects"), row);
}

static uint32_t
garbage_count(const void *context)
{
    const struct session *session =
        &((const struct view *)context)->app->session;
    return (uint32_t)json_array_size(
        json_object_get(session->garbage, "objects"));
}

/* A number, or hex digits as text: JSON readers lose whole numbers beyond
 * 2^53. */
static uint64_t
garbage_addr(const void *context, uint32_t row)
{
    const json_t *value = json_object_get(garbage_row(context, row), "address");
    if (json_is_string(value))
        return strtoull(json_string_value(value), NULL, 16);
    return (uint64_t)json_integer_value(value);
}

static void
garbage_cell(const void *context, uint32_t row, int column,
             struct cell_out *out)
{
    const struct view *view = context;
    const char *type =
        json_string_value(json_object_get(garbage_row(context, row), "type"));
    if (column == 0) {
        cell_addf(out, ROLE_DIM, "%llx",
                  (unsigned long long)garbage_addr(context, row));
    } else if (column == 1) {
        cell_add(out, ROLE_TYPE, type != NULL ? type : "?");
    } else if (view->snapshot != NULL) {
        px_node node =
            px_node_find(view->snapshot->graph, garbage_addr(context, row));
        if (node != PX_NONE)
            fact_add_what(out, view->snapshot->graph, node);
        else
            cell_add(out, ROLE_DIM, "not in this snapshot: r takes a new one");
    }
}

static struct subject
garbage_subject(const void *context, uint32_t row)
{
    const struct view *view = context;
    px_node node = PX_NONE;
    if (view->snapshot != NULL)
        node = px_node_find(view->snapshot->graph, garbage_addr(context, row));
    if (node == PX_NONE)
        return (struct subject){.kind = SUBJECT_NONE};
    return subject_node(view->snapshot->graph, node);
}

static void
garbage_empty(const void *context, size_t out_bytes, char *out)
{
    const struct session *session =
        &((const struct view *)context)->app->session;
    snprintf(out, out_bytes, "%s",
             session->garbage != NULL
                 ? "gc.garbage is empty. With DEBUG_SAVEALL (4 in the gc "
                   "view) a collection keeps here what it finds."
             : session_is_live(session)
                 ? "asking the target …"
                 : "No connection to ask what is in gc.garbage.");
}

static enum px_status
open_garbage(struct view *view, struct px_err *err)
{
    (void)err;
    if (session_is_live(&view->app->session))
        session_send(&view->app->session, PX_MSG_GC_GARBAGE,
                     json_pack("{s:i}", "limit", GARBAGE_LIMIT), "garbage");
    return PX_OK;
}

static void
garbage_summary(const struct view *view, struct cell_out *out)
{
    const json_t *garbage = view->app->session.garbage;
    char shown[PX_FIGURE_MAX], all[PX_COUNTED_MAX];
    uint64_t count =
        (uint64_t)json_number_value(json_object_get(garbage, "count"));
    if (garbage != NULL)
        cell_addf(out, ROLE_CRUMB, "%s of %s",
                  px_text_count(garbage_count(view), shown),
                  px_text_counted(count, "object", all));
}

static const struct column garbage_columns[] = {
    {"ADDRESS", COLUMN_TEXT, 12, 0, 0, false, 0},
    {"TYPE", COLUMN_TEXT, 16, 1, 0, false, 0},
    {"WHAT", COLUMN_TEXT, 16, 2, 0, false, 0},
};
static const struct rows_ops garbage_rows = {
    .name = "garbage",
    .columns = garbage_columns,
    .n_columns = 3,
    .sort = -1,
    .figure = -1,
    .count = garbage_count,
    .id = garbage_addr,
    .cell = garbage_cell,
    .subject = garbage_subject,
    .empty = garbage_empty,
};
const struct view_ops view_garbage = {
    .n_panes = 1,
    .panes = {&garbage_rows},
    .shows_session = true,
    .open = open_garbage,
    .summary = garbage_summary,
};

/* ---- log ---- */

static const struct notes *
notes_of(const void *context)
{
    return &((const struct view *)context)->app->notes;
}

static uint32_t
log_count(const void *context)
{
    return notes_count(notes_of(context));
}

static uint64_t
log_id(const void *context, uint32_t row)
{
    return notes_at(notes_of(context), row)->number;
}

static void
log_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct note *note = notes_at(notes_of(context), row);
    char text[16];
    struct tm parts;
    switch (column) {
    case 0:
        localtime_r(&note->time, &parts);
        strftime(text, sizeof text, "%H:%M:%S", &parts);
        cell_add(out, ROLE_DIM, text);
        break;
    case 1:
        cell_add(out, ROLE_TYPE, note->kind);
        break;
    case 2:
        cell_add(out, note->role, note->text);
        break;
    }
}

static void
log_empty(const void *context, size_t out_bytes, char *out)
{
    (void)context;
    snprintf(out, out_bytes, "Nothing was asked of a target yet.");
}

static enum px_status
open_log(struct view *view, struct px_err *err)
{
    (void)err;
    if (session_is_live(&view->app->session))
        session_send(&view->app->session, PX_MSG_STATUS, NULL, "status");
    return PX_OK;
}

static void
log_summary(const struct view *view, struct cell_out *out)
{
    const json_t *status = view->app->session.status;
    char wait[PX_FIGURE_MAX], hold[PX_FIGURE_MAX];
    if (status == NULL)
        return;
    double wait_ns =
        json_number_value(json_object_get(status, "gil_wait_max_ns"));
    double hold_ns =
        json_number_value(json_object_get(status, "gil_hold_max_ns"));
    cell_addf(out, ROLE_CRUMB, "GIL: longest wait %s, longest hold %s",
              px_text_ns((uint64_t)wait_ns, wait),
              px_text_ns((uint64_t)hold_ns, hold));
}

static const struct column log_columns[] = {
    {"TIME", COLUMN_TEXT, 8, 0, 0, false, 0},
    {"ABOUT", COLUMN_TEXT, 10, 0, 1, false, 0},
    {"WHAT", COLUMN_TEXT, 20, 1, 0, false, 0},
};
static const struct rows_ops log_rows = {
    .name = "log",
    .columns = log_columns,
    .n_columns = 3,
    .sort = -1,
    .figure = -1,
    .count = log_count,
    .id = log_id,
    .cell = log_cell,
    .empty = log_empty,
};
const struct view_ops view_log = {
    .n_panes = 1,
    .panes = {&log_rows},
    .shows_session = true,
    .open = open_log,
    .summary = log_summary,
};
