/* ahead.c — keys that were typed ahead of what they are about.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/ahead.h"

#include <string.h>

#include "tui/app.h"
#include "tui/keymap.h"

/* Nobody has read that nothing was found, and answered, in less. */
#define READ_NS 300000000u

/* Will the list that is shown have other rows than now? */
static bool
rows_come(const struct app *app)
{
    struct view *view = app_view(app);
    const struct list *list = view_list(view);
    const struct snapshot *snapshot = view->snapshot;
    if (list->ops->subject == NULL)
        return false; /* not rows of a snapshot: gc, log, help */
    if (snapshot == NULL)
        return store_coming(&app->store) != NULL;
    return list->ops->count(list->context) == 0 &&
           (view->job != NULL || snapshot->job != NULL);
}

static bool
is_about_row(const struct app *app, enum action_id action)
{
    if (action == ACT_END) /* no key of ours */
        return false;
    if (action == ACT_ENTER || action == ACT_UNFOLD || action == ACT_COPY ||
        action == ACT_ROW)
        return true;
    return (actions[action].flags & (ACT_SUBJECT | ACT_OBJECT)) != 0 &&
           !app_view(app)->ops->is_about_place;
}

/* Why it would be wrong to act now. */
static bool
must_wait(const struct app *app, int32_t key)
{
    struct view *view = app_view(app);
    enum action_id action = keymap_find(view->place.view, key);
    if (app->prompt.kind != PROMPT_NONE || action == ACT_END)
        return false;
    if (app->ahead.is_sought || list_is_seeking(view_list(view)) ||
        (app->begin[0] != '\0' && store_coming(&app->store) != NULL))
        return true;
    return is_about_row(app, action) &&
           (rows_come(app) || list_is_arranging(view_list(view)));
}

int
ahead_drop(struct app *app)
{
    int n = app->ahead.n;
    app->ahead.n = 0;
    app->ahead.is_sought = false;
    return n;
}

static void
say_missed(struct app *app, int n_dropped)
{
    const char *text = view_list(app_view(app))->search;
    if (n_dropped > 0)
        app_say(app, ROLE_WARN, "no row has %.160s: %d key%s dropped", text,
                n_dropped, n_dropped == 1 ? " after it is" : "s after it are");
    else
        app_say(app, ROLE_WARN, "no row has %.200s", text);
}

void
ahead_missed(struct app *app)
{
    struct ahead *ahead = &app->ahead;
    if (rows_come(app)) {
        ahead->is_sought = true;
        ahead->looked_ns = app->counted_ns;
        return;
    }
    ahead->lost_ns = px_now_ns();
    say_missed(app, ahead_drop(app));
}

/* These do not look at rows, and one wants them at once. */
static bool
is_at_once(enum action_id action)
{
    return action == ACT_SUSPEND || action == ACT_REDRAW;
}

bool
ahead_takes(struct app *app, int32_t key)
{
    struct ahead *ahead = &app->ahead;
    struct view *view = app_view(app);
    enum action_id action = keymap_find(view->place.view, key);
    bool is_typing = app->prompt.kind != PROMPT_NONE;
    if (is_typing && ahead->n == 0)
        return false;
    if (!is_typing && is_about_row(app, action) && ahead->lost_ns != 0 &&
        px_now_ns() - ahead->lost_ns < READ_NS) {
        say_missed(app, 1);
        return true;
    }
    if (ahead->n == 0 && !must_wait(app, key))
        return false;
    if (is_at_once(action) || key == 'C' - 64)
        return false;
    if (key == KEYS_ESC && (ahead->n > 0 || ahead->is_sought)) {
        int n = ahead_drop(app);
        app_say(app, ROLE_NORMAL,
                n > 0 ? "what was typed is dropped" : "the search is left");
        return true;
    }
    if (key == KEYS_ESC || ahead->n == AHEAD_KEYS)
        return key != KEYS_ESC;
    /* The selected row is the one that was seen, wherever it goes. */
    if (view->snapshot == NULL && !ahead->is_sought && view_list(view)->n_rows)
        list_move(view_list(view), 0);
    ahead->keys[ahead->n++] = key;
    return true;
}

/* Looks again when there are other rows than at the last time. */
static void
seek_on(struct app *app)
{
    struct ahead *ahead = &app->ahead;
    struct list *list = view_list(app_view(app));
    bool is_last = !rows_come(app);
    if (!is_last && ahead->looked_ns == app->counted_ns)
        return;
    ahead->is_sought = false;
    if (!list_search(list, list->search, list->cursor, false))
        ahead_missed(app);
}

bool
ahead_next(struct app *app, int32_t *key)
{
    struct ahead *ahead = &app->ahead;
    struct view *view = app_view(app);
    if (view == NULL)
        return false;
    if (list_take_missed(view_list(view)) && app->prompt.kind == PROMPT_NONE)
        ahead_missed(app);
    if (ahead->is_sought && !list_is_busy(view_list(view)))
        seek_on(app);
    if (ahead->n == 0 || must_wait(app, ahead->keys[0]))
        return false;
    *key = ahead->keys[0];
    ahead->n--;
    memmove(ahead->keys, ahead->keys + 1,
            (size_t)ahead->n * sizeof ahead->keys[0]);
    return true;
}
