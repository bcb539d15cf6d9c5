/* share.c — one snapshot child and the peers that read its spool.
 *
 * Peers that ask for the same while it starts share it: each has an offset of
 * its own, and pages are freed behind the slowest. A chunk is read from the
 * spool by sendfile, straight into the socket, as the body of one frame; the
 * frame is never interrupted, so a peer that cancels gets the rest of it.
 *
 *   asked ── OP_CLONE ──▶ walking ── child ended ──▶ all streams done ──▶ freed
 *                └─ failed: every stream gets the error
 *
 * With no stream left the child is told to end, and the share goes when it
 * has.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/forget.h"

#define SEND_BUDGET (4u << 20)   /* a turn of the loop for one peer */
#define RELEASE_STEP (1u << 20)
#define JOIN_NS UINT64_C(1000000000) /* an older snapshot is a stale one */
#define SHARES_MAX 8

struct share {
    struct share *next;
    struct server *server;
    struct heap_options opts;
    struct heap_capture *capture;
    struct snap_header *header;
    struct op *op; /* out at the worker; NULL: came back */
    uint64_t asked_ns;
    bool is_cloned;
    bool is_canceled;
    uint64_t gil_wait_ns;
    uint64_t pause_ns;
    uint64_t released;
    struct heap_progress seen;
};

/* ---- life ---- */

static bool
has_streams(const struct share *share)
{
    for (const struct session *session = share->server->sessions;
         session != NULL; session = session->next) {
        if (session->stream.share == share)
            return true;
    }
    return false;
}

static struct share *
find_share(struct server *server, const struct heap_options *opts)
{
    for (struct share *share = server->shares; share != NULL;
         share = share->next) {
        bool is_young = share->op != NULL ||
                        (share->is_cloned && share->released == 0 &&
                         px_now_ns() - share->asked_ns < JOIN_NS);
        if (is_young && !share->is_canceled &&
            share->opts.detail == opts->detail &&
            share->opts.codec == opts->codec &&
            share->opts.stop_the_world == opts->stop_the_world)
            return share;
    }
    return NULL;
}

static void
free_share(struct share *share)
{
    forget_capture_free(share->capture);
    snap_header_free(share->header);
    free(share);
}

static struct share *
new_share(struct server *server, const struct heap_options *opts,
          struct px_err *err)
{
    size_t n = 0;
    for (struct share *other = server->shares; other != NULL;
         other = other->next)
        n++;
    if (n >= SHARES_MAX) {
        px_fail(err, PX_EBUSY, "%d snapshots are being taken already",
                SHARES_MAX);
        return NULL;
    }
    struct share *share = calloc(1, sizeof *share);
    struct op *op = op_new(OP_CLONE);
    if (share == NULL || op == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a snapshot");
        goto fail;
    }
    share->server = server;
    share->opts = *opts;
    share->asked_ns = px_now_ns();
    share->capture = forget_capture_new(opts, err);
    if (share->capture == NULL)
        goto fail;
    share->header = snap_header_new(opts, err);
    if (share->header == NULL)
        goto fail;
    op->share = share;
    op->capture = share->capture;
    op->header = share->header;
    share->op = op;
    share->next = server->shares;
    server->shares = share;
    return share;

fail:
    op_free(op);
    if (share != NULL)
        free_share(share);
    return NULL;
}

void
share_join(struct session *session, uint64_t id,
           const struct heap_options *opts)
{
    struct server *server = session->server;
    struct px_err err = {.status = PX_OK};
    struct share *share = find_share(server, opts);
    bool is_new = share == NULL;
    if (is_new)
        share = new_share(server, opts, &err);
    if (share == NULL) {
        session_fail(session, id, &err);
        return;
    }
    session->stream = (struct stream){.share = share,
                                      .id = id,
                                      .shared = !is_new};
    if (is_new) {
        server->n_snapshots++;
        server_submit(server, share->op);
    }
}

static void
cancel_share(struct share *share)
{
    if (share->is_canceled)
        return;
    share->is_canceled = true;
    if (share->op != NULL)
        atomic_store(&share->op->canceled, true);
    else if (share->is_cloned && !share->seen.ended)
        heap_capture_cancel(share->capture);
}

void
share_leave(struct session *session)
{
    struct share *share = session->stream.share;
    if (share == NULL)
        return;
    session->stream = (struct stream){.share = NULL};
    if (!has_streams(share))
        cancel_share(share);
    session->server->has_dead = true;
}

/* ---- the child ---- */

static void
kick_streams(struct share *share)
{
    for (struct session *session = share->server->sessions; session != NULL;
         session = session->next) {
        if (session->stream.share == share && session->state != SESSION_DEAD)
            session_kick(session);
    }
}

