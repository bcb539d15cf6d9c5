/* frame.c — heads and bounds of frames.
 *
 *   u32 body bytes | u16 message | u16 flags | u64 request id | body
 *
 * The length is judged before the body is waited for, so a peer that lies
 * about it costs no memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <string.h>

#define KNOWN_FLAGS (PX_FRAME_REPLY | PX_FRAME_BULK)

void
px_frame_put_head(uint8_t *to, const struct px_frame *frame)
{
    to = px_put_u32(to, frame->body_bytes);
    to = px_put_u16(to, frame->msg);
    to = px_put_u16(to, frame->flags);
    px_put_u64(to, frame->id);
}

static enum px_status
check_head(const struct px_frame *frame, size_t max_bytes, bool bulk,
           struct px_err *err)
{
    /* An unknown flag may change what the body is: it cannot be skipped. */
    if ((frame->flags & ~KNOWN_FLAGS) != 0)
        return px_fail(err, PX_EPROTO, "frame with unknown flags 0x%x",
                       (unsigned)frame->flags);
    bool is_bulk = (frame->flags & PX_FRAME_BULK) != 0;
    if (is_bulk && !bulk)
        return px_fail(err, PX_EPROTO, "bulk frame where none may come");
    size_t limit = is_bulk ? PX_BULK_MAX : max_bytes;
    if (frame->body_bytes > limit)
        return px_fail(err, PX_ELIMIT, "frame of %lu bytes exceeds %zu",
                       (unsigned long)frame->body_bytes, limit);
    return PX_OK;
}

enum px_status
px_frame_next(struct px_reader *reader, size_t max_bytes, bool bulk,
              struct px_frame *out, struct px_err *err)
{
    struct px_reader at = *reader;
    struct px_frame frame = {0};
    if (px_reader_left(&at) < PX_FRAME_HEAD_BYTES)
        return PX_AGAIN;
    px_read_u32(&at, &frame.body_bytes);
    px_read_u16(&at, &frame.msg);
    px_read_u16(&at, &frame.flags);
    px_read_u64(&at, &frame.id);
    enum px_status status = check_head(&frame, max_bytes, bulk, err);
    if (status == PX_OK)
        status = px_read_bytes(&at, frame.body_bytes, &frame.body);
    if (status != PX_OK)
        return status;
    *out = frame;
    *reader = at;
    return PX_OK;
}

enum px_status
px_frame_append(struct px_buf *to, unsigned msg, unsigned flags, uint64_t id,
                const char *json, struct px_err *err)
{
    size_t n = strlen(json);
    if (n > PX_REPLY_MAX)
        return px_fail(err, PX_ELIMIT, "%s of %zu bytes exceeds %u",
                       px_msg_name(msg) != NULL ? px_msg_name(msg) : "message",
                       n, PX_REPLY_MAX);
    enum px_status status = px_buf_reserve(to, PX_FRAME_HEAD_BYTES + n, err);
    if (status != PX_OK)
        return status;
    px_frame_put_head(to->data + to->len,
                      &(struct px_frame){(uint32_t)n, (uint16_t)msg,
                                         (uint16_t)flags, id, NULL});
    to->len += PX_FRAME_HEAD_BYTES;
    return px_buf_append(to, json, n, err);
}
