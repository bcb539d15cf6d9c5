/* session.c — the connection to the target.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/session_reply.h"

void
session_say(struct session *session, enum role role, const char *text)
{
    session->events.say(session->events.context, role, text);
}

void
session_note(struct session *session, enum role role, const char *kind,
             const char *format, ...)
{
    char text[NOTE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    notes_add(session->notes, role, kind, text);
}

void
session_init(struct session *session, struct px_loop *loop, struct store *store,
             struct notes *notes, const struct session_events *events)
{
    memset(session, 0, sizeof *session);
    session->loop = loop;
    session->store = store;
    session->notes = notes;
    session->events = *events;
}

static void
drop_client(struct session *session)
{
    if (session->client == NULL)
        return;
    /* A client that has failed may no longer know its descriptor. */
    px_loop_unwatch(session->loop, session->fd);
    px_client_free(session->client);
    session->client = NULL;
}

void
session_done(struct session *session)
{
    drop_client(session);
    json_decref(session->hello);
    json_decref(session->gc);
    json_decref(session->gc_asked);
    json_decref(session->garbage);
    json_decref(session->status);
    json_decref(session->memory);
    session->hello = session->gc = session->garbage = session->status = NULL;
    session->memory = session->gc_asked = NULL;
}

bool
session_is_live(const struct session *session)
{
    return session->client != NULL;
}

bool
session_is_readonly(const struct session *session)
{
    return json_is_true(json_object_get(session->hello, "readonly"));
}

const struct session_request *
session_oldest(const struct session *session)
{
    const struct session_request *oldest = NULL;
    for (size_t i = 0; i < SESSION_REQUESTS; i++) {
        const struct session_request *request = &session->requests[i];
        if (request->id != 0 &&
            (oldest == NULL || request->sent_ns < oldest->sent_ns))
            oldest = request;
    }
    return oldest;
}

struct session_request *
session_find(struct session *session, uint64_t id)
{
    for (size_t i = 0; i < SESSION_REQUESTS; i++) {
        if (session->requests[i].id == id)
            return &session->requests[i];
    }
    return NULL;
}

static void
on_closed(void *context, const struct px_err *err)
{
    struct session *session = context;
    snprintf(session->ended, sizeof session->ended, "%s",
             err != NULL && err->msg[0] != '\0' ? err->msg
                                                : "the connection ended");
}

/* ---- the connection ---- */

static void
end_session(struct session *session, const struct px_err *err)
{
    if (session->ended[0] == '\0')
        on_closed(session, err);
    drop_client(session);
    memset(session->requests, 0, sizeof session->requests);
    session->progress.at_ns = 0;
    struct snapshot *half = session->coming;
    session->coming = NULL;
    session->coming_id = 0;
    char text[NOTE_TEXT];
    const struct snapshot *open = store_latest(session->store);
    if (open != NULL)
        snprintf(text, sizeof text,
                 "the target has ended; snapshot %u stays open", open->number);
    else if (half != NULL)
        snprintf(text, sizeof text,
                 "the target has ended; what had arrived stays open");
    else
        snprintf(text, sizeof text, "the target has ended");
    session_note(session, ROLE_ERROR, "connection", "%s (%s)", text,
                 session->ended);
    /* Half a snapshot is worth keeping if there is no other. */
    if (half != NULL && open == NULL)
        store_end(session->store, half, px_end_sentence(PX_END_CUT));
    else if (half != NULL)
        store_fail(session->store, half, "the target has ended");
    session_say(session, ROLE_ERROR, text);
    session->events.changed(session->events.context);
}

static void watch(struct session *session);

static void
on_socket(void *context, int fd, short revents)
{
    (void)fd;
    (void)revents;
    struct session *session = context;
    struct px_err err = {.status = PX_OK};
    if (px_client_pump(session->client, &err) != PX_OK)
        end_session(session, &err);
    else
        watch(session);
}

static void
watch(struct session *session)
{
    struct px_err err;
    session->fd = px_client_fd(session->client);
    if (px_loop_watch(session->loop, session->fd,
                      px_client_poll_events(session->client), on_socket,
                      session, &err) != PX_OK)
        end_session(session, &err);
}

