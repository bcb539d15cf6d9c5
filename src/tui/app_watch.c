/* app_watch.c — what is watched over several snapshots: the mark that changes
 * are counted from, and snapshots that are taken by themselves.
 *
 * The next snapshot waits until everything of the last one was computed, so
 * that a big target is not asked more often than its answers are understood.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "tui/app.h"

#define AUTO_S 5u
#define AUTO_MAX_S 86400

static void
set_mark(struct app *app)
{
    const struct snapshot *snapshot = app_snapshot(app);
    if (snapshot == NULL) {
        app_say(app, ROLE_WARN, "there is no snapshot to mark yet");
        return;
    }
    app->history.marked = snapshot->number;
    app->store.kept = snapshot->number;
    app_say(app, ROLE_GOOD,
            "snapshot %u is marked: what changes is counted from here",
            snapshot->number);
    /* A list that sorts by the change sorts anew. */
    for (int i = 0; i < app->n_visits; i++) {
        if (app->visits[i].view != NULL)
            view_changed(app->visits[i].view);
    }
}

const struct px_graph *
app_marked(const struct app *app, const struct snapshot *snapshot)
{
    unsigned number = app->history.marked;
    if (number == 0 || snapshot == NULL || number >= snapshot->number)
        return NULL;
    const struct snapshot *marked = store_find(&app->store, number);
    return marked != NULL ? marked->graph : NULL;
}

static void
on_auto(void *context)
{
    struct app *app = context;
    app->auto_timer = 0;
    if (app->auto_s > 0 && session_is_live(&app->session) &&
        store_coming(&app->store) == NULL)
        session_snapshot(&app->session);
}

void
app_auto_arm(struct app *app)
{
    if (!session_is_live(&app->session)) {
        px_loop_cancel(app->loop, app->auto_timer);
        app->auto_timer = 0;
        app->auto_s = 0;
    }
    if (app->auto_s == 0 || app->auto_timer != 0)
        return;
    if (app->session.coming == NULL && store_coming(&app->store) == NULL &&
        worker_is_idle(app->worker))
        app->auto_timer =
            px_loop_after(app->loop, (int)app->auto_s * 1000, on_auto, app);
}

/* Seconds, or NULL: on or off. */
static void
set_auto(struct app *app, const char *arg)
{
    unsigned seconds = app->auto_s > 0 ? 0 : AUTO_S;
    if (arg != NULL && arg[0] != '\0') {
        char *end = NULL;
        long value = strtol(arg, &end, 10);
        if (*end != '\0' || value < 0 || value > AUTO_MAX_S) {
            app_say(app, ROLE_ERROR,
                    "auto takes seconds, as in :auto 30; 0 switches it off");
            return;
        }
        seconds = (unsigned)value;
    }
    if (app->auto_timer != 0)
        px_loop_cancel(app->loop, app->auto_timer);
    app->auto_timer = 0;
    app->auto_s = seconds;
    if (seconds == 0)
        app_say(app, ROLE_GOOD, "snapshots by hand again: r takes one");
    else
        app_say(app, ROLE_GOOD,
                "a snapshot every %u s after the last one; a ends it", seconds);
    app_auto_arm(app);
}

/* A file that was not read, for that was cancelled, is read again. */
static void
take_snapshot(struct app *app)
{
    struct px_err err = {.status = PX_OK};
    const struct px_target *target = &app->session.target;
    if (target->kind != PX_TARGET_FILE || store_latest(&app->store) != NULL ||
        store_coming(&app->store) != NULL)
        session_snapshot(&app->session);
    else if (store_read(&app->store, target->path, &err) == NULL)
        app_say(app, ROLE_ERROR, "%s", err.msg);
}

bool
app_watch(struct app *app, enum action_id action, const char *arg)
{
    switch (action) { /* only those about snapshots */
    case ACT_SNAPSHOT:
        take_snapshot(app);
        return true;
    case ACT_MARK:
        set_mark(app);
        return true;
    case ACT_AUTO:
        set_auto(app, arg);
        return true;
    default:
        return false;
    }
}
