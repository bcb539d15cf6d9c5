/* view_path.c — the paths of a type, grouped; or the path of one object.
 *
 * Two panes of which one is shown: groups for a type, steps for an object.
 * The groups are made on the worker.
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

#define STEPS_MAX 512

enum { PANE_GROUPS, PANE_STEPS };
enum { COL_COUNT, COL_SHARE, COL_LINE };

struct path {
    struct px_path_groups *groups;
    struct px_step *steps;
    uint32_t n_steps;
    size_t n_steps_ever;
};

static struct path *
path_of(const void *context)
{
    return ((const struct view *)context)->state;
}

static void *
make_groups(const struct derived_from *from, struct px_work *work,
            struct px_err *err)
{
    px_node *nodes = NULL;
    uint32_t n = 0;
    struct px_path_groups *groups = NULL;
    if (px_type_instances(from->graph, from->type, &nodes, &n, err) == PX_OK)
        groups = px_path_groups_new(from->paths, nodes, n, work, err);
    free(nodes);
    return groups;
}

static void
free_groups(void *result)
{
    px_path_groups_free(result);
}

static void
take_groups(struct view *view, void *result)
{
    path_of(view)->groups = result;
}

static const struct derived_ops derived_groups = {
    .about = "grouping the paths",
    .failed = "The paths could not be made",
    .make = make_groups,
    .free = free_groups,
    .take = take_groups,
};

static void
changed(struct view *view)
{
    struct path *path = view->state;
    const struct px_paths *paths = view->snapshot->paths;
    if (paths == NULL)
        return;
    if (view->node != PX_NONE) {
        if (path->steps == NULL)
            path->steps = mem_new(STEPS_MAX, sizeof *path->steps);
        path->n_steps_ever =
            px_paths_steps(paths, view->node, false, STEPS_MAX, path->steps);
        path->n_steps =
            (uint32_t)(path->n_steps_ever < STEPS_MAX ? path->n_steps_ever
                                                      : STEPS_MAX);
    } else {
        derived_once(view, &derived_groups, path->groups);
    }
}

static enum px_status
open_path(struct view *view, struct px_err *err)
{
    (void)err;
    view->focus = view->node != PX_NONE ? PANE_STEPS : PANE_GROUPS;
    changed(view);
    return PX_OK;
}

static void
close_path(struct view *view)
{
    struct path *path = view->state;
    px_path_groups_free(path->groups);
    free(path->steps);
}

/* ---- groups ---- */

static uint32_t
groups_count(const void *context)
{
    const struct path *path = path_of(context);
    return path->groups != NULL ? (uint32_t)path->groups->n_groups : 0;
}

static uint64_t
groups_id(const void *context, uint32_t row)
{
    return px_node_addr(view_graph(context),
                        path_of(context)->groups->groups[row].example);
}

static void
groups_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct px_path_groups *groups = path_of(context)->groups;
    const struct px_path_group *group = &groups->groups[row];
    if (column == COL_COUNT) {
        cell_count(out, group->count);
    } else if (column == COL_SHARE) {
        cell_share(out, group->count, groups->n_nodes);
    } else if (group->held_by == PX_HELD_ROOT) {
        cell_add(out, ROLE_NAME, group->line);
    } else {
        cell_add(out, ROLE_WARN, fact_held_many(group->held_by));
        if (group->line[0] != '\0')
            cell_add(out, ROLE_WARN, ":  ");
        cell_add(out, ROLE_NAME, group->line);
    }
}

static struct subject
groups_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context),
                        path_of(context)->groups->groups[row].example);
}

static uint64_t
groups_total(const void *context, int column)
{
    (void)column;
    const struct path *path = path_of(context);
    return path->groups != NULL ? path->groups->n_nodes : 0;
}

static void
groups_empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (!derived_why_empty(view, &derived_groups, path_of(view)->groups,
                           out_bytes, out))
        snprintf(out, out_bytes,
                 "No object of this type in snapshot %u. Backspace goes back.",
                 view->snapshot->number);
}

/* ---- steps ---- */

static uint32_t
steps_count(const void *context)
{
    return path_of(context)->n_steps;
}

static uint64_t
steps_id(const void *context, uint32_t row)
{
    return px_node_addr(view_graph(context), path_of(context)->steps[row].node);
}

