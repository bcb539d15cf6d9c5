/* app.c — the explorer without a terminal.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_BUSY_MS 100
#define TICK_IDLE_MS 1000
/* Chunks may come by the hundred in a second; eyes are slower. */
#define COUNT_EVERY_NS 100000000u

void
app_say(struct app *app, enum role role, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(app->message, sizeof app->message, format, args);
    va_end(args);
    app->message_role = role;
    app->is_dirty = true;
}

/* ---- news from store and session ---- */

static void
on_say(void *context, enum role role, const char *text)
{
    app_say(context, role, "%s", text);
}

static void
on_session(void *context)
{
    struct app *app = context;
    app->is_dirty = true;
    if (app->session.memory != NULL)
        history_set_files(&app->history,
                          (uint64_t)json_number_value(json_object_get(
                              app->session.memory, "file_bytes")));
    /* Those that are not shown, too: their rows may be gone. */
    for (int i = 0; i < app->n_visits; i++) {
        struct view *view = app->visits[i].view;
        if (view != NULL && view->ops->shows_session)
            view_changed(view);
    }
}

static void
take_file_facts(struct app *app, const struct snapshot *snapshot)
{
    const struct px_header *header = px_graph_header(snapshot->graph);
    session_take_gc(&app->session, json_object_get(header->json, "gc"));
}

static void
on_ready(struct app *app, const struct snapshot *snapshot)
{
    take_file_facts(app, snapshot);
    history_add(&app->history, snapshot->number, snapshot->graph);
    app->store.kept = app->history.marked;
    char left_out[PX_ERR_TEXT];
    px_graph_left_out(snapshot->graph, sizeof left_out, left_out);
    if (left_out[0] != '\0')
        notes_add(&app->notes, ROLE_WARN, "snapshot", left_out);
    if (snapshot->problem[0] != '\0' || left_out[0] != '\0')
        app_say(app, ROLE_WARN, "snapshot %u is %s", snapshot->number,
                snapshot->problem[0] != '\0' ? snapshot->problem : left_out);
    else if (snapshot->number > 1 && app->auto_s == 0)
        app_say(app, ROLE_GOOD, "snapshot %u is here", snapshot->number);
    app_follow(app);
    if (app->begin[0] != '\0') {
        char place[PLACE_TEXT];
        memcpy(place, app->begin, sizeof place);
        app->begin[0] = '\0';
        action_run(app, ACT_GOTO, place);
    }
}

static void
on_store(void *context, struct snapshot *snapshot, enum store_event event)
{
    struct app *app = context;
    struct view *now = app_view(app);
    app->is_dirty = true;
    switch (event) {
    case STORE_MORE:
        if (now != NULL && now->snapshot == NULL &&
            px_now_ns() - app->counted_ns > COUNT_EVERY_NS) {
            view_changed(now);
            app->counted_ns = px_now_ns();
        }
        break;
    case STORE_READY:
        on_ready(app, snapshot);
        break;
    case STORE_CHANGING:
    case STORE_PATHS:
    case STORE_DOMINATORS:
        for (int i = 0; i < app->n_visits; i++) {
            struct view *view = app->visits[i].view;
            if (view == NULL || view->snapshot != snapshot)
                continue;
            if (event == STORE_CHANGING)
                view_stop(view);
            else
                view_changed(view);
        }
        break;
    case STORE_FINDINGS:
        for (int i = 0; i < app->n_visits; i++) {
            struct view *view = app->visits[i].view;
            if (view != NULL && view->ops->shows_findings)
                view_changed(view);
        }
        break;
    case STORE_FAILED:
        if (app->message[0] == '\0')
            app_say(app, ROLE_ERROR, "no snapshot: %s", snapshot->problem);
        notes_add(&app->notes, ROLE_ERROR, "snapshot", snapshot->problem);
        if (now != NULL && now->snapshot == NULL)
            view_changed(now);
        break;
    case STORE_LEAVING:
        app_forget_snapshot(app, snapshot);
        break;
    }
}

/* ---- life ---- */

static void
on_tick(void *context)
{
    struct app *app = context;
    app->tick = 0;
    app->is_dirty = true;
}

