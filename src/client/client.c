/* client.c — one connection: opened over the first route that works, then a
 * state machine over a non-blocking socket.
 *
 * Opening waits (with a deadline): connect, handshake, HELLO. After that only
 * px_client_call waits; px_client_pump reads a bounded amount, so that a
 * program with its own loop stays responsive while a snapshot pours in. Input
 * is gathered in one buffer; whole frames are handed out in place and removed
 * together, so a byte is moved at most once. Nothing from the server is
 * believed: lengths are judged before memory is taken, replies to nobody's
 * request are dropped, and its texts are escaped.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/net.h"
#include "base/text.h"

#define RECV_BYTES (256u * 1024)
#define RECVS_PER_PUMP 8
#define NS_PER_MS UINT64_C(1000000)

struct request {
    uint64_t id;
    unsigned msg;
    bool is_silent; /* nobody wants its reply */
};

struct px_client {
    int fd;         /* -1 when the connection is over */
    char name[200]; /* the target, for sentences */
    struct ssh *ssh;
    struct px_buf in;
    struct px_buf out;
    json_t *hello;
    struct px_client_events events;
    bool is_open;      /* HELLO came: events are told */
    bool has_more;     /* frames came right behind HELLO */
    struct px_err end; /* why the connection is over */
    uint64_t last_id;
    struct request *requests; /* that have no reply yet */
    size_t n_requests;
    size_t request_cap;
    /* px_client_call */
    uint64_t awaited; /* 0: none */
    json_t *reply;
    struct px_err reply_err;
};

/* ---- requests without a reply ---- */

static struct request *
find_request(struct px_client *client, uint64_t id)
{
    for (size_t i = 0; i < client->n_requests; i++) {
        if (client->requests[i].id == id)
            return &client->requests[i];
    }
    return NULL;
}

static void
forget_request(struct px_client *client, uint64_t id)
{
    struct request *request = find_request(client, id);
    if (request != NULL)
        *request = client->requests[--client->n_requests];
}

static enum px_status
reserve_request(struct px_client *client, struct px_err *err)
{
    if (client->n_requests < client->request_cap)
        return PX_OK;
    size_t cap = client->request_cap == 0 ? 8 : 2 * client->request_cap;
    struct request *requests =
        realloc(client->requests, cap * sizeof *requests);
    if (requests == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a request");
    client->requests = requests;
    client->request_cap = cap;
    return PX_OK;
}

uint64_t
px_client_send(struct px_client *client, unsigned msg, json_t *body,
               struct px_err *err)
{
    char *text = NULL;
    uint64_t id = 0;
    if (client->fd < 0) {
        if (err != NULL)
            *err = client->end;
        goto out;
    }
    text = body != NULL ? json_dumps(body, JSON_COMPACT) : strdup("{}");
    if (text == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a request");
        goto out;
    }
    if (strlen(text) > PX_REQUEST_MAX) {
        px_fail(err, PX_ELIMIT, "request of %zu bytes exceeds %u", strlen(text),
                PX_REQUEST_MAX);
        goto out;
    }
    if (reserve_request(client, err) != PX_OK ||
        px_frame_append(&client->out, msg, 0, client->last_id + 1, text, err) !=
            PX_OK)
        goto out;
    id = ++client->last_id;
    client->requests[client->n_requests++] = (struct request){id, msg, false};
out:
    free(text);
    json_decref(body);
    return id;
}

enum px_status
px_client_cancel(struct px_client *client, uint64_t id, struct px_err *err)
{
    struct px_err why = {0};
    json_t *body = json_pack("{s:I}", "id", (json_int_t)id);
    if (body == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a request");
    uint64_t own = px_client_send(client, PX_MSG_CANCEL, body, &why);
    if (own == 0) {
        if (err != NULL)
            *err = why;
        return why.status;
    }
    find_request(client, own)->is_silent = true;
    return PX_OK;
}

/* ---- the end ---- */

/* Closes for good; keeps and tells the reason. */
static enum px_status
end_connection(struct px_client *client, const struct px_err *why)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
        client->end = *why;
        if (client->is_open && client->events.closed != NULL)
            client->events.closed(client->events.context, &client->end);
    }
    return client->end.status;
}

static enum px_status
end_gone(struct px_client *client, enum px_status status)
{
    struct px_err why;
    bool is_cut = client->in.len > 0;
    (void)status;
    px_fail(&why, PX_EGONE, "%.200s broke off the connection%s", client->name,
            is_cut ? " in the middle of a message" : "");
    px_err_hint(&why, "its process has ended or closed its server; "
                      "`pyexplore ls` lists who is serving here");
    return end_connection(client, &why);
}

