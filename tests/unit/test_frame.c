/* test_frame.c — frames survive any split and joining; no lie about a length
 * gets past the head.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pyexplore/proto.h>

static void
build_stream(struct px_buf *stream)
{
    static const char *const bodies[] = {"{}", "", "{\"a\":1}",
                                         "{\"text\":\"x y z\"}"};
    px_buf_init(stream);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(px_frame_append(stream, PX_MSG_STATUS + i, i % 2, i,
                                         bodies[i], NULL),
                         PX_OK);
}

static void
test_layout(void **state)
{
    (void)state;
    static const uint8_t expected[] = {2,    0, 0, 0, 100,  0, 1, 0,   0x88,
                                       0x77, 6, 5, 4, 0x33, 2, 1, '{', '}'};
    struct px_buf buf;
    px_buf_init(&buf);
    assert_int_equal(px_frame_append(&buf, PX_MSG_GC_STATE, PX_FRAME_REPLY,
                                     UINT64_C(0x0102330405067788), "{}", NULL),
                     PX_OK);
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    px_buf_done(&buf);
}

/* All frames, from a reader that is given one byte more each time. */
static void
test_every_cut(void **state)
{
    (void)state;
    struct px_buf stream;
    build_stream(&stream);
    for (size_t cut = 0; cut <= stream.len; cut++) {
        uint8_t *exact = malloc(cut + 1); /* for the address sanitizer */
        assert_non_null(exact);
        memcpy(exact, stream.data, cut);
        struct px_reader reader = px_reader_of(exact, cut);
        struct px_frame frame;
        unsigned n = 0;
        enum px_status status;
        for (;;) {
            const uint8_t *before = reader.at;
            memset(&frame, 0x5a, sizeof frame);
            status = px_frame_next(&reader, 100, false, &frame, NULL);
            if (status != PX_OK) {
                assert_ptr_equal(reader.at, before);
                break;
            }
            assert_int_equal(frame.msg, PX_MSG_STATUS + n);
            assert_int_equal(frame.flags, n % 2);
            assert_int_equal(frame.id, n);
            n++;
        }
        assert_int_equal(status, PX_AGAIN);
        assert_true((cut == stream.len) == (n == 4));
        free(exact);
    }
    px_buf_done(&stream);
}

/* The same stream in two pieces, joined by a px_buf as a connection does. */
static void
test_every_split(void **state)
{
    (void)state;
    struct px_buf stream;
    build_stream(&stream);
    for (size_t split = 0; split <= stream.len; split++) {
        struct px_buf in;
        unsigned n = 0;
        px_buf_init(&in);
        for (int piece = 0; piece < 2; piece++) {
            size_t from = piece == 0 ? 0 : split;
            size_t to = piece == 0 ? split : stream.len;
            px_buf_append(&in, stream.data + from, to - from, NULL);
            struct px_reader reader = px_reader_of(in.data, in.len);
            struct px_frame frame;
            while (px_frame_next(&reader, 100, false, &frame, NULL) == PX_OK)
                assert_int_equal(frame.id, n++);
            px_buf_consume(&in, in.len - px_reader_left(&reader));
        }
        assert_int_equal(n, 4);
        assert_int_equal(in.len, 0);
        px_buf_done(&in);
    }
    px_buf_done(&stream);
}

static enum px_status
judge_head(uint32_t n, unsigned flags, size_t max, bool bulk)
{
    uint8_t head[PX_FRAME_HEAD_BYTES];
    struct px_frame out;
    px_frame_put_head(
        head, &(struct px_frame){n, PX_MSG_CHUNK, (uint16_t)flags, 1, NULL});
    struct px_reader reader = px_reader_of(head, sizeof head);
    enum px_status status = px_frame_next(&reader, max, bulk, &out, NULL);
    assert_ptr_equal(reader.at, n == 0 && status == PX_OK ? head + 16 : head);
    return status;
}

static void
test_limits(void **state)
{
    (void)state;
    assert_int_equal(judge_head(0, 0, 100, false), PX_OK);
    assert_int_equal(judge_head(100, 0, 100, false), PX_AGAIN);
    assert_int_equal(judge_head(101, 0, 100, false), PX_ELIMIT);
    assert_int_equal(judge_head(UINT32_MAX, 0, 100, false), PX_ELIMIT);
    assert_int_equal(judge_head(1, PX_FRAME_BULK, 100, false), PX_EPROTO);
    assert_int_equal(judge_head(PX_BULK_MAX, PX_FRAME_BULK, 100, true),
                     PX_AGAIN);
    assert_int_equal(judge_head(PX_BULK_MAX + 1, PX_FRAME_BULK, 100, true),
                     PX_ELIMIT);
    for (unsigned bit = 4; bit <= 0x8000; bit *= 2)
        assert_int_equal(judge_head(0, bit, 100, true), PX_EPROTO);
}

/* No bit of a head, turned round, makes the reader leave its bytes. */
static void
test_flipped_bits(void **state)
{
    (void)state;
    struct px_buf stream;
    build_stream(&stream);
    for (size_t bit = 0; bit < 8 * stream.len; bit++) {
        uint8_t *exact = malloc(stream.len);
        assert_non_null(exact);
        memcpy(exact, stream.data, stream.len);
        exact[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct px_reader reader = px_reader_of(exact, stream.len);
        struct px_frame frame;
        size_t used = 0;
        while (px_frame_next(&reader, 100, true, &frame, NULL) == PX_OK) {
            used += PX_FRAME_HEAD_BYTES + frame.body_bytes;
            assert_true(frame.body + frame.body_bytes <= exact + stream.len);
        }
        assert_int_equal(stream.len - used, px_reader_left(&reader));
        free(exact);
    }
    px_buf_done(&stream);
}

static void
test_messages(void **state)
{
    (void)state;
    assert_string_equal(px_msg_name(PX_MSG_HELLO), "hello");
    assert_string_equal(px_msg_name(PX_MSG_GC_COLLECT), "gc_collect");
    assert_null(px_msg_name(0));
    assert_null(px_msg_name(65535));
    assert_true(px_msg_changes(PX_MSG_GC_SET));
    assert_true(px_msg_changes(PX_MSG_GC_FREEZE));
    assert_false(px_msg_changes(PX_MSG_SNAPSHOT));
    assert_false(px_msg_changes(12345));
}

static void
test_too_long_to_send(void **state)
{
    (void)state;
    size_t n = PX_REPLY_MAX + 1;
    char *json = malloc(n + 1);
    struct px_buf buf;
    struct px_err err;
    assert_non_null(json);
    memset(json, ' ', n);
    json[n] = '\0';
    px_buf_init(&buf);
    assert_int_equal(px_frame_append(&buf, PX_MSG_STATUS, 0, 1, json, &err),
                     PX_ELIMIT);
    assert_int_equal(buf.len, 0);
    free(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_too_long_to_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
