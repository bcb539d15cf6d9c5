/* screen.c — what is on the screen: a grid of cells.
 *
 * In ASCII mode every text is folded on its way in: our own glyphs by a table
 * (→ becomes ->), anything else beyond ASCII becomes \u2026 as in a Python
 * repr. So no caller needs a second set of glyphs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/mem.h"

#define TEXT_MAX 2048

/* Our glyphs and what stands for them. */
static const struct {
    const char *glyph;
    const char *ascii;
} folds[] = {
    {"→", "->"},  {"…", "..."}, {"▌", ">"},  {"▾", "v"},   {"▴", "^"},
    {"▸", ">"},   {"─", "-"},   {"│", "|"},  {"├", "+"},   {"┤", "+"},
    {"┬", "+"},   {"┴", "+"},   {"┼", "+"},  {"█", "#"},   {"▓", "#"},
    {"░", "."},   {"▏", " "},   {"▎", " "},  {"▍", "-"},   {"▋", "="},
    {"▊", "="},   {"▉", "="},   {"▶", ">"},  {"●", "*"},   {"○", "o"},
    {"☑", "[x]"}, {"☐", "[ ]"}, {"›", ">"},  {"‹", "<"},   {"·", "-"},
    {"−", "-"},   {"×", "x"},   {"⌫", "BS"}, {"≥", ">="},  {"↑", "^"},
    {"↓", "v"},   {"▁", "_"},   {"▂", "_"},  {"▃", "."},   {"▄", "-"},
    {"▅", "="},   {"▆", "*"},   {"▇", "%"},  {"⇄", "<->"}, {"’", "'"},
};

void
screen_init(struct screen *screen, bool ascii)
{
    memset(screen, 0, sizeof *screen);
    screen->ascii = ascii;
    screen->cursor_row = -1;
}

void
screen_done(struct screen *screen)
{
    free(screen->cells);
    screen->cells = NULL;
    screen->rows = screen->cols = 0;
}

void
screen_resize(struct screen *screen, int rows, int cols)
{
    screen->rows = rows > 0 ? rows : 0;
    screen->cols = cols > 0 ? cols : 0;
    screen->cells =
        mem_resize(screen->cells, (size_t)screen->rows * (size_t)screen->cols,
                   sizeof *screen->cells);
    screen_clear(screen);
}

void
screen_clear(struct screen *screen)
{
    size_t n = (size_t)screen->rows * (size_t)screen->cols;
    for (size_t i = 0; i < n; i++)
        screen->cells[i] =
            (struct cell){.text = " ", .width = 1, .role = ROLE_NORMAL};
    screen->cursor_row = -1;
    screen->cursor_col = 0;
}

/* Bytes of the UTF-8 character at `at`; texts are escaped, so a stray byte
 * can only come from our own mistake and counts as one. */
static size_t
char_bytes(const char *at)
{
    unsigned char first = (unsigned char)*at;
    size_t n = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return i;
    }
    return n;
}

static unsigned
char_code(const char *at, size_t n)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = (unsigned char)at[0] & masks[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    return code;
}

static size_t
fold_char(const char *at, size_t n, char out[12])
{
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
        if (strlen(folds[i].glyph) == n && memcmp(folds[i].glyph, at, n) == 0) {
            strcpy(out, folds[i].ascii);
            return strlen(out);
        }
    }
    unsigned code = char_code(at, n);
    int used = snprintf(out, 12, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
    return (size_t)used;
}

/* `text` as this screen may show it, in `out`: without control bytes, folded
 * in ASCII mode. */
static void
prepare(const struct screen *screen, const char *text, char out[TEXT_MAX])
{
    size_t used = 0;
    while (*text != '\0' && used < TEXT_MAX - 12) {
        size_t n = char_bytes(text);
        unsigned char byte = (unsigned char)*text;
        if (n == 1 && (byte < 0x20 || byte >= 0x7f)) {
            out[used++] = '?';
        } else if (n > 1 && screen->ascii) {
            used += fold_char(text, n, out + used);
        } else {
            memcpy(out + used, text, n);
            used += n;
        }
        text += n;
    }
    out[used] = '\0';
}

static struct cell *
cell_at(struct screen *screen, int row, int col)
{
    return &screen->cells[(size_t)row * (size_t)screen->cols + (size_t)col];
}

