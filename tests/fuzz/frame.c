/* frame.c — fuzz: frames and chunks from anyone.
 *
 * The first byte says how the rest arrives: in pieces of that many bytes. The
 * frames must be the same as when all of it is there at once, and every chunk
 * among them must unpack to what its head says or be refused.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include <pyexplore/proto.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

struct sum {
    size_t n_frames;
    size_t n_body_bytes;
    uint64_t ids;
    enum px_status end;
};

static void
try_chunk(const struct px_frame *frame)
{
    struct px_reader reader = px_reader_of(frame->body, frame->body_bytes);
    struct px_chunk chunk;
    struct px_buf raw;
    struct px_err err;
    px_buf_init(&raw);
    while (px_chunk_next(&reader, &chunk, &err) == PX_OK) {
        CHECK(chunk.stored + chunk.stored_bytes == reader.at);
        CHECK(chunk.raw_bytes <= PX_CHUNK_RAW_MAX);
        if (px_chunk_unpack(&chunk, &raw, &err) == PX_OK)
            CHECK(raw.len == chunk.raw_bytes);
        else
            CHECK(err.status != PX_OK && err.msg[0] != '\0');
    }
    px_buf_done(&raw);
}

static struct sum
run(const uint8_t *data, size_t n_bytes, size_t piece, bool bulk)
{
    struct sum sum = {.end = PX_AGAIN};
    struct px_buf in;
    px_buf_init(&in);
    for (size_t at = 0; at < n_bytes && sum.end == PX_AGAIN;) {
        size_t n = piece < n_bytes - at ? piece : n_bytes - at;
        struct px_frame frame;
        CHECK(px_buf_append(&in, data + at, n, NULL) == PX_OK);
        at += n;
        struct px_reader reader = px_reader_of(in.data, in.len);
        for (;;) {
            const uint8_t *before = reader.at;
            sum.end = px_frame_next(&reader, 1024, bulk, &frame, NULL);
            if (sum.end != PX_OK) {
                CHECK(reader.at == before);
                break;
            }
            sum.n_frames++;
            sum.n_body_bytes += frame.body_bytes;
            sum.ids = sum.ids * 31 + frame.id;
            if ((frame.flags & PX_FRAME_BULK) != 0)
                try_chunk(&frame);
        }
        px_buf_consume(&in, in.len - px_reader_left(&reader));
    }
    px_buf_done(&in);
    return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < 2)
        return 0;
    bool bulk = (data[0] & 0x80) != 0;
    size_t piece = (data[0] & 0x7f) + 1u;
    struct sum whole = run(data + 1, n_bytes - 1, n_bytes, bulk);
    struct sum pieces = run(data + 1, n_bytes - 1, piece, bulk);
    CHECK(whole.n_frames == pieces.n_frames && whole.ids == pieces.ids);
    CHECK(whole.n_body_bytes == pieces.n_body_bytes);
    CHECK(whole.end == pieces.end);
    return 0;
}
