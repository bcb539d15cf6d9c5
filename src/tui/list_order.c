/* list_order.c — which rows a list shows, and in which order.
 *
 * One pass keeps the rows that pass the filter. Figures are then sorted by a
 * radix sort on their 64-bit keys (least significant byte first, bytes that
 * all keys share are skipped): O(n) and stable, so equal rows keep the
 * source's order, 20 M rows take about a second on the worker. Texts are
 * sorted by comparison, ties by the source's order; beyond TEXTS_MAX rows by
 * their first eight bytes, as figures are, for the texts would not fit in
 * memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "tui/list.h"
#include "tui/mem.h"

#define LOOK_EVERY 4096u
#define TEXTS_MAX 2000000u

struct keyed {
    uint64_t key;
    uint32_t row;
};

struct worded {
    char *text;
    uint32_t row;
};

static bool
is_figure(const struct column *column)
{
    return column->kind == COLUMN_COUNT || column->kind == COLUMN_BYTES ||
           column->kind == COLUMN_SHARE;
}

/* The column that figures of the filter mean: the one that sorts if it is
 * one, else the source's main one. */
static int
figure_column(const struct list_spec *spec)
{
    if (spec->sort >= 0 && is_figure(&spec->ops->columns[spec->sort]))
        return spec->sort;
    return spec->ops->figure;
}

void
list_row_text(const struct rows_ops *ops, const void *context, uint32_t row,
              size_t out_bytes, char *out)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < ops->n_columns; i++) {
        if (ops->columns[i].kind == COLUMN_BAR)
            continue;
        struct cell_out cell;
        cell_clear(&cell);
        ops->cell(context, row, i, &cell);
        if (cell.len == 0 || used + cell.len + 3 > out_bytes)
            continue;
        if (used > 0) {
            memcpy(out + used, "  ", 2);
            used += 2;
        }
        memcpy(out + used, cell.text, cell.len + 1);
        used += cell.len;
    }
}

static bool
row_passes(const struct list_spec *spec, uint32_t row, int figure,
           uint64_t total)
{
    if (filter_needs_figure(&spec->filter)) {
        struct cell_out cell;
        cell_clear(&cell);
        if (figure < 0)
            return false;
        spec->ops->cell(spec->context, row, figure, &cell);
        if (!filter_figure_passes(&spec->filter, cell.key, total,
                                  spec->ops->columns[figure].kind ==
                                      COLUMN_BYTES))
            return false;
    }
    if (!filter_needs_text(&spec->filter))
        return true;
    char text[2 * CELL_OUT_BYTES];
    list_row_text(spec->ops, spec->context, row, sizeof text, text);
    return filter_text_passes(&spec->filter, text);
}

static enum px_status
keep_rows(const struct list_spec *spec, struct px_work *work, uint32_t n,
          uint32_t **out, uint32_t *n_out)
{
    uint32_t *rows = mem_new(n, sizeof *rows);
    uint32_t n_kept = 0;
    int figure = figure_column(spec);
    uint64_t total = 0;
    if (filter_needs_total(&spec->filter) && figure >= 0 &&
        spec->ops->total != NULL)
        total = spec->ops->total(spec->context, figure);
    for (uint32_t row = 0; row < n; row++) {
        if (row % LOOK_EVERY == 0 && work != NULL && work->canceled) {
            free(rows);
            return PX_ECANCELED;
        }
        if (spec->filter.n_terms == 0 || row_passes(spec, row, figure, total))
            rows[n_kept++] = row;
    }
    *out = rows;
    *n_out = n_kept;
    return PX_OK;
}

static enum px_status
radix_sort(struct keyed *items, uint32_t n, struct px_work *work)
{
    struct keyed *other = mem_new(n, sizeof *other);
    struct keyed *from = items, *to = other;
    uint64_t differ = 0;
    for (uint32_t i = 1; i < n; i++)
        differ |= items[i].key ^ items[0].key;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differ >> shift & 0xff) == 0)
            continue;
        if (work != NULL && work->canceled) {
            free(other);
            return PX_ECANCELED;
        }
        uint32_t counts[257] = {0};
        for (uint32_t i = 0; i < n; i++)
            counts[(from[i].key >> shift & 0xff) + 1]++;
        for (int i = 0; i < 256; i++)
            counts[i + 1] += counts[i];
        for (uint32_t i = 0; i < n; i++)
            to[counts[from[i].key >> shift & 0xff]++] = from[i];
        struct keyed *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
    free(other);
    return PX_OK;
}