/* Writes n bytes, which are known to fit. */
static void
write_cells(struct screen *screen, int row, int col, enum role role,
            const char *text, size_t n)
{
    struct cell *last = NULL;
    const char *end = text + n;
    while (text < end) {
        size_t bytes = char_bytes(text);
        int width = px_text_cols(text, bytes);
        if (width <= 0) {
            size_t have = last != NULL ? strlen(last->text) : CELL_BYTES;
            if (last != NULL && have + bytes <= CELL_BYTES) {
                memcpy(last->text + have, text, bytes);
                last->text[have + bytes] = '\0';
            }
        } else {
            last = cell_at(screen, row, col);
            memcpy(last->text, text, bytes);
            last->text[bytes] = '\0';
            last->width = (uint8_t)width;
            last->role = (uint8_t)role;
            if (width == 2)
                *cell_at(screen, row, col + 1) = (struct cell){
                    .text = "", .width = 0, .role = (uint8_t)role};
            col += width;
        }
        text += bytes;
    }
}

int
screen_put(struct screen *screen, int row, int col, int max_cols,
           enum role role, const char *text)
{
    if (row < 0 || row >= screen->rows || col < 0 || col >= screen->cols)
        return 0;
    if (max_cols > screen->cols - col)
        max_cols = screen->cols - col;
    if (max_cols <= 0)
        return 0;
    char shown[TEXT_MAX];
    prepare(screen, text, shown);
    size_t len = strlen(shown);
    int used = 0;
    size_t n = px_text_fit(shown, len, max_cols, &used);
    if (n == len) {
        write_cells(screen, row, col, role, shown, n);
        return used;
    }
    const char *mark = screen->ascii ? "~" : "…";
    n = px_text_fit(shown, len, max_cols - 1, &used);
    write_cells(screen, row, col, role, shown, n);
    write_cells(screen, row, col + used, role, mark, strlen(mark));
    return used + 1;
}

int
screen_put_right(struct screen *screen, int row, int end_col, int max_cols,
                 enum role role, const char *text)
{
    int cols = screen_cols_of(screen, text);
    if (cols > max_cols)
        cols = max_cols;
    if (cols > end_col)
        cols = end_col;
    return screen_put(screen, row, end_col - cols, cols, role, text);
}

static int
cols_of_bytes(const struct screen *screen, const char *text, size_t n)
{
    char part[TEXT_MAX];
    n = n < sizeof part - 1 ? n : sizeof part - 1;
    memcpy(part, text, n);
    part[n] = '\0';
    return screen_cols_of(screen, part);
}

size_t
screen_line(const struct screen *screen, const char *text, int cols)
{
    size_t n = 0, fits = 0, words = 0;
    while (n < TEXT_MAX - 12 && text[n] != '\0') {
        n += char_bytes(text + n);
        if (cols_of_bytes(screen, text, n) > cols)
            return 2 * words > fits ? words : fits; /* no short line */
        fits = n;
        if (text[n] == ' ')
            words = n;
    }
    return fits;
}

const char *
screen_end(const struct screen *screen, const char *text, int cols)
{
    while (*text != '\0' && screen_cols_of(screen, text) > cols)
        text += char_bytes(text);
    return text;
}

void
screen_fill(struct screen *screen, int row, int col, int n, enum role role,
            const char *glyph)
{
    char shown[TEXT_MAX];
    prepare(screen, glyph, shown);
    if (row < 0 || row >= screen->rows || col < 0)
        return;
    for (int i = 0; i < n && col + i < screen->cols; i++)
        write_cells(screen, row, col + i, role, shown, char_bytes(shown));
}

void
screen_paint(struct screen *screen, int row, int col, int n, enum role role)
{
    if (row < 0 || row >= screen->rows || col < 0)
        return;
    for (int i = 0; i < n && col + i < screen->cols; i++)
        cell_at(screen, row, col + i)->role = (uint8_t)role;
}

char *
screen_dump(const struct screen *screen)
{
    size_t row_bytes = (size_t)screen->cols * CELL_BYTES + 2;
    char *dump = mem_new((size_t)screen->rows * row_bytes + 1, 1);
    char *at = dump;
    for (int row = 0; row < screen->rows; row++) {
        char *end = at;
        for (int col = 0; col < screen->cols; col++) {
            const struct cell *cell =
                &screen
                     ->cells[(size_t)row * (size_t)screen->cols + (size_t)col];
            size_t n = strlen(cell->text);
            memcpy(at, cell->text, n);
            at += n;
            if (n > 0 && cell->text[0] != ' ')
                end = at;
        }
        at = end;
        *at++ = '\n';
    }
    *at = '\0';
    return dump;
}

int
screen_cols_of(const struct screen *screen, const char *text)
{
    char shown[TEXT_MAX];
    prepare(screen, text, shown);
    return px_text_cols(shown, strlen(shown));
}
