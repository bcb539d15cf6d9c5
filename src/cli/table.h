/* table.h — a table on stdout: aligned columns, cut to the terminal's width.
 *
 * Cells are set from left to right, row by row. The first TABLE_AHEAD rows
 * decide the widths and are kept until then; later rows go out at once, so a
 * table of millions of rows costs no memory. Without a terminal (and without
 * $COLUMNS) nothing is cut. One thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli/cli.h"

#define TABLE_COLS_MAX 12
#define TABLE_AHEAD 1000

enum table_fit {
    TABLE_LEFT,
    TABLE_RIGHT,   /* figures */
    TABLE_CUT,     /* left, loses its end when the line is too long */
    TABLE_CUT_HEAD /* left, loses its beginning: a qualified name */
};

struct table_column {
    const char *title; /* NULL in the first: the table has no title line */
    enum table_fit fit;
    enum cli_role role;
    int least; /* cells that a cut leaves at least */
};

struct table;
struct table *table_new(struct cli *cli, const struct table_column *columns,
                        size_t n_columns);
/* The next cell of the row; the text is escaped here. */
void table_text(struct table *table, const char *text);
void table_role(struct table *table, enum cli_role role, const char *text);
void table_count(struct table *table, uint64_t value);
void table_bytes(struct table *table, uint64_t bytes);
void table_addr(struct table *table, uint64_t addr);
void table_row_end(struct table *table);
/* Prints what is left; frees. NULL is fine. */
void table_free(struct table *table);

#endif
