/* test_buf.c — bytes grow and shrink without losing any; the reader never
 * moves unless it has everything.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <pyexplore/buf.h>

static void
test_append_consume(void **state)
{
    (void)state;
    struct px_buf buf;
    uint8_t expected[3000];
    size_t from = 0;
    px_buf_init(&buf);
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)(i * 7);
    for (size_t at = 0, n = 1; at < sizeof expected; n = n % 17 + 1) {
        if (n > sizeof expected - at)
            n = sizeof expected - at;
        assert_int_equal(px_buf_append(&buf, expected + at, n, NULL), PX_OK);
        at += n;
        if (buf.len > 100) {
            px_buf_consume(&buf, 33);
            from += 33;
        }
        assert_int_equal(buf.len, at - from);
        assert_memory_equal(buf.data, expected + from, buf.len);
    }
    px_buf_consume(&buf, buf.len);
    assert_int_equal(buf.len, 0);
    assert_int_equal(px_buf_append_text(&buf, "abc", NULL), PX_OK);
    assert_memory_equal(buf.data, "abc", 3);
    px_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    px_buf_done(&buf);
}

static void
test_impossible_sizes(void **state)
{
    (void)state;
    struct px_buf buf;
    struct px_err err;
    px_buf_init(&buf);
    assert_int_equal(px_buf_append(&buf, "ab", 2, NULL), PX_OK);
    struct px_buf before = buf;
    assert_int_equal(px_buf_reserve(&buf, SIZE_MAX, &err), PX_ENOMEM);
    assert_int_equal(px_buf_reserve(&buf, SIZE_MAX - 2, &err), PX_ENOMEM);
    assert_int_equal(px_buf_reserve(&buf, SIZE_MAX / 2, &err), PX_ENOMEM);
    assert_int_equal(err.status, PX_ENOMEM);
    assert_memory_equal(&buf, &before, sizeof buf);
    px_buf_done(&buf);
    assert_null(buf.data);
}

/* A buffer that is asked once for n takes n, not a power above. */
static void
test_exact_first_size(void **state)
{
    (void)state;
    struct px_buf buf;
    px_buf_init(&buf);
    assert_int_equal(px_buf_reserve(&buf, 1000000, NULL), PX_OK);
    assert_int_equal(buf.cap, 1000000);
    px_buf_done(&buf);
}

static void
test_numbers_at_every_cut(void **state)
{
    (void)state;
    uint8_t bytes[15];
    uint8_t *to = bytes;
    *to++ = 0xfe;
    to = px_put_u16(to, 0x1234);
    to = px_put_u32(to, 0xdeadbeef);
    to = px_put_u64(to, UINT64_C(0x0123456789abcdef));
    assert_ptr_equal(to, bytes + sizeof bytes);
    assert_int_equal(bytes[1], 0x34); /* little-endian */
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct px_reader reader = px_reader_of(bytes, n);
        uint8_t u8 = 1;
        uint16_t u16 = 1;
        uint32_t u32 = 1;
        uint64_t u64 = 1;
        assert_int_equal(px_read_u8(&reader, &u8), n >= 1 ? PX_OK : PX_AGAIN);
        assert_int_equal(px_read_u16(&reader, &u16), n >= 3 ? PX_OK : PX_AGAIN);
        assert_int_equal(u16, n >= 3 ? 0x1234 : 1);
        if (n >= 3) {
            assert_int_equal(px_read_u32(&reader, &u32),
                             n >= 7 ? PX_OK : PX_AGAIN);
            assert_int_equal(u32, n >= 7 ? 0xdeadbeef : 1);
        }
        if (n >= 7) {
            const uint8_t *at = reader.at;
            assert_int_equal(px_read_u64(&reader, &u64),
                             n >= 15 ? PX_OK : PX_AGAIN);
            assert_true(n >= 15 ? u64 == UINT64_C(0x0123456789abcdef)
                                : u64 == 1 && reader.at == at);
        }
    }
}

static void
test_borrowed_bytes(void **state)
{
    (void)state;
    struct px_reader reader = px_reader_of("abcdef", 6);
    const uint8_t *bytes = NULL;
    assert_int_equal(px_read_bytes(&reader, 7, &bytes), PX_AGAIN);
    assert_int_equal(px_read_bytes(&reader, SIZE_MAX, &bytes), PX_AGAIN);
    assert_null(bytes);
    assert_int_equal(px_read_bytes(&reader, 4, &bytes), PX_OK);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(px_reader_left(&reader), 2);
}

static void
test_varints_return(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit <= 64; bit++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t base = bit == 64 ? 0 : UINT64_C(1) << bit;
            uint64_t value = base + (uint64_t)(int64_t)delta;
            uint8_t bytes[PX_VARINT_MAX];
            size_t n = (size_t)(px_put_varint(bytes, value) - bytes);
            assert_in_range(n, 1, PX_VARINT_MAX);
            for (size_t cut = 0; cut < n; cut++) {
                struct px_reader reader = px_reader_of(bytes, cut);
                uint64_t out = 42;
                assert_int_equal(px_read_varint(&reader, &out), PX_AGAIN);
                assert_ptr_equal(reader.at, bytes);
                assert_true(out == 42);
            }
            struct px_reader reader = px_reader_of(bytes, n);
            uint64_t out = 0;
            assert_int_equal(px_read_varint(&reader, &out), PX_OK);
            assert_true(out == value);
            assert_int_equal(px_reader_left(&reader), 0);
            assert_true(px_zigzag(px_unzigzag(value)) == value);
        }
    }
    assert_true(px_zigzag(-1) == 1 && px_zigzag(1) == 2);
    assert_true(px_unzigzag(UINT64_MAX) == INT64_MIN);
}

static void
test_varints_that_overflow(void **state)
{
    (void)state;
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    static const uint8_t high[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0x02};
    uint64_t out = 42;
    struct px_reader reader = px_reader_of(endless, sizeof endless);
    assert_int_equal(px_read_varint(&reader, &out), PX_EPROTO);
    assert_ptr_equal(reader.at, endless);
    reader = px_reader_of(high, sizeof high);
    assert_int_equal(px_read_varint(&reader, &out), PX_EPROTO);
    assert_true(out == 42);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_consume),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_exact_first_size),
        cmocka_unit_test(test_numbers_at_every_cut),
        cmocka_unit_test(test_borrowed_bytes),
        cmocka_unit_test(test_varints_return),
        cmocka_unit_test(test_varints_that_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
