/* session.c — one peer: bytes in, frames, bytes out.
 *
 * Until the proof is right nothing is said but the handshake, no more is read
 * than it needs, and a fault closes without a word. After that control frames
 * go out before snapshot chunks, but never inside one. What a peer does not
 * take is bounded: with a full queue nothing more is read from it, and after
 * SESSION_STALL_MS it is closed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/forget.h"
#include "base/net.h"

#define READ_BYTES (PX_FRAME_HEAD_BYTES + PX_REQUEST_MAX)

static void on_ready(void *context, int fd, short revents);

/* ---- life ---- */

static void
on_deadline(void *context)
{
    struct session *session = context;
    session->deadline = 0;
    session_close(session);
}

/* A machine that is gone says nothing: after two minutes without an answer the
 * kernel ends the connection, and what it changed is put back. */
static void
watch_over(int fd)
{
    static const struct {
        int level, option, value;
    } wanted[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 60},
        {IPPROTO_TCP, TCP_KEEPINTVL, 15},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        setsockopt(fd, wanted[i].level, wanted[i].option, &wanted[i].value,
                   sizeof wanted[i].value);
}

struct session *
session_new(struct server *server, int fd, struct px_fd_mark mark,
            unsigned listener, struct px_err *err)
{
    const struct listener *from = &server->listeners[listener];
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a peer");
        return NULL;
    }
    session->server = server;
    session->fd = fd;
    session->mark = mark;
    session->listener = listener;
    session->sent_ns = px_now_ns();
    px_buf_init(&session->in);
    px_buf_init(&session->out);
    if (!from->is_unix)
        watch_over(fd);
    if (px_handshake_init(&session->handshake, PX_ROLE_SERVER,
                          from->is_unix ? NULL : from->key, &session->out,
                          err) != PX_OK)
        goto fail;
    session->deadline =
        px_loop_after(server->loop, PX_HANDSHAKE_MS, on_deadline, session);
    if (session->deadline == 0) {
        px_fail(err, PX_ENOMEM, "no memory for a peer");
        goto fail;
    }
    session->events = POLLIN;
    if (px_loop_watch(server->loop, fd, POLLIN, on_ready, session, err) !=
        PX_OK)
        goto fail;
    return session;

fail:
    px_loop_cancel(server->loop, session->deadline);
    session->deadline = 0;
    session_free(session);
    return NULL;
}

void
session_close(struct session *session)
{
    struct server *server = session->server;
    if (session->state == SESSION_DEAD)
        return;
    session->state = SESSION_DEAD;
    server->has_dead = true;
    px_loop_cancel(server->loop, session->deadline);
    session->deadline = 0;
    px_loop_unwatch(server->loop, session->fd);
    px_handshake_done(&session->handshake);
    share_leave(session);
    changes_leave(session);
    forget_fd_close(session->fd, session->mark);
    session->fd = -1;
    px_loop_wake(server->loop); /* to sweep in this turn or the next */
}

void
session_free(struct session *session)
{
    px_handshake_done(&session->handshake);
    px_buf_done(&session->in);
    px_buf_done(&session->out);
    free(session);
}

/* ---- what to wait for ---- */

static bool
may_read(const struct session *session)
{
    if (session->state == SESSION_CLOSING)
        return false;
    return session->out.len < SESSION_OUT_MAX && session->in.len < READ_BYTES &&
           session->n_ops < SESSION_OPS_MAX;
}

static bool
wants_write(const struct session *session)
{
    return session->out.len > 0 || stream_has_more(session);
}

static void
update_watch(struct session *session)
{
    if (session->state == SESSION_DEAD)
        return;
    short events = may_read(session) ? POLLIN : 0;
    if (wants_write(session)) {
        if (!(session->events & POLLOUT))
            session->sent_ns = px_now_ns();
        events |= POLLOUT;
        server_arm_tick(session->server);
    }
    if (events == session->events)
        return;
    session->events = events;
    if (px_loop_watch(session->server->loop, session->fd, events, on_ready,
                      session, NULL) != PX_OK)
        session_close(session);
}

/* ---- out ---- */

void
session_send(struct session *session, unsigned msg, unsigned flags, uint64_t id,
             json_t *body)
{
    struct px_err err;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (session->state != SESSION_DEAD &&
        (text == NULL ||
         px_frame_append(&session->out, msg, flags, id, text, &err) != PX_OK))
        session_close(session);
    free(text);
    update_watch(session);
}

void
session_reply(struct session *session, unsigned msg, uint64_t id, json_t *body)
{
    session_send(session, msg, PX_FRAME_REPLY, id, body);
}

