/* object_edges.c — what refers to an object, and what it refers to.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/object.h"

#include <stdio.h>

#include "base/text.h"
#include "tui/facts.h"

/* ---- referrers ---- */

static uint32_t
referrers_count(const void *context)
{
    return object_of(context)->n_referrers;
}

/* One source may refer twice: its address, and which time it is. */
static uint64_t
referrers_id(const void *context, uint32_t row)
{
    const struct object *object = object_of(context);
    uint64_t again = 0;
    while (again < row && again < 7 &&
           object->referrers[row - again - 1] == object->referrers[row])
        again++;
    return px_node_addr(view_graph(context), object->referrers[row]) + again;
}

static bool
refers_back(const struct view *view, px_node source)
{
    const struct object *object = view->state;
    for (uint32_t i = 0; i < object->n_referents && i < 256; i++) {
        if (px_edge_target(view_graph(view), object->first_referent + i) ==
            source)
            return true;
    }
    return false;
}

/* Where the referrer itself is held, unless that is through this object. */
static void
add_where(const struct view *view, px_node source, struct cell_out *out)
{
    const struct px_paths *paths = view->snapshot->paths;
    if (paths == NULL || !px_paths_is_reached(paths, source) ||
        object_leads_through(view, source))
        return;
    cell_add(out, ROLE_DIM, "  ");
    fact_add_path(out, ROLE_DIM, paths, source);
}

static void
referrers_cell(const void *context, uint32_t row, int column,
               struct cell_out *out)
{
    const struct view *view = context;
    const struct px_graph *graph = view_graph(context);
    px_node source = object_of(context)->referrers[row];
    px_edge edge = object_referrer_edge(view, row);
    if (column == 0) {
        char name[240] = "?";
        if (edge != PX_NONE)
            px_edge_show(graph, edge, sizeof name, name);
        cell_add(out, ROLE_NAME, name);
        cell_add(out, ROLE_DIM, " of ");
        fact_add_object(out, graph, source);
        add_where(view, source, out);
        return;
    }
    unsigned flags = edge != PX_NONE ? px_edge_flags(graph, edge) : 0;
    if (!(flags & PX_EDGE_HOLDS))
        cell_add(out, ROLE_DIM, "weak");
    else if (!(flags & PX_EDGE_COUNTS))
        cell_add(out, ROLE_DIM, "maybe");
    else if (refers_back(view, source))
        cell_add(out, ROLE_WARN, "cycle");
}

static struct subject
referrers_subject(const void *context, uint32_t row)
{
    return subject_node(view_graph(context),
                        object_of(context)->referrers[row]);
}

static void
referrers_title(const void *context, struct cell_out *out)
{
    char count[PX_FIGURE_MAX];
    cell_addf(out, ROLE_PANE, "referred to by  %s",
              px_text_count(object_of(context)->n_referrers, count));
}

static void
referrers_empty(const void *context, size_t out_bytes, char *out)
{
    (void)context;
    snprintf(out, out_bytes, "no object of the graph refers to it");
}

/* ---- referents ---- */

static uint32_t
referents_count(const void *context)
{
    return object_of(context)->n_referents;
}

static uint64_t
referents_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
referents_cell(const void *context, uint32_t row, int column,
               struct cell_out *out)
{
    const struct px_graph *graph = view_graph(context);
    px_edge edge = object_of(context)->first_referent + row;
    px_node target = px_edge_target(graph, edge);
    if (column == 1) {
        cell_bytes(out, px_node_bytes(graph, target));
        return;
    }
    char name[240];
    px_edge_show(graph, edge, sizeof name, name);
    cell_add(out,
             px_edge_flags(graph, edge) & PX_EDGE_HOLDS ? ROLE_NAME : ROLE_DIM,
             name);
    cell_add(out, ROLE_DIM, " → ");
    fact_add_object(out, graph, target);
}

static struct subject
referents_subject(const void *context, uint32_t row)
{
    px_edge edge = object_of(context)->first_referent + row;
    return subject_node(view_graph(context),
                        px_edge_target(view_graph(context), edge));
}

static uint64_t
referents_total(const void *context, int column)
{
    const struct object *object = object_of(context);
    uint64_t sum = 0;
    (void)column;
    for (uint32_t i = 0; i < object->n_referents; i++)
        sum += px_node_bytes(
            view_graph(context),
            px_edge_target(view_graph(context), object->first_referent + i));
    return sum;
}

static void
referents_title(const void *context, struct cell_out *out)
{
    char count[PX_FIGURE_MAX];
    cell_addf(out, ROLE_PANE, "refers to  %s",
              px_text_count(object_of(context)->n_referents, count));
}

static void
referents_empty(const void *context, size_t out_bytes, char *out)
{
    (void)context;
    snprintf(out, out_bytes, "it refers to no other object");
}

/* ---- what list.c shows of them ---- */

static const struct column referrers_columns[] = {
    {"REFERRED TO BY", COLUMN_TEXT, 20, 1, 0, false, 0},
    {"", COLUMN_TEXT, 5, 0, 1, false, 0},
};
static const struct column referents_columns[] = {
    {"REFERS TO", COLUMN_TEXT, 18, 1, 0, false, 0},
    {"SIZE", COLUMN_BYTES, 9, 0, 1, false, 0},
};

const struct rows_ops object_referrers_rows = {
    .name = "referred to by",
    .columns = referrers_columns,
    .n_columns = 2,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = referrers_count,
    .id = referrers_id,
    .cell = referrers_cell,
    .subject = referrers_subject,
    .title = referrers_title,
    .empty = referrers_empty,
};
const struct rows_ops object_referents_rows = {
    .name = "refers to",
    .columns = referents_columns,
    .n_columns = 2,
    .sort = -1,
    .figure = 1,
    .bare = true,
    .count = referents_count,
    .id = referents_id,
    .cell = referents_cell,
    .subject = referents_subject,
    .total = referents_total,
    .title = referents_title,
    .empty = referents_empty,
};
