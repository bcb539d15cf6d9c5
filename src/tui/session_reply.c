/* session_reply.c — what comes back from the target.
 *
 * Replies are found by their request's id; one that is not known (cancelled,
 * or late) is dropped. A reply is written to the log with its time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/session_reply.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static uint64_t
figure(const json_t *body, const char *name)
{
    double value = json_number_value(json_object_get(body, name));
    return value > 0 ? (uint64_t)value : 0;
}

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
    session_note(session, ROLE_GOOD, "gc", "%s", text);
    session_say(session, ROLE_GOOD, text);
    session_send(session, PX_MSG_GC_STATE, NULL, "gc state");
}

static void
on_gc_state(struct session *session, const struct session_request *request,
            json_t *body)
{
    replace(&session->gc, body);
    if (request->msg == PX_MSG_GC_STATE)
        return;
    session_note(session, ROLE_NORMAL, "gc", "%s: done", request->what);
    const char *undo = json_string_value(json_object_get(body, "undo"));
    char text[NOTE_TEXT];
    /* Kept changes outlive us: only then is the command of use. */
    if (undo != NULL && strcmp(request->what, SESSION_KEPT) == 0)
        snprintf(text, sizeof text, "%s%s",
                 undo[0] != '\0' ? SESSION_KEPT "; to undo it later: "
                                 : "nothing was changed that could be kept",
                 undo);
    else if (request->msg == PX_MSG_GC_SET &&
             json_is_true(json_object_get(body, "changed")))
        snprintf(text, sizeof text,
                 "%s; put back when the explorer leaves (K keeps it)",
                 request->what);
    else
        snprintf(text, sizeof text, "%s", request->what);
    session_say(session, ROLE_GOOD, text);
}

/* Does an answer to what was set still come? */
static bool
is_setting_gc(const struct session *session)
{
    for (size_t i = 0; i < SESSION_REQUESTS; i++) {
        const struct session_request *request = &session->requests[i];
        if (request->id != 0 && (request->msg == PX_MSG_GC_SET ||
                                 request->msg == PX_MSG_GC_RESTORE))
            return true;
    }
    return false;
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
    session_note(
        session, ROLE_NORMAL, "snapshot",
        "snapshot %u: %s; waited %s for the GIL, paused the target %s, "
        "walked for %s%s",
        snapshot->number, end != NULL ? end : "?",
        px_text_ns(figure(body, "gil_wait_ns"), wait),
        px_text_ns(figure(body, "pause_ns"), pause),
        px_text_ns(figure(body, "wall_ns"), wall),
        json_is_true(json_object_get(body, "shared")) ? ", shared" : "");
    if (end != NULL && strcmp(end, px_end_name(PX_END_CANCELED)) == 0) {
        session_say(session, ROLE_WARN, "snapshot cancelled");
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
    /* The program, or another explorer, may have changed it. */
    session_send(session, PX_MSG_GC_STATE, NULL, "gc state");
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
    session_note(session, ROLE_ERROR, px_msg_name(request->msg), "%s", text);
    session_say(session, ROLE_ERROR, text);
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

void
session_on_message(void *context, unsigned msg, unsigned flags, uint64_t id,
                   json_t *body, const struct px_err *err)
{
    struct session *session = context;
    if (!(flags & PX_FRAME_REPLY)) {
        if (msg == PX_MSG_PROGRESS)
            on_progress(session, body);
        return;
    }
    struct session_request *found = session_find(session, id);
    if (found == NULL || id == 0)
        return;
    struct session_request request = *found;
    found->id = 0;
    session->progress.at_ns = 0;
    if (session->gc_asked != NULL && !is_setting_gc(session))
        json_object_clear(session->gc_asked);
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
        session_note(
            session, ROLE_DIM, "status",
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
        session_note(session, ROLE_DIM, px_msg_name(request.msg),
                     "answered in %s",
                     px_text_ns(px_now_ns() - request.sent_ns, time));
    session->events.changed(session->events.context);
}

void
session_on_chunk(void *context, uint64_t id, const void *chunk, size_t n_bytes)
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
