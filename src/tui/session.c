/* session.c — the connection to the target.
 *
 * Replies are found by their request's id; one that is not known (cancelled,
 * or late) is dropped. A reply is written to the log with its time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void
say(struct session *session, enum role role, const char *text)
{
    session->events.say(session->events.context, role, text);
}

static void note(struct session *session, enum role role, const char *kind,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void
note(struct session *session, enum role role, const char *kind,
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
    json_decref(session->garbage);
    json_decref(session->status);
    json_decref(session->memory);
    session->hello = session->gc = session->garbage = session->status = NULL;
    session->memory = NULL;
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

static struct session_request *
find_request(struct session *session, uint64_t id)
{
    for (size_t i = 0; i < SESSION_REQUESTS; i++) {
        if (session->requests[i].id == id)
            return &session->requests[i];
    }
    return NULL;
}

static uint64_t
figure(const json_t *body, const char *name)
{
    double value = json_number_value(json_object_get(body, name));
    return value > 0 ? (uint64_t)value : 0;
}

/* ---- replies ---- */

static void
replace(json_t **at, json_t *body)
{
    json_decref(*at);
    *at = json_incref(body);
}

static void
on_collected(struct session *session, const json_t *body)
{
    char text[NOTE_TEXT], number[PX_FIGURE_MAX], time[PX_FIGURE_MAX];
    size_t used = 0;
    int n = snprintf(text, sizeof text, "collect(%d): %s, freed",
                     (int)figure(body, "generation"),
                     px_text_ns(figure(body, "duration_ns"), time));
    used = (size_t)n;
    json_t *freed = json_object_get(body, "freed");
    for (size_t i = 0; i < json_array_size(freed); i++) {
        const json_t *entry = json_array_get(freed, i);
        char type[80];
        const char *name = json_string_value(json_object_get(entry, "type"));
        if (name == NULL)
            name = "?";
        if (strncmp(name, "builtins.", 9) == 0)
            name += 9;
        px_text_escape(name, strlen(name), sizeof type, type);
        if (i == 8 || used > sizeof text - 160) {
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     " and others");
            break;
        }
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s %s %s", i > 0 ? "," : "",
            px_text_count(figure(entry, "count"), number), type);
    }
    if (json_array_size(freed) == 0)
        used += (size_t)snprintf(
            text + used, sizeof text - used, " %s unreachable objects",
            px_text_count(figure(body, "collected"), number));
    uint64_t stuck = figure(body, "uncollectable");
    if (stuck > 0)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 ", %s uncollectable",
                                 px_text_count(stuck, number));
    uint64_t before = figure(body, "rss_before_bytes");
    uint64_t after = figure(body, "rss_after_bytes");
    if (before > 0 && before != after && used < sizeof text)
        snprintf(text + used, sizeof text - used, "; rss %s%s",
                 after < before ? "−" : "+",
                 px_text_bytes(after < before ? before - after : after - before,
                               number));
    note(session, ROLE_GOOD, "gc", "%s", text);
    say(session, ROLE_GOOD, text);
    session_send(session, PX_MSG_GC_STATE, NULL, "gc state");
}

static void
on_gc_state(struct session *session, const struct session_request *request,
            json_t *body)
{
    replace(&session->gc, body);
    if (request->msg == PX_MSG_GC_STATE)
        return;
    note(session, ROLE_NORMAL, "gc", "%s: done", request->what);
    const char *undo = json_string_value(json_object_get(body, "undo"));
    char text[NOTE_TEXT];
    /* Kept changes outlive us: only then is the command of use. */
    if (undo != NULL && strcmp(request->what, SESSION_KEPT) == 0)
        snprintf(text, sizeof text, "%s; to undo it later: %s", request->what,
                 undo);
    else if (json_is_true(json_object_get(body, "changed")))
        snprintf(text, sizeof text,
                 "%s; put back when the explorer leaves (K keeps it)",
                 request->what);
    else
        snprintf(text, sizeof text, "%s", request->what);
    say(session, ROLE_GOOD, text);
}

