/* view_object.c — one object: how it is held, what it is, what it holds.
 *
 * Four panes: the chain from a root (object_chain.c), the facts
 * (object_facts.c), its referrers and its referents (object_edges.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tui/app.h"
#include "tui/facts.h"
#include "tui/object.h"

/* ---- the view ---- */

static void
changed(struct view *view)
{
    object_make_facts(view);
    if (view->snapshot->paths != NULL) {
        object_find_ways(view);
        object_make_chain(view);
    }
}

static enum px_status
open_object(struct view *view, struct px_err *err)
{
    struct object *object = view->state;
    if (view->node == PX_NONE)
        return px_fail(err, PX_EINVAL, "an object needs an address");
    object->referrers =
        px_node_referrers(view_graph(view), view->node, &object->n_referrers);
    px_node_referents(view_graph(view), view->node, &object->first_referent,
                      &object->n_referents);
    changed(view);
    return PX_OK;
}

static void
close_object(struct view *view)
{
    free(((struct object *)view->state)->steps);
}

static bool
act(struct view *view, enum action_id action, const char *arg,
    unsigned *reaction)
{
    struct object *object = view->state;
    (void)arg;
    if (action != ACT_WAY_NEXT && action != ACT_WAY_BEFORE)
        return false;
    *reaction = REACT_DRAW;
    if (object->n_ways < 2) {
        app_say(view->app, ROLE_NORMAL, "no other way holds it");
        return true;
    }
    object->way =
        (object->way + (action == ACT_WAY_NEXT ? 1 : object->n_ways - 1)) %
        object->n_ways;
    list_stop(&view->lists[PANE_CHAIN]);
    object_make_chain(view);
    list_refresh(&view->lists[PANE_CHAIN]);
    list_move_to(&view->lists[PANE_CHAIN], object->n_steps);
    return true;
}

static void
crumb(const struct view *view, struct cell_out *out)
{
    const char *type = px_type_name(view_graph(view), view->type);
    cell_addf(out, ROLE_CRUMB, "types › %s › %llx", fact_last_part(type),
              (unsigned long long)px_node_addr(view_graph(view), view->node));
}

static void
layout(const struct view *view, struct rect area, struct rect out[VIEW_PANES])
{
    int n_facts = (int)((const struct object *)view->state)->n_facts + 1;
    if (area.cols >= 100) {
        int left = (area.cols - 2) * 36 / 100;
        int right = (area.cols - 2) * 30 / 100;
        int middle = area.cols - 2 - left - right;
        int top = n_facts + 1 < area.rows / 2 ? n_facts + 1 : area.rows / 2;
        out[PANE_CHAIN] = (struct rect){area.row, area.col, area.rows, left};
        out[PANE_SUBJECT] =
            (struct rect){area.row, area.col + left + 1, top, middle};
        out[PANE_REFERRERS] = (struct rect){area.row + top, area.col + left + 1,
                                            area.rows - top, middle};
        out[PANE_REFERENTS] = (struct rect){
            area.row, area.col + left + middle + 2, area.rows, right};
        return;
    }
    if (area.cols >= 60) {
        int left = (area.cols - 1) / 2, right = area.cols - 1 - left;
        int top = area.rows * 2 / 5;
        if (top < n_facts && n_facts < area.rows / 2)
            top = n_facts;
        int below = area.rows - top;
        out[PANE_CHAIN] = (struct rect){area.row, area.col, top, left};
        out[PANE_SUBJECT] =
            (struct rect){area.row, area.col + left + 1, top, right};
        out[PANE_REFERRERS] =
            (struct rect){area.row + top, area.col, below, left};
        out[PANE_REFERENTS] =
            (struct rect){area.row + top, area.col + left + 1, below, right};
        return;
    }
    /* One below the other; the one with the focus has the most room, or all. */
    int small = area.rows / 6 > 2 ? area.rows / 6 : 2;
    if (area.rows < 4 * small)
        small = 0;
    int row = area.row;
    for (int i = 0; i < VIEW_PANES; i++) {
        int rows = i == view->focus ? area.rows - 3 * small : small;
        out[i] = (struct rect){row, area.col, rows, area.cols};
        row += rows;
    }
}

const struct view_ops view_object = {
    .n_panes = 4,
    .panes = {[PANE_CHAIN] = &object_chain_rows,
              [PANE_SUBJECT] = &object_facts_rows,
              [PANE_REFERRERS] = &object_referrers_rows,
              [PANE_REFERENTS] = &object_referents_rows},
    .focus = PANE_REFERRERS,
    .is_about_place = true,
    .state_size = sizeof(struct object),
    .open = open_object,
    .close = close_object,
    .changed = changed,
    .crumb = crumb,
    .layout = layout,
    .act = act,
};
