/* test_chunk.c — chunks: every cut waits, every flipped bit is seen, no
 * compression bomb goes off.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <zstd.h>

#include <pyexplore/proto.h>

/* Appends a chunk with these bytes, packed by the codec. */
static void
append_chunk(struct px_buf *to, enum px_codec codec, const void *raw, size_t n)
{
    uint8_t stored[4096];
    size_t stored_bytes = n;
    if (codec == PX_CODEC_LZ4)
        stored_bytes = (size_t)LZ4_compress_default(raw, (char *)stored, (int)n,
                                                    sizeof stored);
    else if (codec == PX_CODEC_ZSTD)
        stored_bytes = ZSTD_compress(stored, sizeof stored, raw, n, 1);
    else
        memcpy(stored, raw, n);
    struct px_chunk chunk = {
        .kind = PX_CHUNK_NODES,
        .codec = (uint8_t)codec,
        .raw_bytes = (uint32_t)n,
        .stored_bytes = (uint32_t)stored_bytes,
        .sequence = 3,
        .hash = px_chunk_hash(stored, stored_bytes),
    };
    assert_int_equal(
        px_buf_reserve(to, PX_CHUNK_HEAD_BYTES + stored_bytes, NULL), PX_OK);
    px_chunk_put_head(to->data + to->len, &chunk);
    memcpy(to->data + to->len + PX_CHUNK_HEAD_BYTES, stored, stored_bytes);
    to->len += PX_CHUNK_HEAD_BYTES + stored_bytes;
}

static const enum px_codec codecs[] = {PX_CODEC_NONE, PX_CODEC_LZ4,
                                       PX_CODEC_ZSTD};
static const char text[] = "the same words, the same words, the same words, "
                           "the same words, and others";

static void
test_layout(void **state)
{
    (void)state;
    static const uint8_t expected[PX_CHUNK_HEAD_BYTES] = {
        4, 0, 1, 0, 0x11, 0x22, 3, 0, 0x44, 0x55, 6, 0,
        7, 0, 0, 0, 8,    7,    6, 5, 4,    3,    2, 1};
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    px_chunk_put_head(head,
                      &(struct px_chunk){PX_CHUNK_NODES, PX_CODEC_LZ4, 0x032211,
                                         0x065544, 7,
                                         UINT64_C(0x0102030405060708), NULL});
    assert_memory_equal(head, expected, sizeof head);
    /* XXH3-64 of nothing, from its specification */
    assert_true(px_chunk_hash("", 0) == UINT64_C(0x2d06800538d394c2));
}

static void
test_round_trip_at_every_cut(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct px_buf stream;
        struct px_buf raw;
        struct px_chunk chunk;
        px_buf_init(&stream);
        px_buf_init(&raw);
        append_chunk(&stream, codecs[c], text, sizeof text);
        for (size_t cut = 0; cut < stream.len; cut++) {
            uint8_t *exact = malloc(cut + 1);
            assert_non_null(exact);
            memcpy(exact, stream.data, cut);
            struct px_reader reader = px_reader_of(exact, cut);
            assert_int_equal(px_chunk_next(&reader, &chunk, NULL), PX_AGAIN);
            assert_ptr_equal(reader.at, exact);
            free(exact);
        }
        struct px_reader reader = px_reader_of(stream.data, stream.len);
        assert_int_equal(px_chunk_next(&reader, &chunk, NULL), PX_OK);
        assert_int_equal(px_reader_left(&reader), 0);
        assert_int_equal(chunk.kind, PX_CHUNK_NODES);
        assert_int_equal(chunk.sequence, 3);
        assert_int_equal(px_chunk_unpack(&chunk, &raw, NULL), PX_OK);
        assert_int_equal(raw.len, sizeof text);
        assert_memory_equal(raw.data, text, sizeof text);
        px_buf_done(&stream);
        px_buf_done(&raw);
    }
}

/* A bit of the body: the hash sees it. A bit of the head: refused, waited
 * for, or a number that only the reader of the stream can judge. */