enum px_status
session_open(struct session *session, const struct px_target *target,
             int timeout_ms, struct px_err *err)
{
    struct px_client_events events = {
        .message = session_on_message,
        .chunk = session_on_chunk,
        .closed = on_closed,
        .context = session,
    };
    session->target = *target;
    session->client = px_client_new(target, &events, timeout_ms, NULL, err);
    if (session->client == NULL)
        return err->status;
    session->hello = json_incref((json_t *)px_client_hello(session->client));
    session_note(session, ROLE_NORMAL, "connection", "connected to %s",
                 target->text);
    watch(session);
    return PX_OK;
}

bool
session_send(struct session *session, unsigned msg, json_t *body,
             const char *what)
{
    struct px_err err = {.status = PX_OK};
    struct session_request *slot = session_find(session, 0);
    if (session->client == NULL || slot == NULL) {
        json_decref(body);
        session_say(session, ROLE_ERROR,
                    session->client == NULL
                        ? "there is no connection to a target"
                        : "too many requests wait for answers");
        return false;
    }
    uint64_t id = px_client_send(session->client, msg, body, &err);
    if (id == 0) {
        session_say(session, ROLE_ERROR, err.msg);
        return false;
    }
    slot->id = id;
    slot->msg = msg;
    slot->sent_ns = px_now_ns();
    snprintf(slot->what, sizeof slot->what, "%s", what);
    watch(session);
    return true;
}

void
session_ask_gc(struct session *session, unsigned msg, json_t *body,
               const json_t *will_be, const char *what)
{
    json_t *asked = json_copy((json_t *)will_be);
    if (session_send(session, msg, body, what)) {
        if (session->gc_asked == NULL)
            session->gc_asked = json_object();
        json_object_update(session->gc_asked, asked);
    }
    json_decref(asked);
}

const json_t *
session_gc(const struct session *session, const char *name)
{
    const json_t *asked = json_object_get(session->gc_asked, name);
    return asked != NULL ? asked : json_object_get(session->gc, name);
}

bool
session_snapshot(struct session *session)
{
    struct px_err err = {.status = PX_OK};
    if (session->coming != NULL || store_coming(session->store) != NULL) {
        session_say(session, ROLE_WARN, "a snapshot is already on its way");
        return false;
    }
    if (session->client == NULL) {
        const struct snapshot *open = store_latest(session->store);
        char text[NOTE_TEXT];
        if (session->ended[0] != '\0' && open != NULL)
            snprintf(text, sizeof text,
                     "the target has ended; snapshot %u stays open",
                     open->number);
        else
            snprintf(text, sizeof text, "%s",
                     session->ended[0] != '\0'
                         ? "the target has ended; q leaves"
                         : "a file has no newer snapshot");
        session_say(session, ROLE_WARN, text);
        return false;
    }
    struct snapshot *snapshot = store_begin(session->store, &err);
    if (snapshot == NULL) {
        session_say(session, ROLE_ERROR, err.msg);
        return false;
    }
    session->coming = snapshot;
    session->is_canceling = false;
    session->coming_problem[0] = '\0';
    if (!session_send(session, PX_MSG_SNAPSHOT, json_object(), "snapshot")) {
        session->coming = NULL;
        store_fail(session->store, snapshot, "not sent");
        return false;
    }
    for (size_t i = 0; i < SESSION_REQUESTS; i++) {
        if (session->requests[i].id != 0 &&
            session->requests[i].msg == PX_MSG_SNAPSHOT)
            session->coming_id = session->requests[i].id;
    }
    return true;
}

bool
session_cancel(struct session *session)
{
    const struct session_request *request = session_oldest(session);
    uint64_t id = session->coming_id != 0 ? session->coming_id
                  : request != NULL       ? request->id
                                          : 0;
    struct px_err err;
    if (id == 0 || session->client == NULL)
        return false;
    if (px_client_cancel(session->client, id, &err) != PX_OK) {
        session_say(session, ROLE_ERROR, err.msg);
        return false;
    }
    session->is_canceling = id == session->coming_id;
    watch(session);
    return true;
}

void
session_take_gc(struct session *session, const json_t *gc)
{
    if (session->gc != NULL || gc == NULL)
        return;
    session->gc = json_deep_copy(gc);
}