static void
look(struct share *share)
{
    if (!share->is_cloned || share->seen.ended)
        return;
    uint64_t published = share->seen.published_bytes;
    heap_capture_poll(share->capture, &share->seen);
    if (share->seen.ended) {
        px_loop_unwatch(share->server->loop,
                        heap_capture_event_fd(share->capture));
        share->server->has_dead = true;
    }
    if (share->seen.ended || share->seen.published_bytes != published)
        kick_streams(share);
}

static void
on_event(void *context, int fd, short revents)
{
    (void)fd;
    (void)revents;
    look(context);
}

static void
fail_streams(struct share *share, const struct px_err *err)
{
    for (struct session *session = share->server->sessions; session != NULL;
         session = session->next) {
        uint64_t id = session->stream.id;
        if (session->stream.share != share)
            continue;
        share_leave(session);
        session_fail(session, id, err);
    }
}

void
share_cloned(struct share *share, struct op *op)
{
    struct server *server = share->server;
    enum px_status status = op->status;
    share->op = NULL;
    server->has_dead = true;
    if (status == PX_OK)
        status = px_loop_watch(server->loop,
                               heap_capture_event_fd(share->capture), POLLIN,
                               on_event, share, &op->err);
    if (status != PX_OK) {
        share->is_canceled = true;
        fail_streams(share, &op->err);
        return;
    }
    share->is_cloned = true;
    share->gil_wait_ns = op->gil_wait_ns;
    share->pause_ns = op->gil_hold_ns;
    server->last_pause_ns = op->gil_hold_ns;
    if (share->is_canceled)
        heap_capture_cancel(share->capture);
    look(share);
}

void
share_tick(struct server *server)
{
    for (struct share *share = server->shares; share != NULL;
         share = share->next)
        look(share);
}

void
share_sweep(struct server *server)
{
    struct share **link = &server->shares;
    while (*link != NULL) {
        struct share *share = *link;
        bool is_over = share->op == NULL && !has_streams(share) &&
                       (!share->is_cloned || share->seen.ended);
        if (!is_over) {
            link = &share->next;
            continue;
        }
        *link = share->next;
        free_share(share);
    }
}

void
share_end_all(struct server *server, bool worker_ended)
{
    struct share *share = server->shares;
    server->shares = NULL;
    while (share != NULL) {
        struct share *next = share->next;
        if (share->is_cloned && !share->seen.ended) {
            px_loop_unwatch(server->loop,
                            heap_capture_event_fd(share->capture));
            heap_capture_cancel(share->capture);
        }
        if (share->op == NULL || worker_ended)
            free_share(share); /* kills a child that still runs */
        share = next;
    }
}

void
share_get_figures(const struct share *share, struct share_figures *out)
{
    *out = (struct share_figures){.is_walking = share->is_cloned,
                                  .since_ns = share->asked_ns,
                                  .objects = share->seen.objects,
                                  .bytes = share->seen.published_bytes,
                                  .pause_ns = share->pause_ns};
}

/* ---- streams ---- */

/* The figures of the footer, for the reply; a compressed one is not read. */
static void
take_footer(struct stream *stream, int spool, uint64_t at, size_t n)
{
    uint8_t bytes[512];
    ssize_t got = pread(spool, bytes, n < sizeof bytes ? n : sizeof bytes,
                        (off_t)at);
    struct px_reader reader = px_reader_of(bytes, got > 0 ? (size_t)got : 0);
    uint64_t tag = 0;
    uint64_t value = 0;
    while (px_read_varint(&reader, &tag) == PX_OK &&
           px_read_varint(&reader, &value) == PX_OK) {
        if (tag < PX_FOOTER_TAG_END)
            stream->footer[tag] = value;
    }
    stream->has_footer = true;
}

/* Begins the frame of the chunk at stream->at. */
static enum px_status
begin_frame(struct session *session, struct px_err *err)
{
    struct stream *stream = &session->stream;
    const struct share *share = stream->share;
    int spool = heap_capture_spool_fd(share->capture);
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    uint16_t kind = 0;
    uint16_t codec = 0;
    uint32_t raw = 0;
    uint32_t stored = 0;
    if (pread(spool, head, sizeof head, (off_t)stream->at) !=
        (ssize_t)sizeof head)
        return px_fail_errno(err, PX_EIO, errno, "read the spool");
    struct px_reader reader = px_reader_of(head, sizeof head);
    px_read_u16(&reader, &kind);
    px_read_u16(&reader, &codec);
    px_read_u32(&reader, &raw);
    px_read_u32(&reader, &stored);
    uint64_t n = PX_CHUNK_HEAD_BYTES + (uint64_t)stored;
    if (n > PX_BULK_MAX || stream->at + n > share->seen.published_bytes)
        return px_fail(err, PX_EPROTO, "the spool has no whole chunk there");
    if (kind == PX_CHUNK_FOOTER && (codec & 0xff) == PX_CODEC_NONE)
        take_footer(stream, spool, stream->at + PX_CHUNK_HEAD_BYTES, stored);
    px_frame_put_head(stream->head,
                      &(struct px_frame){.body_bytes = (uint32_t)n,
                                         .msg = PX_MSG_CHUNK,
                                         .flags = PX_FRAME_BULK,
                                         .id = stream->id});
    stream->head_sent = 0;
    stream->body_left = (size_t)n;
    stream->in_frame = true;
    return PX_OK;
}