static enum px_status
end_nonsense(struct px_client *client, const struct px_err *cause)
{
    struct px_err why;
    px_fail(&why, PX_EPROTO,
            "%.100s sent what no pyexplore server sends: %.180s", client->name,
            cause->msg);
    return end_connection(client, &why);
}

/* ---- what comes in ---- */

/* The error that an ERROR body says. */
static void
read_error(json_t *body, struct px_err *out)
{
    const char *code = json_string_value(json_object_get(body, "code"));
    const char *message = json_string_value(json_object_get(body, "message"));
    const char *hint = json_string_value(json_object_get(body, "hint"));
    enum px_status status =
        code != NULL ? px_status_from_name(code) : PX_EPROTO;
    if (status == PX_OK || status == PX_AGAIN)
        status = PX_EPROTO;
    px_fail(out, status, "the target refused without a reason");
    if (message != NULL)
        px_text_escape(message, strlen(message), sizeof out->msg, out->msg);
    if (hint != NULL)
        px_text_escape(hint, strlen(hint), sizeof out->hint, out->hint);
}

/* A frame's body as a JSON object; NULL and `err`. The caller's. */
static json_t *
parse_body(const struct px_frame *frame, struct px_err *err)
{
    json_error_t where;
    json_t *body =
        json_loadb((const char *)frame->body, frame->body_bytes, 0, &where);
    if (body == NULL)
        px_fail(err, PX_EPROTO, "no JSON (%.100s)", where.text);
    else if (!json_is_object(body)) {
        px_fail(err, PX_EPROTO, "JSON that is no object");
        json_decref(body);
        body = NULL;
    }
    return body;
}

/* Keeps the reply that px_client_call waits for, tells all others. */
static void
deliver(struct px_client *client, const struct px_frame *frame, json_t *body)
{
    struct px_err why = {0};
    bool is_reply = (frame->flags & PX_FRAME_REPLY) != 0;
    bool is_silent = false;
    if (frame->msg == PX_MSG_ERROR)
        read_error(body, &why);
    if (is_reply) {
        struct request *request = find_request(client, frame->id);
        if (request == NULL)
            return;
        is_silent = request->is_silent;
        forget_request(client, frame->id);
    }
    if (is_reply && client->awaited == frame->id) {
        client->awaited = 0;
        client->reply = json_incref(body);
        client->reply_err = why;
    } else if (!is_silent && client->events.message != NULL) {
        client->events.message(client->events.context, frame->msg, frame->flags,
                               frame->id, body,
                               frame->msg == PX_MSG_ERROR ? &why : NULL);
    }
}

static enum px_status
take_frame(struct px_client *client, const struct px_frame *frame,
           struct px_err *err)
{
    if ((frame->flags & PX_FRAME_BULK) != 0) {
        if (frame->msg != PX_MSG_CHUNK)
            return px_fail(err, PX_EPROTO, "bulk data in message %u",
                           (unsigned)frame->msg);
        if (find_request(client, frame->id) != NULL &&
            client->events.chunk != NULL)
            client->events.chunk(client->events.context, frame->id, frame->body,
                                 frame->body_bytes);
        return PX_OK;
    }
    json_t *body = parse_body(frame, err);
    if (body == NULL)
        return PX_EPROTO;
    /* The first message of the server is HELLO, or why there is none. */
    if (client->hello == NULL && frame->msg == PX_MSG_HELLO) {
        client->hello = json_incref(body);
        forget_request(client, frame->id);
    } else {
        deliver(client, frame, body);
    }
    json_decref(body);
    return PX_OK;
}

/* HELLO is here, but px_client_new has not returned: nobody could hear what
 * comes behind it, so it waits for the first pump. */
static bool
is_holding(const struct px_client *client)
{
    return client->hello != NULL && !client->is_open;
}

/* All whole frames of the buffer. A callback may send and cancel. */
static enum px_status
take_frames(struct px_client *client)
{
    struct px_reader reader = px_reader_of(client->in.data, client->in.len);
    struct px_err why = {0};
    struct px_frame frame;
    enum px_status status = PX_OK;
    while (status == PX_OK && !is_holding(client)) {
        status = px_frame_next(&reader, PX_REPLY_MAX, true, &frame, &why);
        if (status == PX_OK)
            status = take_frame(client, &frame, &why);
    }
    client->has_more = status == PX_OK && px_reader_left(&reader) > 0;
    px_buf_consume(&client->in, client->in.len - px_reader_left(&reader));
    if (status == PX_OK || status == PX_AGAIN)
        return PX_OK;
    return end_nonsense(client, &why);
}