static void
on_snapshot_end(struct session *session, const json_t *body)
{
    struct snapshot *snapshot = session->coming;
    session->coming = NULL;
    session->coming_id = 0;
    if (snapshot == NULL)
        return;
    const char *end = json_string_value(json_object_get(body, "end"));
    const char *sentence = json_string_value(json_object_get(body, "sentence"));
    char wait[PX_FIGURE_MAX], pause[PX_FIGURE_MAX], wall[PX_FIGURE_MAX];
    note(session, ROLE_NORMAL, "snapshot",
         "snapshot %u: %s; waited %s for the GIL, paused the target %s, "
         "walked for %s%s",
         snapshot->number, end != NULL ? end : "?",
         px_text_ns(figure(body, "gil_wait_ns"), wait),
         px_text_ns(figure(body, "pause_ns"), pause),
         px_text_ns(figure(body, "wall_ns"), wall),
         json_is_true(json_object_get(body, "shared")) ? ", shared" : "");
    if (end != NULL && strcmp(end, px_end_name(PX_END_CANCELED)) == 0) {
        say(session, ROLE_WARN, "snapshot cancelled");
        store_fail(session->store, snapshot, "cancelled");
        return;
    }
    const char *problem = session->coming_problem;
    if (problem[0] == '\0' && end != NULL &&
        strcmp(end, px_end_name(PX_END_COMPLETE)) != 0 && sentence != NULL)
        problem = sentence;
    store_end(session->store, snapshot, problem);
    session_send(session, PX_MSG_STATUS, NULL, "status");
    session_send(session, PX_MSG_MEMORY, NULL, "memory");
}

static void
on_error(struct session *session, const struct session_request *request,
         const struct px_err *err)
{
    char text[NOTE_TEXT];
    snprintf(text, sizeof text, "%s: %.150s%s%.180s", request->what,
             err != NULL ? err->msg : "refused",
             err != NULL && err->hint[0] != '\0' ? "; " : "",
             err != NULL ? err->hint : "");
    note(session, ROLE_ERROR, px_msg_name(request->msg), "%s", text);
    say(session, ROLE_ERROR, text);
    if (request->id == session->coming_id && session->coming != NULL) {
        struct snapshot *snapshot = session->coming;
        session->coming = NULL;
        session->coming_id = 0;
        store_fail(session->store, snapshot, text);
    }
}

static void
on_progress(struct session *session, const json_t *body)
{
    const char *state = json_string_value(json_object_get(body, "state"));
    session->progress = (struct session_progress){
        .is_waiting = state != NULL && strcmp(state, "waiting_gil") == 0,
        .waited_ns = figure(body, "waited_ms") * 1000000u,
        .objects = figure(body, "objects"),
        .pause_ns = figure(body, "pause_ns"),
        .at_ns = px_now_ns(),
    };
    session->events.changed(session->events.context);
}

