/* answer.c — what an operation that came back says to its peer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FREED_TYPES_MAX 200
#define PROGRESS_OUT_MAX (64u << 10) /* a slow peer needs no more of them */

static json_t *
status_json(const struct server *server, const struct op *op)
{
    int peers = 0;
    for (const struct session *s = server->sessions; s != NULL; s = s->next)
        peers += s->state == SESSION_OPEN;
    double uptime_s = (double)(px_now_ns() - server->started_ns) / 1e9;
    return json_pack("{sI, si, sI, sI, sf, sI, sI, sI}", "rss_bytes",
                     (json_int_t)facts_rss_bytes(), "peers", peers, "snapshots",
                     (json_int_t)server->n_snapshots, "last_pause_ns",
                     (json_int_t)server->last_pause_ns, "uptime_s", uptime_s,
                     "allocated_blocks", (json_int_t)op->allocated_blocks,
                     "gil_wait_max_ns", (json_int_t)server->gil_wait_max_ns,
                     "gil_hold_max_ns", (json_int_t)server->gil_hold_max_ns);
}

static json_t *
memory_json(const struct op *op)
{
    json_t *of_malloc = json_null();
    if (op->malloc.is_known)
        of_malloc = json_pack("{sI, sI}", "in_use_bytes",
                              (json_int_t)op->malloc.in_use_bytes, "free_bytes",
                              (json_int_t)op->malloc.free_bytes);
    return json_pack("{sI, sI, sI, so}", "rss_bytes",
                     (json_int_t)facts_rss_bytes(), "file_bytes",
                     (json_int_t)facts_file_bytes(), "allocated_blocks",
                     (json_int_t)op->allocated_blocks, "malloc", of_malloc);
}

static json_t *
state_json(const struct session *session, const struct op *op)
{
    json_t *json = gc_state_json(&op->state);
    struct gc_settings on_entry = op->first;
    gc_settings_merge(&on_entry, &op->state.now);
    json_object_set_new(json, "on_entry", gc_settings_json(&on_entry));
    json_object_set_new(json, "changed", json_boolean(session->changed != 0));
    json_object_set_new(json, "kept", gc_settings_json(&session->server->kept));
    return json;
}

static json_t *
set_json(const struct session *session, const struct op *op)
{
    char undo[512];
    json_t *json = state_json(session, op);
    json_object_set_new(json, "undo",
                        json_string(gc_settings_commands(
                            &op->undo, (int)getpid(), sizeof undo, undo)));
    return json;
}

static json_t *
collected_json(const struct gc_collected *collected)
{
    json_t *freed = json_array();
    for (size_t i = 0; i < collected->n_freed && i < FREED_TYPES_MAX; i++) {
        const char *name = collected->freed[i].name;
        json_array_append_new(
            freed, json_pack("{so, sI}", "type", facts_text(name, strlen(name)),
                             "count", (json_int_t)collected->freed[i].count));
    }
    return json_pack(
        "{si, sI, sI, sI, so, sI, sI}", "generation", collected->generation,
        "collected", (json_int_t)collected->collected, "uncollectable",
        (json_int_t)collected->uncollectable, "duration_ns",
        (json_int_t)collected->duration_ns, "freed", freed, "rss_before_bytes",
        (json_int_t)collected->rss_before_bytes, "rss_after_bytes",
        (json_int_t)collected->rss_after_bytes);
}

static json_t *
garbage_json(const struct gc_garbage *garbage)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < garbage->n_items; i++) {
        char address[24];
        const char *type = garbage->items[i].type;
        snprintf(address, sizeof address, "0x%llx",
                 (unsigned long long)garbage->items[i].address);
        json_array_append_new(
            objects, json_pack("{ss, so}", "address", address, "type",
                               facts_text(type != NULL ? type : "",
                                          type != NULL ? strlen(type) : 0)));
    }
    return json_pack("{sI, so}", "count", (json_int_t)garbage->count, "objects",
                     objects);
}

static json_t *
answer_json(const struct session *session, const struct op *op)
{
    switch (op->kind) {
    case OP_STATUS:
        return status_json(session->server, op);
    case OP_MEMORY:
        return memory_json(op);
    case OP_GC_SET:
        return set_json(session, op);
    case OP_GC_STATE:
    case OP_GC_RESTORE:
    case OP_GC_FREEZE:
    case OP_GC_UNFREEZE:
        return state_json(session, op);
    case OP_GC_COLLECT:
        return collected_json(&op->collected);
    case OP_GC_GARBAGE:
        return garbage_json(&op->garbage);
    case OP_CLONE:
        break;
    }
    return NULL;
}

void
answer_op(struct server *server, struct op *op)
{
    struct session *session = op->session;
    if (op->gil_wait_ns > server->gil_wait_max_ns)
        server->gil_wait_max_ns = op->gil_wait_ns;
    if (op->gil_hold_ns > server->gil_hold_max_ns)
        server->gil_hold_max_ns = op->gil_hold_ns;
    if (op->kind == OP_CLONE) {
        share_cloned(op->share, op);
        return;
    }
    if (op->kind == OP_GC_SET || op->kind == OP_GC_RESTORE)
        changes_note(server, op);
    if (session == NULL)
        return;
    session->n_ops--;
    if (px_msg_changes(op->msg))
        session->n_changes--;
    if (op->status == PX_OK)
        session_reply(session, op->msg, op->id, answer_json(session, op));
    else
        session_fail(session, op->id, &op->err);
    session_kick(session);
}

static void
send_progress(struct session *session, uint64_t id, const char *state,
              uint64_t since_ns, const struct share_figures *figures)
{
    if (session->out.len > PROGRESS_OUT_MAX)
        return;
    uint64_t waited_ms = (px_now_ns() - since_ns) / 1000000;
    session_send(session, PX_MSG_PROGRESS, 0, id,
                 json_pack("{ss, sI, sI, sI, sI}", "state", state, "waited_ms",
                           (json_int_t)waited_ms, "objects",
                           (json_int_t)figures->objects, "raw_bytes",
                           (json_int_t)figures->bytes, "pause_ns",
                           (json_int_t)figures->pause_ns));
}

void
answer_progress(struct server *server)
{
    static const struct share_figures none = {0};
    for (const struct op *op = server->pending; op != NULL;
         op = op->next_pending) {
        if (op->session != NULL)
            send_progress(op->session, op->id, "waiting_gil", op->asked_ns,
                          &none);
    }
    for (struct session *session = server->sessions; session != NULL;
         session = session->next) {
        struct share_figures figures;
        if (session->state != SESSION_OPEN || session->stream.share == NULL ||
            session->stream.canceled)
            continue;
        share_get_figures(session->stream.share, &figures);
        send_progress(session, session->stream.id,
                      figures.is_walking ? "walking" : "waiting_gil",
                      figures.since_ns, &figures);
    }
}