static void
steps_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct px_step *step = &path_of(context)->steps[row];
    const struct px_graph *graph = view_graph(context);
    switch (column) {
    case 0:
        cell_addf(out, ROLE_NORMAL, "%*s", (int)(row < 12 ? 2 * row : 24), "");
        cell_add(out, ROLE_WARN, step->is_culprit ? "▶ " : "");
        cell_add(out, row == 0 ? ROLE_STRONG : ROLE_NAME, step->text);
        if (step->times > 1)
            cell_addf(out, ROLE_DIM, " ×%u", step->times);
        break;
    case 1:
        fact_add_object(out, graph, step->node);
        break;
    case 2:
        cell_addf(out, ROLE_DIM, "%llx",
                  (unsigned long long)px_node_addr(graph, step->node));
        break;
    case 3:
        cell_bytes(out, px_node_bytes(graph, step->node));
        break;
    }
}

static struct subject
steps_subject(const void *context, uint32_t row)
{
    px_node node = path_of(context)->steps[row].node;
    return subject_node(view_graph(context), node);
}

static void
steps_empty(const void *context, size_t out_bytes, char *out)
{
    const struct view *view = context;
    if (view->snapshot->paths == NULL) {
        snprintf(out, out_bytes, "%s", store_no_paths(view->snapshot));
        return;
    }
    char cycle[240], shown[240];
    enum px_held_by held_by = px_paths_held_by(view->snapshot->paths,
                                               view->node, sizeof cycle, cycle);
    px_text_escape(cycle, strlen(cycle), sizeof shown, shown);
    snprintf(out, out_bytes, "%s%s%s. b shows what refers to it.",
             fact_held_words(held_by), shown[0] != '\0' ? ":  " : "", shown);
}

/* ---- the view ---- */

static void
crumb(const struct view *view, struct cell_out *out)
{
    const char *type = px_type_name(view_graph(view), view->type);
    if (view->node == PX_NONE)
        cell_addf(out, ROLE_CRUMB, "types › %s › paths of all", type);
    else
        cell_addf(
            out, ROLE_CRUMB, "types › %s › %llx › path", fact_last_part(type),
            (unsigned long long)px_node_addr(view_graph(view), view->node));
}

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct path *path = view->state;
    char count[PX_COUNTED_MAX], ways[PX_COUNTED_MAX];
    if (view->node == PX_NONE && path->groups != NULL)
        cell_addf(out, ROLE_CRUMB, "%s in %s",
                  px_text_counted(path->groups->n_nodes, "object", count),
                  px_text_counted(path->groups->n_groups, "group", ways));
    else if (path->n_steps_ever > STEPS_MAX)
        cell_addf(out, ROLE_CRUMB, "first %d of %s steps", STEPS_MAX,
                  px_text_count(path->n_steps_ever, count));
}

static void
layout(const struct view *view, struct rect area, struct rect out[VIEW_PANES])
{
    struct rect none = {area.row, area.col, 0, 0};
    out[PANE_GROUPS] = view->node == PX_NONE ? area : none;
    out[PANE_STEPS] = view->node != PX_NONE ? area : none;
}

static const struct column group_columns[] = {
    [COL_COUNT] = {"COUNT", COLUMN_COUNT, 10, 0, 0, false, 0},
    [COL_SHARE] = {"OF ALL", COLUMN_SHARE, 8, 0, 1, false, 0},
    [COL_LINE] = {"PATH", COLUMN_TEXT, 20, 1, 0, false, 0},
};
static const struct column step_columns[] = {
    {"STEP", COLUMN_TEXT, 20, 1, 0, false, 0},
    {"OBJECT", COLUMN_TEXT, 14, 1, 0, false, 0},
    {"ADDRESS", COLUMN_TEXT, 12, 0, 2, false, 0},
    {"SIZE", COLUMN_BYTES, 9, 0, 1, false, 0},
};

static const struct rows_ops group_rows = {
    .name = "groups",
    .columns = group_columns,
    .n_columns = 3,
    .sort = -1,
    .figure = COL_COUNT,
    .count = groups_count,
    .id = groups_id,
    .cell = groups_cell,
    .subject = groups_subject,
    .total = groups_total,
    .empty = groups_empty,
};
static const struct rows_ops step_rows = {
    .name = "steps",
    .columns = step_columns,
    .n_columns = 4,
    .sort = -1,
    .figure = 3,
    .count = steps_count,
    .id = steps_id,
    .cell = steps_cell,
    .subject = steps_subject,
    .empty = steps_empty,
};

const struct view_ops view_path = {
    .n_panes = 2,
    .panes = {&group_rows, &step_rows},
    .state_size = sizeof(struct path),
    .open = open_path,
    .close = close_path,
    .changed = changed,
    .crumb = crumb,
    .summary = summary,
    .layout = layout,
};