static void
on_message(void *context, unsigned msg, unsigned flags, uint64_t id,
           json_t *body, const struct px_err *err)
{
    struct session *session = context;
    if (!(flags & PX_FRAME_REPLY)) {
        if (msg == PX_MSG_PROGRESS)
            on_progress(session, body);
        return;
    }
    struct session_request *found = find_request(session, id);
    if (found == NULL || id == 0)
        return;
    struct session_request request = *found;
    found->id = 0;
    session->progress.at_ns = 0;
    char time[PX_FIGURE_MAX];
    if (msg == PX_MSG_ERROR) {
        on_error(session, &request, err);
    } else if (request.msg == PX_MSG_SNAPSHOT) {
        on_snapshot_end(session, body);
    } else if (request.msg == PX_MSG_GC_COLLECT) {
        on_collected(session, body);
    } else if (request.msg == PX_MSG_GC_GARBAGE) {
        replace(&session->garbage, body);
    } else if (request.msg == PX_MSG_STATUS) {
        replace(&session->status, body);
        char wait[PX_FIGURE_MAX], hold[PX_FIGURE_MAX];
        note(session, ROLE_DIM, "status",
             "answered in %s; longest wait for the GIL %s, longest hold %s",
             px_text_ns(px_now_ns() - request.sent_ns, time),
             px_text_ns(figure(body, "gil_wait_max_ns"), wait),
             px_text_ns(figure(body, "gil_hold_max_ns"), hold));
    } else if (request.msg == PX_MSG_MEMORY) {
        replace(&session->memory, body);
    } else if (request.msg != PX_MSG_CANCEL) {
        on_gc_state(session, &request, body);
    }
    if (request.msg != PX_MSG_STATUS && request.msg != PX_MSG_SNAPSHOT)
        note(session, ROLE_DIM, px_msg_name(request.msg), "answered in %s",
             px_text_ns(px_now_ns() - request.sent_ns, time));
    session->events.changed(session->events.context);
}

static void
on_chunk(void *context, uint64_t id, const void *chunk, size_t n_bytes)
{
    struct session *session = context;
    if (session->coming == NULL || id != session->coming_id ||
        session->coming_problem[0] != '\0')
        return;
    struct px_err err = {.status = PX_OK};
    /* What came before a bad chunk stays usable. */
    if (store_chunk(session->store, session->coming, chunk, n_bytes, &err) !=
        PX_OK)
        snprintf(session->coming_problem, sizeof session->coming_problem,
                 "incomplete: %.280s", err.msg);
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
    note(session, ROLE_ERROR, "connection", "%s (%s)", text, session->ended);
    /* Half a snapshot is worth keeping if there is no other. */
    if (half != NULL && open == NULL)
        store_end(session->store, half, px_end_sentence(PX_END_CUT));
    else if (half != NULL)
        store_fail(session->store, half, "the target has ended");
    say(session, ROLE_ERROR, text);
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
        .message = on_message,
        .chunk = on_chunk,
        .closed = on_closed,
        .context = session,
    };
    session->target = *target;
    session->client = px_client_new(target, &events, timeout_ms, err);
    if (session->client == NULL)
        return err->status;
    session->hello = json_incref((json_t *)px_client_hello(session->client));
    note(session, ROLE_NORMAL, "connection", "connected to %s", target->text);
    watch(session);
    return PX_OK;
}

bool
session_send(struct session *session, unsigned msg, json_t *body,
             const char *what)
{
    struct px_err err = {.status = PX_OK};
    struct session_request *slot = find_request(session, 0);
    if (session->client == NULL || slot == NULL) {
        json_decref(body);
        say(session, ROLE_ERROR,
            session->client == NULL ? "there is no connection to a target"
                                    : "too many requests wait for answers");
        return false;
    }
    uint64_t id = px_client_send(session->client, msg, body, &err);
    if (id == 0) {
        say(session, ROLE_ERROR, err.msg);
        return false;
    }
    slot->id = id;
    slot->msg = msg;
    slot->sent_ns = px_now_ns();
    snprintf(slot->what, sizeof slot->what, "%s", what);
    watch(session);
    return true;
}

bool
session_snapshot(struct session *session)
{
    struct px_err err = {.status = PX_OK};
    if (session->coming != NULL || store_coming(session->store) != NULL) {
        say(session, ROLE_WARN, "a snapshot is already on its way");
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
            snprintf(text, sizeof text, "a file has no newer snapshot");
        say(session, ROLE_WARN, text);
        return false;
    }
    struct snapshot *snapshot = store_begin(session->store, &err);
    if (snapshot == NULL) {
        say(session, ROLE_ERROR, err.msg);
        return false;
    }
    session->coming = snapshot;
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
        say(session, ROLE_ERROR, err.msg);
        return false;
    }
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
