/* rows.c — the text of one cell, piece by piece.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void
cell_clear(struct cell_out *out)
{
    out->text[0] = '\0';
    out->len = 0;
    out->n_spans = 0;
    out->key = 0;
}

void
cell_add(struct cell_out *out, enum role role, const char *text)
{
    if (text[0] == '\0' || out->len + 1 >= sizeof out->text)
        return;
    if (out->n_spans == 0 || (out->spans[out->n_spans - 1].role != role &&
                              out->n_spans < CELL_OUT_SPANS)) {
        out->spans[out->n_spans].start = (uint16_t)out->len;
        out->spans[out->n_spans].role = (uint16_t)role;
        out->n_spans++;
    }
    out->len += px_text_escape(text, strlen(text), sizeof out->text - out->len,
                               out->text + out->len);
}

void
cell_addf(struct cell_out *out, enum role role, const char *format, ...)
{
    char text[CELL_OUT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cell_add(out, role, text);
}

void
cell_count(struct cell_out *out, uint64_t value)
{
    char text[PX_FIGURE_MAX];
    cell_add(out, ROLE_NUMBER, px_text_count(value, text));
    out->key = value;
}

void
cell_bytes(struct cell_out *out, uint64_t bytes)
{
    char text[PX_FIGURE_MAX];
    cell_add(out, ROLE_NUMBER, px_text_bytes(bytes, text));
    out->key = bytes;
}

void
cell_change(struct cell_out *out, int64_t value)
{
    char text[PX_FIGURE_MAX];
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value != 0)
        cell_addf(out, value > 0 ? ROLE_WARN : ROLE_GOOD, "%s%s",
                  value > 0 ? "+" : "−", px_text_count(size, text));
    out->key = value > 0 ? size : 0;
}

void
cell_share(struct cell_out *out, uint64_t part, uint64_t whole)
{
    double percent = whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
    cell_addf(out, ROLE_NUMBER, "%.1f %%", percent);
    out->key = (uint64_t)(percent * 1000.0);
}

void
cell_bar(struct cell_out *out, uint64_t part, uint64_t whole, int cols)
{
    static const char *const eighths[] = {"",  "▏", "▎", "▍",
                                          "▌", "▋", "▊", "▉"};
    double share = whole > 0 ? (double)part / (double)whole : 0.0;
    int n = (int)(share * cols * 8 + 0.5);
    for (int i = 0; i < n / 8; i++)
        cell_add(out, ROLE_BAR, "█");
    cell_add(out, ROLE_BAR, eighths[n % 8]);
}
