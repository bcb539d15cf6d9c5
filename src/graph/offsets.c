/* offsets.c — where each row of a long list of lists starts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/offsets.h"

#include <string.h>

#include "graph/bulk.h"

static size_t
last_of(size_t group, size_t n)
{
    size_t end = (group + 1) * OFFSETS_ROWS;
    return (end < n ? end : n) - 1;
}

static void
fill_group(struct offsets *offsets, const uint32_t *starts, size_t group,
           size_t n, uint32_t *n_wide)
{
    size_t first = group * OFFSETS_ROWS;
    size_t last = last_of(group, n);
    struct offsets_base *base = &offsets->bases[group];
    *base = (struct offsets_base){starts[first], 0};
    if (starts[last] - starts[first] <= UINT16_MAX) {
        for (size_t i = first; i <= last; i++)
            offsets->low[i] = (uint16_t)(starts[i] - starts[first]);
        return;
    }
    memcpy(offsets->wide + (size_t)*n_wide * OFFSETS_ROWS, starts + first,
           (last - first + 1) * sizeof *starts);
    base->wide = ++*n_wide;
}

enum px_status
offsets_make(struct offsets *offsets, const uint32_t *starts, size_t n,
             struct px_err *err)
{
    size_t n_groups = (n + OFFSETS_ROWS - 1) / OFFSETS_ROWS;
    size_t n_wide = 0;
    enum px_status status = PX_OK;
    for (size_t i = 0; i < n_groups; i++)
        n_wide += starts[last_of(i, n)] - starts[i * OFFSETS_ROWS] > UINT16_MAX;
    *offsets = (struct offsets){0};
    offsets->low = bulk_column(n, sizeof *offsets->low, &status, err);
    offsets->bases =
        bulk_column(n_groups, sizeof *offsets->bases, &status, err);
    offsets->wide =
        bulk_column(n_wide * OFFSETS_ROWS, sizeof *offsets->wide, &status, err);
    if (status != PX_OK) {
        offsets_done(offsets);
        return status;
    }
    uint32_t wide = 0;
    for (size_t i = 0; i < n_groups; i++)
        fill_group(offsets, starts, i, n, &wide);
    return PX_OK;
}

void
offsets_done(struct offsets *offsets)
{
    bulk_free(offsets->low);
    bulk_free(offsets->bases);
    bulk_free(offsets->wide);
    *offsets = (struct offsets){0};
}

size_t
offsets_bytes(size_t n)
{
    return n * sizeof(uint16_t) +
           n / OFFSETS_ROWS * sizeof(struct offsets_base);
}
