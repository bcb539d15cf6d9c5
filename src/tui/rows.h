/* rows.h — what a table of rows answers: how many, what is in row r, column
 * c, and which object a row is about.
 *
 * A source is a const record of functions over a const context. It never
 * draws and keeps no cursor: list.h does that for all. Rows are lazy: only
 * those on the screen are asked for, unless the list sorts or filters.
 *
 * Threads: `count`, `id` and `cell` are also called on the worker while a big
 * list is sorted; whoever changes what they read stops the list's job first
 * (list_stop).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_ROWS_H
#define TUI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/graph.h>

#include "tui/screen.h"

#define CELL_OUT_BYTES 512
#define CELL_OUT_SPANS 12

/* The text of one cell in pieces, and what it sorts and filters by. */
struct cell_out {
    char text[CELL_OUT_BYTES];
    size_t len;
    struct {
        uint16_t start;
        uint16_t role;
    } spans[CELL_OUT_SPANS];
    size_t n_spans;
    uint64_t key; /* of columns that are figures */
};

void cell_clear(struct cell_out *out);
/* Appends text; it may come from the target: it is escaped here. */
void cell_add(struct cell_out *out, enum role role, const char *text);
void cell_addf(struct cell_out *out, enum role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Figures: text and key. */
void cell_count(struct cell_out *out, uint64_t value);
void cell_bytes(struct cell_out *out, uint64_t bytes);
/* A change, "+1,560" or "−3"; nothing for 0. What shrank has the key 0. */
void cell_change(struct cell_out *out, int64_t value);
/* part of whole as "12.3 %"; the key is in 1/1000 of a percent. */
void cell_share(struct cell_out *out, uint64_t part, uint64_t whole);
/* The same as a bar of `cols` cells in eighths. */
void cell_bar(struct cell_out *out, uint64_t part, uint64_t whole, int cols);

enum column_kind {
    COLUMN_TEXT,
    COLUMN_COUNT, /* figures: right-aligned, sorted by key, largest first */
    COLUMN_BYTES,
    COLUMN_SHARE,
    COLUMN_BAR /* not sorted, not searched */
};

struct column {
    const char *title;
    enum column_kind kind;
    int cols;      /* width, or the least width if it stretches */
    int stretch;   /* share of what is left; 0: fixed */
    int drop;      /* 0: always there; else the higher the earlier it goes */
    bool keep_end; /* a text that is cut loses its beginning */
    int least;     /* it shrinks to this before columns go that matter; 0: no */
};

/* What a row is about. */
enum subject_kind { SUBJECT_NONE, SUBJECT_TYPE, SUBJECT_NODE };
struct subject {
    enum subject_kind kind;
    px_type type;
    px_node node;
};

/* An object as a subject; PX_NONE: nothing. */
static inline struct subject
subject_node(const struct px_graph *graph, px_node node)
{
    if (node == PX_NONE)
        return (struct subject){.kind = SUBJECT_NONE};
    return (struct subject){
        .kind = SUBJECT_NODE, .type = px_node_type(graph, node), .node = node};
}

struct rows_ops {
    const char *name; /* "referrers": for panes, --plain and tests */
    const struct column *columns;
    int n_columns;
    int sort;     /* column that sorts at first; -1: the source's order */
    int figure;   /* column that `>1k` means when no figure sorts; -1: none */
    bool is_tree; /* rows below rows: never sorted */
    bool bare;    /* no titles of columns: the pane's title stands there */
    uint32_t (*count)(const void *context);
    /* Absent: all columns are there. */
    bool (*has_column)(const void *context, int column);
    /* Stays the same for the same thing after a refresh. */
    uint64_t (*id)(const void *context, uint32_t row);
    void (*cell)(const void *context, uint32_t row, int column,
                 struct cell_out *out);
    /* The row of an id, UINT32_MAX: none. Absent: rows are searched. */
    uint32_t (*find)(const void *context, uint64_t id);
    struct subject (*subject)(const void *context, uint32_t row);
    /* Sum of a figure column, for `>5%`. Absent: no percentages. */
    uint64_t (*total)(const void *context, int column);
    /* Title of a bare pane. */
    void (*title)(const void *context, struct cell_out *out);
    /* What to say when there are no rows: what to do about it. */
    void (*empty)(const void *context, size_t out_bytes, char *out);
};

#endif
