/* table.c — aligned columns on stdout.
 *
 * Widths are those of the first TABLE_AHEAD rows. When their sum is more than
 * the terminal has, the widest column that may be cut loses a cell, again and
 * again, down to its least width; what still does not fit is left to the
 * terminal to wrap. A later cell that is wider than its column is cut if the
 * column allows it and pushes the row aside if not: figures are never cut.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define GAP 2
#define CELL_BYTES 4096

struct cell {
    char *text;
    int cols;
    enum cli_role role;
};

struct table {
    struct cli *cli;
    const struct table_column *columns;
    size_t n_columns;
    struct cell *cells; /* whole rows, then the row at work */
    size_t n_rows;
    size_t at; /* next column of the row at work */
    int widths[TABLE_COLS_MAX];
    bool is_open; /* the widths are fixed, rows go out */
};

struct table *
table_new(struct cli *cli, const struct table_column *columns, size_t n_columns)
{
    struct table *table = cli_alloc(sizeof *table);
    *table =
        (struct table){.cli = cli, .columns = columns, .n_columns = n_columns};
    table->cells =
        cli_alloc((TABLE_AHEAD + 1) * n_columns * sizeof *table->cells);
    return table;
}

void
table_role(struct table *table, enum cli_role role, const char *text)
{
    if (table->at >= table->n_columns)
        return;
    char shown[CELL_BYTES];
    cli_text(table->cli, text, sizeof shown, shown);
    size_t n = strlen(shown);
    struct cell *cell =
        &table->cells[table->n_rows * table->n_columns + table->at++];
    *cell = (struct cell){cli_dup(shown, n), px_text_cols(shown, n), role};
}

void
table_text(struct table *table, const char *text)
{
    if (table->at < table->n_columns)
        table_role(table, table->columns[table->at].role, text);
}

void
table_count(struct table *table, uint64_t value)
{
    char figure[PX_FIGURE_MAX];
    table_text(table, px_text_count(value, figure));
}

void
table_bytes(struct table *table, uint64_t bytes)
{
    char figure[PX_FIGURE_MAX];
    table_text(table, px_text_bytes(bytes, figure));
}

void
table_addr(struct table *table, uint64_t addr)
{
    char text[20];
    snprintf(text, sizeof text, "%" PRIx64, addr);
    table_text(table, text);
}

static bool
is_cut(const struct table_column *column)
{
    return column->fit == TABLE_CUT || column->fit == TABLE_CUT_HEAD;
}

/* The last column needs no padding, so it may be as wide as it likes when
 * nothing limits the line. */
static void
fix_widths(struct table *table)
{
    int sum = (int)(table->n_columns - 1) * GAP;
    bool titled = table->columns[0].title != NULL;
    for (size_t c = 0; c < table->n_columns; c++) {
        const char *title = table->columns[c].title;
        int width =
            titled && title != NULL ? px_text_cols(title, strlen(title)) : 0;
        for (size_t r = 0; r < table->n_rows; r++) {
            int cols = table->cells[r * table->n_columns + c].cols;
            width = cols > width ? cols : width;
        }
        table->widths[c] = width;
        sum += width;
    }
    while (table->cli->cols > 0 && sum > table->cli->cols) {
        size_t widest = table->n_columns;
        for (size_t c = 0; c < table->n_columns; c++) {
            if (is_cut(&table->columns[c]) &&
                table->widths[c] > table->columns[c].least &&
                (widest == table->n_columns ||
                 table->widths[c] > table->widths[widest]))
                widest = c;
        }
        if (widest == table->n_columns)
            break;
        table->widths[widest]--;
        sum--;
    }
    table->is_open = true;
}

/* Cuts to `width` cells with a sign of three dots where text is missing. */
static void
cut_cell(const struct table *table, struct cell *cell,
         const struct table_column *column, int width)
{
    const char *dots = table->cli->ascii ? "..." : "\xe2\x80\xa6";
    int dots_cols = px_text_cols(dots, strlen(dots));
    size_t n = strlen(cell->text);
    if (width <= dots_cols)
        return;
    int used = 0;
    char *cut = cli_alloc(n + 8);
    if (column->fit == TABLE_CUT) {
        size_t fit = px_text_fit(cell->text, n, width - dots_cols, &used);
        sprintf(cut, "%.*s%s", (int)fit, cell->text, dots);
    } else {
        int over = cell->cols - (width - dots_cols);
        size_t skip = px_text_fit(cell->text, n, over, &used);
        /* a wide character astride the cut goes too */
        while (used < over && skip < n) {
            int one;
            size_t wide = 1;
            while ((cell->text[skip + wide] & 0xc0) == 0x80)
                wide++;
            one = px_text_cols(cell->text + skip, wide);
            skip += wide;
            used += one;
        }
        sprintf(cut, "%s%s", dots, cell->text + skip);
        used = cell->cols - used;
    }
    free(cell->text);
    cell->text = cut;
    cell->cols = used + dots_cols;
}

static void
put_cell(const struct table *table, const struct cell *cell, size_t c)
{
    bool color = table->cli->color;
    bool last = c + 1 == table->n_columns;
    int pad = table->widths[c] - cell->cols;
    pad = pad > 0 ? pad : 0;
    if (table->columns[c].fit == TABLE_RIGHT)
        fprintf(stdout, "%*s", pad, "");
    fprintf(stdout, "%s%s%s", cli_role_start(color, cell->role), cell->text,
            cli_role_stop(color, cell->role));
    if (!last && table->columns[c].fit != TABLE_RIGHT)
        fprintf(stdout, "%*s", pad, "");
    if (!last)
        fprintf(stdout, "%*s", GAP, "");
}

/* Trailing empty cells leave no trailing blanks. */
static void
put_row(struct table *table, struct cell *row)
{
    size_t n = table->n_columns;
    while (n > 1 && row[n - 1].cols == 0)
        n--;
    size_t all = table->n_columns;
    table->n_columns = n;
    for (size_t c = 0; c < n; c++) {
        if (row[c].cols > table->widths[c] && is_cut(&table->columns[c]))
            cut_cell(table, &row[c], &table->columns[c], table->widths[c]);
        put_cell(table, &row[c], c);
    }
    table->n_columns = all;
    fputc('\n', stdout);
}

static void
put_titles(struct table *table)
{
    if (table->columns[0].title == NULL)
        return;
    struct cell row[TABLE_COLS_MAX];
    for (size_t c = 0; c < table->n_columns; c++) {
        const char *title =
            table->columns[c].title == NULL ? "" : table->columns[c].title;
        row[c] = (struct cell){cli_dup(title, strlen(title)),
                               px_text_cols(title, strlen(title)), CLI_TITLE};
    }
    put_row(table, row);
    for (size_t c = 0; c < table->n_columns; c++)
        free(row[c].text);
}

static void
put_rows(struct table *table)
{
    if (!table->is_open) {
        fix_widths(table);
        put_titles(table);
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        struct cell *row = &table->cells[r * table->n_columns];
        put_row(table, row);
        for (size_t c = 0; c < table->n_columns; c++)
            free(row[c].text);
    }
    table->n_rows = 0;
}

void
table_row_end(struct table *table)
{
    while (table->at < table->n_columns)
        table_text(table, "");
    table->at = 0;
    table->n_rows++;
    if (table->is_open || table->n_rows == TABLE_AHEAD)
        put_rows(table);
}

void
table_free(struct table *table)
{
    if (table == NULL)
        return;
    if (table->at > 0)
        table_row_end(table);
    if (table->n_rows > 0)
        put_rows(table);
    free(table->cells);
    free(table);
}
