/* view.c — a view's life: made from a place, changed by news, freed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/derived.h"
#include "tui/mem.h"

static const struct view_ops *const all_ops[VIEW_END] = {
    [VIEW_TYPES] = &view_types,
    [VIEW_INSTANCES] = &view_instances,
    [VIEW_OBJECT] = &view_object,
    [VIEW_PATH] = &view_path,
    [VIEW_HOLDERS] = &view_holders,
    [VIEW_DOMINATORS] = &view_dominators,
    [VIEW_CYCLES] = &view_cycles,
    [VIEW_THREADS] = &view_threads,
    [VIEW_GROWTH] = &view_growth,
    [VIEW_SUSPECTS] = &view_suspects,
    [VIEW_DUPLICATES] = &view_duplicates,
    [VIEW_GC] = &view_gc,
    [VIEW_GARBAGE] = &view_garbage,
    [VIEW_LOG] = &view_log,
    [VIEW_HELP] = &view_help,
};

static enum px_status
find_type(struct view *view, const struct px_graph *graph, struct px_err *err)
{
    if (px_type_find(graph, view->place.type, 1, &view->type) > 0) {
        snprintf(view->place.type, sizeof view->place.type, "%s",
                 px_type_name(graph, view->type));
        return PX_OK;
    }
    view->type = PX_NONE;
    px_fail(err, PX_ENOTFOUND, "there is no type %.120s in snapshot %u",
            view->place.type, view->snapshot->number);
    px_type guesses[3];
    size_t n = px_type_suggest(graph, view->place.type, 3, guesses);
    if (n > 0)
        px_err_hint(err, "did you mean %.100s%s%.100s?",
                    px_type_name(graph, guesses[0]), n > 1 ? " or " : "",
                    n > 1 ? px_type_name(graph, guesses[1]) : "");
    return PX_ENOTFOUND;
}

static enum px_status
find_subject(struct view *view, struct px_err *err)
{
    const struct px_graph *graph = view->snapshot->graph;
    if (view->place.addr != 0) {
        view->node = px_node_find(graph, view->place.addr);
        if (view->node == PX_NONE) {
            px_fail(err, PX_ENOTFOUND,
                    "there is no object at %llx in "
                    "snapshot %u",
                    (unsigned long long)view->place.addr,
                    view->snapshot->number);
            px_err_hint(err, "it may be gone, or newer: r takes a snapshot");
            return PX_ENOTFOUND;
        }
        view->type = px_node_type(graph, view->node);
        return PX_OK;
    }
    if (view->place.type[0] != '\0')
        return find_type(view, graph, err);
    return PX_OK;
}

struct view *
view_new(struct app *app, const struct place *place, struct px_err *err)
{
    struct view *view = mem_new(1, sizeof *view);
    view->ops = all_ops[place->view];
    view->app = app;
    view->place = *place;
    view->type = PX_NONE;
    view->node = PX_NONE;
    view->snapshot = store_find(&app->store, place->snapshot);
    view->focus = view->ops->focus;
    if (view->snapshot == NULL && place->snapshot != 0) {
        px_fail(err, PX_ENOTFOUND, "snapshot %u is not (or no longer) here",
                place->snapshot);
        goto fail;
    }
    if (view->snapshot != NULL) {
        if (find_subject(view, err) != PX_OK)
            goto fail;
    } else if (view_what(place->view) != PLACE_NOTHING) {
        px_fail(err, PX_EBUSY, "there is no snapshot yet");
        goto fail;
    }
    if (view->ops->state_size > 0)
        view->state = mem_new(1, view->ops->state_size);
    for (int i = 0; i < view->ops->n_panes; i++)
        list_init(&view->lists[i], view->ops->panes[i], view, app->worker);
    if (view->ops->open != NULL && view->ops->open(view, err) != PX_OK) {
        view_free(view);
        return NULL;
    }
    for (int i = 0; i < view->ops->n_panes; i++) {
        list_refresh(&view->lists[i]);
    }
    if (place->cursor != 0)
        list_seek(&view->lists[view->focus], place->cursor);
    return view;
fail:
    free(view);
    return NULL;
}

void
view_free(struct view *view)
{
    if (view == NULL)
        return;
    derived_stop(view);
    for (int i = 0; i < view->ops->n_panes; i++)
        list_done(&view->lists[i]);
    if (view->ops->close != NULL)
        view->ops->close(view);
    free(view->state);
    free(view);
}

void
view_take_settings(struct view *view, const struct view *from)
{
    if (view->ops != from->ops)
        return;
    view->focus = from->focus;
    if (view->ops->take != NULL) {
        view_stop(view);
        view->ops->take(view, from);
    }
    for (int i = 0; i < view->ops->n_panes; i++) {
        struct list *list = &view->lists[i];
        const struct list *old = &from->lists[i];
        list->sort = old->sort;
        list->is_descending = old->is_descending;
        list->filter = old->filter;
        memcpy(list->filter_text, old->filter_text, sizeof list->filter_text);
        memcpy(list->search, old->search, sizeof list->search);
        list->top = old->top;
        list->is_search_next = old->is_search_next;
        list->is_search_back = old->is_search_back;
        list->search_step = old->search_step;
        list_refresh(list);
        if (old->is_touched)
            list_seek(list, old->cursor_id);
    }
}

void
view_stop(struct view *view)
{
    for (int i = 0; i < view->ops->n_panes; i++)
        list_stop(&view->lists[i]);
}

void
view_resume(struct view *view)
{
    for (int i = 0; i < view->ops->n_panes; i++) {
        if (view->lists[i].is_unfinished && !list_is_busy(&view->lists[i]))
            list_refresh(&view->lists[i]);
    }
}

void
view_changed(struct view *view)
{
    view_stop(view);
    if (view->ops->changed != NULL)
        view->ops->changed(view);
    for (int i = 0; i < view->ops->n_panes; i++)
        list_refresh(&view->lists[i]);
}

struct list *
view_list(struct view *view)
{
    return &view->lists[view->focus];
}

struct place
view_place(const struct view *view)
{
    struct place place = view->place;
    const struct list *list = &view->lists[view->focus];
    if (view->snapshot != NULL)
        place.snapshot = view->snapshot->number;
    place.cursor = list->n_rows > 0 ? list->cursor_id : 0;
    return place;
}