static void
arm_tick(struct app *app)
{
    char text[200];
    int permille = 0;
    if (app->tick != 0 || app->is_plain)
        return;
    if (app_progress(app, sizeof text, text, &permille))
        app->tick = px_loop_after(app->loop, TICK_BUSY_MS, on_tick, app);
    else if (session_is_live(&app->session))
        app->tick = px_loop_after(app->loop, TICK_IDLE_MS, on_tick, app);
}

enum px_status
app_init(struct app *app, bool ascii, struct px_err *err)
{
    memset(app, 0, sizeof *app);
    screen_init(&app->screen, ascii);
    notes_init(&app->notes);
    app->loop = px_loop_new(err);
    if (app->loop == NULL)
        return err->status;
    app->worker = worker_new(app->loop, err);
    if (app->worker == NULL)
        return err->status;
    store_init(&app->store, app->worker, on_store, app);
    struct session_events events = {
        .say = on_say, .changed = on_session, .context = app};
    session_init(&app->session, app->loop, &app->store, &app->notes, &events);
    app->is_dirty = true;
    return PX_OK;
}

void
app_done(struct app *app)
{
    session_done(&app->session);
    for (int i = 0; i < app->n_visits; i++)
        view_free(app->visits[i].view);
    app->n_visits = 0;
    worker_free(app->worker);
    store_done(&app->store);
    if (app->loop != NULL)
        px_loop_cancel(app->loop, app->tick);
    if (app->loop != NULL)
        px_loop_cancel(app->loop, app->auto_timer);
    px_loop_free(app->loop);
    prompt_done(&app->prompt);
    notes_done(&app->notes);
    history_done(&app->history);
    screen_done(&app->screen);
}

/* What is wrong with a file is better said before the screen is there. */
static enum px_status
check_file(const char *path, struct px_err *err)
{
    char magic[PX_FILE_MAGIC_BYTES];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return px_fail_errno(err, PX_ECONNECT, errno, "cannot open %s", path);
    size_t n = fread(magic, 1, sizeof magic, file);
    fclose(file);
    if (n == sizeof magic && memcmp(magic, PX_FILE_MAGIC, n) == 0)
        return PX_OK;
    px_fail(err, PX_EPROTO, "%s is no snapshot", path);
    px_err_hint(err, "pyexplore snapshot TARGET -o FILE.pxs writes one");
    return PX_EPROTO;
}

enum px_status
app_open(struct app *app, const struct px_target *target, int timeout_ms,
         struct px_err *err)
{
    struct place first = {.view = VIEW_TYPES};
    if (target->kind == PX_TARGET_FILE) {
        app->session.target = *target;
        if (check_file(target->path, err) != PX_OK)
            return err->status;
        if (store_read(&app->store, target->path, err) == NULL)
            return err->status;
    } else {
        enum px_status status =
            session_open(&app->session, target, timeout_ms, err);
        if (status != PX_OK)
            return status;
        session_snapshot(&app->session);
    }
    app_go(app, &first);
    return PX_OK;
}

void
app_begin(struct app *app, const char *place)
{
    if (store_latest(&app->store) != NULL)
        action_run(app, ACT_GOTO, place);
    else
        snprintf(app->begin, sizeof app->begin, "%s", place);
}

void
app_collect(struct app *app)
{
    if (worker_collect(app->worker))
        app->is_dirty = true;
    int32_t key = 0;
    while (ahead_next(app, &key)) {
        app->is_dirty = true;
        app->reaction |= app_press(app, key);
    }
    app_try_prompt(app);
    app_auto_arm(app);
    arm_tick(app);
}

static bool
is_settled(const struct app *app)
{
    return worker_is_idle(app->worker) &&
           session_oldest(&app->session) == NULL && app->session.coming == NULL;
}

enum px_status
app_settle(struct app *app, int max_ms, struct px_err *err)
{
    uint64_t end = px_now_ns() + (uint64_t)max_ms * 1000000u;
    app_collect(app);
    while (!is_settled(app)) {
        if (px_now_ns() > end)
            return px_fail(err, PX_EBUSY, "not done after %d ms", max_ms);
        enum px_status status = px_loop_step(app->loop, 50, err);
        if (status != PX_OK)
            return status;
        app_collect(app);
    }
    return PX_OK;
}

void
app_resize(struct app *app, int rows, int cols)
{
    screen_resize(&app->screen, rows, cols);
    app->is_dirty = true;
    app->is_repaint = true;
}