static enum px_status
flush(struct px_client *client)
{
    while (client->out.len > 0) {
        size_t sent = 0;
        enum px_status status = px_net_send(client->fd, client->out.data,
                                            client->out.len, &sent, NULL);
        if (status == PX_AGAIN)
            return PX_OK;
        if (status != PX_OK)
            return status;
        px_buf_consume(&client->out, sent);
    }
    return PX_OK;
}

enum px_status
px_client_pump(struct px_client *client, struct px_err *err)
{
    struct px_err why = {0};
    enum px_status status = PX_OK;
    if (client->fd < 0) {
        status = client->end.status;
        goto out;
    }
    /* What the peer said before it left is read even if we cannot send. */
    enum px_status sent = flush(client);
    if (client->has_more)
        status = take_frames(client);
    for (int i = 0; i < RECVS_PER_PUMP && status == PX_OK; i++) {
        if (is_holding(client))
            break;
        status = px_net_recv(client->fd, RECV_BYTES, &client->in, &why);
        if (status == PX_OK)
            status = take_frames(client);
        else if (status == PX_ENOMEM)
            status = end_connection(client, &why);
        else if (status != PX_AGAIN)
            status = end_gone(client, status);
    }
    if (status == PX_AGAIN)
        status = PX_OK;
    if (status == PX_OK && sent != PX_OK)
        status = end_gone(client, sent);
out:
    if (status != PX_OK && err != NULL)
        *err = client->end;
    return status;
}

/* ---- waiting ---- */

