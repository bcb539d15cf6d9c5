/* text.c — text for people: escaping, width in cells, figures with units.
 *
 * What may be shown is decided per code point by its Unicode category: what
 * has no glyph of its own (control, format, separator of lines, surrogate,
 * private, unassigned) is escaped. That takes in C0, C1, DEL, every bidi
 * control and the zero-width characters. Combining marks are kept, but only
 * behind a visible character and four at most, so that a name cannot draw
 * over its neighbours; variation selectors change widths on some terminals
 * and are escaped. A backslash stays as it is: escaping twice changes
 * nothing, so texts may pass here again on their way to the screen.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#define MARKS_MAX 4
#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_BYTES 3
#define NS_PER_S UINT64_C(1000000000)

/* ---- characters ---- */

/* Bytes of the first character of text, 0 if they are not UTF-8. Surrogates
 * are accepted (Python's str may have them: WTF-8), longer forms are not. */
static size_t
decode(const uint8_t *text, size_t n, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80) {
        *code = text[0];
        return 1;
    }
    size_t length = text[0] >= 0xf5   ? 0
                    : text[0] >= 0xf0 ? 4
                    : text[0] >= 0xe0 ? 3
                    : text[0] >= 0xc2 ? 2
                                      : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t value = text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3fu);
    }
    if (value < least[length] || value > 0x10ffff)
        return 0;
    *code = value;
    return length;
}

static bool
has_glyph(uint32_t code)
{
    if (code >= 0xfe00 && code <= 0xfe0f)
        return false;
    if (code >= 0xe0100 && code <= 0xe01ef)
        return false;
    const unsigned without =
        1u << UTF8PROC_CATEGORY_CN | 1u << UTF8PROC_CATEGORY_CC |
        1u << UTF8PROC_CATEGORY_CF | 1u << UTF8PROC_CATEGORY_CS |
        1u << UTF8PROC_CATEGORY_CO | 1u << UTF8PROC_CATEGORY_ZL |
        1u << UTF8PROC_CATEGORY_ZP;
    return (without >> utf8proc_category((utf8proc_int32_t)code) & 1u) == 0;
}

static int
width_of(uint32_t code)
{
    if (code < 0x80)
        return 1;
    int width = utf8proc_charwidth((utf8proc_int32_t)code);
    return width < 0 ? 0 : width;
}

/* ---- escaping ---- */

#define PIECE_MAX 12

/* Writes the text of one unshowable character. */
static size_t
put_escape(uint32_t code, bool is_byte, char *piece)
{
    const char *short_form = code == '\n'   ? "\\n"
                             : code == '\r' ? "\\r"
                             : code == '\t' ? "\\t"
                                            : NULL;
    int length;
    if (short_form != NULL && !is_byte)
        length = snprintf(piece, PIECE_MAX, "%s", short_form);
    else if (is_byte || code < 0x80)
        length = snprintf(piece, PIECE_MAX, "\\x%02" PRIx32, code);
    else if (code < 0x10000)
        length = snprintf(piece, PIECE_MAX, "\\u%04" PRIx32, code);
    else
        length = snprintf(piece, PIECE_MAX, "\\U%08" PRIx32, code);
    return (size_t)length;
}

/* The next character of text as it is shown: how many bytes it takes of
 * `text`, and in piece how it reads. *marks counts the zero-width characters
 * since the last visible one. */
static size_t
next_piece(const uint8_t *text, size_t n, unsigned *marks, char *piece,
           size_t *piece_bytes)
{
    uint32_t code;
    size_t length = decode(text, n, &code);
    if (length == 0) {
        *piece_bytes = put_escape(text[0], true, piece);
        *marks = 0;
        return 1;
    }
    bool is_shown = code >= 0x20 && code < 0x7f;
    if (!is_shown && code >= 0x80 && has_glyph(code))
        is_shown = width_of(code) > 0 || (*marks)++ < MARKS_MAX;
    if (!is_shown || width_of(code) > 0)
        *marks = 0;
    if (is_shown) {
        memcpy(piece, text, length);
        *piece_bytes = length;
    } else {
        *piece_bytes = put_escape(code, false, piece);
    }
    return length;
}