void
session_fail(struct session *session, uint64_t id, const struct px_err *err)
{
    session_send(session, PX_MSG_ERROR, PX_FRAME_REPLY, id,
                 json_pack("{ss, so, so}", "code", px_status_name(err->status),
                           "message", facts_text(err->msg, strlen(err->msg)),
                           "hint", facts_text(err->hint, strlen(err->hint))));
}

/* PX_OK: everything is out. */
static enum px_status
write_out(struct session *session)
{
    struct px_err err;
    for (;;) {
        enum px_status status = PX_OK;
        if (session->out.len > 0 && !session->stream.in_frame) {
            size_t sent = 0;
            status = px_net_send(session->fd, session->out.data,
                                 session->out.len, &sent, &err);
            if (status != PX_OK)
                return status;
            px_buf_consume(&session->out, sent);
            session->sent_ns = px_now_ns();
            continue;
        }
        if (!stream_has_more(session))
            return PX_OK;
        status = stream_send(session, &err);
        if (status != PX_OK)
            return status;
        if (session->state == SESSION_DEAD)
            return PX_EGONE;
        if (session->out.len == 0)
            return PX_OK; /* the loop comes again: others want their turn */
    }
}

static void
do_write(struct session *session)
{
    enum px_status status = write_out(session);
    if (status != PX_OK && status != PX_AGAIN)
        session_close(session);
    else if (session->state == SESSION_CLOSING && !wants_write(session))
        session_close(session);
}

void
session_tick(struct session *session)
{
    if (session->state == SESSION_DEAD || !(session->events & POLLOUT))
        return;
    if (px_now_ns() - session->sent_ns > SESSION_STALL_MS * UINT64_C(1000000))
        session_close(session);
    else
        server_arm_tick(session->server);
}

/* ---- in ---- */

static void
step_handshake(struct session *session)
{
    struct px_err err;
    struct px_reader reader = px_reader_of(session->in.data, session->in.len);
    enum px_status status =
        px_handshake_step(&session->handshake, &reader, &session->out, &err);
    if (status != PX_OK && status != PX_AGAIN) {
        session_close(session);
        return;
    }
    px_buf_consume(&session->in, session->in.len - px_reader_left(&reader));
    if (status == PX_OK) {
        px_handshake_done(&session->handshake);
        session->state = SESSION_HELLO;
    }
}

static void
parse_frames(struct session *session)
{
    struct px_reader reader = px_reader_of(session->in.data, session->in.len);
    struct px_frame frame;
    enum px_status status = PX_OK;
    while (session->state == SESSION_HELLO || session->state == SESSION_OPEN) {
        struct px_reader before = reader;
        status = px_frame_next(&reader, PX_REQUEST_MAX, false, &frame, NULL);
        if (status != PX_OK)
            break;
        if (session->out.len >= SESSION_OUT_MAX ||
            session->n_ops >= SESSION_OPS_MAX ||
            !request_take(session, &frame)) {
            reader = before;
            break;
        }
    }
    if (session->state == SESSION_DEAD)
        return;
    if (status != PX_OK && status != PX_AGAIN) {
        session_close(session);
        return;
    }
    px_buf_consume(&session->in, session->in.len - px_reader_left(&reader));
}

static void
do_read(struct session *session)
{
    struct px_err err;
    size_t max = READ_BYTES - session->in.len;
    if (session->state == SESSION_PROVING)
        max = px_handshake_need(&session->handshake);
    enum px_status status = px_net_recv(session->fd, max, &session->in, &err);
    if (status == PX_AGAIN)
        return;
    if (status != PX_OK) {
        session_close(session);
        return;
    }
    if (session->state == SESSION_PROVING)
        step_handshake(session);
    if (session->state != SESSION_DEAD && session->state != SESSION_PROVING)
        parse_frames(session);
}

void
session_kick(struct session *session)
{
    if (session->in.len > 0 &&
        (session->state == SESSION_HELLO || session->state == SESSION_OPEN))
        parse_frames(session);
    update_watch(session);
}

static void
on_ready(void *context, int fd, short revents)
{
    struct session *session = context;
    (void)fd;
    if (revents & POLLOUT)
        do_write(session);
    if (session->state != SESSION_DEAD && (revents & POLLIN) &&
        may_read(session))
        do_read(session);
    else if (session->state != SESSION_DEAD &&
             (revents & (POLLERR | POLLHUP | POLLNVAL)) && !(revents & POLLIN))
        session_close(session);
    session_kick(session);
}
