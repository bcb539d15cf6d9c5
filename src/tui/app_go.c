/* app_go.c — places: going, back and forward, and following new snapshots.
 *
 * A visit whose place names no snapshot follows the latest: when a newer one
 * is there its view is made anew, with the settings and the cursor of the old
 * one. An object that the newer snapshot does not have stays in the old one,
 * which stays as long as it is shown.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "tui/app.h"
#include "tui/derived.h"

struct view *
app_view(const struct app *app)
{
    return app->n_visits > 0 ? app->visits[app->at].view : NULL;
}

const struct snapshot *
app_snapshot(const struct app *app)
{
    const struct view *view = app_view(app);
    return view != NULL && view->snapshot != NULL ? view->snapshot
                                                  : store_latest(&app->store);
}

/* What is looked at does not go. */
static void
keep_shown(struct app *app)
{
    const struct view *view = app_view(app);
    app->store.shown =
        view != NULL && view->snapshot != NULL ? view->snapshot->number : 0;
}

static void
leave(struct app *app)
{
    struct visit *visit = &app->visits[app->at];
    if (app->n_visits == 0 || visit->view == NULL)
        return;
    unsigned snapshot = visit->place.snapshot;
    visit->place = view_place(visit->view);
    visit->place.snapshot = snapshot;
    /* What nobody looks at must not keep the worker from the next view. */
    view_stop(visit->view);
}

static void
say_error(struct app *app, const struct px_err *err)
{
    app_say(app, ROLE_ERROR, "%s%s%s", err->msg,
            err->hint[0] != '\0' ? "; " : "", err->hint);
}

static void
drop_visit(struct app *app, int i)
{
    view_free(app->visits[i].view);
    memmove(&app->visits[i], &app->visits[i + 1],
            (size_t)(app->n_visits - i - 1) * sizeof app->visits[0]);
    app->n_visits--;
}

/* The number of the latest snapshot: a place that names it follows. */
static unsigned
follow_number(const struct app *app, unsigned number)
{
    const struct snapshot *latest = store_latest(&app->store);
    return latest != NULL && latest->number == number ? 0 : number;
}

bool
app_go(struct app *app, const struct place *place)
{
    struct px_err err = {.status = PX_OK};
    struct place to = *place;
    to.snapshot = follow_number(app, to.snapshot);
    struct view *now = app_view(app);
    if (now != NULL && place_is_same(&app->visits[app->at].place, &to)) {
        if (to.cursor != 0)
            list_seek(view_list(now), to.cursor);
        return true;
    }
    struct view *view = view_new(app, &to, &err);
    if (view == NULL) {
        say_error(app, &err);
        return false;
    }
    leave(app);
    while (app->n_visits > app->at + 1)
        drop_visit(app, app->n_visits - 1);
    if (app->n_visits == APP_HISTORY)
        drop_visit(app, 0);
    app->at = app->n_visits++;
    unsigned snapshot = to.snapshot;
    to = view->place; /* with the type's full name */
    to.snapshot = snapshot;
    app->visits[app->at] = (struct visit){.place = to, .view = view};
    keep_shown(app);
    return true;
}

/* Makes the view of the visit that is shown, or makes it anew for a newer
 * snapshot. */
static void
show_view(struct app *app)
{
    struct px_err err = {.status = PX_OK};
    struct visit *visit = &app->visits[app->at];
    struct snapshot *latest = store_latest(&app->store);
    bool is_stale = visit->view != NULL && visit->place.snapshot == 0 &&
                    visit->view->snapshot != latest;
    if (visit->view != NULL && !is_stale) {
        view_resume(visit->view);
        return;
    }
    if (is_stale)
        leave(app);
    struct view *view = view_new(app, &visit->place, &err);
    if (view == NULL && visit->view != NULL) {
        /* It is gone from the new snapshot: the old one still has it. */
        visit->place.snapshot = visit->view->snapshot->number;
        app_say(app, ROLE_WARN, "%s: still shown from snapshot %u", err.msg,
                visit->place.snapshot);
        view_resume(visit->view);
        return;
    }
    if (view == NULL && latest != NULL && visit->place.snapshot != 0) {
        /* Its snapshot was let go. */
        app_say(app, ROLE_WARN, "snapshot %u is no longer here: this is %u",
                visit->place.snapshot, latest->number);
        visit->place.snapshot = 0;
        view = view_new(app, &visit->place, &err);
    }
    if (view == NULL) {
        say_error(app, &err);
        visit->place = (struct place){.view = VIEW_TYPES};
        view = view_new(app, &visit->place, &err);
    }
    if (visit->view != NULL && view != NULL)
        view_take_settings(view, visit->view);
    view_free(visit->view);
    visit->view = view;
}

static void
show(struct app *app)
{
    show_view(app);
    keep_shown(app);
}

void
app_follow(struct app *app)
{
    if (app->n_visits > 0)
        show(app);
    app->is_dirty = true;
}

bool
app_step(struct app *app, int by)
{
    int to = app->at + by;
    if (to < 0 || to >= app->n_visits) {
        app_say(app, ROLE_NORMAL,
                by < 0 ? "this is where you came in; q leaves"
                       : "nothing further ahead");
        return false;
    }
    leave(app);
    app->at = to;
    show(app);
    return true;
}

void
app_forget_snapshot(struct app *app, const struct snapshot *snapshot)
{
    for (int i = 0; i < app->n_visits; i++) {
        struct view *view = app->visits[i].view;
        if (view == NULL)
            continue;
        if (view->snapshot == snapshot) {
            view_free(view);
            app->visits[i].view = NULL;
        } else if (view->ops->reads_all && view->job != NULL) {
            derived_stop(view);
            view_changed(view); /* begins again, without this one */
        }
    }
}

struct subject
app_subject(const struct app *app)
{
    struct view *view = app_view(app);
    struct subject subject = {.kind = SUBJECT_NONE};
    if (view == NULL || view->snapshot == NULL)
        return subject;
    if (!view->ops->is_about_place)
        subject = list_subject(view_list(view));
    if (subject.kind != SUBJECT_NONE)
        return subject;
    if (view->node != PX_NONE)
        return (struct subject){
            .kind = SUBJECT_NODE, .type = view->type, .node = view->node};
    if (view->type != PX_NONE)
        return (struct subject){.kind = SUBJECT_TYPE, .type = view->type};
    return subject;
}
