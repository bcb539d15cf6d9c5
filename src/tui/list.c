/* list.c — the one list: cursor, scrolling, sorting, filter, search.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/list.h"

#include <stdlib.h>
#include <string.h>

#include "tui/mem.h"

/* An order or a search that the worker makes. */
struct list_job {
    struct job job;
    struct list *list;
    struct list_spec spec;
    bool is_search;
    bool backwards;
    uint32_t from;
    uint32_t step; /* of `from`, from the cursor */
    char search[LIST_SEARCH];
    uint32_t *order; /* made by an order job, borrowed by a search */
    uint32_t n_rows;
    uint32_t found;
    enum px_status status;
};

static bool
is_figure(const struct rows_ops *ops, int column)
{
    return column >= 0 && ops->columns[column].kind != COLUMN_TEXT;
}

void
list_init(struct list *list, const struct rows_ops *ops, const void *context,
          struct worker *worker)
{
    memset(list, 0, sizeof *list);
    list->ops = ops;
    list->context = context;
    list->worker = worker;
    list->sort = ops->sort;
    list->is_descending = is_figure(ops, ops->sort);
    list->is_new_order = true;
    list->header_row = -1;
}

void
list_done(struct list *list)
{
    list_stop(list);
    free(list->order);
    list->order = NULL;
}

void
list_stop(struct list *list)
{
    if (list->job != NULL)
        worker_stop(list->worker, &list->job->job);
}

bool
list_is_busy(const struct list *list)
{
    return list->job != NULL;
}

bool
list_is_seeking(const struct list *list)
{
    return list->is_search_next ||
           (list->job != NULL &&
            (list->job->is_search || list->wanted_id != 0));
}

bool
list_is_arranging(const struct list *list)
{
    return list->job != NULL && list->is_new_order;
}

bool
list_take_missed(struct list *list)
{
    bool is_missed = list->is_missed;
    list->is_missed = false;
    return is_missed;
}

uint32_t
list_row_at(const struct list *list, uint32_t position)
{
    if (position >= list->n_rows)
        return LIST_NONE;
    return list->order != NULL ? list->order[position] : position;
}

uint32_t
list_row(const struct list *list)
{
    return list_row_at(list, list->cursor);
}

uint32_t
list_position_of(const struct list *list, uint32_t row)
{
    if (list->order == NULL)
        return row < list->n_rows ? row : LIST_NONE;
    for (uint32_t i = 0; i < list->n_rows; i++) {
        if (list->order[i] == row)
            return i;
    }
    return LIST_NONE;
}

static uint32_t
row_of_id(const struct list *list, uint64_t id)
{
    if (list->ops->find != NULL)
        return list->ops->find(list->context, id);
    uint32_t n = list->ops->count(list->context);
    for (uint32_t row = 0; row < n; row++) {
        if (list->ops->id(list->context, row) == id)
            return row;
    }
    return LIST_NONE;
}

/* The cursor at a position that exists, and its id. */
static void
settle(struct list *list, uint32_t position)
{
    if (list->n_rows == 0) {
        list->cursor = list->top = 0;
        return;
    }
    list->cursor = position < list->n_rows ? position : list->n_rows - 1;
    list->cursor_id = list->ops->id(list->context, list_row(list));
}

static void
install_order(struct list *list, uint32_t *order, uint32_t n_rows)
{
    free(list->order);
    list->order = order;
    list->n_rows = n_rows;
    uint64_t id = list->wanted_id != 0 ? list->wanted_id
                  : list->is_touched   ? list->cursor_id
                                       : 0;
    if (id != 0) {
        uint32_t row = row_of_id(list, id);
        uint32_t position =
            row == LIST_NONE ? LIST_NONE : list_position_of(list, row);
        if (position != LIST_NONE) {
            list->wanted_id = 0;
            list->is_touched = true;
            settle(list, position);
            return;
        }
    }
    settle(list, list->is_touched ? list->cursor : 0);
}