static uint64_t
first_bytes(const struct cell_out *cell)
{
    uint64_t key = 0;
    for (size_t i = 0; i < 8; i++)
        key = key << 8 | (i < cell->len ? (unsigned char)cell->text[i] : 0);
    return key;
}

static enum px_status
sort_figures(const struct list_spec *spec, struct px_work *work, uint32_t *rows,
             uint32_t n)
{
    struct keyed *items = mem_new(n, sizeof *items);
    enum px_status status = PX_OK;
    for (uint32_t i = 0; i < n; i++) {
        if (i % LOOK_EVERY == 0 && work != NULL && work->canceled) {
            status = PX_ECANCELED;
            goto out;
        }
        struct cell_out cell;
        cell_clear(&cell);
        spec->ops->cell(spec->context, rows[i], spec->sort, &cell);
        uint64_t key = is_figure(&spec->ops->columns[spec->sort])
                           ? cell.key
                           : first_bytes(&cell);
        /* Turned over, so that largest first is stable as well. */
        items[i].key = spec->is_descending ? ~key : key;
        items[i].row = rows[i];
    }
    status = radix_sort(items, n, work);
    for (uint32_t i = 0; status == PX_OK && i < n; i++)
        rows[i] = items[i].row;
out:
    free(items);
    return status;
}

struct wording {
    bool is_descending;
    const struct px_work *work;
};

static int
compare_words(const void *a, const void *b, void *context)
{
    const struct worded *left = a, *right = b;
    const struct wording *wording = context;
    /* qsort cannot be left; so it at least ends soon. */
    if (wording->work != NULL && wording->work->canceled)
        return 0;
    int order = strcasecmp(left->text, right->text);
    if (order == 0)
        order = strcmp(left->text, right->text);
    if (order != 0)
        return wording->is_descending ? -order : order;
    return left->row < right->row ? -1 : left->row > right->row;
}

static enum px_status
sort_texts(const struct list_spec *spec, struct px_work *work, uint32_t *rows,
           uint32_t n)
{
    struct worded *items = mem_new(n, sizeof *items);
    enum px_status status = PX_OK;
    struct wording wording = {spec->is_descending, work};
    for (uint32_t i = 0; i < n; i++) {
        if (i % LOOK_EVERY == 0 && work != NULL && work->canceled) {
            status = PX_ECANCELED;
            goto out;
        }
        struct cell_out cell;
        cell_clear(&cell);
        spec->ops->cell(spec->context, rows[i], spec->sort, &cell);
        items[i] = (struct worded){mem_dup(cell.text), rows[i]};
    }
    qsort_r(items, n, sizeof *items, compare_words, &wording);
    if (work != NULL && work->canceled)
        status = PX_ECANCELED;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = items[i].row;
out:
    for (uint32_t i = 0; i < n; i++)
        free(items[i].text);
    free(items);
    return status;
}

enum px_status
list_order_make(const struct list_spec *spec, struct px_work *work,
                uint32_t **out, uint32_t *n_out)
{
    uint32_t n = spec->ops->count(spec->context);
    if (spec->filter.n_terms == 0 && spec->sort < 0 && !spec->is_descending) {
        *out = NULL;
        *n_out = n;
        return PX_OK;
    }
    uint32_t *rows = NULL;
    uint32_t n_rows = 0;
    enum px_status status = keep_rows(spec, work, n, &rows, &n_rows);
    if (status != PX_OK)
        return status;
    if (spec->sort < 0) {
        for (uint32_t i = 0; spec->is_descending && i < n_rows / 2; i++) {
            uint32_t swap = rows[i];
            rows[i] = rows[n_rows - 1 - i];
            rows[n_rows - 1 - i] = swap;
        }
    } else if (is_figure(&spec->ops->columns[spec->sort]) ||
               n_rows > TEXTS_MAX) {
        status = sort_figures(spec, work, rows, n_rows);
    } else {
        status = sort_texts(spec, work, rows, n_rows);
    }
    if (status != PX_OK) {
        free(rows);
        return status;
    }
    *out = rows;
    *n_out = n_rows;
    return PX_OK;
}