static void
test_flipped_bits(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct px_buf stream;
        struct px_buf raw;
        px_buf_init(&stream);
        px_buf_init(&raw);
        append_chunk(&stream, codecs[c], text, sizeof text);
        for (size_t bit = 0; bit < 8 * stream.len; bit++) {
            struct px_reader reader = px_reader_of(stream.data, stream.len);
            struct px_chunk chunk;
            struct px_err err = {0};
            stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum px_status status = px_chunk_next(&reader, &chunk, &err);
            if (status == PX_OK)
                px_chunk_unpack(&chunk, &raw, &err);
            else
                assert_ptr_equal(reader.at, stream.data);
            if (bit / 8 >= PX_CHUNK_HEAD_BYTES || bit / 8 >= 16)
                assert_int_equal(status, PX_EPROTO);
            if (bit / 8 == 3)
                assert_int_equal(status, PX_EPROTO);
            stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        px_buf_done(&stream);
        px_buf_done(&raw);
    }
}

static void
test_limits_before_bodies(void **state)
{
    (void)state;
    static const struct {
        uint32_t raw, stored;
        uint8_t codec;
        enum px_status expected;
    } rows[] = {
        {PX_CHUNK_RAW_MAX, 10, PX_CODEC_LZ4, PX_AGAIN},
        {PX_CHUNK_RAW_MAX + 1, 10, PX_CODEC_LZ4, PX_ELIMIT},
        {UINT32_MAX, 10, PX_CODEC_LZ4, PX_ELIMIT},
        {10, PX_CHUNK_STORED_MAX, PX_CODEC_ZSTD, PX_AGAIN},
        {10, PX_CHUNK_STORED_MAX + 1, PX_CODEC_ZSTD, PX_ELIMIT},
        {10, UINT32_MAX, PX_CODEC_ZSTD, PX_ELIMIT},
        {10, 11, PX_CODEC_NONE, PX_EPROTO},
        {11, 10, PX_CODEC_NONE, PX_EPROTO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t head[PX_CHUNK_HEAD_BYTES];
        struct px_chunk chunk = {.codec = rows[i].codec,
                                 .raw_bytes = rows[i].raw,
                                 .stored_bytes = rows[i].stored};
        px_chunk_put_head(head, &chunk);
        struct px_reader reader = px_reader_of(head, sizeof head);
        assert_int_equal(px_chunk_next(&reader, &chunk, NULL),
                         rows[i].expected);
    }
}

/* A body that holds more, or less, than its head says. */
static void
test_bombs(void **state)
{
    (void)state;
    char *zeros = calloc(1, 4 * PX_CHUNK_RAW_MAX);
    assert_non_null(zeros);
    for (size_t c = 1; c < 3; c++) {
        for (int delta = -1; delta <= 1; delta += 2) {
            struct px_buf raw;
            struct px_err err;
            uint8_t stored[65536];
            size_t n = 4 * PX_CHUNK_RAW_MAX;
            size_t stored_bytes =
                codecs[c] == PX_CODEC_LZ4
                    ? (size_t)LZ4_compress_default(zeros, (char *)stored,
                                                   (int)n, sizeof stored)
                    : ZSTD_compress(stored, sizeof stored, zeros, n, 1);
            struct px_chunk chunk = {
                .codec = (uint8_t)codecs[c],
                .raw_bytes = delta < 0 ? 100 : PX_CHUNK_RAW_MAX,
                .stored_bytes = (uint32_t)stored_bytes,
                .stored = stored,
            };
            px_buf_init(&raw);
            assert_true(stored_bytes < sizeof stored);
            assert_int_equal(px_chunk_unpack(&chunk, &raw, &err), PX_EPROTO);
            assert_int_equal(raw.len, 0);
            assert_true(raw.cap <= PX_CHUNK_RAW_MAX + 4096);
            px_buf_done(&raw);
        }
    }
    free(zeros);
    struct px_buf raw;
    struct px_err err;
    px_buf_init(&raw);
    struct px_chunk chunk = {.codec = 9, .stored = (const uint8_t *)""};
    assert_int_equal(px_chunk_unpack(&chunk, &raw, &err), PX_EUNSUPPORTED);
    assert_string_not_equal(err.hint, "");
    chunk = (struct px_chunk){.codec = PX_CODEC_NONE,
                              .stored = (const uint8_t *)""};
    assert_int_equal(px_chunk_unpack(&chunk, &raw, &err), PX_OK);
    assert_non_null(raw.data);
    px_buf_done(&raw);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_round_trip_at_every_cut),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_limits_before_bodies),
        cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