static void
search_rows(struct list_job *job)
{
    const struct list_spec *spec = &job->spec;
    job->found = LIST_NONE;
    for (uint32_t i = 0; i < job->n_rows; i++) {
        if (i % 1024 == 0 && job->job.work.canceled) {
            job->status = PX_ECANCELED;
            return;
        }
        uint32_t step = job->backwards ? job->n_rows - i : i;
        uint32_t position =
            (uint32_t)(((uint64_t)job->from + step) % job->n_rows);
        uint32_t row = job->order != NULL ? job->order[position] : position;
        char text[2 * CELL_OUT_BYTES];
        list_row_text(spec->ops, spec->context, row, sizeof text, text);
        if (filter_find(text, job->search) != NULL) {
            job->found = position;
            break;
        }
    }
    job->status = PX_OK;
}

static void
run_job(struct job *base)
{
    struct list_job *job = (struct list_job *)base;
    if (job->is_search)
        search_rows(job);
    else
        job->status =
            list_order_make(&job->spec, &base->work, &job->order, &job->n_rows);
}

/* The search that waited for this order. */
static void
search_after(struct list *list)
{
    if (!list->is_search_next)
        return;
    uint64_t from = (uint64_t)list->cursor + list->search_step;
    if (list->n_rows > 0)
        from %= list->n_rows;
    if (!list_search(list, list->search, (uint32_t)from, list->is_search_back))
        list->is_missed = true;
}

static void
finish_job(struct job *base)
{
    struct list_job *job = (struct list_job *)base;
    struct list *list = job->list;
    list->job = NULL;
    bool is_good = job->status == PX_OK && !base->work.canceled;
    if (job->is_search) {
        if (is_good && job->found != LIST_NONE)
            list_move_to(list, job->found);
        list->is_missed = is_good && job->found == LIST_NONE;
        /* Stopped for news: it begins again when their order is there. */
        if (!is_good) {
            list->is_search_next = list->is_unfinished = true;
            list->is_search_back = job->backwards;
            list->search_step = job->step;
        }
    } else if (is_good) {
        list->is_unfinished = list->is_new_order = false;
        install_order(list, job->order, job->n_rows);
        search_after(list);
    } else if (job->status == PX_OK) {
        free(job->order);
    }
    free(job);
}

static struct list_job *
job_new(struct list *list)
{
    struct list_job *job = mem_new(1, sizeof *job);
    job->job.run = run_job;
    job->job.done = finish_job;
    job->job.urgent = true;
    job->list = list;
    job->status = PX_ECANCELED;
    job->spec = (struct list_spec){
        .ops = list->ops,
        .context = list->context,
        .filter = list->filter,
        .sort = list->sort,
        .is_descending = list->is_descending,
    };
    return job;
}

static void
start(struct list *list, struct list_job *job, uint32_t n_rows)
{
    list->job = job;
    bool is_plain = !job->is_search && list->sort < 0 && !list->is_descending &&
                    list->filter.n_terms == 0;
    if (list->worker == NULL || n_rows <= LIST_AT_ONCE || is_plain) {
        run_job(&job->job);
        finish_job(&job->job);
    } else {
        worker_submit(list->worker, &job->job);
    }
}

void
list_refresh(struct list *list)
{
    list_stop(list);
    uint32_t n = list->ops->count(list->context);
    /* Until the worker is done the old order stands; it must not name rows
     * that are gone. */
    if (n > LIST_AT_ONCE && list->worker != NULL) {
        uint32_t highest = 0;
        for (uint32_t i = 0; list->order != NULL && i < list->n_rows; i++) {
            if (list->order[i] > highest)
                highest = list->order[i];
        }
        if (list->order == NULL || highest >= n)
            install_order(list, NULL, n);
    }
    list->is_unfinished = true;
    start(list, job_new(list), n);
}

void
list_move_to(struct list *list, uint32_t position)
{
    list->is_touched = true;
    list->wanted_id = 0;
    settle(list, position);
}

void
list_move(struct list *list, int64_t by)
{
    int64_t position = (int64_t)list->cursor + by;
    if (position < 0)
        position = 0;
    if (position > (int64_t)UINT32_MAX - 1)
        position = (int64_t)UINT32_MAX - 1;
    list_move_to(list, (uint32_t)position);
}

bool
list_seek(struct list *list, uint64_t id)
{
    uint32_t row = row_of_id(list, id);
    uint32_t position =
        row == LIST_NONE ? LIST_NONE : list_position_of(list, row);
    if (position == LIST_NONE || list->job != NULL) {
        list->wanted_id = id;
        return false;
    }
    list_move_to(list, position);
    return true;
}

