/* test_text.c — no text of a target can move the cursor, hide or grow.
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

#include "base/text.h"

static void
check_escape(const char *text, size_t n, const char *expected)
{
    char out[256];
    char again[256];
    size_t length = px_text_escape(text, n, sizeof out, out);
    assert_string_equal(out, expected);
    assert_int_equal(length, strlen(expected));
    /* once more changes nothing */
    px_text_escape(out, length, sizeof again, again);
    assert_string_equal(again, expected);
}

#define CHECK(text, expected) check_escape(text, sizeof text - 1, expected)

static size_t
put_utf8(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(0xf0u << (4 - n) | code);
    return n;
}

static void
test_escapes(void **state)
{
    (void)state;
    CHECK("", "");
    CHECK("plain ~text\\", "plain ~text\\");
    CHECK("a\nb\tc\rd", "a\\nb\\tc\\rd");
    CHECK("\x1b[2J", "\\x1b[2J");
    CHECK("nul\0in", "nul\\x00in");
    CHECK("\x7f", "\\x7f");
    CHECK("\xc2\x85\xc2\x9b", "\\u0085\\u009b"); /* C1: NEL, CSI */
    CHECK("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    CHECK("\xe2\x80\xae"
          "evil",
          "\\u202eevil");                                  /* RLO */
    CHECK("\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"); /* LRI PDI */
    CHECK("\xd8\x9c", "\\u061c");                          /* ALM */
    CHECK("a\xe2\x80\x8b"
          "b",
          "a\\u200bb");                       /* zero-width space */
    CHECK("\xe2\x80\xa8", "\\u2028");         /* line separator */
    CHECK("\xc2\xad", "\\u00ad");             /* soft hyphen */
    CHECK("\xee\x80\x80", "\\ue000");         /* private use */
    CHECK("\xf3\xa0\x80\x81", "\\U000e0001"); /* tag */
    CHECK("\xef\xbf\xbe", "\\ufffe");         /* noncharacter */
    CHECK("x\xef\xb8\x8f", "x\\ufe0f");       /* variation selector */
    CHECK("\xe6\xbc\xa2", "\xe6\xbc\xa2");
}

/* What moves the cursor or turns the line around, one by one. */
static void
test_controls(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, last;
    } spans[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},
        {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
        {0xd800, 0xdfff}, {0xfff9, 0xfffb}, {0xe0001, 0xe007f},
    };
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        for (uint32_t code = spans[i].first; code <= spans[i].last; code++) {
            char text[8], out[16];
            size_t n = put_utf8(code, text);
            size_t length = px_text_escape(text, n, sizeof out, out);
            assert_true(length >= 2 && out[0] == '\\');
            for (size_t k = 0; k < length; k++)
                assert_in_range(out[k], 0x20, 0x7e);
        }
    }
}

static void
test_broken_utf8(void **state)
{
    (void)state;
    CHECK("\xff\xfe", "\\xff\\xfe");
    CHECK("\x80", "\\x80");
    CHECK("\xc3", "\\xc3");
    CHECK("\xc3(", "\\xc3(");
    CHECK("\xc0\xaf", "\\xc0\\xaf"); /* overlong / */
    CHECK("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* > 10ffff */
    CHECK("\xe6\xbc", "\\xe6\\xbc");                   /* cut short */
    CHECK("\xed\xa0\x80", "\\ud800");                  /* WTF-8 surrogate */
    CHECK("\x8a\n", "\\x8a\\n");
    CHECK("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
}

static void
test_marks_need_a_base(void **state)
{
    (void)state;
    CHECK("e\xcc\x81", "e\xcc\x81");
    CHECK("\xcc\x81", "\\u0301");
    CHECK("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
          "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u0301");
}

/* Every out_bytes: whole pieces only, always terminated, "…" when cut. */
static void
test_cut_at_every_size(void **state)
{
    (void)state;
    static const char text[] = "a\x1b\xc3\xbc\xe6\xbc\xa2\xe2\x80\xae\n"
                               "end of it";
    char whole[128];
    size_t length = px_text_escape(text, sizeof text - 1, sizeof whole, whole);
    for (size_t room = 1; room <= length + 4; room++) {
        char *out = malloc(room); /* exact, for the address sanitizer */
        assert_non_null(out);
        size_t n = px_text_escape(text, sizeof text - 1, room, out);
        assert_true(n < room);
        assert_int_equal(strlen(out), n);
        if (room > length) {
            assert_string_equal(out, whole);
        } else if (room >= 4) {
            assert_true(n >= 3);
            assert_memory_equal(out + n - 3, "\xe2\x80\xa6", 3);
            assert_memory_equal(out, whole, n - 3);
            char again[128];
            px_text_escape(out, n, sizeof again, again);
            assert_string_equal(again, out); /* no half character */
        } else {
            assert_int_equal(n, 0);
        }
        free(out);
    }
    char untouched = 'x';
    assert_int_equal(px_text_escape("abc", 3, 0, &untouched), 0);
    assert_int_equal(untouched, 'x');
}

/* Whatever goes in, nothing comes out that a terminal would act on. */
static void
test_any_bytes(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        char out[512];
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = (char)(seed >> 24);
        }
        size_t n = px_text_escape(text, sizeof text, sizeof out, out);
        assert_int_equal(strlen(out), n);
        for (size_t i = 0; i < n; i++) {
            unsigned char byte = (unsigned char)out[i];
            assert_true(byte >= 0x20 && byte != 0x7f);
            if (byte == 0xc2)
                assert_true((unsigned char)out[i + 1] >= 0xa0);
        }
    }
}

