/* request.c — what each message asks for, and what it is answered.
 *
 * A table maps messages to functions. Those that need the GIL become an
 * operation (worker.h) and are answered when it comes back; meanwhile later
 * requests are taken too, but a change of the collector waits for the change
 * before it, so that each knows what it has to put back.
 *
 * A connection that changes the collector leaves a note of what was there
 * before (session->changed), unless it says `keep`; session_close has it put
 * back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GARBAGE_MAX 1000

/* `body` is borrowed. On failure err is the answer. */
typedef enum px_status request_fn(struct session *session,
                                  const struct px_frame *frame,
                                  const json_t *body, struct px_err *err);

/* ---- JSON from outside ---- */

/* jansson's own limit is 2048 levels, on our small stack. */
static bool
is_too_deep(const uint8_t *text, size_t n)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!in_string && depth > 0 && (text[i] == ']' || text[i] == '}'))
            depth--;
        if (depth > PX_JSON_DEPTH)
            return true;
    }
    return false;
}

static json_t *
parse_body(const struct px_frame *frame, struct px_err *err)
{
    json_error_t why;
    if (is_too_deep(frame->body, frame->body_bytes)) {
        px_fail(err, PX_ELIMIT, "a request is nested at most %d deep",
                PX_JSON_DEPTH);
        return NULL;
    }
    json_t *body = json_loadb((const char *)frame->body, frame->body_bytes,
                              JSON_REJECT_DUPLICATES, &why);
    if (body == NULL)
        px_fail(err, PX_EPROTO, "the request is not JSON: %s", why.text);
    else if (!json_is_object(body)) {
        px_fail(err, PX_EPROTO, "the request is not a JSON object");
        json_decref(body);
        body = NULL;
    }
    return body;
}

/* *out stays as it is when the key is absent. */
static enum px_status
take_integer(const json_t *body, const char *key, json_int_t low,
             json_int_t high, json_int_t *out, struct px_err *err)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL)
        return PX_OK;
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return px_fail(err, PX_EINVAL, "%s must be a number from %lld to %lld",
                       key, (long long)low, (long long)high);
    *out = json_integer_value(value);
    return PX_OK;
}

static enum px_status
take_bool(const json_t *body, const char *key, bool *out, struct px_err *err)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL)
        return PX_OK;
    if (!json_is_boolean(value))
        return px_fail(err, PX_EINVAL, "%s must be true or false", key);
    *out = json_is_true(value);
    return PX_OK;
}

/* ---- HELLO ---- */

static json_t *
make_hello(const struct server *server)
{
    return json_pack(
        "{si, si, ss, so, si, so, so, si, ss, sb, s[s, s, s], sf, sI}",
        "lowest", PX_PROTO_LOWEST, "highest", PX_PROTO_HIGHEST, "version",
        PX_VERSION, "python", facts_python(), "pid", (int)getpid(), "command",
        facts_command(), "host", facts_host(), "uid", (int)geteuid(), "detail",
        snap_detail_name(server->options.detail), "readonly",
        (int)server->options.readonly, "capabilities", "gc", "snapshot",
        "stop_the_world", "started", server->started, "rss_bytes",
        (json_int_t)facts_rss_bytes());
}

static enum px_status
check_versions(const json_t *body, struct px_err *err)
{
    json_int_t lowest = json_integer_value(json_object_get(body, "lowest"));
    json_int_t highest = json_integer_value(json_object_get(body, "highest"));
    if (lowest <= PX_PROTO_HIGHEST && highest >= PX_PROTO_LOWEST)
        return PX_OK;
    bool client_is_old = highest < PX_PROTO_LOWEST;
    px_fail(err, PX_EVERSION,
            "the process speaks protocol %d to %d (pyexplore %s), this client "
            "%lld to %lld",
            PX_PROTO_LOWEST, PX_PROTO_HIGHEST, PX_VERSION, (long long)lowest,
            (long long)highest);
    px_err_hint(err, client_is_old
                         ? "upgrade the client"
                         : "upgrade pyexplore in the process, or use a client "
                           "of its version");
    return PX_EVERSION;
}

static enum px_status
on_hello(struct session *session, const struct px_frame *frame,
         const json_t *body, struct px_err *err)
{
    struct server *server = session->server;
    if (session->state == SESSION_OPEN)
        return px_fail(err, PX_EPROTO, "HELLO was said before");
    enum px_status status = check_versions(body, err);
    if (status == PX_OK && server_is_full(server)) {
        status = px_fail(err, PX_EBUSY, "%d clients are connected already",
                         SERVER_PEERS_MAX);
        px_err_hint(err, "close one of them");
    }
    if (status != PX_OK) { /* said, then closed */
        session_fail(session, frame->id, err);
        if (session->state != SESSION_DEAD)
            session->state = SESSION_CLOSING;
        return PX_OK;
    }
    px_loop_cancel(server->loop, session->deadline);
    session->deadline = 0;
    session->state = SESSION_OPEN;
    session_reply(session, PX_MSG_HELLO, frame->id, make_hello(server));
    return PX_OK;
}

