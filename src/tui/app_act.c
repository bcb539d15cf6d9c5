/* app_act.c — what each action does.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "tui/app.h"

static int
page_rows(const struct list *list)
{
    return list->body_rows > 1 ? list->body_rows - 1 : 10;
}

static bool
move(struct app *app, enum action_id action)
{
    struct list *list = view_list(app_view(app));
    switch (action) { /* only those that move */
    case ACT_DOWN:
        list_move(list, 1);
        return true;
    case ACT_UP:
        list_move(list, -1);
        return true;
    case ACT_PAGE_DOWN:
        list_move(list, page_rows(list));
        return true;
    case ACT_PAGE_UP:
        list_move(list, -page_rows(list));
        return true;
    case ACT_HALF_DOWN:
        list_move(list, page_rows(list) / 2);
        return true;
    case ACT_HALF_UP:
        list_move(list, -page_rows(list) / 2);
        return true;
    case ACT_TOP:
        list_move_to(list, 0);
        return true;
    case ACT_BOTTOM:
        list_move_to(list, UINT32_MAX - 1);
        return true;
    default:
        return false;
    }
}

/* Place of a type or an object in the snapshot that is shown. */
static struct place
place_of(const struct app *app, enum view_id id, struct subject subject)
{
    const struct view *view = app_view(app);
    const struct px_graph *graph = view->snapshot->graph;
    struct place place = {.view = id, .snapshot = view->snapshot->number};
    if (subject.kind == SUBJECT_NODE && view_what(id) != PLACE_TYPE)
        place.addr = px_node_addr(graph, subject.node);
    else
        snprintf(place.type, sizeof place.type, "%s",
                 px_type_name(graph, subject.type));
    return place;
}

static void
enter(struct app *app)
{
    struct view *view = app_view(app);
    uint32_t row = list_row(view_list(view));
    struct place place;
    if (row == LIST_NONE)
        return;
    if (view->ops->enter != NULL &&
        view->ops->enter(view, view->focus, row, &place)) {
        app_go(app, &place);
        return;
    }
    struct subject subject = list_subject(view_list(view));
    if (subject.kind == SUBJECT_NONE) {
        app_say_row(app); /* it leads nowhere, but it may be cut */
        return;
    }
    place = place_of(
        app, subject.kind == SUBJECT_TYPE ? VIEW_INSTANCES : VIEW_OBJECT,
        subject);
    app_go(app, &place);
}

static void
go_object(struct app *app, const char *pane_name)
{
    struct place place = place_of(app, VIEW_OBJECT, app_subject(app));
    if (!app_go(app, &place))
        return;
    struct view *view = app_view(app);
    for (int i = 0; i < view->ops->n_panes; i++) {
        if (strcmp(view->ops->panes[i]->name, pane_name) == 0)
            view->focus = i;
    }
}

static void
go_text(struct app *app, const char *text)
{
    struct px_err err = {.status = PX_OK};
    struct place place;
    if (text == NULL || text[0] == '\0') {
        prompt_open(&app->prompt, PROMPT_COMMAND, ":", "goto ", ACT_GOTO);
        return;
    }
    if (place_parse(text, &place, &err) != PX_OK)
        app_say(app, ROLE_ERROR, "%s%s%s", err.msg,
                err.hint[0] != '\0' ? "; " : "", err.hint);
    else if (store_latest(&app->store) == NULL &&
             store_coming(&app->store) != NULL &&
             view_what(place.view) != PLACE_NOTHING)
        app_begin(app, text);
    else
        app_go(app, &place);
}

/* Does the state allow it? Says why not. */
static bool
is_allowed(struct app *app, enum action_id action)
{
    unsigned flags = actions[action].flags;
    struct subject subject = app_subject(app);
    if ((flags & ACT_LIVE) && !session_is_live(&app->session) &&
        action != ACT_SNAPSHOT) {
        app_say(app, ROLE_WARN, "%s needs a target, and there is none",
                actions[action].name);
        return false;
    }
    if ((flags & ACT_CHANGES) && session_is_readonly(&app->session)) {
        app_say(app, ROLE_WARN,
                "the target serves readonly: its collector stays as it is");
        return false;
    }
    if ((flags & ACT_OBJECT) && subject.kind != SUBJECT_NODE) {
        app_say(app, ROLE_WARN, "choose an object first: Enter goes to one");
        return false;
    }
    if ((flags & ACT_SUBJECT) && subject.kind == SUBJECT_NONE) {
        app_say(app, ROLE_WARN, "choose a row with a type or an object");
        return false;
    }
    return true;
}

