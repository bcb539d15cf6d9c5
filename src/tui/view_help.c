/* view_help.c — help: the keys of the view that one came from, all actions,
 * then how references are written, then views.
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "tui/app.h"
#include "tui/keymap.h"

#define OWN_MAX 24
#define HELP_EDGES ACT_END
#define HELP_VIEWS (HELP_EDGES + (int)PX_EDGE_KIND_END)
#define HELP_END (HELP_VIEWS + 1 + (int)VIEW_END)

struct help {
    enum view_id of;             /* the view that one came from */
    enum action_id own[OWN_MAX]; /* what keys of its own do there */
    int n_own;
};

static const struct help *
help_of(const void *context)
{
    return ((const struct view *)context)->state;
}

/* Rows before those that are always there: a title, and its own keys. */
static int
n_before(const struct help *help)
{
    return help->n_own > 0 ? help->n_own + 1 : 0;
}

static uint32_t
help_count(const void *context)
{
    return (uint32_t)(HELP_END + n_before(help_of(context)));
}

static uint64_t
help_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
help_action(const struct action *action, enum action_id id, int column,
            struct cell_out *out)
{
    char keys[200];
    if (action->name[0] == '\0') {
        if (column == 0)
            cell_add(out, ROLE_OWN, action->help);
    } else if (column == 0) {
        keymap_describe(id, "", sizeof keys, keys);
        cell_add(out, ROLE_STRONG, "  ");
        cell_add(out, ROLE_STRONG, keys);
    } else if (column == 1) {
        cell_addf(out, ROLE_TYPE, ":%s", action->name);
    } else {
        cell_add(out, ROLE_NORMAL, action->help);
    }
}

static void
help_own(const struct help *help, int row, int column, struct cell_out *out)
{
    char keys[80];
    if (row > 0 && column == 0) {
        cell_addf(out, ROLE_STRONG, "  %s",
                  keymap_keys(help->of, help->own[row - 1], sizeof keys, keys));
    } else if (row > 0) {
        help_action(&actions[help->own[row - 1]], help->own[row - 1], column,
                    out);
    } else if (column == 0) {
        cell_addf(out, ROLE_OWN, "Here: %s", view_name(help->of));
    } else if (column == 2) {
        cell_add(out, ROLE_DIM, view_about(help->of));
    }
}

static void
help_edge(unsigned kind, int column, struct cell_out *out)
{
    const struct px_edge_info *info = px_edge_info(kind);
    if (kind == 0 || info == NULL) {
        if (column == 0)
            cell_add(out, ROLE_OWN, "References");
        else if (column == 2)
            cell_add(out, ROLE_DIM,
                     "as the screens write them, and how "
                     "Python gets there from the object src");
    } else if (column == 0) {
        cell_addf(out, ROLE_NAME, "  %s", info->shown);
    } else if (column == 1) {
        cell_add(out, ROLE_TYPE, info->name);
    } else {
        cell_add(out, ROLE_NORMAL,
                 strcmp(info->expression, "-") != 0
                     ? info->expression
                     : "Python has no expression for it");
        if (!(info->flags & PX_EDGE_HOLDS))
            cell_add(out, ROLE_DIM, "   holds nothing");
    }
}

static void
help_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct help *help = help_of(context);
    int at = (int)row - n_before(help);
    if (at < 0) {
        help_own(help, (int)row, column, out);
    } else if (at < HELP_EDGES) {
        help_action(&actions[at], (enum action_id)at, column, out);
    } else if (at < HELP_VIEWS) {
        help_edge((unsigned)(at - HELP_EDGES), column, out);
    } else if (at == HELP_VIEWS) {
        if (column == 0)
            cell_add(out, ROLE_OWN, "Places");
        else if (column == 2)
            cell_add(out, ROLE_DIM,
                     "for :goto, as VIEW, VIEW:TYPE or VIEW:ADDRESS");
    } else {
        enum view_id view = (enum view_id)(at - HELP_VIEWS - 1);
        if (column == 0)
            cell_addf(out, ROLE_STRONG, "  %s", view_name(view));
        else if (column == 2)
            cell_add(out, ROLE_NORMAL, view_about(view));
    }
}

static const struct column help_columns[] = {
    {"KEYS", COLUMN_TEXT, 22, 1, 0, false, 0},
    {"COMMAND", COLUMN_TEXT, 18, 0, 1, false, 0},
    {"WHAT IT DOES", COLUMN_TEXT, 24, 3, 0, false, 0},
};
static const struct rows_ops help_rows = {
    .name = "help",
    .columns = help_columns,
    .n_columns = 3,
    .sort = -1,
    .figure = -1,
    .count = help_count,
    .id = help_id,
    .cell = help_cell,
};
static bool
is_told(const struct help *help, enum action_id action)
{
    for (int i = 0; i < help->n_own; i++) {
        if (help->own[i] == action)
            return true;
    }
    return false;
}

static enum px_status
open_help(struct view *view, struct px_err *err)
{
    struct help *help = view->state;
    const struct app *app = view->app;
    (void)err;
    int at = app->at;
    /* Made anew for another snapshot. */
    if (at > 0 && app->visits[at].place.view == VIEW_HELP)
        at--;
    help->of = app->n_visits > 0 ? app->visits[at].place.view : VIEW_HELP;
    for (size_t i = 0; i < n_key_bindings && help->n_own < OWN_MAX; i++) {
        if (key_bindings[i].view == help->of &&
            !is_told(help, key_bindings[i].action))
            help->own[help->n_own++] = key_bindings[i].action;
    }
    return PX_OK;
}

const struct view_ops view_help = {
    .n_panes = 1,
    .panes = {&help_rows},
    .state_size = sizeof(struct help),
    .open = open_help,
};
