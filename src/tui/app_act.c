/* app_act.c — what each action does.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/app.h"
#include "tui/derived.h"
#include "tui/keymap.h"

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

static void
next_pane(struct app *app, int by)
{
    struct view *view = app_view(app);
    int n = view->ops->n_panes;
    for (int i = 1; i <= n; i++) {
        int pane = (view->focus + by * i % n + n) % n;
        /* A pane without room for rows is not one to go to. */
        int least = view->ops->panes[pane]->bare ? 2 : 1;
        if (view->rects[pane].rows >= least || n == 1) {
            view->focus = pane;
            return;
        }
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

/* While the first snapshot still arrives. */
static void
go_later(struct app *app, const struct place *place)
{
    char text[PLACE_TEXT];
    app_begin(app, place_text(place, sizeof text, text));
    app_say(app, ROLE_GOOD, "%.200s opens as soon as the snapshot is here",
            place->type);
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
        if (view->snapshot == NULL && view_what(place.view) != PLACE_NOTHING)
            go_later(app, &place);
        else
            app_go(app, &place);
        return;
    }
    struct subject subject = list_subject(view_list(view));
    if (subject.kind == SUBJECT_NONE)
        return;
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
    else
        app_go(app, &place);
}

static void
copy_place(struct app *app)
{
    char text[PLACE_TEXT];
    struct place place = view_place(app_view(app));
    place_text(&place, sizeof text, text);
    if (app->copy != NULL)
        app->copy(app->copy_context, text);
    app_say(app, ROLE_GOOD, "copied  %s", text);
}

static void
search(struct app *app, const char *text)
{
    struct list *list = view_list(app_view(app));
    if (text == NULL) {
        prompt_open(&app->prompt, PROMPT_SEARCH, "/", "", ACT_SEARCH);
        snprintf(app->prompt.before, sizeof app->prompt.before, "%s",
                 list->search);
        app->prompt.cursor_before = list->cursor;
        return;
    }
    if (!list_search(list, text, list->cursor, false) && text[0] != '\0')
        app_say(app, ROLE_WARN, "no row has %.200s", text);
}

static void
search_next(struct app *app, bool backwards)
{
    struct list *list = view_list(app_view(app));
    if (list->search[0] == '\0')
        app_say(app, ROLE_NORMAL, "search with / first");
    else if (!list_search_next(list, backwards))
        app_say(app, ROLE_WARN, "no row has %.200s", list->search);
}

static void
filter(struct app *app, const char *text)
{
    struct list *list = view_list(app_view(app));
    struct px_err err = {.status = PX_OK};
    if (text == NULL) {
        prompt_open(&app->prompt, PROMPT_FILTER, "filter: ", "", ACT_FILTER);
        snprintf(app->prompt.before, sizeof app->prompt.before, "%s",
                 list->filter_text);
        return;
    }
    if (list_filter(list, text, &err) != PX_OK)
        app_say(app, ROLE_ERROR, "%s%s%s", err.msg,
                err.hint[0] != '\0' ? "; " : "", err.hint);
}

static void
say_order(struct app *app)
{
    const struct list *list = view_list(app_view(app));
    if (list->ops->is_tree)
        app_say(app, ROLE_NORMAL, "a tree stays in its own order");
    else if (list->sort < 0)
        app_say(app, ROLE_NORMAL, "in the order of the %s%s",
                view_name(app_view(app)->place.view),
                list->is_descending ? ", turned over" : "");
    else
        app_say(app, ROLE_NORMAL, "sorted by %s, %s first",
                list->ops->columns[list->sort].title,
                list->ops->columns[list->sort].kind == COLUMN_TEXT
                    ? (list->is_descending ? "z" : "a")
                    : (list->is_descending ? "largest" : "smallest"));
}

static void
sort(struct app *app, const char *title)
{
    struct list *list = view_list(app_view(app));
    if (title == NULL || title[0] == '\0') {
        list_sort_next(list);
    } else if (!list_sort_by(list, title)) {
        app_say(app, ROLE_ERROR, "there is no column %.100s here", title);
        return;
    }
    say_order(app);
}

static void
cancel(struct app *app)
{
    struct list *list = view_list(app_view(app));
    struct snapshot *coming = store_coming(&app->store);
    const char *canceled = NULL;
    if (session_cancel(&app->session)) {
        app_say(app, ROLE_WARN, "cancelling …");
    } else if (coming != NULL) {
        store_cancel(&app->store, coming);
        app_say(app, ROLE_WARN, "cancelling …");
    } else if (app_view(app)->job != NULL) {
        derived_cancel(app_view(app));
        app_say(app, ROLE_WARN, "cancelling …");
    } else if ((canceled = store_cancel_background(&app->store)) != NULL) {
        app_say(app, ROLE_WARN, "%s", canceled);
    } else if (list_is_busy(list)) {
        list_stop(list);
    } else if (list->search[0] != '\0') {
        list->search[0] = '\0';
    } else if (list->filter_text[0] != '\0') {
        filter(app, "");
    } else {
        app->message[0] = '\0';
    }
}

static void
save_screen(struct app *app, const char *path)
{
    if (path == NULL || path[0] == '\0') {
        prompt_open(&app->prompt, PROMPT_ANSWER,
                    "save the screen to: ", "screen.txt", ACT_SAVE_SCREEN);
        return;
    }
    app_draw(app);
    char *dump = screen_dump(&app->screen);
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool is_good = file != NULL && fputs(dump, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        is_good = false;
    free(dump);
    if (is_good)
        app_say(app, ROLE_GOOD, "saved %.300s", path);
    else
        app_say(app, ROLE_ERROR, "cannot write %.300s: %s", path,
                strerror(errno));
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

static unsigned
look(struct app *app, enum action_id action, const char *arg)
{
    struct list *list = view_list(app_view(app));
    switch (action) { /* the rest */
    case ACT_PANE_NEXT:
        next_pane(app, 1);
        break;
    case ACT_PANE_BEFORE:
        next_pane(app, -1);
        break;
    case ACT_SEARCH:
        search(app, arg);
        break;
    case ACT_NEXT:
        search_next(app, false);
        break;
    case ACT_BEFORE:
        search_next(app, true);
        break;
    case ACT_FILTER:
        filter(app, arg);
        break;
    case ACT_SORT:
        sort(app, arg);
        break;
    case ACT_REVERSE:
        list_sort_reverse(list);
        say_order(app);
        break;
    case ACT_COPY:
        copy_place(app);
        break;
    case ACT_CANCEL:
        cancel(app);
        break;
    case ACT_COMMAND:
        prompt_open(&app->prompt, PROMPT_COMMAND, ":", "", ACT_COMMAND);
        break;
    case ACT_SAVE_SCREEN:
        save_screen(app, arg);
        break;
    case ACT_WAY_NEXT:
    case ACT_WAY_BEFORE:
        app_say(app, ROLE_NORMAL, "ways are those of an object");
        break;
    case ACT_REDRAW:
        return REACT_DRAW | REACT_REPAINT;
    case ACT_SUSPEND:
        return REACT_SUSPEND | REACT_DRAW | REACT_REPAINT;
    case ACT_QUIT:
        return REACT_QUIT;
    default:
        break;
    }
    return REACT_DRAW;
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
    return look(app, action, arg);
}
