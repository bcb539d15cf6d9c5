/* overflow.c — the few values that do not fit a narrow column.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdlib.h>

void
overflow_done(struct overflow *over)
{
    free(over->rows);
    *over = (struct overflow){0};
}

enum px_status
overflow_add(struct overflow *over, uint32_t number, uint64_t value,
             struct px_err *err)
{
    enum px_status status =
        rows_need(&over->rows, over->n, &over->cap, sizeof *over->rows, err);
    if (status != PX_OK)
        return status;
    over->rows[over->n++] = (struct overflow_row){value, number};
    return PX_OK;
}

static int
compare_rows(const void *a, const void *b)
{
    uint32_t left = ((const struct overflow_row *)a)->number;
    uint32_t right = ((const struct overflow_row *)b)->number;
    return (left > right) - (left < right);
}

void
overflow_sort(struct overflow *over)
{
    if (over->n > 1)
        qsort(over->rows, over->n, sizeof *over->rows, compare_rows);
}

uint64_t
overflow_get(const struct overflow *over, uint32_t number)
{
    size_t low = 0;
    size_t high = over->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (over->rows[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < over->n && over->rows[low].number == number)
        return over->rows[low].value;
    return 0;
}