size_t
px_text_escape(const char *text, size_t n, size_t out_bytes, char *out)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t used = 0;
    size_t cut = 0; /* the last boundary that leaves room for the ellipsis */
    unsigned marks = MARKS_MAX; /* a mark at the start has no base */
    if (out_bytes == 0)
        return 0;
    while (n > 0) {
        char piece[PIECE_MAX];
        size_t piece_bytes;
        size_t taken = next_piece(at, n, &marks, piece, &piece_bytes);
        if (used + piece_bytes + 1 > out_bytes) {
            used = cut;
            if (out_bytes > ELLIPSIS_BYTES) {
                memcpy(out + cut, ELLIPSIS, ELLIPSIS_BYTES);
                used += ELLIPSIS_BYTES;
            }
            break;
        }
        memcpy(out + used, piece, piece_bytes);
        used += piece_bytes;
        if (used + ELLIPSIS_BYTES + 1 <= out_bytes)
            cut = used;
        at += taken;
        n -= taken;
    }
    out[used] = '\0';
    return used;
}

/* ---- width ---- */

size_t
px_text_fit(const char *text, size_t n, int cols, int *used_cols)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at = 0;
    int used = 0;
    while (at < n) {
        uint32_t code;
        size_t length = decode(bytes + at, n - at, &code);
        int width = length == 0 ? 1 : width_of(code);
        if (used + width > cols)
            break;
        used += width;
        at += length == 0 ? 1 : length;
    }
    if (used_cols != NULL)
        *used_cols = used;
    return at;
}

int
px_text_cols(const char *text, size_t n)
{
    int used;
    px_text_fit(text, n, INT32_MAX / 2, &used);
    return used;
}

/* ---- figures ---- */

char *
px_text_count(uint64_t value, char out[PX_FIGURE_MAX])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *to = out;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

char *
px_text_counted(uint64_t value, const char *noun, char out[PX_COUNTED_MAX])
{
    char count[PX_FIGURE_MAX];
    snprintf(out, PX_COUNTED_MAX, "%s %.30s%s", px_text_count(value, count),
             noun, value == 1 ? "" : "s");
    return out;
}

char *
px_text_signed(int64_t value, char out[PX_FIGURE_MAX])
{
    char size[PX_FIGURE_MAX];
    px_text_count(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, size);
    const char *sign = value < 0 ? "-" : value > 0 ? "+" : "";
    snprintf(out, PX_FIGURE_MAX, "%s%.30s", sign, size);
    return out;
}

char *
px_text_bytes(uint64_t bytes, char out[PX_FIGURE_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(out, PX_FIGURE_MAX, "%" PRIu64 " B", bytes);
        return out;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    /* 1023.5 would print as 1024 */
    while (value >= 1023.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    /* Never wider than "999.9 KiB": columns are made for that. */
    snprintf(out, PX_FIGURE_MAX, "%.*f %s", value < 999.95 ? 1 : 0, value,
             units[unit]);
    return out;
}

/* "3 d 4 h": two neighbouring units, the smaller one left out when 0. */
static void
put_two_units(uint64_t seconds, char *out)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;
    while (seconds < units[i].seconds)
        i++;
    uint64_t big = seconds / units[i].seconds;
    uint64_t small = seconds % units[i].seconds / units[i + 1].seconds;
    int n = snprintf(out, PX_FIGURE_MAX, "%" PRIu64 " %s", big, units[i].name);
    if (small > 0)
        snprintf(out + n, PX_FIGURE_MAX - (size_t)n, " %" PRIu64 " %s", small,
                 units[i + 1].name);
}

char *
px_text_ns(uint64_t ns, char out[PX_FIGURE_MAX])
{
    double value = (double)ns;
    if (ns < 1000)
        snprintf(out, PX_FIGURE_MAX, "%" PRIu64 " ns", ns);
    else if (value < 999.5e3)
        snprintf(out, PX_FIGURE_MAX, "%.0f us", value / 1e3);
    else if (value < 9.95e6)
        snprintf(out, PX_FIGURE_MAX, "%.1f ms", value / 1e6);
    else if (value < 999.5e6)
        snprintf(out, PX_FIGURE_MAX, "%.0f ms", value / 1e6);
    else if (value < 9.995e9)
        snprintf(out, PX_FIGURE_MAX, "%.2f s", value / 1e9);
    else if (value < 59.95e9)
        snprintf(out, PX_FIGURE_MAX, "%.1f s", value / 1e9);
    else
        put_two_units(ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2), out);
    return out;
}
