/* buf.c — a growable byte buffer and a bounded reader.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/buf.h>

#include <stdlib.h>
#include <string.h>

void
px_buf_init(struct px_buf *buf)
{
    *buf = (struct px_buf){NULL, 0, 0};
}

void
px_buf_done(struct px_buf *buf)
{
    free(buf->data);
    px_buf_init(buf);
}

void
px_buf_clear(struct px_buf *buf)
{
    buf->len = 0;
}

enum px_status
px_buf_reserve(struct px_buf *buf, size_t more, struct px_err *err)
{
    if (more <= buf->cap - buf->len)
        return PX_OK;
    if (more > SIZE_MAX / 2 - buf->len)
        return px_fail(err, PX_ENOMEM, "buffer of %zu + %zu bytes", buf->len,
                       more);
    size_t need = buf->len + more;
    size_t cap = buf->cap + buf->cap / 2;
    if (cap < PX_BUF_MIN)
        cap = PX_BUF_MIN;
    if (cap < need)
        cap = need;
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a buffer of %zu bytes",
                       cap);
    buf->data = data;
    buf->cap = cap;
    return PX_OK;
}

enum px_status
px_buf_append(struct px_buf *buf, const void *bytes, size_t n,
              struct px_err *err)
{
    if (n == 0)
        return PX_OK;
    enum px_status status = px_buf_reserve(buf, n, err);
    if (status != PX_OK)
        return status;
    memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    return PX_OK;
}

enum px_status
px_buf_append_text(struct px_buf *buf, const char *text, struct px_err *err)
{
    return px_buf_append(buf, text, strlen(text), err);
}

void
px_buf_consume(struct px_buf *buf, size_t n)
{
    if (n > 0 && n < buf->len)
        memmove(buf->data, buf->data + n, buf->len - n);
    buf->len -= n;
}

static uint64_t
load_little_endian(const uint8_t *from, unsigned n_bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

enum px_status
px_read_u8(struct px_reader *reader, uint8_t *out)
{
    if (px_reader_left(reader) < 1)
        return PX_AGAIN;
    *out = *reader->at++;
    return PX_OK;
}

enum px_status
px_read_u16(struct px_reader *reader, uint16_t *out)
{
    if (px_reader_left(reader) < 2)
        return PX_AGAIN;
    *out = (uint16_t)load_little_endian(reader->at, 2);
    reader->at += 2;
    return PX_OK;
}

enum px_status
px_read_u32(struct px_reader *reader, uint32_t *out)
{
    if (px_reader_left(reader) < 4)
        return PX_AGAIN;
    *out = (uint32_t)load_little_endian(reader->at, 4);
    reader->at += 4;
    return PX_OK;
}

enum px_status
px_read_u64(struct px_reader *reader, uint64_t *out)
{
    if (px_reader_left(reader) < 8)
        return PX_AGAIN;
    *out = load_little_endian(reader->at, 8);
    reader->at += 8;
    return PX_OK;
}

enum px_status
px_read_bytes(struct px_reader *reader, size_t n, const uint8_t **out)
{
    if (px_reader_left(reader) < n)
        return PX_AGAIN;
    *out = reader->at;
    reader->at += n;
    return PX_OK;
}
