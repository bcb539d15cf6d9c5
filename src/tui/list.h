/* list.h — the one list: cursor, scrolling, sorting, filter, search, drawing.
 *
 * A list shows a source of rows (rows.h) that it borrows. `order` is the
 * permutation of rows that pass the filter, sorted; NULL means all rows in
 * their own order. Above LIST_AT_ONCE rows order and search are made on the
 * worker and the old order stays until the new one is there. The cursor
 * remembers the id of its row, so it survives every refresh. UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include "tui/filter.h"
#include "tui/rows.h"
#include "tui/worker.h"

#define LIST_AT_ONCE 20000u
#define LIST_NONE UINT32_MAX
#define LIST_SEARCH 160
#define LIST_COLUMNS 12

struct list_job;

struct list {
    const struct rows_ops *ops;
    const void *context;
    struct worker *worker; /* NULL: everything at once */

    uint32_t *order;
    uint32_t n_rows; /* that the list shows */

    uint32_t cursor; /* position in the order */
    uint64_t cursor_id;
    bool is_touched; /* the user moved: keep the row, not the position */
    uint32_t top;

    int sort; /* column, -1: the source's order */
    bool is_descending;
    char filter_text[FILTER_TEXT];
    struct filter filter;
    char search[LIST_SEARCH];

    struct list_job *job;
    bool is_new_order; /* it is not yet as was asked for */
    bool is_missed;    /* a search on the worker has found nothing */
    /* a search that waits until the order is there */
    bool is_search_next, is_search_back;
    uint32_t search_step; /* rows from the cursor where it begins */
    bool is_unfinished;   /* its order was stopped: list_refresh makes it */
    uint64_t wanted_id;   /* a cursor to find once rows are there; 0: none */

    /* as drawn last, for the mouse and paging */
    int row0, col0, body_rows, total_cols;
    int header_row; /* -1: none */
    struct {
        int column, start, cols;
    } layout[LIST_COLUMNS];
    int n_layout;
    int text_cols[LIST_COLUMNS]; /* of the texts that were on screen so far */
};

void list_init(struct list *list, const struct rows_ops *ops,
               const void *context, struct worker *worker);
void list_done(struct list *list);
/* The source changed: makes the order anew and finds the cursor's row. */
void list_refresh(struct list *list);
/* Ends the list's job on the worker; the source may change after this. */
void list_stop(struct list *list);
bool list_is_busy(const struct list *list);
/* Is the row looked for on which the cursor will stand? */
bool list_is_seeking(const struct list *list);
/* Is an order made that was asked for, and not only one after news? */
bool list_is_arranging(const struct list *list);
/* Has a search on the worker found nothing? Says so once. */
bool list_take_missed(struct list *list);

/* The source's row under the cursor, LIST_NONE if there is none. */
uint32_t list_row(const struct list *list);
uint32_t list_row_at(const struct list *list, uint32_t position);
uint32_t list_position_of(const struct list *list, uint32_t row);
void list_move(struct list *list, int64_t by);
void list_move_to(struct list *list, uint32_t position);
/* Puts the cursor on the row with this id; false if there is none now (it is
 * looked for again at the next refresh). */
bool list_seek(struct list *list, uint64_t id);
struct subject list_subject(const struct list *list);

void list_sort(struct list *list, int column, bool is_descending);
/* The next column that sorts, or back to the source's order. */
void list_sort_next(struct list *list);
void list_sort_reverse(struct list *list);
/* By title; false: no such column. */
bool list_sort_by(struct list *list, const char *title);

enum px_status list_filter(struct list *list, const char *text,
                           struct px_err *err);
/* Moves to the next row with `search` in it, from `from` on (that one too),
 * wrapping around. False: no row has it. On a big list the worker looks and
 * the answer is true; the cursor moves when it has found it. */
bool list_search(struct list *list, const char *text, uint32_t from,
                 bool backwards);
/* Ends a search that is under way or waits; its text stays. */
void list_leave_search(struct list *list);
bool list_search_next(struct list *list, bool backwards);

/* All cells of a row that have text, joined by two blanks. */
void list_row_text(const struct rows_ops *ops, const void *context,
                   uint32_t row, size_t out_bytes, char *out);

struct rect {
    int row, col, rows, cols;
};
/* Draws into `area`; sets the screen's cursor if it has the focus. */
void list_draw(struct list *list, struct screen *screen, struct rect area,
               bool has_focus);
/* What is at a place of the screen, as drawn last. */
bool list_hit_row(const struct list *list, int row, int col,
                  uint32_t *position);
bool list_hit_header(const struct list *list, int row, int col, int *column);

/* list_order.c: the order by filter and sort, in its own function so that
 * tests and the worker call it alone. *out is NULL for "all rows as they
 * are". Anything but PX_OK: cancelled. */
struct list_spec {
    const struct rows_ops *ops;
    const void *context;
    struct filter filter;
    int sort;
    bool is_descending;
};
enum px_status list_order_make(const struct list_spec *spec,
                               struct px_work *work, uint32_t **out,
                               uint32_t *n_out);

#endif
