/* client.c — one connection that is open: a state machine over a non-blocking
 * socket.
 *
 * px_client_pump never waits and reads a bounded amount, so that a program
 * stays responsive while a snapshot pours in. Input is gathered in one buffer;
 * whole frames are handed out in place and removed together, so a byte is moved
 * at most once. Nothing from the server is believed: lengths are judged before
 * memory is taken, replies to nobody's request are dropped, and its texts are
 * escaped.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/net.h"
#include "base/text.h"

#define RECV_BYTES (256u * 1024)
#define RECVS_PER_PUMP 8
/* How soon a cancelled wait is noticed. */
#define LOOK_MS 100
#define NS_PER_MS UINT64_C(1000000)

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

/* Tells of it, unless nobody asked for it or wants it any more. */
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
    if (!client->is_open) {
        if (why.status == PX_OK)
            px_fail(&why, PX_EPROTO, "%.200s says something else than HELLO",
                    client->name);
        client->refusal = why;
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

enum px_status
client_flush(struct px_client *client, struct px_err *err)
{
    while (client->out.len > 0) {
        size_t sent = 0;
        enum px_status status = px_net_send(client->fd, client->out.data,
                                            client->out.len, &sent, err);
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
    enum px_status sent = client_flush(client, NULL);
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

int
client_left_ms(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now = px_now_ns();
    if (now >= deadline_ns)
        return 0;
    uint64_t ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

enum px_status
client_wait(const struct px_client *client, short events, uint64_t deadline_ns,
            struct px_err *err)
{
    struct pollfd polled = {client->fd, events, 0};
    for (;;) {
        int ms = client_left_ms(deadline_ns);
        if (is_canceled(client->work))
            return px_fail(err, PX_ECANCELED, "cancelled");
        if (ms == 0)
            return px_fail(err, PX_ECANCELED, "no answer in time");
        /* in short waits: a signal just before one would go unseen */
        if (client->work != NULL && (ms < 0 || ms > LOOK_MS))
            ms = LOOK_MS;
        int ready = poll(&polled, 1, ms);
        if (ready > 0)
            return PX_OK;
        if (ready < 0 && errno != EINTR)
            return px_fail_errno(err, PX_EIO, errno, "wait for the target");
    }
}

uint64_t
client_deadline(int timeout_ms)
{
    if (timeout_ms < 0)
        return UINT64_MAX;
    return px_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
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
