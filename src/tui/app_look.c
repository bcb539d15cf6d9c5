/* app_look.c — what keys do to the list that is shown: search, filter, sort;
 * and to what is under way.
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

static void
next_pane(struct app *app, int by)
{
    struct view *view = app_view(app);
    view->focus = (view->focus + by + view->ops->n_panes) % view->ops->n_panes;
    app_layout(app, by);
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

void
app_say_row(struct app *app)
{
    const struct list *list = view_list(app_view(app));
    char text[2 * CELL_OUT_BYTES];
    uint32_t row = list_row(list);
    if (row == LIST_NONE)
        return;
    list_row_text(list->ops, list->context, row, sizeof text, text);
    app_say(app, ROLE_NORMAL, "%s", text + strspn(text, " "));
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
        app->prompt.id_before = list->n_rows > 0 ? list->cursor_id : 0;
        return;
    }
    if (!list_search(list, text, list->cursor, false) && text[0] != '\0')
        ahead_missed(app);
}

static void
search_next(struct app *app, bool backwards)
{
    struct list *list = view_list(app_view(app));
    if (list->search[0] == '\0')
        app_say(app, ROLE_NORMAL, "search with / first");
    else if (!list_search_next(list, backwards))
        ahead_missed(app);
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
    } else if (list_is_seeking(list)) {
        list_leave_search(list);
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

unsigned
app_look(struct app *app, enum action_id action, const char *arg)
{
    struct list *list = view_list(app_view(app));
    switch (action) { /* the rest */
    case ACT_PANE_NEXT:
        next_pane(app, 1);
        break;
    case ACT_PANE_BEFORE:
        next_pane(app, -1);
        break;
    case ACT_ROW:
        app_say_row(app);
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