/* PX_OK: something went out. */
static enum px_status
send_some(struct session *session, size_t max, size_t *sent,
          struct px_err *err)
{
    struct stream *stream = &session->stream;
    ssize_t n = 0;
    if (stream->head_sent < sizeof stream->head) {
        n = send(session->fd, stream->head + stream->head_sent,
                 sizeof stream->head - stream->head_sent,
                 MSG_NOSIGNAL | MSG_MORE | MSG_DONTWAIT);
        if (n > 0)
            stream->head_sent += (size_t)n;
    } else {
        /* a broken pipe's SIGPIPE is blocked on this thread */
        off_t from = (off_t)stream->at;
        n = sendfile(session->fd,
                     heap_capture_spool_fd(stream->share->capture), &from,
                     stream->body_left < max ? stream->body_left : max);
        if (n > 0) {
            stream->at += (uint64_t)n;
            stream->body_left -= (size_t)n;
            stream->in_frame = stream->body_left > 0;
        }
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return PX_AGAIN;
    if (n <= 0)
        return px_fail_errno(err, PX_EGONE, errno, "the connection broke off");
    session->sent_ns = px_now_ns();
    *sent += (size_t)n;
    return PX_OK;
}

static void
release_behind(struct share *share)
{
    uint64_t low = UINT64_MAX;
    for (const struct session *session = share->server->sessions;
         session != NULL; session = session->next) {
        if (session->stream.share == share && session->stream.at < low)
            low = session->stream.at;
    }
    if (low == UINT64_MAX || low < share->released + RELEASE_STEP)
        return;
    heap_capture_release(share->capture, low);
    share->released = low;
}

static uint64_t
footer_or(const struct stream *stream, enum px_footer_tag tag, uint64_t other)
{
    return stream->has_footer ? stream->footer[tag] : other;
}

static void
send_result(struct session *session, enum px_end end)
{
    const struct stream stream = session->stream;
    const struct share *share = stream.share;
    json_t *json = json_pack(
        "{ss, ss, sI, sI, sI, sI, sI, sI, sb}", "end", px_end_name(end),
        "sentence", px_end_sentence(end), "objects",
        (json_int_t)footer_or(&stream, PX_FOOTER_OBJECTS,
                              share->seen.objects),
        "pause_ns", (json_int_t)share->pause_ns, "gil_wait_ns",
        (json_int_t)share->gil_wait_ns, "wall_ns",
        (json_int_t)footer_or(&stream, PX_FOOTER_WALL_NS, 0), "cpu_ns",
        (json_int_t)footer_or(&stream, PX_FOOTER_CPU_NS, 0), "raw_bytes",
        (json_int_t)footer_or(&stream, PX_FOOTER_RAW_BYTES,
                              share->seen.published_bytes),
        "shared", (int)stream.shared);
    share_leave(session);
    session_reply(session, PX_MSG_SNAPSHOT, stream.id, json);
}

/* The reply, if nothing more can come; true if it was sent. */
static bool
finish_stream(struct session *session)
{
    const struct stream *stream = &session->stream;
    const struct share *share = stream->share;
    if (stream->in_frame)
        return false;
    if (stream->canceled) {
        send_result(session, PX_END_CANCELED);
        return true;
    }
    if (!share->seen.ended || stream->at < share->seen.published_bytes)
        return false;
    send_result(session, share->seen.end);
    return true;
}

void
share_cancel(struct session *session)
{
    session->stream.canceled = true;
    finish_stream(session);
}

bool
share_has_more(const struct session *session)
{
    const struct stream *stream = &session->stream;
    if (stream->share == NULL)
        return false;
    if (stream->in_frame)
        return true;
    return stream->share->is_cloned &&
           (stream->share->seen.ended ||
            stream->at < stream->share->seen.published_bytes);
}

enum px_status
share_send(struct session *session, struct px_err *err)
{
    struct stream *stream = &session->stream;
    size_t sent = 0;
    enum px_status status = PX_OK;
    while (status == PX_OK && sent < SEND_BUDGET) {
        if (!stream->in_frame) {
            if (finish_stream(session))
                return PX_OK;
            /* control frames go first, between two chunks */
            if (session->out.len > 0 || !share_has_more(session))
                break;
            status = begin_frame(session, err);
        }
        if (status == PX_OK)
            status = send_some(session, SEND_BUDGET - sent, &sent, err);
    }
    if (stream->share != NULL)
        release_behind(stream->share);
    return status;
}