static void
go_subject(struct app *app, enum action_id action)
{
    struct subject subject = app_subject(app);
    enum view_id id = action == ACT_TYPE      ? VIEW_INSTANCES
                      : action == ACT_HOLDERS ? VIEW_HOLDERS
                                              : VIEW_PATH;
    struct place place = place_of(app, id, subject);
    /* All of a type: with the cursor on the one that was chosen. */
    if (action == ACT_TYPE && subject.kind == SUBJECT_NODE)
        place.cursor =
            px_node_addr(app_view(app)->snapshot->graph, subject.node);
    app_go(app, &place);
}

/* The whole tree; from an object, with the cursor where it stands in it. */
static void
go_dominators(struct app *app)
{
    struct subject subject = app_subject(app);
    struct place place = {.view = VIEW_DOMINATORS};
    if (subject.kind == SUBJECT_NODE) {
        place.snapshot = app_view(app)->snapshot->number;
        place.cursor =
            px_node_addr(app_view(app)->snapshot->graph, subject.node);
    }
    app_go(app, &place);
}

/* Actions that do no more than show a view. */
static enum view_id
view_of(enum action_id action)
{
    static const struct {
        enum action_id action;
        enum view_id view;
    } views[] = {
        {ACT_TYPES, VIEW_TYPES},
        {ACT_CYCLES, VIEW_CYCLES},
        {ACT_THREADS, VIEW_THREADS},
        {ACT_GROWTH, VIEW_GROWTH},
        {ACT_SUSPECTS, VIEW_SUSPECTS},
        {ACT_DUPLICATES, VIEW_DUPLICATES},
        {ACT_GC, VIEW_GC},
        {ACT_GARBAGE, VIEW_GARBAGE},
        {ACT_LOG, VIEW_LOG},
        {ACT_HELP, VIEW_HELP},
    };
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        if (views[i].action == action)
            return views[i].view;
    }
    return VIEW_END;
}

static bool
go(struct app *app, enum action_id action, const char *arg)
{
    struct place place = {.view = view_of(action)};
    if (place.view != VIEW_END) {
        app_go(app, &place);
        return true;
    }
    switch (action) { /* only those that lead to a place */
    case ACT_ENTER:
    case ACT_UNFOLD: /* where there is no tree */
        enter(app);
        return true;
    case ACT_BACK:
    case ACT_FOLD:
        app_step(app, -1);
        return true;
    case ACT_FORWARD:
        app_step(app, 1);
        return true;
    case ACT_REFERRERS:
        go_object(app, "referred to by");
        return true;
    case ACT_REFERENTS:
        go_object(app, "refers to");
        return true;
    case ACT_PATH:
    case ACT_HOLDERS:
    case ACT_TYPE:
        go_subject(app, action);
        return true;
    case ACT_DOMINATORS:
        go_dominators(app);
        return true;
    case ACT_GOTO:
        go_text(app, arg);
        return true;
    default:
        return false;
    }
}

unsigned
action_run(struct app *app, enum action_id action, const char *arg)
{
    struct view *view = app_view(app);
    unsigned reaction = REACT_DRAW;
    if (action >= ACT_END || actions[action].name[0] == '\0' || view == NULL)
        return action == ACT_QUIT ? REACT_QUIT : REACT_NONE;
    if (move(app, action))
        return REACT_DRAW;
    if (!is_allowed(app, action))
        return REACT_DRAW;
    if (view->ops->act != NULL && view->ops->act(view, action, arg, &reaction))
        return reaction;
    if (actions[action].flags & ACT_CHANGES) {
        gc_act(app, action, arg);
        return REACT_DRAW;
    }
    if (go(app, action, arg) || app_watch(app, action, arg))
        return REACT_DRAW;
    return app_look(app, action, arg);
}
