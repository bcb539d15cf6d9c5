/* list_draw.c — how the one list looks.
 *
 * Column 0 is the marker of the selected row, the columns follow with two
 * blanks between them. Columns that do not fit go, those with the highest
 * `drop` first; before one with a drop of MATTERS or less goes, texts shrink
 * to their least width. What is left is shared by those that stretch; what one
 * of them has no text for goes to those after it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/list.h"

#define GAP 2
#define MARKER 1
#define MATTERS 2
/* So that columns seldom move while one scrolls: texts are looked at beforehand
 * in a list of so few rows, and have so much room more. */
#define FEW_ROWS 256
#define STEP_COLS 8

static bool
is_right(const struct column *column)
{
    return column->kind == COLUMN_COUNT || column->kind == COLUMN_BYTES ||
           column->kind == COLUMN_SHARE;
}

/* The column that goes next, -1: none can. */
static int
find_worst(const struct rows_ops *ops, const int *cols)
{
    int worst = -1;
    for (int i = 0; i < ops->n_columns; i++) {
        if (cols[i] > 0 && ops->columns[i].drop > 0 &&
            (worst < 0 || ops->columns[i].drop > ops->columns[worst].drop))
            worst = i;
    }
    return worst;
}

/* Makes texts smaller by no more than what is missing; how much it was. */
static int
shrink(const struct rows_ops *ops, int *cols, int missing)
{
    int got = 0;
    for (int i = 0; i < ops->n_columns && got < missing; i++) {
        int room = cols[i] - ops->columns[i].least;
        if (cols[i] == 0 || ops->columns[i].least == 0 || room <= 0)
            continue;
        room = room < missing - got ? room : missing - got;
        cols[i] -= room;
        got += room;
    }
    return got;
}

/* Widths of the columns that are shown, 0 for the others; the sum of all with
 * the gaps. */
static int
choose_columns(const struct list *list, int total_cols, int *cols)
{
    const struct rows_ops *ops = list->ops;
    int used = MARKER - GAP;
    for (int i = 0; i < ops->n_columns; i++) {
        bool is_there =
            ops->has_column == NULL || ops->has_column(list->context, i);
        cols[i] = is_there ? ops->columns[i].cols : 0;
        used += is_there ? cols[i] + GAP : 0;
    }
    while (used > total_cols) {
        int worst = find_worst(ops, cols);
        if (worst < 0 || ops->columns[worst].drop <= MATTERS)
            used -= shrink(ops, cols, used - total_cols);
        if (worst < 0 || used <= total_cols)
            break;
        used -= cols[worst] + GAP;
        cols[worst] = 0;
    }
    return used;
}

/* The widest text so far of a column that stretches; the last one takes what
 * is left in any case. `n_shown`: rows on screen. */
static void
look_at_texts(struct list *list, struct screen *screen, uint32_t n_shown)
{
    const struct rows_ops *ops = list->ops;
    bool has_few = list->n_rows <= FEW_ROWS;
    uint32_t at = has_few ? 0 : list->top;
    uint32_t end = has_few ? list->n_rows : list->top + n_shown;
    int last = ops->n_columns - 1;
    while (last > 0 && ops->columns[last].stretch == 0)
        last--;
    for (int i = 0; i < last; i++) {
        if (ops->columns[i].stretch == 0)
            continue;
        for (uint32_t row = at; row < end; row++) {
            struct cell_out cell;
            cell_clear(&cell);
            ops->cell(list->context, list_row_at(list, row), i, &cell);
            int need = screen_cols_of(screen, cell.text);
            need = (need + STEP_COLS - 1) / STEP_COLS * STEP_COLS;
            if (list->text_cols[i] < need)
                list->text_cols[i] = need;
        }
    }
}

/* The part of the `left` columns that this one gets; `stretch` is the sum of
 * its own and of those after it, to which goes what it has no text for. */
static int
share_of(const struct list *list, int i, int cols, int left, int stretch)
{
    int own = list->ops->columns[i].stretch;
    int share = left * own / stretch;
    int missing = list->text_cols[i] > cols ? list->text_cols[i] - cols : 0;
    return own < stretch && missing < share ? missing : share;
}

static void
lay_out(struct list *list, int total_cols)
{
    const struct rows_ops *ops = list->ops;
    int widths[LIST_COLUMNS] = {0};
    int used = choose_columns(list, total_cols, widths), stretch = 0;
    for (int i = 0; i < ops->n_columns; i++)
        stretch += widths[i] > 0 ? ops->columns[i].stretch : 0;
    int left = total_cols > used ? total_cols - used : 0;
    int at = MARKER;
    list->n_layout = 0;
    for (int i = 0; i < ops->n_columns && at < total_cols; i++) {
        const struct column *column = &ops->columns[i];
        int cols = widths[i];
        if (cols == 0)
            continue;
        if (column->stretch > 0 && stretch > 0) {
            int more = share_of(list, i, cols, left, stretch);
            cols += more;
            left -= more;
            stretch -= column->stretch;
        }
        if (cols > total_cols - at)
            cols = total_cols - at;
        list->layout[list->n_layout].column = i;
        list->layout[list->n_layout].start = at;
        list->layout[list->n_layout].cols = cols;
        list->n_layout++;
        at += cols + GAP;
    }
}