/* Milliseconds until the deadline, for poll; 0 when it is over. */
static int
left_ms(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now = px_now_ns();
    if (now >= deadline_ns)
        return 0;
    uint64_t ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* PX_OK: something happened (or a signal came). PX_ECANCELED: too late. */
static enum px_status
wait_for(int fd, short events, uint64_t deadline_ns, struct px_err *err)
{
    struct pollfd polled = {fd, events, 0};
    int ms = left_ms(deadline_ns);
    int ready = ms == 0 ? 0 : poll(&polled, 1, ms);
    if (ready > 0 || (ready < 0 && errno == EINTR))
        return PX_OK;
    if (ready < 0)
        return px_fail_errno(err, PX_EIO, errno, "wait for the target");
    return left_ms(deadline_ns) != 0
               ? PX_OK
               : px_fail(err, PX_ECANCELED, "no answer in time");
}

static uint64_t
deadline_after(int timeout_ms)
{
    if (timeout_ms < 0)
        return UINT64_MAX;
    return px_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

enum px_status
px_client_call(struct px_client *client, unsigned msg, json_t *body,
               int timeout_ms, json_t **reply, struct px_err *err)
{
    uint64_t deadline_ns = deadline_after(timeout_ms);
    struct px_err why = {0};
    assert(client->awaited == 0);
    uint64_t id = px_client_send(client, msg, body, &why);
    enum px_status status = id == 0 ? why.status : PX_OK;
    client->awaited = id;
    while (status == PX_OK && client->awaited != 0) {
        status = px_client_pump(client, &why);
        if (status != PX_OK || client->awaited == 0)
            break;
        status = wait_for(client->fd, px_client_poll_events(client),
                          deadline_ns, &why);
        if (status == PX_ECANCELED)
            status =
                px_fail(&why, PX_EGONE, "%.100s did not answer %s within %d ms",
                        client->name, px_msg_name(msg), timeout_ms);
    }
    /* A reply may have come together with the end. */
    if (id != 0 && client->awaited == 0) {
        status = client->reply_err.status;
        why = client->reply_err;
        if (status == PX_OK && reply != NULL)
            *reply = json_incref(client->reply);
        json_decref(client->reply);
        client->reply = NULL;
    } else {
        client->awaited = 0;
        forget_request(client, id);
    }
    if (status != PX_OK && err != NULL)
        *err = why;
    return status;
}

/* ---- opening ---- */

/* Connects; a full queue of a Unix socket is waited for. */
static enum px_status
open_socket(struct px_client *client, const struct route *route,
            uint64_t deadline_ns, struct px_err *err)
{
    enum px_status status;
    if (route->kind == ROUTE_UNIX) {
        for (;;) {
            status = px_net_connect_unix(route->path, &client->fd, err);
            if (status != PX_EBUSY || left_ms(deadline_ns) == 0)
                return status;
            poll(NULL, 0, 20);
        }
    }
    status = px_net_connect_tcp(route->address, route->port, &client->fd, err);
    if (status == PX_OK)
        status = wait_for(client->fd, POLLOUT, deadline_ns, err);
    if (status == PX_OK)
        status = px_net_connected(client->fd, err);
    return status;
}

/* A Unix socket must be listened on by ourselves, by root, or (for root) by
 * anyone; a pid's socket by that process. */
static enum px_status
check_server(const struct px_client *client, const struct route *route,
             struct px_err *err)
{
    struct px_net_peer peer;
    char user[USER_TEXT];
    if (route->kind != ROUTE_UNIX)
        return PX_OK;
    enum px_status status = px_net_peer(client->fd, &peer, err);
    if (status != PX_OK)
        return status;
    uid_t own = geteuid();
    if (own != 0 && peer.uid != 0 && peer.uid != own && !route->any_uid) {
        px_fail(err, PX_EDENIED,
                "%.150s is served by %s, who is neither you "
                "nor root",
                route->path, process_user(peer.uid, user));
        px_err_hint(err, "another user's process could tell you anything: "
                         "not connected");
        return PX_EDENIED;
    }
    if (route->pid != 0 && peer.pid != 0 && peer.pid != route->pid)
        return px_fail(err, PX_ENOTFOUND,
                       "%.150s is served by process %d, not by %d", route->path,
                       (int)peer.pid, (int)route->pid);
    return PX_OK;
}

static enum px_status
shake_hands(struct px_client *client, const struct route *route,
            uint64_t deadline_ns, struct px_err *err)
{
    struct px_handshake handshake;
    enum px_status status = px_handshake_init(
        &handshake, PX_ROLE_CLIENT, route->has_key ? route->key : NULL,
        &client->out, err);
    if (status == PX_OK)
        status = PX_AGAIN;
    while (status == PX_AGAIN) {
        status = flush(client);
        if (status == PX_OK)
            status = wait_for(client->fd,
                              client->out.len > 0 ? POLLIN | POLLOUT : POLLIN,
                              deadline_ns, err);
        if (status != PX_OK)
            break;
        status = px_net_recv(client->fd, px_handshake_need(&handshake),
                             &client->in, err);
        if (status != PX_OK)
            continue;
        struct px_reader reader = px_reader_of(client->in.data, client->in.len);
        status = px_handshake_step(&handshake, &reader, &client->out, err);
        px_buf_clear(&client->in);
    }
    px_handshake_done(&handshake);
    return status;
}

static enum px_status
check_hello(struct px_client *client, struct px_err *err)
{
    json_t *lowest = json_object_get(client->hello, "lowest");
    json_t *highest = json_object_get(client->hello, "highest");
    if (!json_is_integer(lowest) || !json_is_integer(highest))
        return px_fail(err, PX_EPROTO, "%.200s names no protocol version",
                       client->name);
    if (json_integer_value(lowest) > PX_PROTO_HIGHEST ||
        json_integer_value(highest) < PX_PROTO_LOWEST)
        return explain_version(client->name, json_integer_value(lowest),
                               json_integer_value(highest), err);
    return PX_OK;
}

static enum px_status
say_hello(struct px_client *client, uint64_t deadline_ns, struct px_err *err)
{
    json_t *body =
        json_pack("{s:i, s:i, s:s, s:s}", "lowest", PX_PROTO_LOWEST, "highest",
                  PX_PROTO_HIGHEST, "program", program_invocation_short_name,
                  "version", PX_VERSION);
    if (body == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a connection");
    client->awaited = px_client_send(client, PX_MSG_HELLO, body, err);
    enum px_status status = client->awaited == 0 ? err->status : PX_OK;
    while (status == PX_OK && client->hello == NULL && client->awaited != 0) {
        status = px_client_pump(client, err);
        if (status == PX_OK && client->hello == NULL && client->awaited != 0)
            status = wait_for(client->fd, px_client_poll_events(client),
                              deadline_ns, err);
    }
    if (client->hello != NULL) {
        status = check_hello(client, err);
    } else if (client->reply_err.status != PX_OK) {
        *err = client->reply_err;
        status = err->status;
    } else if (status == PX_ECANCELED) {
        px_fail(err, PX_EGONE, "%.200s let us in, but says nothing",
                client->name);
        px_err_hint(err, "its process may be stopped (SIGSTOP, a debugger)");
        status = PX_EGONE;
    }
    client->awaited = 0;
    json_decref(client->reply);
    client->reply = NULL;
    return status;
}

/* Back to how it was before the route was tried. */
static void
drop_route(struct px_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->n_requests = 0;
    client->has_more = false;
    client->reply_err = (struct px_err){0};
    json_decref(client->hello);
    client->hello = NULL;
    px_buf_clear(&client->in);
    px_buf_clear(&client->out);
}

static enum px_status
try_route(struct px_client *client, const struct route *route,
          uint64_t deadline_ns, struct attempt *attempt)
{
    struct px_err *err = &attempt->err;
    *attempt = (struct attempt){.stage = STAGE_CONNECT, .route = route};
    enum px_status status = open_socket(client, route, deadline_ns, err);
    if (status == PX_OK)
        status = check_server(client, route, err);
    if (status == PX_OK && route->kind == ROUTE_TCP && !route->has_key) {
        attempt->stage = STAGE_KEY;
        status = px_fail(err, PX_EDENIED, "no key");
    }
    if (status == PX_OK) {
        attempt->stage = STAGE_HANDSHAKE;
        status = shake_hands(client, route, deadline_ns, err);
    }
    if (status == PX_OK) {
        attempt->stage = STAGE_HELLO;
        status = say_hello(client, deadline_ns, err);
    }
    if (status != PX_OK)
        drop_route(client);
    return status;
}

/* Tries each route; the failure that came furthest is the one to explain. Of
 * equal ones, a refusal says more than nobody there. */
static enum px_status
open_routes(struct px_client *client, const struct px_target *target,
            const struct routes *routes, uint64_t deadline_ns,
            struct px_err *err)
{
    struct attempt best = {.stage = STAGE_CONNECT, .route = NULL};
    for (size_t i = 0; i < routes->n; i++) {
        struct attempt attempt;
        if (try_route(client, &routes->list[i], deadline_ns, &attempt) == PX_OK)
            return PX_OK;
        bool is_denied = attempt.err.status == PX_EDENIED;
        if (best.route == NULL || attempt.stage > best.stage ||
            (attempt.stage == best.stage && is_denied &&
             best.err.status != PX_EDENIED))
            best = attempt;
    }
    return explain_failure(target, routes, &best, err);
}

/* How sentences call the target. */
static void
name_target(const struct px_target *target, size_t out_bytes, char *out)
{
    struct process process;
    char text[PROCESS_TEXT];
    if (target->kind == PX_TARGET_PID && process_find(target->pid, &process))
        snprintf(out, out_bytes, "%s", process_text(&process, text));
    else
        px_text_escape(target->text, strlen(target->text), out_bytes, out);
}

struct px_client *
px_client_new(const struct px_target *target,
              const struct px_client_events *events, int timeout_ms,
              struct px_err *err)
{
    uint64_t deadline_ns = deadline_after(timeout_ms);
    struct px_err why = {0};
    enum px_status status = PX_ENOMEM;
    struct routes *routes = NULL;
    struct px_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        px_fail(&why, PX_ENOMEM, "no memory for a connection");
        goto out;
    }
    client->fd = -1;
    px_buf_init(&client->in);
    px_buf_init(&client->out);
    name_target(target, sizeof client->name, client->name);
    routes = routes_new(target, &why);
    if (routes == NULL)
        goto out;
    if (target->kind == PX_TARGET_SSH) {
        client->ssh = ssh_new(target, deadline_ns, &routes->list[0], &why);
        if (client->ssh == NULL)
            goto out;
        routes->n = 1;
    }
    status = open_routes(client, target, routes, deadline_ns, &why);
    if (status == PX_OK) {
        client->is_open = true;
        if (events != NULL)
            client->events = *events;
    }
out:
    routes_free(routes);
    if (status != PX_OK) {
        px_client_free(client);
        client = NULL;
        if (err != NULL)
            *err = why;
    }
    return client;
}

void
px_client_free(struct px_client *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    ssh_free(client->ssh);
    px_buf_done(&client->in);
    px_buf_done(&client->out);
    json_decref(client->hello);
    json_decref(client->reply);
    free(client->requests);
    free(client);
}

const json_t *
px_client_hello(const struct px_client *client)
{
    return client->hello;
}

int
px_client_fd(const struct px_client *client)
{
    return client->fd;
}

short
px_client_poll_events(const struct px_client *client)
{
    /* POLLOUT is nearly always there: it makes poll return at once. */
    bool is_urgent = client->out.len > 0 || client->has_more;
    return is_urgent ? POLLIN | POLLOUT : POLLIN;
}