static void
test_widths(void **state)
{
    (void)state;
    assert_int_equal(px_text_cols("abc", 3), 3);
    assert_int_equal(px_text_cols("", 0), 0);
    assert_int_equal(px_text_cols("\xe6\xbc\xa2\xe5\xad\x97", 6), 4);
    assert_int_equal(px_text_cols("e\xcc\x81", 3), 1);
    assert_int_equal(px_text_cols("\xc3\xbc", 2), 1);
    assert_int_equal(px_text_cols("\xff", 1), 1);
    assert_int_equal(px_text_cols("\xf0\x9f\x98\x80", 4), 2);
    assert_int_equal(px_text_cols("\xe2\x86\x92", 3), 1); /* → */
}

static void
test_fit(void **state)
{
    (void)state;
    static const char text[] = "a\xe6\xbc\xa2"
                               "e\xcc\x81z";
    static const struct {
        size_t bytes;
        int used;
    } expected[] = {{0, 0}, {1, 1}, {1, 1}, {4, 3}, {7, 4}, {8, 5}, {8, 5}};
    for (int cols = 0; cols < 7; cols++) {
        int used = -1;
        size_t n = px_text_fit(text, sizeof text - 1, cols, &used);
        assert_int_equal(n, expected[cols].bytes);
        assert_int_equal(used, expected[cols].used);
        assert_int_equal(px_text_fit(text, sizeof text - 1, cols, NULL), n);
    }
}

static void
test_figures(void **state)
{
    (void)state;
    char out[PX_FIGURE_MAX];
    static const struct {
        uint64_t value;
        const char *count, *bytes, *ns;
    } rows[] = {
        {0, "0", "0 B", "0 ns"},
        {999, "999", "999 B", "999 ns"},
        {1000, "1,000", "1000 B", "1 us"},
        {1023, "1,023", "1023 B", "1 us"},
        {1024, "1,024", "1.0 KiB", "1 us"},
        {18204, "18,204", "17.8 KiB", "18 us"},
        {999499, "999,499", "976.1 KiB", "999 us"},
        {999500, "999,500", "976.1 KiB", "1.0 ms"},
        {1023948, "1,023,948", "999.9 KiB", "1.0 ms"},
        {1023949, "1,023,949", "1000 KiB", "1.0 ms"},
        {1048063, "1,048,063", "1023 KiB", "1.0 ms"},
        {1048064, "1,048,064", "1.0 MiB", "1.0 ms"},
        {1048575, "1,048,575", "1.0 MiB", "1.0 ms"},
        {6200000, "6,200,000", "5.9 MiB", "6.2 ms"},
        {9949999, "9,949,999", "9.5 MiB", "9.9 ms"},
        {37400000, "37,400,000", "35.7 MiB", "37 ms"},
        {999600000, "999,600,000", "953.3 MiB", "1.00 s"},
        {UINT64_C(1310000000), "1,310,000,000", "1.2 GiB", "1.31 s"},
        {UINT64_C(59949000000), "59,949,000,000", "55.8 GiB", "59.9 s"},
        {UINT64_C(59960000000), "59,960,000,000", "55.8 GiB", "1 min"},
        {UINT64_C(125000000000), "125,000,000,000", "116.4 GiB", "2 min 5 s"},
        {UINT64_C(7200000000000), "7,200,000,000,000", "6.5 TiB", "2 h"},
        {UINT64_C(273600000000000), "273,600,000,000,000", "248.8 TiB",
         "3 d 4 h"},
        {UINT64_MAX, "18,446,744,073,709,551,615", "16.0 EiB", "213503 d 23 h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(px_text_count(rows[i].value, out), rows[i].count);
        assert_string_equal(px_text_bytes(rows[i].value, out), rows[i].bytes);
        assert_string_equal(px_text_ns(rows[i].value, out), rows[i].ns);
    }
    char counted[PX_COUNTED_MAX];
    assert_string_equal(px_text_counted(0, "path", counted), "0 paths");
    assert_string_equal(px_text_counted(1, "path", counted), "1 path");
    assert_string_equal(px_text_counted(1560, "path", counted), "1,560 paths");
    assert_string_equal(px_text_signed(1560, out), "+1,560");
    assert_string_equal(px_text_signed(-1560, out), "-1,560");
    assert_string_equal(px_text_signed(0, out), "0");
    assert_string_equal(px_text_signed(INT64_MIN, out),
                        "-9,223,372,036,854,775,808");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_broken_utf8),
        cmocka_unit_test(test_marks_need_a_base),
        cmocka_unit_test(test_cut_at_every_size),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