/* ---- what goes to the worker ---- */

static struct op *
make_op(struct session *session, const struct px_frame *frame,
        enum op_kind kind, struct px_err *err)
{
    struct op *op = op_new(kind);
    if (op == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for the request");
        return NULL;
    }
    op->session = session;
    op->id = frame->id;
    op->msg = frame->msg;
    return op;
}

static void
submit(struct session *session, struct op *op)
{
    session->n_ops++;
    if (px_msg_changes(op->msg))
        session->n_changes++;
    server_submit(session->server, op);
}

static enum px_status
submit_simple(struct session *session, const struct px_frame *frame,
              enum op_kind kind, struct px_err *err)
{
    struct op *op = make_op(session, frame, kind, err);
    if (op == NULL)
        return PX_ENOMEM;
    submit(session, op);
    return PX_OK;
}

static enum px_status
on_status(struct session *session, const struct px_frame *frame,
          const json_t *body, struct px_err *err)
{
    (void)body;
    return submit_simple(session, frame, OP_STATUS, err);
}

static enum px_status
on_memory(struct session *session, const struct px_frame *frame,
          const json_t *body, struct px_err *err)
{
    bool ask_malloc = false;
    enum px_status status = take_bool(body, "malloc", &ask_malloc, err);
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_MEMORY, err);
    if (op == NULL)
        return PX_ENOMEM;
    op->ask_malloc = ask_malloc;
    submit(session, op);
    return PX_OK;
}

static enum px_status
on_gc_state(struct session *session, const struct px_frame *frame,
            const json_t *body, struct px_err *err)
{
    bool count_frozen = false;
    enum px_status status = take_bool(body, "frozen", &count_frozen, err);
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_GC_STATE, err);
    if (op == NULL)
        return PX_ENOMEM;
    op->count_frozen = count_frozen;
    submit(session, op);
    return PX_OK;
}

static enum px_status
on_gc_set(struct session *session, const struct px_frame *frame,
          const json_t *body, struct px_err *err)
{
    struct gc_settings settings;
    bool keep = false;
    enum px_status status = gc_settings_parse(body, &settings, err);
    if (status == PX_OK)
        status = take_bool(body, "keep", &keep, err);
    if (status == PX_OK && settings.fields == 0 && !keep)
        status = px_fail(err, PX_EINVAL,
                         "name what to set: enabled, thresholds or debug");
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_GC_SET, err);
    if (op == NULL)
        return PX_ENOMEM;
    op->settings = settings;
    if (keep) /* alone: all that this connection changed */
        op->keep = settings.fields != 0 ? settings.fields : session->changed;
    submit(session, op);
    return PX_OK;
}

static enum px_status
on_gc_restore(struct session *session, const struct px_frame *frame,
              const json_t *body, struct px_err *err)
{
    bool kept = false;
    enum px_status status = take_bool(body, "kept", &kept, err);
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_GC_RESTORE, err);
    if (op == NULL)
        return PX_ENOMEM;
    if (kept) /* older than what any connection found */
        op->settings = session->server->kept;
    op->put_back = session->changed;
    submit(session, op);
    return PX_OK;
}

static enum px_status
on_gc_collect(struct session *session, const struct px_frame *frame,
              const json_t *body, struct px_err *err)
{
    json_int_t generation = GC_GENERATIONS - 1;
    enum px_status status = take_integer(body, "generation", 0,
                                         GC_GENERATIONS - 1, &generation, err);
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_GC_COLLECT, err);
    if (op == NULL)
        return PX_ENOMEM;
    op->generation = (int)generation;
    submit(session, op);
    return PX_OK;
}

static enum px_status
confirmed(const json_t *body, const char *what, struct px_err *err)
{
    if (json_is_true(json_object_get(body, "confirm")))
        return PX_OK;
    px_fail(err, PX_EINVAL, "%s cannot be undone and was not confirmed", what);
    px_err_hint(err, "send confirm: true");
    return PX_EINVAL;
}

static enum px_status
on_gc_freeze(struct session *session, const struct px_frame *frame,
             const json_t *body, struct px_err *err)
{
    bool freeze = frame->msg == PX_MSG_GC_FREEZE;
    enum px_status status =
        confirmed(body, freeze ? "gc.freeze()" : "gc.unfreeze()", err);
    if (status != PX_OK)
        return status;
    return submit_simple(session, frame, freeze ? OP_GC_FREEZE : OP_GC_UNFREEZE,
                         err);
}

static enum px_status
on_gc_garbage(struct session *session, const struct px_frame *frame,
              const json_t *body, struct px_err *err)
{
    json_int_t limit = 100;
    enum px_status status =
        take_integer(body, "limit", 0, GARBAGE_MAX, &limit, err);
    if (status != PX_OK)
        return status;
    struct op *op = make_op(session, frame, OP_GC_GARBAGE, err);
    if (op == NULL)
        return PX_ENOMEM;
    op->limit = (size_t)limit;
    submit(session, op);
    return PX_OK;
}