static void
draw_header(struct list *list, struct screen *screen, struct rect area)
{
    screen_fill(screen, area.row, area.col, area.cols, ROLE_HEADER, " ");
    for (int i = 0; i < list->n_layout; i++) {
        const struct column *column =
            &list->ops->columns[list->layout[i].column];
        bool sorts = list->layout[i].column == list->sort;
        char title[64];
        size_t n = strlen(column->title);
        memcpy(title, column->title, n + 1);
        if (sorts)
            strcpy(title + n, list->is_descending ? "▾" : "▴");
        enum role role = sorts ? ROLE_HEADER_SORT : ROLE_HEADER;
        int start = area.col + list->layout[i].start;
        int cols = list->layout[i].cols;
        if (is_right(column))
            screen_put_right(screen, area.row, start + cols, cols + 1, role,
                             title);
        else
            screen_put(screen, area.row, start, cols, role, title);
    }
}

static void
draw_cell(struct screen *screen, int row, int start, int cols, bool is_right_,
          const struct cell_out *cell)
{
    if (is_right_) {
        screen_put_right(screen, row, start + cols, cols,
                         cell->n_spans > 0 ? (enum role)cell->spans[0].role
                                           : ROLE_NORMAL,
                         cell->text);
        return;
    }
    int at = 0;
    for (size_t i = 0; i < cell->n_spans && at < cols; i++) {
        size_t from = cell->spans[i].start;
        size_t to =
            i + 1 < cell->n_spans ? cell->spans[i + 1].start : cell->len;
        char piece[CELL_OUT_BYTES];
        memcpy(piece, cell->text + from, to - from);
        piece[to - from] = '\0';
        at += screen_put(screen, row, start + at, cols - at,
                         (enum role)cell->spans[i].role, piece);
    }
}

/* The pane's title in the place of titles of columns. */
static void
draw_title(const struct list *list, struct screen *screen, struct rect area,
           bool has_focus)
{
    enum role role = has_focus ? ROLE_PANE_FOCUS : ROLE_PANE;
    screen_fill(screen, area.row, area.col, area.cols, role, " ");
    struct cell_out title;
    cell_clear(&title);
    if (list->ops->title != NULL)
        list->ops->title(list->context, &title);
    else
        cell_add(&title, role, list->ops->name);
    for (size_t i = 0; i < title.n_spans; i++) {
        if (title.spans[i].role == ROLE_PANE)
            title.spans[i].role = (uint16_t)role;
    }
    draw_cell(screen, area.row, area.col + 1, area.cols - 1, false, &title);
}

/* What was found, where it is in `text` as it was drawn. */
static void
mark_match(const struct list *list, struct screen *screen, int row, int col,
           int cols, const char *text)
{
    const char *found = filter_find(text, list->search);
    char before[CELL_OUT_BYTES], match[CELL_OUT_BYTES];
    if (found == NULL)
        return;
    snprintf(before, sizeof before, "%.*s", (int)(found - text), text);
    snprintf(match, sizeof match, "%.*s", (int)strlen(list->search), found);
    int start = screen_cols_of(screen, before);
    int n = screen_cols_of(screen, match);
    if (n > cols - start)
        n = cols - start;
    screen_paint(screen, row, col + start, n, ROLE_MATCH);
}

/* Cuts the beginning until it fits, and says so with "…". */
static void
cut_beginning(struct screen *screen, struct cell_out *cell, int cols)
{
    if (screen_cols_of(screen, cell->text) <= cols)
        return;
    const char *mark = screen->ascii ? "~" : "…";
    const char *at = screen_end(screen, cell->text, cols - 1);
    char rest[CELL_OUT_BYTES];
    enum role role = (enum role)cell->spans[0].role;
    snprintf(rest, sizeof rest, "%s", at);
    cell_clear(cell);
    cell_add(cell, ROLE_DIM, mark);
    cell_add(cell, role, rest);
}

static void
get_cell(const struct list *list, uint32_t row, int i, struct cell_out *out)
{
    cell_clear(out);
    list->ops->cell(list->context, row, list->layout[i].column, out);
}

/* A text that is too long takes what the columns after it leave empty: rows of
 * a tree or a pane that have no figures are read to their end. */
static int
cell_cols(const struct list *list, const struct screen *screen, uint32_t row,
          int i, const struct cell_out *cell)
{
    int cols = list->layout[i].cols;
    int need = screen_cols_of(screen, cell->text);
    for (i++; need > cols && i < list->n_layout; i++) {
        struct cell_out next;
        get_cell(list, row, i, &next);
        if (next.len > 0)
            break;
        cols += GAP + list->layout[i].cols;
    }
    return cols;
}

