/* stream.c — one peer's way through the spool of a share.
 *
 * A chunk is sent by sendfile, straight from the spool into the socket, as
 * the body of one frame. A frame is never interrupted: control frames go
 * between two of them, and a peer that cancels gets the rest of the one that
 * was begun. The last stream to pass a page frees it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUDGET (4u << 20) /* a turn of the loop for one peer */
#define RELEASE_STEP (1u << 20)

/* The figures of the footer, for the reply; a compressed one is not read. */
static void
take_footer(struct stream *stream, int spool, uint64_t at, size_t n)
{
    uint8_t bytes[512];
    ssize_t got =
        pread(spool, bytes, n < sizeof bytes ? n : sizeof bytes, (off_t)at);
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
send_some(struct session *session, size_t max, size_t *sent, struct px_err *err)
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
        n = sendfile(session->fd, heap_capture_spool_fd(stream->share->capture),
                     &from, stream->body_left < max ? stream->body_left : max);
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

void
stream_release(struct share *share)
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
        (json_int_t)footer_or(&stream, PX_FOOTER_OBJECTS, share->seen.objects),
        "pause_ns", (json_int_t)share->pause_ns, "gil_wait_ns",
        (json_int_t)share->gil_wait_ns, "wall_ns",
        (json_int_t)footer_or(&stream, PX_FOOTER_WALL_NS, 0), "cpu_ns",
        (json_int_t)footer_or(&stream, PX_FOOTER_CPU_NS, 0), "raw_bytes",
        (json_int_t)footer_or(&stream, PX_FOOTER_RAW_BYTES,
                              share->seen.published_bytes),
        "shared", (int)stream.shared);
    json_object_set_new(
        json, "interpreters_left_out",
        json_integer((json_int_t)footer_or(&stream, PX_FOOTER_LEFT_OUT, 0)));
    json_object_set_new(json, "threads_left_out",
                        json_integer((json_int_t)footer_or(
                            &stream, PX_FOOTER_THREADS_LEFT_OUT, 0)));
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
stream_cancel(struct session *session)
{
    session->stream.canceled = true;
    finish_stream(session);
}

bool
stream_has_more(const struct session *session)
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
stream_send(struct session *session, struct px_err *err)
{
    struct stream *stream = &session->stream;
    size_t sent = 0;
    enum px_status status = PX_OK;
    while (status == PX_OK && sent < SEND_BUDGET) {
        if (!stream->in_frame) {
            if (finish_stream(session))
                return PX_OK;
            /* control frames go first, between two chunks */
            if (session->out.len > 0 || !stream_has_more(session))
                break;
            status = begin_frame(session, err);
        }
        if (status == PX_OK)
            status = send_some(session, SEND_BUDGET - sent, &sent, err);
    }
    if (stream->share != NULL)
        stream_release(stream->share);
    return status;
}