/* ---- CANCEL and SNAPSHOT ---- */

static enum px_status
on_cancel(struct session *session, const struct px_frame *frame,
          const json_t *body, struct px_err *err)
{
    const json_t *id = json_object_get(body, "id");
    if (!json_is_integer(id))
        return px_fail(err, PX_EINVAL, "CANCEL needs the id of a request");
    uint64_t wanted = (uint64_t)json_integer_value(id);
    /* An operation that has begun cannot be stopped, and answers. */
    for (struct op *op = session->server->pending; op != NULL;
         op = op->next_pending) {
        if (op->session == session && op->id == wanted)
            atomic_store(&op->canceled, true);
    }
    session_reply(session, PX_MSG_CANCEL, frame->id, json_object());
    if (session->state != SESSION_DEAD && session->stream.share != NULL &&
        session->stream.id == wanted)
        stream_cancel(session);
    return PX_OK;
}

static enum px_status
take_name(const json_t *body, const char *key, int (*find)(const char *name),
          int *out, struct px_err *err)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL)
        return PX_OK;
    int found = json_is_string(value) ? find(json_string_value(value)) : -1;
    if (found < 0)
        return px_fail(err, PX_EINVAL, "unknown %s", key);
    *out = found;
    return PX_OK;
}

static enum px_status
on_snapshot(struct session *session, const struct px_frame *frame,
            const json_t *body, struct px_err *err)
{
    const struct serve_options *mine = &session->server->options;
    int detail = (int)mine->detail;
    int codec = PX_CODEC_LZ4;
    struct heap_options opts = {.spool_bytes = mine->spool_bytes};
    enum px_status status =
        take_name(body, "detail", snap_detail_find, &detail, err);
    if (status == PX_OK)
        status = take_name(body, "codec", snap_codec_find, &codec, err);
    if (status == PX_OK)
        status = take_bool(body, "stop_the_world", &opts.stop_the_world, err);
    if (status == PX_OK && codec != PX_CODEC_NONE && codec != PX_CODEC_LZ4)
        status =
            px_fail(err, PX_EINVAL, "a live snapshot has codec none or lz4");
    if (status == PX_OK && session->stream.share != NULL)
        status = px_fail(err, PX_EBUSY,
                         "this connection is getting a snapshot already");
    if (status != PX_OK)
        return status;
    /* More than serve() allows is not refused: the header says what it is. */
    if (detail > (int)mine->detail)
        detail = (int)mine->detail;
    opts.detail = (enum px_detail)detail;
    opts.codec = (enum px_codec)codec;
    share_join(session, frame->id, &opts);
    return PX_OK;
}

/* ---- the table ---- */

static const struct {
    unsigned msg;
    request_fn *take;
} requests[] = {
    {PX_MSG_HELLO, on_hello},           {PX_MSG_CANCEL, on_cancel},
    {PX_MSG_STATUS, on_status},         {PX_MSG_GC_STATE, on_gc_state},
    {PX_MSG_GC_SET, on_gc_set},         {PX_MSG_GC_RESTORE, on_gc_restore},
    {PX_MSG_GC_COLLECT, on_gc_collect}, {PX_MSG_GC_FREEZE, on_gc_freeze},
    {PX_MSG_GC_UNFREEZE, on_gc_freeze}, {PX_MSG_GC_GARBAGE, on_gc_garbage},
    {PX_MSG_SNAPSHOT, on_snapshot},     {PX_MSG_MEMORY, on_memory},
};

static request_fn *
find_request(unsigned msg)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].msg == msg)
            return requests[i].take;
    }
    return NULL;
}

bool
request_take(struct session *session, const struct px_frame *frame)
{
    struct px_err err = {.status = PX_OK};
    request_fn *take = find_request(frame->msg);
    bool changes = px_msg_changes(frame->msg);
    if (session->state == SESSION_HELLO && frame->msg != PX_MSG_HELLO) {
        session_close(session);
        return true;
    }
    if (changes && session->n_changes > 0)
        return false;
    enum px_status status = PX_OK;
    json_t *body = NULL;
    if (take == NULL) {
        status = px_fail(&err, PX_EUNSUPPORTED,
                         "pyexplore %s does not know message %u", PX_VERSION,
                         (unsigned)frame->msg);
        px_err_hint(&err, "upgrade pyexplore in the process");
    } else if (changes && session->server->options.readonly) {
        status = px_fail(&err, PX_EDENIED,
                         "the process serves with readonly=True: its collector "
                         "cannot be changed from here");
    } else {
        body = parse_body(frame, &err);
        status = body != NULL ? take(session, frame, body, &err) : err.status;
    }
    json_decref(body);
    if (status != PX_OK && session->state != SESSION_DEAD)
        session_fail(session, frame->id, &err);
    return true;
}