struct subject
list_subject(const struct list *list)
{
    uint32_t row = list_row(list);
    if (row == LIST_NONE || list->ops->subject == NULL)
        return (struct subject){.kind = SUBJECT_NONE};
    return list->ops->subject(list->context, row);
}

void
list_sort(struct list *list, int column, bool is_descending)
{
    if (list->ops->is_tree)
        return;
    list->sort = column;
    list->is_descending = is_descending;
    list->is_new_order = true;
    list_refresh(list);
}

void
list_sort_next(struct list *list)
{
    int column = list->sort;
    do {
        column = column + 1 < list->ops->n_columns ? column + 1 : -1;
    } while (column >= 0 && (list->ops->columns[column].kind == COLUMN_BAR ||
                             (list->ops->has_column != NULL &&
                              !list->ops->has_column(list->context, column))));
    list_sort(list, column, is_figure(list->ops, column));
}

void
list_sort_reverse(struct list *list)
{
    list_sort(list, list->sort, !list->is_descending);
}

bool
list_sort_by(struct list *list, const char *title)
{
    for (int i = 0; i < list->ops->n_columns; i++) {
        const struct column *column = &list->ops->columns[i];
        if (column->kind != COLUMN_BAR && column->title[0] != '\0' &&
            strncasecmp(column->title, title, strlen(title)) == 0) {
            list_sort(list, i, is_figure(list->ops, i));
            return true;
        }
    }
    return false;
}

enum px_status
list_filter(struct list *list, const char *text, struct px_err *err)
{
    struct filter filter;
    enum px_status status = filter_parse(text, &filter, err);
    if (status != PX_OK)
        return status;
    if (filter_needs_figure(&filter) && list->ops->figure < 0)
        return px_fail(err, PX_EINVAL, "this list has no figure to compare");
    strncpy(list->filter_text, text, sizeof list->filter_text - 1);
    list->filter = filter;
    list->is_new_order = true;
    list_refresh(list);
    return PX_OK;
}

/* Rows from the cursor to where a search begins, forwards. */
static uint32_t
step_to(const struct list *list, uint32_t from)
{
    uint64_t n = list->n_rows;
    return n > 0 ? (uint32_t)((from % n + n - list->cursor) % n) : 0;
}

bool
list_search(struct list *list, const char *text, uint32_t from, bool backwards)
{
    if (text != list->search) {
        strncpy(list->search, text, sizeof list->search - 1);
        list->search[sizeof list->search - 1] = '\0';
    }
    list->is_missed = list->is_search_next = false;
    if (list->job != NULL && !list->job->is_search) {
        list->is_search_next = true;
        list->is_search_back = backwards;
        list->search_step = step_to(list, from);
        return true;
    }
    list_leave_search(list);
    if (list->search[0] == '\0' || list->n_rows == 0)
        return false;
    struct list_job *job = job_new(list);
    job->is_search = true;
    job->backwards = backwards;
    job->from = from % list->n_rows;
    job->step = step_to(list, from);
    job->order = list->order;
    job->n_rows = list->n_rows;
    memcpy(job->search, list->search, sizeof job->search);
    uint32_t before = list->cursor;
    bool at_once = list->worker == NULL || list->n_rows <= LIST_AT_ONCE;
    start(list, job, list->n_rows);
    if (!at_once)
        return true;
    list->is_missed = false;
    if (list->cursor != before)
        return true;
    /* Still on the same row: was it a match, or was there none? */
    char row_text[2 * CELL_OUT_BYTES];
    list_row_text(list->ops, list->context, list_row(list), sizeof row_text,
                  row_text);
    return filter_find(row_text, list->search) != NULL;
}

void
list_leave_search(struct list *list)
{
    if (list->job != NULL && list->job->is_search)
        list_stop(list);
    list->is_search_next = list->is_missed = false;
}

bool
list_search_next(struct list *list, bool backwards)
{
    if (list->n_rows == 0)
        return false;
    uint32_t from =
        backwards ? list->cursor + list->n_rows - 1 : list->cursor + 1;
    return list_search(list, list->search, from, backwards);
}