/* The cell as it is drawn, and how wide it may be. */
static int
shown_cell(const struct list *list, struct screen *screen, uint32_t row, int i,
           struct cell_out *out)
{
    const struct column *column = &list->ops->columns[list->layout[i].column];
    int cols = list->layout[i].cols;
    get_cell(list, row, i, out);
    if ((list->ops->is_tree || list->ops->bare) && !is_right(column))
        cols = cell_cols(list, screen, row, i, out);
    if (column->keep_end)
        cut_beginning(screen, out, cols);
    return cols;
}

static void
draw_row(struct list *list, struct screen *screen, struct rect area, int at,
         uint32_t position, bool has_focus)
{
    uint32_t row = list_row_at(list, position);
    bool is_selected = position == list->cursor;
    struct cell_out cell;
    for (int i = 0; i < list->n_layout; i++) {
        const struct column *column =
            &list->ops->columns[list->layout[i].column];
        int cols = shown_cell(list, screen, row, i, &cell);
        draw_cell(screen, at, area.col + list->layout[i].start, cols,
                  is_right(column), &cell);
    }
    if (is_selected && has_focus) {
        screen_paint(screen, at, area.col, area.cols, ROLE_SELECTED);
        screen_put(screen, at, area.col, 1, ROLE_SELECTED, "▌");
        screen->cursor_row = at;
        screen->cursor_col = area.col + MARKER;
    }
    for (int i = 0; list->search[0] != '\0' && i < list->n_layout; i++) {
        if (list->ops->columns[list->layout[i].column].kind != COLUMN_TEXT)
            continue;
        int cols = shown_cell(list, screen, row, i, &cell);
        mark_match(list, screen, at, area.col + list->layout[i].start, cols,
                   cell.text);
    }
}

/* Words of `text` into lines of `area`, for lists without rows. */
static void
draw_empty(struct list *list, struct screen *screen, struct rect area)
{
    char text[600] = "nothing here";
    if (list->filter.n_terms > 0)
        strcpy(text, "no row passes the filter. Press f and Enter to see all"
                     " rows again.");
    else if (list->ops->empty != NULL)
        list->ops->empty(list->context, sizeof text, text);
    const char *at = text;
    for (int row = 1; row < area.rows && *at != '\0'; row++) {
        size_t n = screen_line(screen, at, area.cols - 4);
        if (n == 0)
            break;
        char line[600];
        memcpy(line, at, n);
        line[n] = '\0';
        screen_put(screen, area.row + row, area.col + 2, area.cols - 2,
                   ROLE_DIM, line);
        at += n;
        at += strspn(at, " ");
    }
}

/* Moves the top so that the cursor is on screen; how many rows there are. */
static uint32_t
scroll(struct list *list, uint32_t body)
{
    if (list->cursor < list->top)
        list->top = list->cursor;
    if (list->cursor - list->top >= body)
        list->top = list->cursor - body + 1;
    uint32_t last = list->n_rows > body ? list->n_rows - body : 0;
    if (list->top > last)
        list->top = last;
    return list->n_rows - list->top < body ? list->n_rows - list->top : body;
}

void
list_draw(struct list *list, struct screen *screen, struct rect area,
          bool has_focus)
{
    list->col0 = area.col;
    list->total_cols = area.cols;
    list->header_row = -1;
    list->body_rows = 0;
    if (area.rows <= 0 || area.cols <= 0)
        return;
    uint32_t n_shown = 0;
    if (list->n_rows > 0 && area.rows > 1)
        n_shown = scroll(list, (uint32_t)area.rows - 1);
    look_at_texts(list, screen, n_shown);
    lay_out(list, area.cols);
    if (list->ops->bare) {
        draw_title(list, screen, area, has_focus);
    } else {
        draw_header(list, screen, area);
        list->header_row = area.row;
    }
    area.row++;
    area.rows--;
    list->row0 = area.row;
    list->body_rows = area.rows;
    if (area.rows <= 0)
        return;
    if (list->n_rows == 0) {
        draw_empty(list, screen, area);
        if (has_focus) {
            screen->cursor_row = area.row;
            screen->cursor_col = area.col;
        }
        return;
    }
    for (uint32_t i = 0; i < n_shown; i++)
        draw_row(list, screen, area, area.row + (int)i, list->top + i,
                 has_focus);
}

bool
list_hit_row(const struct list *list, int row, int col, uint32_t *position)
{
    if (col < list->col0 || col >= list->col0 + list->total_cols ||
        row < list->row0 || row >= list->row0 + list->body_rows)
        return false;
    uint32_t hit = list->top + (uint32_t)(row - list->row0);
    if (hit >= list->n_rows)
        return false;
    *position = hit;
    return true;
}

bool
list_hit_header(const struct list *list, int row, int col, int *column)
{
    if (row != list->header_row)
        return false;
    for (int i = 0; i < list->n_layout; i++) {
        int start = list->col0 + list->layout[i].start;
        if (col >= start && col < start + list->layout[i].cols + GAP) {
            *column = list->layout[i].column;
            return list->ops->columns[*column].kind != COLUMN_BAR;
        }
    }
    return false;
}
