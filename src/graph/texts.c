/* texts.c — texts of a snapshot, made safe to show.
 *
 * Escaping happens once, here, where they enter: whatever px_graph returns
 * is printable UTF-8. What is escaped grows at most to the ten bytes of
 * \U0001f600 for four, or four of \xff for one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/texts.h"

#include "base/text.h"

#define ESCAPE_GROWTH 4

void
texts_init(struct texts *texts)
{
    px_buf_init(&texts->bytes);
}

void
texts_done(struct texts *texts)
{
    px_buf_done(&texts->bytes);
}

enum px_status
texts_add(struct texts *texts, const void *bytes, size_t n, size_t *offset,
          struct px_err *err)
{
    struct px_buf *buf = &texts->bytes;
    if (n == 0) {
        *offset = 0;
        return PX_OK;
    }
    if (buf->len == 0) {
        enum px_status first = px_buf_append(buf, "", 1, err);
        if (first != PX_OK)
            return first;
    }
    size_t room = n * ESCAPE_GROWTH + 1;
    enum px_status status = px_buf_reserve(buf, room, err);
    if (status != PX_OK)
        return status;
    *offset = buf->len;
    char *to = (char *)buf->data + buf->len;
    buf->len += px_text_escape(bytes, n, room, to) + 1;
    return PX_OK;
}

const char *
texts_get(const struct texts *texts, size_t offset)
{
    return offset == 0 ? "" : (const char *)texts->bytes.data + offset;
}
